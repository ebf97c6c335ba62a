"""Edges through shared memory: from a place of it to whatever reads that place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import is_integer
from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.unions import as_read
from fpuscan.ir import ENTRY, Addr, Call, Load
from fpuscan.places import anonymous, is_fresh

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.values.stores import Sought
    from fpuscan.places import Place

__all__ = ["SharedMemory"]

_MAX_CALLERS = 8  # from one caller to the next


class SharedMemory:
    """Who reads a place of shared memory, remembered."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._readers: dict[Place, tuple[Transfer, ...]] = {}

    def node(self, place: Place) -> Definition:
        """The node of a place of shared memory."""
        root, path = place
        if root[0] == "h":
            root = anonymous(root)
        return Definition(-1, 0, (root, path))

    def readers_of(self, place: Place) -> tuple[Transfer, ...]:
        """The edges from a place of shared memory to what reads it."""
        found = self._readers.get(place)
        if found is None:
            found = tuple(self._find_readers(place))
            self._readers[place] = found
        return found

    def _find_readers(self, place: Place) -> list[Transfer]:
        starts: dict[tuple[int, int, Place, CallSite | None, Guards], None] = {}
        seen: dict[tuple[int, Place], int] = {}
        sought = self.analysis.sought(place)
        for unit in self.analysis.readers(place):
            function = self.analysis.of(unit)
            for there in self._places_read(function, sought):
                here = self.as_named(place, there)
                if here is None:
                    continue
                if there[0][0] == "d":
                    self._climb(function, here, place, starts, seen, 0)
                else:
                    own = self.analysis.is_lent_by(unit, here[0])
                    for node in (*([] if own else [ENTRY]), *self._refreshed(function, here)):
                        starts[(function.id, node, here, None, NOTHING)] = None
        found = []
        for number, node, here, site, held in starts:
            move = "memory" if site is None else "memory-call"
            moved = as_read(self.analysis, place, here)
            if moved is None:
                continue
            target = Definition(number, node, here, loaded=True)
            found.append(Transfer(target, "load", move, moved, held, number, node, "memory", site))
        return found

    def _places_read(self, function: FunctionAnalysis, sought: Sought) -> list[Place]:
        """The places of shared memory that a function reads, as far as they may be the one that is looked for."""
        found: dict[Place, None] = {}
        for node in range(len(function.code)):
            for leaf in function.leaves(node):
                expr = leaf.expr
                if isinstance(expr, Load):
                    if not sought.may_be(expr.place):
                        continue
                    for root, path, _ in function.resolve(node, expr.place):
                        if root[0] in {"g", "h", "d"} and (path or root[0] == "g" or expr.place.type is not None):
                            found[(root, path)] = None
                elif isinstance(expr, Addr) and isinstance(leaf.role, int) and sought.may_be(expr.place):
                    for root, path, _ in function.resolve(node, expr.place):
                        if root[0] in {"g", "h"} or (root[0] == "d" and path and is_integer(expr.place)):
                            found[(root, path)] = None
            self._pointer_arguments(function, node, sought, found)
        return [place for place in found if not is_fresh(place[0])]

    def _pointer_arguments(
        self, function: FunctionAnalysis, node: int, sought: Sought, found: dict[Place, None]
    ) -> None:
        """Memory that is handed to a callee by pointer is read there."""
        instruction = function.code[node]
        if not isinstance(instruction, Call):
            return
        for argument in instruction.arguments:
            if isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers:
                ctype = argument.place.type.pointee()
                for root, path, _ in function.pointees(node, argument, ctype) if sought.may_lie_in(ctype) else ():
                    if root[0] in {"g", "h"}:
                        found[(root, path)] = None

    def as_named(self, place: Place, there: Place) -> Place | None:
        """``place`` in the words of a function that reads ``there``; None if they cannot be one."""
        if not self.analysis.same_memory(place, there, passed=there[0][0] == "d"):
            return None
        if place[0][0] == "g" and there[0][0] == "g":
            return there[0], (*there[1], *place[1][len(there[1]) :])
        below = self.analysis.calls.rest(place, there)
        return (there[0], (*there[1], *below)) if below is not None else None

    def _refreshed(self, function: FunctionAnalysis, place: Place) -> list[int]:
        """Calls that may have stored into the place anew, behind a store of the function itself."""
        calls = self.analysis.calls
        return [
            node
            for node in function.calls
            if calls.may_write(function, node, place) or calls.may_set(function, node, place)
        ]

    def _climb(
        self,
        function: FunctionAnalysis,
        here: Place,
        place: Place,
        starts: dict[tuple[int, int, Place, CallSite | None, Guards], None],
        seen: dict[tuple[int, Place], int],
        depth: int,
    ) -> None:
        """Memory below a parameter comes from the callers; only what they pass, and when they do, can be the place.

        Where none is known it may be any, except in a function that cannot be called at all.
        """
        if seen.get((function.id, here), _MAX_CALLERS + 1) <= depth:
            return
        seen[function.id, here] = depth
        sites = self.analysis.calls.callers(function.unit)
        if not sites or depth > _MAX_CALLERS:  # recursion
            possible = sites or not self.analysis.program.is_unused(function.unit)
            if possible and self.analysis.same_memory(place, here):
                starts[(function.id, ENTRY, here, None, NOTHING)] = None
            return
        for caller, node in sites:
            calling = self.analysis.by_id(caller)
            for root, path, held in self.analysis.calls.actual_places(calling, node, here[0], here[1]):
                if root[0] in {"g", "h"} and self.analysis.same_memory(place, (root, path)):
                    starts[(function.id, ENTRY, here, (caller, node), held)] = None
                elif root[0] == "d" and self._may_be(place, (root, path)):
                    self._climb(calling, (root, path), place, starts, seen, depth + 1)

    def _may_be(self, place: Place, there: Place) -> bool:
        """Whether a place below a parameter may be one in shared memory; behind a pointer without a type it may."""
        return not self.analysis.chain(there) or self.analysis.same_memory(place, there, passed=True)
