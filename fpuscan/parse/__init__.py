"""From bytes to syntax trees: kernel C made readable for tree-sitter-c, parsed, each byte where it was, and the
build configuration that it stands under.
"""  # noqa: D205
