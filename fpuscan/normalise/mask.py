"""R1: comments become blanks, the contents of strings and characters spaces.

The quotes stay. After this rule no other needs to know what is code and what is text.
"""

from __future__ import annotations

import re

from fpuscan.normalise.text import BLANKS

__all__ = ["mask", "strip_comments"]

_TEXT = re.compile(
    rb"""
      /\*[^*]*\*+(?:[^/*][^*]*\*+)*/                # a block comment
    | //[^\n\\]*(?:\\[^\n]?[^\n\\]*)*               # a line comment
    | "[^"\\\n]*(?:\\(?:\r?\n|.)[^"\\\n]*)*"        # a string, with continued lines
    | '(?:[^'\\\n]|\\.){1,6}?'                      # a character: '\x1f' and '\377' are the longest; more is prose
    """,
    re.VERBOSE,
)
_COMMENT = re.compile(
    rb"""
      /\*[^*]*(?:\*+[^/*][^*]*)*(?:\*+/|\**\Z)      # a block comment, perhaps cut off by the end
    | //[^\n]*
    | "[^"\\\n]*(?:\\(?:\r?\n|.)[^"\\\n]*)*"
    | '(?:[^'\\\n]|\\.){1,6}?'
    """,
    re.VERBOSE,
)


def _blanked(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text[0] == 0x2F:  # a slash
        return text.translate(BLANKS)
    inner = text[1:-1]
    blank = inner.translate(BLANKS)
    if b"\n" in inner:  # a string over several lines is one string only with its backslashes
        blank = bytes(0x5C if inner[i : i + 2] == b"\\\n" else b for i, b in enumerate(blank))
    return text[:1] + blank + text[-1:]


def mask(data: bytes) -> bytes:
    """`data` without comments and without what strings say; same length, newlines and tabs kept."""
    return _TEXT.sub(_blanked, data)


def strip_comments(text: bytes) -> bytes:
    """`text` with each comment turned into one space; strings and characters untouched."""
    if b"/" not in text:
        return text
    return _COMMENT.sub(lambda match: b" " if match[0][:1] == b"/" else match[0], text)
