"""What may reach a terminal: escaped source text, and a few colours.

A scanned tree may come from anyone, so no control character of it is ever
printed: not the ESC that moves the cursor, not the bidirectional marks that
reorder a line of code in front of the reviewer's eyes (CVE-2021-42574).
"""

from __future__ import annotations

import re

__all__ = ["paint", "printable"]

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 control characters
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # invisible, bidirectional and line-breaking marks
    "\ud800-\udfff"  # bytes of a file name that are no UTF-8
    "]"
)

_STYLES = {
    "strong": "1",
    "error": "1;31",
    "warning": "1;35",
    "note": "1;36",
    "caret": "1;32",
    "crossing": "1;33",
    "dim": "2",
}


def printable(text: str) -> str:
    """Make text harmless for a terminal: a tab becomes a space, any other control character a visible escape."""
    return _UNSAFE.sub(_escape, text.replace("\t", " "))


def paint(text: str, style: str, *, colour: bool) -> str:
    """Put text into one of the styles, or give it as it is."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if colour and text else text


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
