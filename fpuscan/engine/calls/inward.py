"""How a callee names what it can reach: the places of a caller below, around and beside what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.calls.guards import CallGuards
from fpuscan.engine.layouts import is_view
from fpuscan.ir import ENTRY, Call, Const, FunctionRef, Load
from fpuscan.places import ALL_ELEMENTS, OTHER_ELEMENTS, is_fresh, is_several, overlap, path_overlap, step_out

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place, Root
    from fpuscan.program import Unit
    from fpuscan.symbols.declarators import CType

__all__ = ["Inward", "may_point"]

_MAX_LINKS = 3  # pointer members on the way from an argument
_MAX_INNER = 2  # structs in structs


class Inward(CallGuards):
    """The call graph, with the names that callees have for their callers' places."""

    def inward(self, function: FunctionAnalysis, node: int, callee: Unit, place: Place) -> list[Place]:
        """The callee's names (below its parameters) for a place of the caller that it can reach through an argument."""
        call = function.code[node]
        assert isinstance(call, Call)
        found: dict[Place, None] = {}
        for index, argument in enumerate(call.arguments[: len(callee.signature.params)]):
            if not may_point(argument):
                continue
            below: Root = ("d", callee.id, index)
            ctype = self.analysis.root_type(below)
            for root, path, _ in function.targets(node, argument)[0]:
                target = self.as_pointed((root, path), ctype) if root == place[0] else (root, path)
                for inner in self._behind(target, place):
                    found[(below, inner)] = None
            if isinstance(argument, Load) and place[0][0] != "g":
                self._inward_by_value(function, node, callee, index, argument, place, found)
            if self._linked(function, place):
                self._inward_linked(function, node, callee, index, argument, place, found)
        return list(found)

    def linked(self, function: FunctionAnalysis, node: int, callee: Unit, place: Place) -> list[Place]:
        """The callee's names for a place that a pointer member of an argument's object denotes."""
        call = function.code[node]
        assert isinstance(call, Call)
        found: dict[Place, None] = {}
        for index, argument in enumerate(call.arguments[: len(callee.signature.params)]):
            if may_point(argument):
                self._inward_linked(function, node, callee, index, argument, place, found)
        return list(found)

    def _behind(self, target: Place, place: Place) -> list[tuple[str, ...]]:
        """What a place is behind a pointer: below it, a neighbour in its array, or around or beside it in a struct."""
        if is_view(target[1]):
            rest = self.analysis.layouts.rest(target, place)
            return [rest] if rest is not None else []
        found = _behind(target, place)
        root, path = target
        if found or root != place[0] or not path:
            return found
        for size in range(1, len(path) + 1):
            whole, member = path[:-size], path[-size:]
            if place[1][: len(whole)] == whole and self._may_be_contained((root, whole), member[-1]):
                ctype = self.analysis.place_type((root, whole))
                assert ctype is not None
                found.append((*step_out((), ctype.base, member), *place[1][len(whole) :]))
        return found

    def as_pointed(self, target: Place, ctype: CType | None) -> Place:
        """What an argument points to, as the type of the parameter says."""
        mine = self.analysis.place_type(target)
        if ctype is None or mine is None or not ctype.is_struct or ctype.base == mine.base:
            return target
        return self.analysis.layouts.seen_as(target, ctype.base) or target

    def _may_be_contained(self, whole: Place, member: str) -> bool:
        """Whether some function may be given a member of a struct, and go on from there to the struct."""
        ctype = self.analysis.place_type(whole)
        return (
            ctype is not None
            and ctype.is_struct
            and (is_fresh(whole[0]) or self.program.has_variables(ctype.base))
            and (self.program.is_contained(member) or self._is_led_to(ctype.base, member))
        )

    def _is_led_to(self, tag: str, member: str) -> bool:
        """Whether some text casts a pointer to the struct, which may be one to its first member."""
        return self.program.first_member(tag) == member and self.program.is_cast_to(tag)

    def _inward_by_value(
        self,
        function: FunctionAnalysis,
        node: int,
        callee: Unit,
        index: int,
        argument: Load,
        place: Place,
        found: dict[Place, None],
    ) -> None:
        """A pointer behind a pointer: ``f(pp)`` where ``*pp`` points to the place."""
        ctype = argument.place.type
        if ctype is None or ctype.pointers < 2:  # pointer to pointer
            return
        for root, path, _ in function.targets(node, argument)[0]:
            for definition in function.reaching(node, (root, path)):
                some, _ = function.pointer_from((root, path), definition)
                for there, below, _guards in some:
                    if overlap((there, below), place):
                        found[(("d", callee.id, index), ("*", *place[1][len(below) :]))] = None

    def _linked(self, function: FunctionAnalysis, place: Place) -> bool:
        """Whether a variable of a function may be reached through a pointer member of another."""
        if not function.links:
            return False
        root = place[0]
        if root[0] == "g":
            return self.analysis.is_lent(root)
        return root[0] == "d" or (root[0] in {"v", "p"} and root[2] in function.address_taken)

    def _inward_linked(
        self,
        function: FunctionAnalysis,
        node: int,
        callee: Unit,
        index: int,
        argument: Expr,
        place: Place,
        found: dict[Place, None],
    ) -> None:
        """A pointer in a struct: ``f(&outer)`` or ``f(outer)`` where ``outer.link`` points to the place."""
        root: Root = ("p" if _is_by_value(argument) else "d", callee.id, index)
        for target, behind in self._links(function, node, argument):
            for inner in self._behind(target, place):
                found[root, (*behind, *inner)] = None

    def pointed(self, function: FunctionAnalysis, node: int, callee: Unit) -> Iterator[tuple[Place, Place]]:
        """What an argument points to, or a pointer in what it points to, tables and globals among them: the place,
        and the callee's name for it.
        """  # noqa: D205
        call = function.code[node]
        assert isinstance(call, Call)
        for index, argument in enumerate(call.arguments[: len(callee.signature.params)]):
            if not may_point(argument):
                continue
            below: Root = ("d", callee.id, index)
            for root, path, _ in function.targets(node, argument)[0]:
                yield (root, path), (below, ())
            start: Root = ("p", callee.id, index) if _is_by_value(argument) else below
            for target, behind in self._links(function, node, argument, shared=True):
                yield target, (start, behind)

    def _links(
        self, function: FunctionAnalysis, node: int, argument: Expr, *, shared: bool = False
    ) -> Iterator[tuple[Place, tuple[str, ...]]]:
        """What the pointers in an object denote that is handed to a callee, and the way to it; those in globals only
        if memory that is ``shared`` counts.
        """  # noqa: D205
        if _is_by_value(argument):
            assert isinstance(argument, Load)
            objects = [(root, path) for root, path, _ in function.resolve(node, argument.place)]
        else:
            objects = [(root, path) for root, path, _ in function.targets(node, argument)[0]]
        work: list[tuple[Place, tuple[str, ...]]] = [
            (each, way) for one in objects for each, way in _elements(one, shared=shared) if _is_own(each[0], shared)
        ]
        seen: set[tuple[Place, tuple[str, ...]]] = set()
        while work:
            outer, way = work.pop()
            if (outer, way[:1]) in seen or way.count("*") >= _MAX_LINKS:
                continue
            seen.add((outer, way[:1]))
            for link in self._pointer_members(outer):
                there = (outer[0], (*outer[1], *link))
                for definition in function.reaching(node, there):
                    if definition == ENTRY and not (shared and there[0][0] == "g"):
                        continue
                    for root, path, _ in function.pointer_from(there, definition)[0]:
                        behind = (*way, *link, "*")
                        yield (root, path), behind
                        if _is_own(root, shared):
                            work.append(((root, path), behind))

    def _pointer_members(self, place: Place, depth: int = 0) -> list[tuple[str, ...]]:
        """The pointers in a struct, those in its inner structs included; of a pointer that itself."""
        ctype = self.analysis.place_type(place)
        if ctype is not None and ctype.is_pointer and not depth:
            return [()]
        if ctype is None or not ctype.is_struct or depth > _MAX_INNER:
            return []
        found: list[tuple[str, ...]] = []
        for name, inner in (self.program.members(ctype.base) or {}).items():
            if inner.is_pointer:
                found.append((name,))
            elif self.program.types.resolve(inner).is_struct:
                below = self._pointer_members((place[0], (*place[1], name)), depth + 1)
                found += [(name, *deeper) for deeper in below]
        return found


