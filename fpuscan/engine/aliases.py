"""Two names of one object inside a function: a parameter and another one, or a parameter and a global.

``f(&x, &x)`` and ``f(&fpu_user_cfg)`` of a function that names ``fpu_user_cfg``, too:
what is stored through one name is read through the other. Which names go
together is asked of the callers, whatever the call that a flow came through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import EXIT, Assign, Call, Const, FunctionRef
from fpuscan.places import is_several, overlap, path_overlap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.symbols.declarators import CType

__all__ = ["Aliases"]

_MAX_DEPTH = 6  # callers of callers, whose own parameters may have two names


class Aliases:
    """The pairs of names, function by function."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._pairs: dict[int, tuple[tuple[Place, Place], ...]] = {}
        self._busy: list[int] = []
        self._plausible: dict[object, bool] = {}

    def names(self, function: FunctionAnalysis, place: Place) -> list[Place]:
        """The other names that a function may have for a place."""
        kind = place[0][0]
        if kind not in {"d", "g"} or not function.pointers_in or not self._possible(function, place):
            return []
        found: dict[Place, None] = {}
        for pair in self._of(function):
            for mine, other in (pair, pair[::-1]):
                size = len(mine[1])
                if mine[0] == place[0] and len(place[1]) >= size and path_overlap(mine[1], place[1]):
                    found[other[0], (*other[1], *place[1][size:])] = None
        found.pop(place, None)
        return list(found)

    def outlives(self, callee: FunctionAnalysis, site: CallSite, node: int, place: Place, guards: Guards) -> bool:
        """Whether what a callee stores at a node under one name is what its caller finds in memory behind the call: the
        call must give both names to one object where the store was by another one, and nothing may be stored by that.
        """  # noqa: D205
        others = [name for name in self.names(callee, place) if name[0][0] == "d"]
        if not others:
            return True
        here = self._denoted(site, place)
        written = callee.writes(node) if isinstance(callee.code[node], Assign) else []
        if written and not any(overlap((root, path), place) for root, path, *_ in written):
            names = [each for name in others for each in self._denoted(site, name)]
            if not any(overlap(first[:2], second[:2]) for first in here for second in names):
                return False
        if len(here) != 1 or here[0][0][0] == "h" or is_several(here[0][1]):
            return True  # what the other name denotes may be another object
        same = [name for name in others if self._denoted(site, name) == here]
        return all(any(at == EXIT for at, _ in callee.walk(node, name, guards)) for name in same)

    def _denoted(self, site: CallSite, place: Place) -> list[Guarded]:
        """What a callee's name denotes for the caller of one site."""
        return self.analysis.calls.actual_places(self.analysis.by_id(site[0]), site[1], *place)

    def _possible(self, function: FunctionAnalysis, place: Place) -> bool:
        """Whether the types allow another name: of a parameter, or of a global that the function names."""
        root, path = place
        if root[0] == "d" and root[1] != function.id:
            return False
        key = (function.id, root, path)
        if key not in self._plausible:
            self._plausible[key] = self._by_types(function, place)
        return self._plausible[key]

    def _by_types(self, function: FunctionAnalysis, place: Place) -> bool:
        root = place[0]
        ctype = self.analysis.place_type(place)
        types = {tag for tag, _ in self.analysis.chain(place)} | ({ctype.base} if ctype is not None else set())
        for index in function.pointers_in:
            other = ("d", function.id, index)
            if other != root and (self._base(other) in types or self._around(root, self.analysis.root_type(other))):
                return True
        return root[0] == "d" and any(
            self._around(root, self.analysis.root_type(("g", key))) for key in function.globals_named
        )

    def _base(self, root: Root) -> str:
        ctype = self.analysis.root_type(root)
        return ctype.base if ctype is not None else ""

    def _around(self, root: Root, ctype: CType | None) -> bool:
        """Whether what a parameter points to may be, or be a member of, an object of some type."""
        base = self._base(root) if root[0] == "d" else ""
        if ctype is None or not base or ctype.base == base:
            return ctype is not None and ctype.base == base
        members = self.analysis.program.members(ctype.base) if ctype.is_struct else None
        return any(member.base == base for member in (members or {}).values())

    def _of(self, function: FunctionAnalysis) -> tuple[tuple[Place, Place], ...]:
        found = self._pairs.get(function.id)
        if found is None:
            if function.id in self._busy or len(self._busy) > _MAX_DEPTH:
                return ()
            self._busy.append(function.id)
            try:
                pairs: dict[tuple[Place, Place], None] = {}
                for site in self.analysis.calls.callers(function.unit):
                    self._at(function, site, pairs)
                found = tuple(pairs)
            finally:
                self._busy.pop()
            self._pairs[function.id] = found
        return found

    def _at(self, callee: FunctionAnalysis, site: CallSite, pairs: dict[tuple[Place, Place], None]) -> None:
        """The pairs at one call."""
        known: list[tuple[Place, Place]] = []  # what a parameter points to, and a name of it in the caller
        for index in callee.pointers_in:
            for target in self._targets(site, index):
                mine: Place = (("d", callee.id, index), ())
                if target[0][0] == "g" and target[0][1] in callee.globals_named:
                    pairs[mine, target] = None
                for other, there in known:
                    if other[0][2] != index and there[0] == target[0] and path_overlap(there[1], target[1]):
                        size = min(len(there[1]), len(target[1]))
                        pairs[(mine[0], there[1][size:]), (other[0], target[1][size:])] = None
                known.append((mine, target))

    def _targets(self, site: CallSite, index: int) -> list[Place]:
        """What an argument points to, under all its names in the caller."""
        caller, node = self.analysis.by_id(site[0]), site[1]
        call = caller.code[node]
        assert isinstance(call, Call)
        if index >= len(call.arguments) or isinstance(call.arguments[index], Const | FunctionRef):
            return []
        found: dict[Place, None] = {}
        for root, path, _ in caller.targets(node, call.arguments[index])[0]:
            found[root, path] = None
            found.update(dict.fromkeys(self.names(caller, (root, path))))
        return list(found)
