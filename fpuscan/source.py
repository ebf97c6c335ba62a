"""One source file: its original bytes, and where in it a byte offset lies.

Everything inside fpuscan counts in byte offsets from 0. `SourceFile.position` is the one
place where they become what people and editors read: lines and columns from 1.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate

__all__ = ["SourceFile"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the tree: `path` relative to the tree with "/", `data` its bytes as read.

    Line ends are found once, when a position is first asked for.
    """

    path: str
    data: bytes = field(repr=False)
    _line_starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of a byte offset; the column counts bytes.

        An offset outside the file is taken as its first or last place.
        """
        starts = self._lines()
        offset = min(max(offset, 0), len(self.data))
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
            lengths = (len(line) + 1 for line in self.data.split(b"\n")[:-1])
            self._line_starts.extend(accumulate(lengths, initial=0))
        return self._line_starts
