"""Sets of 64-bit words as a few ranges: what a condition leaves of the values that a variable can have.

A range is (lowest, highest); a set is a sorted tuple of ranges that do not touch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALL", "Ranges", "both", "complement", "either", "few", "holds"]

Ranges = tuple[tuple[int, int], ...]

ALL: Ranges = ((0, WORD),)


def either(first: Ranges, second: Ranges) -> Ranges:
    """The words that are in one of two sets."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(first + second):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def complement(ranges: Ranges) -> Ranges:
    """The words that are not in a set."""
    found, low = [], 0
    for first, last in ranges:
        if first > low:
            found.append((low, first - 1))
        low = last + 1
    if low <= WORD:
        found.append((low, WORD))
    return tuple(found)


def both(first: Ranges, second: Ranges) -> Ranges:
    """The words that are in both sets."""
    found = [(max(low, other), min(high, end)) for low, high in first for other, end in second]
    return tuple(sorted([(low, high) for low, high in found if low <= high]))


def holds(ranges: Ranges, word: int) -> bool:
    """Whether a word is in a set."""
    return any(low <= word <= high for low, high in ranges)


def few(ranges: Ranges, most: int) -> Iterable[int] | None:
    """The words of a set, one by one; None where there are more than ``most``."""
    if sum(high - low + 1 for low, high in ranges) > most:
        return None
    return [word for low, high in ranges for word in range(low, high + 1)]
