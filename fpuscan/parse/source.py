"""One source file: its original bytes, and where in it a byte offset lies.

Everything inside fpuscan counts in byte offsets from 0. `SourceFile.position` is the one
place where they become what people and editors read: lines and columns from 1.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Origin", "SourceFile"]


class Origin(NamedTuple):
    """Where text that was appended to a file comes from: bytes `start` to `end` stand for those from `at` to `until`.

    `copied`: it is a copy of these, byte for byte; else all of it was made of what stands there.
    """

    start: int
    end: int
    at: int
    until: int
    copied: bool


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the tree: `path` relative to the tree with "/", `data` its bytes as read.

    Behind them may stand text that was made of the file: its functions with other arms of an `#if`, or what a
    macro defines. `appended` says of what. Line ends are found once, when a position is first asked for.
    """

    path: str
    data: bytes = field(repr=False)
    appended: tuple[Origin, ...] = ()
    _line_starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def size(self) -> int:
        """The number of bytes of the file itself."""
        return self.appended[0].start - 1 if self.appended else len(self.data)  # a newline stands between

    def origin(self, offset: int) -> int:
        """Where in the file itself the byte at an offset, maybe one of appended text, comes from."""
        origin = self._made_of(offset)
        if origin is None:
            return offset
        return origin.at + min(offset - origin.start, origin.end - origin.start) if origin.copied else origin.at

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The bytes of the file itself that some bytes come from."""
        origin = self._made_of(start)
        if origin is None or origin.copied:
            return self.origin(start), self.origin(end)
        return origin.at, origin.until

    def is_copy(self, offset: int) -> bool:
        """Whether the byte at an offset is a copy of one of the file itself."""
        origin = self._made_of(offset)
        return origin is not None and origin.copied

    def _made_of(self, offset: int) -> Origin | None:
        # None for the bytes of the file itself.
        if not self.appended or offset < self.appended[0].start:
            return None
        return self.appended[bisect_right(self.appended, offset, key=lambda each: each.start) - 1]

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a byte offset; the column counts bytes.

        An offset outside the file is taken as its first or last place.
        """
        starts = self._lines()
        offset = min(max(self.origin(offset), 0), len(self.data))
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> bytes:
        """The bytes of a line (from 1) without its newline; empty outside the file."""
        starts = self._lines()
        if not 1 <= line <= len(starts):
            return b""
        end = starts[line] - 1 if line < len(starts) else len(self.data)
        return self.data[starts[line - 1] : end]

    def _lines(self) -> list[int]:
        # The value is frozen; the index is a cache that is filled on first use.
        if not self._line_starts:
            lengths = [len(line) + 1 for line in self.data.split(b"\n")[:-1]]
            self._line_starts.extend(accumulate(lengths, initial=0))
        return self._line_starts