def _is_own(root: Root, shared: bool) -> bool:  # noqa: FBT001
    """Whether an object is a variable of a function, or one that it has allocated; or a global, if those count."""
    return root[0] in {"v", "p"} or is_fresh(root) or (shared and root[0] == "g")


def _is_by_value(argument: Expr) -> bool:
    return isinstance(argument, Load) and argument.place.type is not None and argument.place.type.is_struct


def _elements(place: Place, *, shared: bool) -> list[tuple[Place, tuple[str, ...]]]:
    """What a pointer denotes; in an array that is ``shared`` also the elements beside it."""
    root, path = place
    if not shared or not path or path[-1][0] != "[":
        return [(place, ())]
    return [(place, ()), ((root, (*path[:-1], ALL_ELEMENTS)), (OTHER_ELEMENTS,))]


def may_point(argument: Expr) -> bool:
    """Whether an argument may be a pointer, or a struct that holds one."""
    if isinstance(argument, Const | FunctionRef):
        return False
    ctype = argument.place.type if isinstance(argument, Load) else None
    return ctype is None or bool(ctype.pointers) or ctype.is_struct


def _behind(target: Place, place: Place) -> list[tuple[str, ...]]:
    """What ``place`` is behind a pointer to ``target``: itself, a part of it, a neighbour in its array."""
    found = [place[1][len(target[1]) :]] if overlap(target, place) else []
    if target[0] != place[0]:
        return found
    path = target[1]
    if path and path[-1][0] == "[":
        path = path[:-1]
    elif target[0][0] != "d":
        return found
    rest = place[1][len(path) :]
    if path_overlap(path, place[1]) or place[1][: len(path)] == path:
        if path == target[1]:  # the caller's own parameter, handed on
            return found + [rest] * (rest[:1] == (OTHER_ELEMENTS,))
        if not rest:
            found.append((OTHER_ELEMENTS,))
        elif target[1][-1] == OTHER_ELEMENTS:
            found.append((OTHER_ELEMENTS, *rest[rest[0] == OTHER_ELEMENTS :]))
        elif rest[0][0] == "[" and (rest[0] != target[1][-1] or is_several(rest[:1])):
            found.append((OTHER_ELEMENTS, *rest[1:]))
    return found
