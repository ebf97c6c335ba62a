"""The def-use graph: its edges, and how it grows."""
