"""What goes into one member of a union and comes out of another: the same bytes in another layout.

x86 is little-endian: members that both start where the union does share their
lowest bits. So do members of two structs behind the same members of the same
types. Of any other the bits are elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.reads import FREEZE, fitting
from fpuscan.places import member_name, reinterpreted, seen_otherwise

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.reads import Operation
    from fpuscan.model.rows import Chain
    from fpuscan.places import Place
    from fpuscan.symbols.declarators import CType

__all__ = ["are_apart", "as_read", "keeps_bits", "names", "path_below", "spelling", "written"]


def as_read(analysis: Analysis, stored: Place, read: Place) -> tuple[Operation, ...] | None:
    """What is done to a value that was stored in one place and is read as another one that overlaps; None where they
    are different bytes of a union.
    """  # noqa: D205
    if not seen_otherwise(stored[1], read[1]):
        return (FREEZE,) if stored[0] == read[0] and reinterpreted(stored[1], read[1]) else ()
    if are_apart(analysis, stored, read):
        return None
    return fitting(analysis.place_type(read)) if keeps_bits(analysis, stored, read) else (FREEZE,)


def keeps_bits(analysis: Analysis, stored: Place, read: Place) -> bool:
    """Whether two integers in one union start at the same byte."""
    if not all(_is_integer(analysis.place_type(place)) for place in (stored, read)):
        return False
    return all(_starts_union(analysis, place) for place in (stored, read)) or _compare(analysis, stored, read) == _SAME


def are_apart(analysis: Analysis, stored: Place, read: Place) -> bool:
    """Whether two places in different members of a union certainly share no byte."""
    return _compare(analysis, stored, read) == _APART


def path_below(analysis: Analysis, tag: str, member: str) -> tuple[str, ...]:
    """The path of a member below a struct, from how the source writes it (``a.b``, ``a[3].b``)."""
    types, path = analysis.program.types, []
    for name in filter(None, member.replace("[", ".[").split(".")):
        path.append(types.union_view(tag, name) or name)
        tag = analysis.program.innermost(tag, (name,))
    return tuple(path)


def spelling(analysis: Analysis, tag: str, seen: str) -> str:
    """How people write a name in a path: of a union of one type, the member that is named most often."""
    return max(names(analysis, tag, seen), key=lambda name: len(analysis.program.occurrences(name)))


def names(analysis: Analysis, tag: str, seen: str) -> list[str]:
    """The members that a name in a path stands for: of a union of one type all."""
    several = seen[0] == "<" and ">." not in seen
    return (analysis.overlapping(tag, seen) if several else []) or [member_name(seen)]


def written(analysis: Analysis, chain: Chain) -> tuple[Chain, ...]:
    """The structs that a place lies in, with the members as the source writes them: of a union of one type, each."""
    found = [chain]
    for tag, (seen, *_) in [level for level in chain if level[1] and level[1][0][0] == "<"]:
        found = [_renamed(each, seen, name) for each in found for name in names(analysis, tag, seen)]
    return tuple(found)


def _renamed(chain: Chain, seen: str, name: str) -> Chain:
    return tuple((tag, tuple(name if part == seen else part for part in path)) for tag, path in chain)


_SAME, _APART, _UNKNOWN = range(3)


def _compare(analysis: Analysis, stored: Place, read: Place) -> int:
    """Where two places are to each other, as far as the members in front of them have the same types."""
    (root, one), (other_root, other) = stored, read
    first, second = _union(one), _union(other)
    if not _starts(analysis, (root, one[:first]), one[first]) or not _starts(
        analysis, (other_root, other[:second]), other[second]
    ):
        return _UNKNOWN
    for left, right in zip(range(first + 1, len(one)), range(second + 1, len(other)), strict=False):
        found = _step(analysis, (root, one[: left + 1]), (other_root, other[: right + 1]))
        if found != _SAME:
            return found
    return _SAME if len(one) - first == len(other) - second else _UNKNOWN


def _step(analysis: Analysis, one: Place, other: Place) -> int:
    """The same of two members (or elements) of structs that start at the same byte."""
    name, called = one[1][-1], other[1][-1]
    around, beside = (analysis.place_type((root, path[:-1])) for root, path in (one, other))
    if around is None or beside is None:
        return _UNKNOWN
    if name[0] == "[" and called[0] == "[" and around.element() == beside.element():
        return _SAME if name == called else _APART if name[1].isdigit() and called[1].isdigit() else _UNKNOWN
    if "[" in name[0] + called[0] or "<" in name[0] + called[0]:
        return _UNKNOWN
    mine, theirs = (analysis.program.members(ctype.base) or {} for ctype in (around, beside))
    if name not in mine or called not in theirs:
        return _UNKNOWN
    at, there = list(mine).index(name), list(theirs).index(called)
    if not analysis.layouts.begin_alike(around.base, beside.base, max(at, there) + 1):
        return _UNKNOWN
    return _SAME if at == there else _APART


def _is_integer(ctype: CType | None) -> bool:
    return ctype is not None and ctype.integer is not None


def _union(path: tuple[str, ...]) -> int:
    """The position in a path of the outermost union."""
    return next(position for position, name in enumerate(path) if name[0] == "<")


def _starts_union(analysis: Analysis, place: Place) -> bool:
    """Whether a place starts where the outermost union around it does."""
    root, path = place
    return all(
        _starts(analysis, (root, path[:position]), path[position]) for position in range(_union(path), len(path))
    )


def _starts(analysis: Analysis, around: Place, name: str) -> bool:
    """Whether a member or element starts where what is around it does."""
    if name[0] == "[":
        return name == "[0]"
    ctype = analysis.place_type(around)
    if ctype is None:
        return False
    if name[0] == "<":
        return analysis.program.types.starts_union(ctype.base, member_name(name))
    return analysis.program.first_member(ctype.base) == name
