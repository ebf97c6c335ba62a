"""What goes into one member of a union and comes out of another: the same bytes in another layout.

x86 is little-endian: members that both start where the union does share their
lowest bits. Of any other the bits are elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.reads import FREEZE, fitting
from fpuscan.places import member_name, seen_otherwise

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.reads import Operation
    from fpuscan.places import Place

__all__ = ["as_read", "keeps_bits"]


def as_read(analysis: Analysis, stored: Place, read: Place) -> tuple[Operation, ...]:
    """What is done to a value that was stored in one place, and is read as another one that overlaps."""
    if not seen_otherwise(stored[1], read[1]):
        return ()
    return fitting(analysis.place_type(read)) if keeps_bits(analysis, stored, read) else (FREEZE,)


def keeps_bits(analysis: Analysis, stored: Place, read: Place) -> bool:
    """Whether two integers in one union start at the same byte."""
    return all(_starts_union(analysis, place) and _is_integer(analysis, place) for place in (stored, read))


def _is_integer(analysis: Analysis, place: Place) -> bool:
    ctype = analysis.place_type(place)
    return ctype is not None and ctype.integer is not None


def _starts_union(analysis: Analysis, place: Place) -> bool:
    """Whether a place starts where the outermost union around it does."""
    root, path = place
    first = next(position for position, name in enumerate(path) if name[0] == "<")
    return all(_starts(analysis, (root, path[:position]), path[position]) for position in range(first, len(path)))


def _starts(analysis: Analysis, around: Place, name: str) -> bool:
    """Whether a member or element starts where what is around it does."""
    if name[0] == "[":
        return name == "[0]"
    ctype = analysis.place_type(around)
    if ctype is None:
        return False
    if name[0] == "<":
        return analysis.program.types.starts_union(ctype.base, member_name(name))
    return next(iter(analysis.program.members(ctype.base) or ()), None) == name
