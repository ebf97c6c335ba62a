"""Where a file can be cut so that each piece is whole declarations and definitions.

Used when a file does not parse as a whole, so it must not rely on balanced brackets: a `}` in column 0
ends everything that was open. And where the bodies of functions are, which can be left out and parsed alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

__all__ = ["Piece", "cleared", "closing", "function_bodies", "guessed_name", "top_level_pieces"]

Piece = tuple[int, int]
"""Start and end of a piece, in bytes."""

# A brace that ends something: "}, {" goes on with a list, "} else {" in code without indentation with a statement.
_CHUNK_END = re.compile(rb"\n\}(?![ \t]*(?:,|else\b|while\b))[^\n]*")
_BRACKET_OR_END = re.compile(rb"[;{}()\[\]]")
# What looks like a new declaration; spaces stand where an attribute was, and a label is none.
_RESTART = re.compile(rb"\n[ \t]*\n(?= *[A-Za-z_])(?! *\w+[ \t]*:)")
_LINE_END = re.compile(rb"[ \t]*(?:\n|\Z)")
_FUNCTION_HEAD = re.compile(rb"(?m)^(?:\w[\w \t*]{0,200}[ \t*])?(\w+)[ \t]*\(")
_BLANK_KEEPING_LINES = bytes(b if b == 0x0A else 0x20 for b in range(256))
_HEAD_BYTES = 200  # before a body in which the parenthesis of its function's head stands
_MAX_PIECES = 20_000  # a file with more is no source code; it stays one piece
_BRACKETS = ((b"{", b"}"), (b"(", b")"), (b"[", b"]"))
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"{}()[]")


def closing(text: bytes, start: int, pair: bytes, stop: int | None = None) -> int:
    """The offset of the bracket that closes the one before `start`; -1 where none does in front of `stop`.

    `pair` is the opening and the closing one, like ``b"{}"``.
    """
    depth, position = 1, start
    while (end := text.find(pair[1:], position, stop)) >= 0:
        depth += text.count(pair[:1], position, end) - 1
        if not depth:
            return end
        position = end + 1
    return -1


def top_level_pieces(text: bytes) -> list[Piece]:
    """Ranges of normalised text that cover all its code, each a run of whole top-level items if it can be told."""
    pieces: list[Piece] = []
    for start, end in _chunks(text):
        pieces.extend(_items(text, start, end))
        if len(pieces) > _MAX_PIECES:
            return [(0, len(text))]
    return pieces


def function_bodies(text: bytes) -> list[Piece]:
    """What stands between the braces of functions whose braces are in column 0, as kernel style has it.

    A function that is written otherwise is left out, and so is one whose brackets do not balance: its errors are to be
    found. What looks like a body and is none is for the caller to see.
    """
    bodies: list[Piece] = []
    position = text.find(b"\n{")
    while position >= 0:
        start = position + 2
        end = text.find(b"\n}", start - 1)
        if end < 0:
            break
        head = text[max(0, position - _HEAD_BYTES) : position].rstrip()
        if start < end and head.endswith(b")") and _balanced(text, start, end):
            bodies.append((start, end))
            position = end
        position = text.find(b"\n{", position + 1)
    return bodies


def _balanced(text: bytes, start: int, end: int) -> bool:
    brackets = text[start:end].translate(None, _NO_BRACKETS)
    return all(brackets.count(opening) == brackets.count(closing) for opening, closing in _BRACKETS)


def cleared(text: bytes, pieces: Iterable[Piece]) -> bytes:
    """`text` with the `pieces` blank."""
    copy = bytearray(text)
    for start, end in pieces:
        copy[start:end] = copy[start:end].translate(_BLANK_KEEPING_LINES)
    return bytes(copy)


def guessed_name(text: bytes, start: int, end: int) -> str:
    """The function that a piece seems to define, or "": the last name before a parenthesis and the first brace."""
    brace = text.find(b"{", start, end)
    names = _FUNCTION_HEAD.findall(text, start, brace if brace >= 0 else end)
    return names[-1].decode() if names else ""


def _chunks(text: bytes) -> list[Piece]:
    ends = [match.end() for match in _CHUNK_END.finditer(text)]
    return [(start, end) for start, end in zip([0, *ends], [*ends, len(text)], strict=True) if start < end]


def _items(text: bytes, start: int, end: int) -> list[Piece]:
    """The items of one chunk: cut behind each `;`, and each `}` at the end of a line, that stands in no bracket.

    What does not balance is cut where a line in column 0 begins anew behind an empty one.
    """
    cuts = [start]
    depth = 0
    for match in _BRACKET_OR_END.finditer(text, start, end):
        sign = match[0]
        if sign in b"({[":
            depth += 1
        elif sign != b";":
            depth -= 1
        if depth < 0:
            break
        if depth == 0 and (sign == b";" or (sign == b"}" and _LINE_END.match(text, match.end()))):
            cuts.append(match.end())
    if depth:
        cuts += [match.end() for match in _RESTART.finditer(text, text.find(b"{", cuts[-1], end) + 1 or end, end)]
    cuts.append(end)
    return [(a, b) for a, b in pairwise(cuts) if text[a:b].strip()]
