"""Sizes of the user ABI that have a lower bound: where a store leaves less than the struct that is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.values.families import Families, Read
from fpuscan.ir import ENTRY, Assign, Binary, Branch, Load, uncast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Floor, Sink
    from fpuscan.places import Place
    from fpuscan.program import Unit
    from fpuscan.rules.crossing_rule import Search

__all__ = ["USER", "Floors", "Store"]

USER = "uabi"
"""The family of values of the user ABI."""

_RELATIONS = frozenset({"<", "<=", ">", ">="})


class Store(NamedTuple):
    """A value that sizes or fills a kernel buffer: the row, its statement, the place (None: an allocation), and of a
    struct that is copied the member.
    """  # noqa: D205

    row: Sink
    function: FunctionAnalysis
    node: int
    place: Place | None
    value: Expr
    below: tuple[str, ...] = ()


class Floors:
    """Looks at the stores into sizes that must not be smaller than a struct.

    ``family`` says whose a place is, ``units`` which functions may store into the places of rows.
    """

    def __init__(
        self,
        search: Search,
        family: Callable[[Place], str | None],
        units: Callable[[list[Floor]], list[Unit]],
    ) -> None:
        self.search = search
        self.analysis = search.flows.analysis
        self._family = family
        self._units = units

    def stores(self) -> Iterator[tuple[Floor, Store]]:
        """All stores into sizes that must not be smaller than a struct."""
        for floor in self.analysis.model.floors:
            for unit in self._units([floor]):
                function = self.analysis.of(unit)
                for node, instruction in enumerate(function.code):
                    if isinstance(instruction, Assign):
                        for root, path, _ in function.resolve(node, instruction.target):
                            if self.analysis.matches(floor.pattern, (root, path)):
                                row = self.search.sinks.place_row((root, path))
                                if row is not None:
                                    yield floor, Store(row, function, node, (root, path), instruction.value)

    def short_origins(self, floor: Floor, store: Store) -> frozenset[Read]:
        """The reads that a size comes from without a lower bound: in the value, or stored before and now raised."""
        assert store.place is not None
        origins = Families(self.analysis, self._family)
        own = origins.of(store.function, store.node, store.value)
        if not any(origin.family == USER and self._reads(origin, floor.variable) for origin in own):
            return frozenset()
        if floor.at_least in " ".join(origins.constants):
            return frozenset()
        return frozenset() if self._is_raised(store, store.node, floor, set()) else own

    def _reads(self, origin: Read, variable: str) -> bool:
        function = self.analysis.by_id(origin.function)
        return any(
            self.analysis.variable(root) == variable
            for leaf in function.leaves(origin.node)
            if isinstance(leaf.expr, Load)
            for root, _, _ in function.resolve(origin.node, leaf.expr.place)
        )

    def _is_raised(self, store: Store, node: int, floor: Floor, busy: set[int]) -> bool:
        """Whether a store only raises what had the lower bound already: one that it may leave as it was, or reads."""
        assert store.place is not None
        busy.add(node)
        function = store.function
        before = function.reaching(node, store.place)
        ends = (function.reaching(each, store.place) for each in range(len(function.code)))
        if not any(node in end and before & end for end in ends) and not self._reads_place(store, node):
            return False
        if self._is_lowered(store, node):
            return False
        return bool(before) and all(
            each in busy
            or self._is_floor(function, each, floor)
            or self._is_told(function, each, floor)
            or (each != ENTRY and self._is_raised(store, each, floor, busy))
            for each in before
        )

    def _is_lowered(self, store: Store, node: int) -> bool:
        """Whether a store is made only where its value is less than what the place has: ``if (x < p->n) p->n = x;``."""
        function, instruction = store.function, store.function.code[node]
        if not isinstance(instruction, Assign) or not isinstance(value := uncast(instruction.value), Load):
            return False
        stored = [(root, path) for root, path, _ in function.resolve(node, value.place)]
        for before in function.facts.pred[node]:
            branch = function.code[before]
            condition = uncast(branch.condition) if isinstance(branch, Branch) else None
            if not isinstance(condition, Binary) or condition.op not in _RELATIONS:
                return False
            edges = [edge for edge in function.facts.succ[before] if edge.target == node]
            less, more = (condition.left, condition.right) if "<" in condition.op else (condition.right, condition.left)
            if edges[0].truth is False:
                less, more = more, less
            if _places(function, before, less) != stored or _places(function, before, more) != [store.place]:
                return False
        return True

    def _is_told(self, function: FunctionAnalysis, node: int, floor: Floor) -> bool:
        """Whether a store is itself looked at: it reads the size that has no lower bound."""
        instruction = function.code[node]
        if node == ENTRY or not isinstance(instruction, Assign):
            return False
        origins = Families(self.analysis, self._family).of(function, node, instruction.value)
        return any(origin.family == USER and self._reads(origin, floor.variable) for origin in origins)

    def _reads_place(self, store: Store, node: int) -> bool:
        """Whether what a store leaves in the place is made of what was in it."""
        function, instruction = store.function, store.function.code[node]
        if not isinstance(instruction, Assign):
            return False
        return any(
            origin.function == function.id and (root, path) == store.place
            for origin in Families(self.analysis, self._family).of(function, node, instruction.value)
            for leaf in function.leaves(origin.node)
            if isinstance(leaf.expr, Load)
            for root, path, _ in function.resolve(origin.node, leaf.expr.place)
        )

    def _is_floor(self, function: FunctionAnalysis, node: int, floor: Floor) -> bool:
        # A value of the kernel's side is for the rules about those to judge.
        instruction = function.code[node]
        if node == ENTRY or not isinstance(instruction, Assign):
            return False
        origins = Families(self.analysis, self._family)
        found = origins.of(function, node, instruction.value)
        return floor.at_least in " ".join(origins.constants) or any(origin.family != USER for origin in found)


def _places(function: FunctionAnalysis, node: int, value: Expr) -> list[Place]:
    """The places that a value is read from; none where it is computed."""
    read = uncast(value)
    return [(root, path) for root, path, _ in function.resolve(node, read.place)] if isinstance(read, Load) else []
