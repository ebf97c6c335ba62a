"""How one function runs: its definitions, pointers and conditions."""
