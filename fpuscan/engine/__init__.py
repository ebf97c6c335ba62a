"""From facts to flows: places, guards, masks, calls, the def-use graph, and reachability over it."""
