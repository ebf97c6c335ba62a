"""Who of the user ABI reads a configuration member: the reads from which its value comes to be shown.

A read counts if it stands in a consumer's function, or if its value goes into a
sink or into the state of a task or guest that a consumer shows (the model's rows
``consumer``, ``sink`` and ``carrier``). The search follows the def-use graph from
the member and ends at the first of these on each way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.expressions import expressions_of, walk_expression
from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.functions.variables import base_variable
from fpuscan.engine.search.states import IDENTITY, State, Step
from fpuscan.ir import Addr, Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.boot.partial import Partials
    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sinks import Hit, Sinks
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Reader", "Readers"]

_MAX_STEPS = 400
_STORES = frozenset({"assign", "store", "struct copy"})
_KINDS = {"sigframe": "sigframe"}


class Reader(NamedTuple):
    """A read, by unit and node, and the kind of consumer that shows what was read."""

    kind: str
    function: int
    node: int


class Readers:
    """The readers of configuration members, but for code that runs only before any reset."""

    def __init__(self, flows: Flows, sinks: Sinks, partials: Partials) -> None:
        self.flows = flows
        self.analysis = flows.analysis
        self.sinks = sinks
        self.partials = partials
        self._kinds = {name: row.kind for row in self.analysis.model.consumers for name in row.functions}
        self._found: dict[Place, tuple[Reader, ...]] = {}

    def of(self, place: Place) -> tuple[Reader, ...]:
        """The user ABI's readers of a member."""
        if place not in self._found:
            self._found[place] = tuple(sorted(self._search(place)))
        return self._found[place]

    def is_read(self, place: Place) -> bool:
        """Whether anybody reads a member, apart from the code that sets it up."""
        read = False

        def visit(_: Step, transfer: Transfer, targets: list[State]) -> list[State]:
            nonlocal read
            if transfer.kind == "load":
                return targets if self._loads(place, transfer) else []
            read = read or not self._is_early(transfer)
            return []

        self.flows.search([self._start(place)], visit)
        return read

    def _search(self, place: Place) -> set[Reader]:
        row = self.partials.configurations.row(place)
        found = set(self._naming(place, row.shown)) if row is not None and row.shown else set()
        steps = 0

        def visit(step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
            nonlocal steps
            steps += 1
            if steps > _MAX_STEPS:
                return []
            if transfer.kind == "load":
                return targets if step.before is not None or self._loads(place, transfer) else []
            first = _first_read(step, transfer)
            if self._is_early(first):
                return []
            kinds = self._shown_by(step, transfer, targets)
            found.update(Reader(kind, first.function, first.instruction) for kind in kinds)
            return targets if not kinds else []

        self.flows.search([self._start(place)], visit)
        return found

    def _start(self, place: Place) -> Step:
        return Step(State(self.flows.graph.shared.node(place), (), NOTHING, IDENTITY), None, None)

    def _loads(self, place: Place, transfer: Transfer) -> bool:
        """Whether a function reads this very object, and not some other of its type."""
        assert transfer.target is not None
        root, path = transfer.target.place
        if transfer.site is None:
            return root == place[0]
        caller, node = transfer.site
        passed = self.analysis.calls.actual_places(self.analysis.by_id(caller), node, root, path)
        return any(there == place[0] for there, _, _ in passed)

    def _is_early(self, transfer: Transfer) -> bool:
        unit = self.analysis.program.units[transfer.function]
        return self.partials.is_early(unit, transfer.instruction)

    def _naming(self, place: Place, kind: str) -> Iterator[Reader]:
        """Who names an object that is shown as it stands, apart from the code that stores into it."""
        name = self.analysis.variable(place[0])
        for unit in self.analysis.program.units_mentioning(name):
            function = self.analysis.of(unit)
            for node, instruction in enumerate(function.code):
                read = any(_names(expr, name) for expr in expressions_of(instruction))
                if read and not self.partials.is_early(unit, node):
                    yield Reader(self._kinds.get(unit.name, kind), unit.id, node)
                    break

    def _shown_by(self, step: Step, transfer: Transfer, targets: list[State]) -> set[str]:
        name = self.analysis.program.units[transfer.function].name
        if name in self._kinds:
            return {self._kinds[name]}
        if transfer.kind in _STORES:
            for target in targets:
                for row in self.analysis.model.carriers:
                    if self.analysis.matches(row.pattern, target.definition.place):
                        return {row.kind}
        candidates: list[State | None] = [*targets] or [None]
        hits = [hit for target in candidates for hit in self.sinks.hits(step.state, transfer, target)]
        return {_KINDS.get(hit.sink.what, "uabi-copy") for hit in hits if self._shows(hit)}

    def _shows(self, hit: Hit) -> bool:
        """Whether a sink shows a value to user space itself; one that is a configuration member does not."""
        own = any(hit.sink.variable == name for name in self.partials.configurations.variables)
        return not (hit.sink.quiet or hit.sink.informational or own)


def _names(expr: Expr, name: str) -> bool:
    for part in walk_expression(expr):
        if isinstance(part, Load | Addr):
            variable = base_variable(part.place)
            if variable is not None and variable.kind == "global" and variable.name == name:
                return True
    return False


def _first_read(step: Step, transfer: Transfer) -> Transfer:
    """The edge at which the member itself was read."""
    for each in step.path():
        if each.transfer is not None and each.transfer.kind != "load":
            return each.transfer
    return transfer
