"""The quoted source lines of a result, by path and line number, and columns in the units of other tools."""

from __future__ import annotations

from collections.abc import Iterable

from fpuscan.result import Location, SourceExcerpt

__all__ = ["SourceLines"]


class SourceLines:
    """Looks up lines in excerpts; what was not quoted is None."""

    def __init__(self, excerpts: Iterable[SourceExcerpt]) -> None:
        self._lines = {
            (excerpt.path, number): text
            for excerpt in excerpts
            for number, text in enumerate(excerpt.lines, start=excerpt.first_line)
        }

    def line(self, path: str, number: int) -> str | None:
        """The text of a line without its end; bytes that are no UTF-8 are lone surrogates."""
        return self._lines.get((path, number))

    def around(self, at: Location, context: int) -> list[tuple[int, str]]:
        """The quoted lines of a place with at most `context` lines before and behind it."""
        numbers = range(max(1, at.line - context), at.end_line + context + 1)
        found = ((number, self.line(at.path, number)) for number in numbers)
        return [(number, text) for number, text in found if text is not None]

    def utf16_column(self, path: str, number: int, column: int) -> int:
        """A 1-based column in bytes, as the 1-based column in UTF-16 code units.

        Without the line's text it is the column in bytes, which is the same for ASCII.
        """
        text = self.line(path, number)
        if text is None or text.isascii():
            return column
        data = text.encode("utf-8", "surrogateescape")
        before = data[: column - 1].decode("utf-8", "replace")
        beyond = max(0, column - 1 - len(data))
        return len(before.encode("utf-16-le")) // 2 + beyond + 1
