"""From the syntax tree of one function to its facts."""
