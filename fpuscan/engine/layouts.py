"""Objects that are named by a pointer to another struct: one that they begin with, that begins with them, or that
begins with members of the same types.

Where a pointer still denotes the object of the other type, its path ends in
``(struct x)``; the next member is looked up at the same position.
"""  # noqa: D205

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.places import elements_as, heap, is_fresh, step_into, step_out

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.places import Place

__all__ = ["Layouts", "is_view"]

_MAX_INNER = 4  # structs that begin with structs


class Layouts:
    """Which members of two structs lie at the same place."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._same: dict[tuple[str, str, str], str | None] = {}

    def seen_as(self, place: Place, tag: str) -> Place | None:
        """The object at a place as a pointer to another struct denotes it; None where the types do not tell."""
        root, path = place
        ctype = self.analysis.place_type(place)
        numbers = self._numbers(place)
        if numbers is not None:
            return root, (*numbers, elements_as(tag))
        if ctype is None or not ctype.is_struct or (root[0] == "h" and not is_fresh(root)):
            return None
        lead = self._lead(ctype.base, tag)
        if lead:
            return root, (*path, *lead)
        lead = self._lead(tag, ctype.base)
        if lead:
            whole = step_out(path, tag, lead)
            around = len(whole) < len(path) or (root[0] == "d" and path[-1:] in {(), ("*",)})
            return (root, whole) if around else None
        first = self.analysis.program.first_member(tag)
        return (root, (*path, f"({tag})")) if first and self.named(tag, first, ctype.base) else None

    def _numbers(self, place: Place) -> tuple[str, ...] | None:
        """The path of the array of numbers that a place is, or begins: memory for whatever is read from it."""
        root, path = place
        path = path[:-1] if path[-1:] == ("[0]",) else path
        ctype = self.analysis.place_type((root, path))
        element = ctype.element() if ctype is not None and ctype.arrays else None
        return path if element is not None and element.integer is not None else None

    def into(self, place: Place, name: str) -> Place:
        """The place of a member."""
        root, path = place
        if not is_view(path):
            return root, step_into(path, name)
        tag, ctype = path[-1][1:-1], self.analysis.place_type((root, path[:-1]))
        same = self.named(tag, name, ctype.base) if ctype is not None else None
        return (root, step_into(path[:-1], same)) if same is not None else (heap(tag, ("seen", root, path)), (name,))

    def below(self, place: Place, names: tuple[str, ...]) -> Place:
        """The place of a member of members."""
        if not is_view(place[1]) or not names:
            return place[0], (*place[1], *names)
        root, path = self.into(place, names[0])
        return root, (*path, *names[1:])

    def rest(self, target: Place, place: Place) -> tuple[str, ...] | None:
        """The path of a place below a pointer to another struct, by that struct's members; None if it is not below."""
        around = target[1][:-1]
        below, tag = place[1][len(around) :], target[1][-1][1:-1]
        ctype = self.analysis.place_type((target[0], around))
        if target[0] != place[0] or place[1][: len(around)] != around or not below or ctype is None:
            return None
        same = self.named(ctype.base, below[0], tag)
        return (same, *below[1:]) if same is not None else None

    def named(self, tag: str, name: str, other: str) -> str | None:
        """The member of ``other`` that lies where ``name`` lies in ``tag``: behind members of the same types."""
        key = (tag, name, other)
        if key not in self._same:
            self._same[key] = self._named(tag, name, other)
        return self._same[key]

    def _named(self, tag: str, name: str, other: str) -> str | None:
        mine, theirs = self._names(tag), self._names(other)
        at = mine.index(name) if name in mine else -1
        return theirs[at] if at >= 0 and self.begin_alike(tag, other, at + 1) else None

    def begin_alike(self, tag: str, other: str, size: int) -> bool:
        """Whether the first ``size`` members of two structs have the same types, and each its own bytes."""
        types = self.analysis.program.types
        first, second = ([*(self.analysis.program.members(each) or {}).items()][:size] for each in (tag, other))
        if [types.resolve(ctype) for _, ctype in first] != [types.resolve(ctype) for _, ctype in second]:
            return False
        named = [(tag, name) for name, _ in first] + [(other, name) for name, _ in second]
        return not any(types.is_union_member(each, name) for each, name in named)

    def _names(self, tag: str) -> list[str]:
        return list(self.analysis.program.members(tag) or ())

    def distance(self, whole: Place, name: str, other: str) -> int | None:
        """How many members of a struct (or elements) ``other`` is behind ``name``; None where that is not known."""
        if name[0] == other[0] == "[":
            return int(other[1:-1]) - int(name[1:-1]) if name[1:-1].isdigit() and other[1:-1].isdigit() else None
        names = self._ordered(whole)
        return names.index(other) - names.index(name) if name in names and other in names else None

    def neighbour(self, place: Place, steps: int) -> Place | None:
        """The member that lies where a pointer to one leads that is moved by some of its type: nothing but members of
        that type may lie between. C knows the step only inside an array; on the machine it is the same.
        """  # noqa: D205
        root, path = place
        whole = (root, path[:-1])
        names = self._ordered(whole)
        if not path or path[-1] not in names:
            return None
        start = names.index(path[-1])
        end = start + steps
        if not 0 <= end < len(names):
            return None
        ctype = self.analysis.place_type(whole)
        members = self.analysis.program.members(ctype.base) if ctype is not None else None
        resolve = self.analysis.program.types.resolve
        types = [resolve(members[each]) for each in names[min(start, end) : max(start, end) + 1]] if members else []
        return (root, (*path[:-1], names[end])) if types and all(each == types[0] for each in types[1:]) else None

    def _ordered(self, whole: Place) -> list[str]:
        """The members of a struct in their order, none for anything else."""
        ctype = self.analysis.place_type(whole)
        if ctype is None or not ctype.is_struct or ctype.base.startswith("union "):
            return []
        return [
            name
            for name in self.analysis.program.members(ctype.base) or ()
            if not self.analysis.program.types.is_union_member(ctype.base, name)
        ]

    def _lead(self, tag: str, inner: str, depth: int = 0) -> tuple[str, ...]:
        """The first members that lead from a struct to one that it begins with; empty where it does not."""
        program = self.analysis.program
        name, ctype = next(iter((program.members(tag) or {}).items()), ("", None))
        if ctype is None or depth > _MAX_INNER or program.types.is_union_member(tag, name):
            return ()
        ctype = program.types.resolve(ctype)
        if not ctype.is_struct:
            return ()
        if ctype.base == inner:
            return (name,)
        below = self._lead(ctype.base, inner, depth + 1)
        return (name, *below) if below else ()


def is_view(path: tuple[str, ...]) -> bool:
    """Whether a path is that of an object seen as another struct."""
    return bool(path) and path[-1][0] == "("
