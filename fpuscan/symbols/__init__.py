"""What the names of a tree mean: macros and constants, enums, structs and types, read from its own headers."""
