"""Where a file can be cut so that each piece is whole declarations and definitions.

Used when a file does not parse as a whole, so it must not rely on balanced brackets: a `}` in column 0
ends everything that was open.
"""

from __future__ import annotations

import re
from itertools import pairwise

__all__ = ["top_level_pieces"]

_CHUNK_END = re.compile(rb"\n\}[^\n;]*;?[^\n]*")
_BRACKET_OR_END = re.compile(rb"[;{}()\[\]]")
_MAX_PIECES = 20_000  # a file with more is no source code; it stays one piece


def top_level_pieces(text: bytes) -> list[tuple[int, int]]:
    """Ranges of normalised text that cover all its code, each a run of whole top-level items if it can be told."""
    pieces: list[tuple[int, int]] = []
    for start, end in _chunks(text):
        pieces.extend(_items(text, start, end))
        if len(pieces) > _MAX_PIECES:
            return [(0, len(text))]
    return pieces


def _chunks(text: bytes) -> list[tuple[int, int]]:
    ends = [match.end() for match in _CHUNK_END.finditer(text)]
    return [(start, end) for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]


def _items(text: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """The items of one chunk: cut behind each `;` and `}` that stands in no bracket, if brackets balance."""
    cuts = [start]
    depth = 0
    for match in _BRACKET_OR_END.finditer(text, start, end):
        sign = match[0]
        if sign in b"({[":
            depth += 1
        elif sign != b";":
            depth -= 1
        if depth < 0:
            return [(start, end)]
        if depth == 0 and sign == b";":
            cuts.append(match.end())
    if depth:
        return [(start, end)]
    cuts.append(end)
    return [(a, b) for a, b in pairwise(cuts) if text[a:b].strip()]
