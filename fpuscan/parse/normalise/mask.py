"""R1: comments become blanks, the contents of strings and characters spaces.

The quotes stay. After this rule no other needs to know what is code and what is text.
"""

from __future__ import annotations

import re

from fpuscan.parse.normalise.text import BLANKS

__all__ = ["mask", "strip_comments"]

# Each alternative also ends where the line or the file does, so that no text is looked at twice.
_TEXT = re.compile(
    rb"""
      /\*[^*]*(?:\*+[^/*][^*]*)*(?:\*+/|\**\Z)           # a block comment
    | //[^\n\\]*(?:\\[^\n]?[^\n\\]*)*                    # a line comment
    | "[^"\\\n]*(?:\\(?:\r?\n|.|\Z)[^"\\\n]*)*"?         # a string, with continued lines
    | '(?:[^'\\\n]|\\.){1,6}?'                           # a character: '\x1f' is long; what is longer is prose
    """,
    re.VERBOSE,
)


_SHORTEST = len(b"/**/")


def _blanked(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text[0] == 0x2F:  # a slash
        if text[1] == 0x2A and (len(text) < _SHORTEST or not text.endswith(b"*/")):
            return text[:2] + text[2:].translate(BLANKS)  # never closed: what is left is an error, and told as one
        return text.translate(BLANKS)
    quote = text[:1]
    closed = len(text) > 1 and text.endswith(quote)
    inner = text[1:-1] if closed else text[1:]
    blank = inner.translate(BLANKS)
    if b"\n" in inner:  # a string over several lines is one string only with its backslashes
        blank = bytes(0x5C if inner[i : i + 2] == b"\\\n" else b for i, b in enumerate(blank))
    return quote + blank + (quote if closed else b"")


def mask(data: bytes) -> bytes:
    """`data` without comments and without what strings say; same length, newlines and tabs kept."""
    return _TEXT.sub(_blanked, data)


def strip_comments(text: bytes) -> bytes:
    """`text` with each comment turned into one space; strings and characters untouched."""
    if b"/" not in text:
        return text
    return _TEXT.sub(lambda match: b" " if match[0][:1] == b"/" else match[0], text)
