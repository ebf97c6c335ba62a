"""What pointers mean on the other side of a call: arguments and parameters, results, and what is stored in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.calls.inward import Inward
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.moves import shifted
from fpuscan.ir import ENTRY, EXIT, Assign, Call, Const, Load
from fpuscan.places import (
    NO_MEMBERS,
    OTHER_ELEMENTS,
    heap,
    is_allocated,
    is_elements_as,
    is_fresh,
    is_several,
    overlap,
    path_overlap,
    plain_name,
    step_out,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.model.rows import Chain
    from fpuscan.places import Guarded, Place, Root

__all__ = ["CallPointers", "aligned"]

_MAX_DEPTH = 8


class CallPointers(Inward):
    """The call graph, with the places that cross each call."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._stored_pointers: dict[Place, tuple[list[Guarded], bool]] = {}
        self._left_pointers: dict[tuple[int, Place], tuple[list[Guarded], bool]] = {}
        self.cuts = 0  # how often a recursion was cut: what was found meanwhile holds for that way only

    def returned_pointers(self, function: FunctionAnalysis, node: int, place: Place) -> tuple[list[Guarded], bool]:
        """What a pointer in ``place`` points to behind a call that may have set it."""
        call = function.code[node]
        assert isinstance(call, Call)
        key = ("pointers", function.id, node, place)
        if place[0][0] in {"g", "h", "d"} and not self.analysis.of_interest(place) and not is_fresh(place[0]):
            return [], True
        units = self.callees(function, node)
        if not units:
            return [], True
        if key in self._busy or len(self._busy) > _MAX_DEPTH:
            self.cuts += 1
            return [], True
        self._busy.add(key)
        found: list[Guarded] = []
        unknown = False
        try:
            for unit in units:
                callee = self.analysis.of(unit)
                if call.result is not None and place[0] == ("v", function.id, call.result.key):
                    for number, value in callee.returned_values():
                        held = callee.held(number)
                        some, more, *_ = callee.targets(number, value)
                        unknown = unknown or more
                        found += self._outward(function, node, callee, [(r, p, g | held) for r, p, g in some])
                else:
                    some, more = self._left_in_memory(function, node, callee, place)
                    found += some
                    unknown = unknown or more
        finally:
            self._busy.discard(key)
        return found, unknown

    def _left_in_memory(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, place: Place
    ) -> tuple[list[Guarded], bool]:
        found: list[Guarded] = []
        unknown = False
        named = [place] if place[0][0] == "g" else []
        for inner in (*named, *self.inward(function, node, callee.unit, place)):
            some, more = self._pointers_at_exit(callee, inner)
            unknown = unknown or more
            found += self._outward(function, node, callee, some)
        return found, unknown or not found

    def _pointers_at_exit(self, callee: FunctionAnalysis, place: Place) -> tuple[list[Guarded], bool]:
        """What a function has set a pointer to when it leaves, in its own names: the same for all of its callers."""
        key = (callee.id, place)
        known = self._left_pointers.get(key)
        if known is not None:
            return known
        cuts = self.cuts
        found: list[Guarded] = []
        unknown = False
        for definition in callee.reachable(callee.reaching(EXIT, place) - {ENTRY}):
            some, more = callee.pointer_from(place, definition, read=EXIT)
            unknown = unknown or more
            found += some
        if self.cuts == cuts:
            self._left_pointers[key] = found, unknown
        return found, unknown

    def _outward(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, targets: list[Guarded]
    ) -> list[Guarded]:
        """Places of a callee, as the caller names them; guards about formals become guards about actuals."""
        found: list[Guarded] = []
        for root, path, guards in targets:
            outer = self.guards_outward(function, node, callee, guards)
            if outer is None:
                continue
            if root[0] in {"d", "p"} and root[1] == callee.id:
                found += [
                    (there, below, conditions | outer)
                    for there, below, conditions in self.actual_places(function, node, root, path)
                    if compatible(outer, conditions)
                ]
            elif root[0] == "h":
                found.append((heap(str(root[1]), (function.id, node, root[2]), str(root[3])), path, outer))
            elif root[0] == "g":
                found.append((root, path, outer))
        return found

    def actual_places(
        self, function: FunctionAnalysis, node: int, root: tuple[object, ...], path: tuple[str, ...]
    ) -> list[Guarded]:
        """The caller's places for a place below a callee's parameter."""
        call = function.code[node]
        assert isinstance(call, Call)
        index = root[2]
        assert isinstance(index, int)
        if index >= len(call.arguments):
            return []
        argument = call.arguments[index]
        if root[0] == "p":  # a struct passed by value that holds a pointer
            if not isinstance(argument, Load):
                return []
            starts = list(function.resolve(node, argument.place))
        else:
            ctype = self.analysis.root_type(root)
            starts = [
                (*self.as_pointed((there, below), ctype), guards)
                for there, below, guards in function.pointees(node, argument, ctype)
            ]
        for name in path:
            if name == "*":
                ends: list[Guarded] = []
                for there, below, guards in starts:
                    for definition in function.reaching(node, (there, below)):
                        some, _ = function.pointer_from((there, below), definition)
                        ends += [(r, p, g | guards) for r, p, g in some if compatible(g, guards)]
                starts = list(dict.fromkeys(ends))
                continue
            if name == OTHER_ELEMENTS:
                starts = [(r, other, g) for r, p, g in starts for other in _other_elements(r, p)]
                continue
            if name[0] == "^":
                starts = [(*_whole(r, p, name), g) for r, p, g in starts]
                continue
            starts = [
                (*self.analysis.layouts.into((r, p), name), g) for r, p, g in starts if self._may_have((r, p), name)
            ]
        return starts

    def _may_have(self, place: Place, name: str) -> bool:
        """Whether an object may have a member: not where a callee names members of several structs by their offsets."""
        if place[0][0] != "g" or name[0] in NO_MEMBERS or name[0] == "<":
            return True
        ctype = self.analysis.place_type(place)
        members = self.program.members(ctype.base) if ctype is not None and ctype.is_struct else None
        return not members or name in members

    def stored_pointers(self, place: Place) -> tuple[list[Guarded], bool]:
        """What a pointer in a global or in memory points to, from all stores of the program."""
        root, path = place
        names = [name for name in path if name[0] != "["]
        variable = plain_name(self.analysis.variable(root))
        last = names[-1] if names else variable
        followed = self.analysis.follows(place) or self.analysis.holders.holds(place)
        lending = self.program.lending.units(last)
        if not followed and not lending:
            return [], True
        key = (root if root[0] == "g" else ("h", root[1]), path)
        if key in self._stored_pointers:
            return self._stored_pointers[key]
        self._stored_pointers[key] = ([], True)
        found: dict[Guarded, None] = {}
        told = self.analysis.holders.is_told(place)
        unknown = not told
        units = [unit for unit in self.units_storing(variable) if not unit.is_function] if variable and names else []
        for unit in dict.fromkeys((*(self.units_storing(last) if followed else lending), *units)):
            function = self.analysis.of(unit)
            for number, instruction in enumerate(function.code):
                if not isinstance(instruction, Assign) or isinstance(instruction.value, Const):
                    continue
                for there, below, _ in function.resolve(number, instruction.target):
                    if not self.same_memory((there, below), place):
                        continue
                    targets, more, _, _ = function.targets(number, instruction.value)
                    unknown = unknown or more
                    for target in targets:
                        for where, within in self._given(function, target):
                            if where[0] == "g":
                                found[(where, within, NOTHING)] = None
        self._stored_pointers[key] = (list(found), unknown or not (found or told))  # NULL where nothing is stored
        return self._stored_pointers[key]

    def _given(self, function: FunctionAnalysis, target: Guarded) -> list[Place]:
        """What a pointer denotes that a function stores: for a parameter, what its callers pass."""
        root, path, _ = target
        if root[0] != "d":
            return [(root, path)]
        return [
            (there, below)
            for caller, node in self.callers(function.unit)
            for there, below, _ in self.actual_places(self.analysis.by_id(caller), node, root, path)
        ]

    def same_memory(self, first: Place, second: Place, *, passed: bool = False) -> bool:
        """Whether two places of shared memory may overlap, through whatever pointer they were named.

        ``passed``: one is below a parameter, and what the callers pass for that is asked about next.
        """
        if first[0][0] in {"v", "p", "r"} or second[0][0] in {"v", "p", "r"}:
            return False
        if first[0][0] == "g" and second[0][0] == "g":
            return first[0] == second[0] and overlap(first, second)
        if first[0][0] == "h" and second[0][0] == "h" and first[0][3] and second[0][3] and first[0][3] != second[0][3]:
            return False
        known, other = (first, second) if first[0][0] == "g" else (second, first)
        if known[0][0] == "g" and is_allocated(other):
            return False
        if self.analysis.is_lent(known[0]) and "*" in other[1]:
            return self._behind_pointer(known, other) is not None
        if aligned(self.analysis.chain(first), self.analysis.chain(second), passed=passed) is None:
            return False
        if known[0][0] == "g":
            around = [tag for tag, below in self.analysis.chain(other) if "*" not in below]
            if around and all(tag != around[0] for tag, _ in self.analysis.chain(known)):
                return False  # a global is no member of a larger struct
            name = plain_name(self.analysis.variable(known[0]))  # asked last: all of the text is searched for it
            return self.program.address_taken(name) or self.program.member_address_taken(name)
        return True

    def rest(self, place: Place, there: Place) -> tuple[str, ...] | None:
        """The rest of a place's path below another name of it in shared memory; None if they cannot be one."""
        if "*" in there[1] and self.analysis.is_lent(place[0]):
            return self._behind_pointer(place, there)
        return aligned(self.analysis.chain(there), self.analysis.chain(place), passed=there[0][0] == "d")

    def _behind_pointer(self, lent: Place, place: Place) -> tuple[str, ...] | None:
        """The same of a variable that others reach, below what a pointer member denotes."""
        root, path = place
        start = len(path) - path[::-1].index("*")
        ctype, mine = self.analysis.place_type((root, path[:start])), self.analysis.root_type(lent[0])
        if ctype is not None and mine is not None and ctype.base not in {mine.base, "void"}:
            return None
        below = path[start:]
        return lent[1][len(below) :] if path_overlap(below, lent[1]) else None


