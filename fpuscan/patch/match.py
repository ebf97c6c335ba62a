"""Where a hunk fits into a file: at its line, at an offset, or with fuzz.

The rules are those of patch(1) and git apply: hunks apply in order; of two
places the one nearer to its line wins; a hunk without context behind it is
bound to the end of the file, one of line 1 with less context in front to the
beginning; one that fits nowhere whole is tried with one, then two lines of
its outer context ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fpuscan.patch.diff import Hunk, PatchError

__all__ = ["Fit", "Image", "Misfit"]

_MOST_FUZZ = 2
_LETTERS = 0x110000 - 0x800  # code points that are no surrogates


@dataclass(frozen=True, slots=True)
class Fit:
    """A place for a hunk: all but ``skip`` lines in front and ``cut`` behind stands at the 0-based line ``at``."""

    at: int
    fuzz: int
    skip: int
    cut: int


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why there is none: the hunk's line number ``index``, and the 0-based line of the file that differs from it."""

    index: int
    at: int


class Image:
    """The lines of a file, and a search that costs no more than their number.

    Each different line becomes one letter of a string: Python's own search is
    linear even for lines that all look the same.
    """

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines
        self._letters: dict[bytes, str] = {}
        self._text = self._spelled(lines)
        self._reversed = self._text[::-1]

    def find(self, hunk: Hunk, guess: int, lowest: int) -> Fit | Misfit:
        """Find the place of a hunk nearest to the 0-based line `guess`, not above line `lowest`."""
        if not hunk.old:
            return Fit(max(lowest, min(guess, len(self.lines))), 0, 0, 0)
        pattern = self._spelled(hunk.old)
        context = max(hunk.before, hunk.after)
        for fuzz in range(min(_MOST_FUZZ, context) + 1):
            skip, cut = fuzz + hunk.before - context, fuzz + hunk.after - context
            wanted = pattern[max(0, skip) : len(pattern) - max(0, cut)]
            if skip < 0 and hunk.start <= 1:
                at = 0 if lowest == 0 and self._text.startswith(wanted) else None
            elif cut < 0 and hunk.after == 0:
                at = self._at_the_end(wanted, lowest)
            else:
                ignored = max(0, skip)  # these lines have to be there, whatever they say
                at = self._nearest(wanted, guess + ignored, lowest + ignored)
            if at is not None:
                return Fit(at, fuzz, max(0, skip), max(0, cut))
        return self._misfit(pattern, guess)

    def _at_the_end(self, wanted: str, lowest: int) -> int | None:
        at = len(self._text) - len(wanted)
        return at if at >= lowest and self._text.endswith(wanted) else None

    def _nearest(self, wanted: str, guess: int, lowest: int) -> int | None:
        size, length = len(self._text), len(wanted)
        guess = max(guess, lowest)
        below = self._text.find(wanted, guess)
        # The last occurrence that begins at or above the guess is the first one in the reversed text.
        from_end = max(0, size - guess - length)
        above = self._reversed.find(wanted[::-1], from_end, size - lowest)
        places = [place for place in (below, size - above - length if above >= 0 else -1) if place >= 0]
        return min(places, key=lambda place: (abs(place - guess), -place), default=None)

    # The longest beginning of the hunk that the file has says which line differs.
    def _misfit(self, pattern: str, guess: int) -> Misfit:
        fits, fails = 0, len(pattern) + 1
        while fails - fits > 1:
            middle = (fits + fails) // 2
            if self._text.find(pattern[:middle]) >= 0:
                fits = middle
            else:
                fails = middle
        at = self._nearest(pattern[:fits], guess, 0) if fits else guess
        return Misfit(min(fits, len(pattern) - 1), (at or 0) + fits)

    def _spelled(self, lines: Sequence[bytes]) -> str:
        letters = self._letters
        for line in lines:
            if line not in letters:
                number = len(letters)
                if number >= _LETTERS:
                    raise PatchError("a patched file has over a million different lines")
                letters[line] = chr(number if number < 0xD800 else number + 0x800)
        return "".join([letters[line] for line in lines])
