"""From sources to the user ABI: seeds, sinks, the search between them, and what a reader is told of it."""