def aligned(first: Chain, second: Chain, *, passed: bool = False) -> tuple[str, ...] | None:
    """Whether two places may be one: the outer struct of one is a level of the other, and the paths overlap.

    An array of numbers that is seen as a struct is one only where a pointer to it may have been ``passed``.

    Gives the path of the second below that of the first (empty when the first is the longer one), or None.
    """
    if not first or not second:
        return None
    tag, path = first[0]
    for level, below in second if passed else _as_declared(second):
        if level == tag and path_overlap(path, below):
            return below[len(path) :]
    tag, path = second[0]
    for level, below in first if passed else _as_declared(first):
        if level == tag and path_overlap(below, path):
            return path[len(below) :]
    return None


def _as_declared(chain: Chain) -> Iterable[tuple[str, tuple[str, ...]]]:
    """The structs that a place lies in, but for those that an array of numbers is seen as."""
    views = sum(map(is_elements_as, chain[0][1]))
    return (level for level in chain if sum(map(is_elements_as, level[1])) == views)


def _whole(root: Root, path: tuple[str, ...], name: str) -> Place:
    """The struct around a place, as a callee names it; some object of its type where it is not known to be in one."""
    tag, _, member = name[1:].partition("^")
    whole = step_out(path, tag, tuple(member.split(".")))
    if len(whole) < len(path) or root[0] == "d":
        return root, whole
    return heap(tag, ("around", root, path)), ()


def _other_elements(root: Root, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The elements of an array other than the one that a pointer to ``path`` points to."""
    return [other for other in shifted(root, path, None) if other != path or is_several(other)] or [path]
