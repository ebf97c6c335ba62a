"""The working copy that the rules edit: same length as the file, always.

`Text` holds the original bytes and a `bytearray` of equal length. A rule may overwrite bytes
or blank them, and never inserts or removes one, so that every offset stays valid in both.

The look-around helpers share a budget of steps that grows with the file, so that no hostile
file makes them slow; when it is used up they find nothing more.
"""

from __future__ import annotations

import re

__all__ = ["BLANKS", "Depth", "Text", "split_top_level"]

# Everything but newline and tab becomes a space.
BLANKS = bytes(b if b in b"\n\t" else 0x20 for b in range(256))

_CODE = re.compile(rb"[^\s]")
_WORD_END = re.compile(rb"\w*")
_BRACKET = re.compile(rb"[()\[\]{},]")
_BACK_BYTES = 4_000  # how far back the head of a call is looked for
_BACK_STEPS = 200


class Text:
    """One file while the rules work on it. `data`: as read; `buf`: as edited so far."""

    __slots__ = ("_balanced", "_steps", "_unclosed", "buf", "data")

    def __init__(self, data: bytes, masked: bytes) -> None:
        self.data = data
        self.buf = bytearray(masked)
        self._balanced: bool | None = None
        self._unclosed = len(masked)
        self._steps = 10_000 + len(masked)  # parens looked at for the whole file; real files need a tenth

    def blank(self, start: int, end: int) -> None:
        """Turn `[start, end)` into blanks; newlines and tabs stay."""
        self.buf[start:end] = self.buf[start:end].translate(BLANKS)

    def put(self, start: int, word: bytes) -> None:
        """Overwrite the bytes at `start` with `word`."""
        self.buf[start : start + len(word)] = word

    def close(self, opening: int) -> int:
        """Offset of the `)` that closes the `(` at `opening`, or -1."""
        if opening >= self._unclosed:
            return -1
        buf = self.buf
        depth, position = 1, opening + 1
        while self._steps > 0:
            self._steps -= 1
            end = buf.find(b")", position)
            if end < 0:
                # No `)` behind `position`: nothing that opens from there on is ever closed.
                self._unclosed = min(self._unclosed, position)
                return -1
            depth += buf.count(b"(", position, end) - 1
            if not depth:
                return end
            position = end + 1
        return -1

    def open(self, inside: int) -> int:
        """Offset of the `(` that encloses `inside`, or -1 if a brace comes first or it is too far."""
        buf = self.buf
        floor = max(0, inside - _BACK_BYTES)
        floor = max(floor, buf.rfind(b"}", floor, inside), buf.rfind(b"{", floor, inside))
        depth, position = 0, inside
        for _ in range(_BACK_STEPS if self._steps > 0 else 0):
            self._steps -= 1
            start = buf.rfind(b"(", floor, position)
            if start < 0:
                return -1
            depth += buf.count(b")", start, position)
            if not depth:
                return start
            depth -= 1
            position = start
        return -1

    def before(self, offset: int, floor: int = 0) -> int:
        """Offset of the last code byte before `offset` and not before `floor`, or -1."""
        width = 64
        while True:
            start = max(floor, offset - width)
            code = self.buf[start:offset].rstrip()
            if code:
                return start + len(code) - 1
            if start == floor:
                return -1
            width *= 8

    def after(self, offset: int) -> int:
        """Offset of the first code byte at or behind `offset`; the length of the text if there is none."""
        match = _CODE.search(self.buf, offset)
        return match.start() if match else len(self.buf)

    def balanced(self) -> bool:
        """True if there are as many `{` as `}`; told once, and first after the directives are gone."""
        if self._balanced is None:
            self._balanced = self.buf.count(b"{") == self.buf.count(b"}")
        return self._balanced

    def at(self, offset: int) -> bytes:
        """The one byte at `offset`; empty outside the text."""
        return bytes(self.buf[offset : offset + 1]) if offset >= 0 else b""

    def word_before(self, offset: int) -> tuple[int, bytes]:
        """Start and text of the word that ends right before `offset` (blanks skipped); empty if there is none."""
        last = self.before(offset)
        end = start = last + 1
        buf = self.buf
        while start > 0 and is_word(buf[start - 1]):
            start -= 1
        return start, bytes(buf[start:end])

    def starts_word(self, offset: int) -> bool:
        """True if no word byte stands right before `offset`."""
        return offset == 0 or not is_word(self.buf[offset - 1])

    def word_end(self, offset: int) -> int:
        """Offset behind the word bytes that begin at `offset`."""
        match = _WORD_END.match(self.buf, offset)
        return match.end() if match else offset


_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def is_word(byte: int) -> bool:
    """True for a byte that can stand in an identifier."""
    return byte in _WORD


class Depth:
    """Brace depth at ascending offsets, in one pass over the text.

    If the braces of the file do not balance, a `}` in column 0 is trusted to end everything.
    """

    __slots__ = ("_depth", "_offset", "_text")

    def __init__(self, text: Text) -> None:
        self._text = text
        self._offset = 0
        self._depth = 0

    def at(self, offset: int) -> int:
        """How many `{` are open at `offset`, which must not be smaller than in the last call."""
        buf, start = self._text.buf, self._offset
        if not self._text.balanced():
            end = buf.rfind(b"\n}", start, offset)
            if end >= 0:
                start, self._depth = end + 2, 0
        self._depth = max(0, self._depth + buf.count(b"{", start, offset) - buf.count(b"}", start, offset))
        self._offset = offset
        return self._depth


def split_top_level(text: Text, start: int, end: int) -> list[tuple[int, int]]:
    """The ranges between the commas of `[start, end)` that stand in no bracket."""
    parts = []
    depth, begin = 0, start
    for match in _BRACKET.finditer(text.buf, start, end):
        sign = text.buf[match.start()]
        if sign in b"([{":
            depth += 1
        elif sign != 0x2C:  # not a comma
            depth -= 1
        elif depth == 0:
            parts.append((begin, match.start()))
            begin = match.end()
    parts.append((begin, end))
    return parts
