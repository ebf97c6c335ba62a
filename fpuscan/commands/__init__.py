"""What the command line asks for: one tree, a commit, the patches of a series, two states compared, a history."""
