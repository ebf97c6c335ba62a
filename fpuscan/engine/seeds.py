"""Where flows start: every read of a source place, every mask constant that sets bits."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.engine.flows import IDENTITY, Label, State, Step
from fpuscan.engine.graph import Definition, Transfer
from fpuscan.engine.literals import NOTHING, compatible
from fpuscan.engine.values import Content
from fpuscan.ir import ENTRY, Call, Const, Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.flows import Flows
    from fpuscan.engine.function import FunctionAnalysis
    from fpuscan.engine.reads import Leaf
    from fpuscan.model import Source
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Seed", "Seeds"]


@dataclass(frozen=True, slots=True)
class Seed:
    """One read of a source: the rows it matches, its name, its content, and the first edges out of it."""

    rows: tuple[Source, ...]
    name: str
    place: Place | None
    content: Content
    function: int
    node: int
    starts: tuple[Step, ...]

    @property
    def kind(self) -> str:
        """The best known: "config" before "runtime" before "constant"."""
        return min(row.kind for row in self.rows)


class Seeds:
    """Finds the seeds of some kinds of source rows."""

    def __init__(self, flows: Flows, kinds: frozenset[str]) -> None:
        self.flows = flows
        self.analysis = flows.analysis
        self.graph = flows.graph
        self.rows = [row for row in self.analysis.model.sources if row.kind in kinds]
        self.used: set[str] = set()

    def find(self) -> list[Seed]:
        """All seeds, in order of path and position."""
        found: list[Seed] = []
        for unit in self._units():
            function = self.analysis.of(unit)
            for node in range(len(function.code)):
                for leaf in self.graph.leaves(function, node):
                    found += self._leaf(function, node, leaf)
                instruction = function.code[node]
                if isinstance(instruction, Call):
                    found += self._constant_call(function, node, instruction)
        found += self._through_parameters()
        return found

    def _units(self) -> list[Unit]:
        program = self.analysis.program
        units: dict[int, Unit] = {}
        for row in self.rows:
            names: list[str] = []
            if row.function or row.macro:
                names = [row.function or row.macro]
            elif row.variable or "*" in row.member:
                names = self._names(row)
            else:
                members = row.member.split(".")
                for unit in program.units_accessing(self._owner(row.type, members[:-1]), members[-1]):
                    units[unit.id] = unit
                if len(members) > 1:  # a copy of the struct around the member
                    names = [members[0]]
            for name in names:
                units.update((unit.id, unit) for unit in program.units_mentioning(name))
                for unit in self._behind_pointers(row, name):
                    units[unit.id] = unit
            if row.type and any(program.address_taken(name) for name in names):  # read through a pointer, too
                for member in program.members(row.type) or {}:
                    if fnmatchcase(member, row.member):
                        units.update((unit.id, unit) for unit in program.units_accessing(row.type, member))
        return sorted(units.values(), key=lambda unit: (unit.path, unit.start))

    def _behind_pointers(self, row: Source, name: str) -> list[Unit]:
        """The functions that may read a tracked global through another one that points into it."""
        if row.kind != "config" or self.analysis.program.types.global_var(name) is None:
            return []
        found = [
            unit for holder in self.analysis.holders.names() for unit in self.analysis.program.units_mentioning(holder)
        ]
        return [unit for unit in found if unit.is_function]

    def _owner(self, tag: str, members: list[str]) -> str:
        for member in members:
            known = self.analysis.program.members(tag)
            if known is None or member not in known:
                return tag
            tag = self.analysis.program.types.resolve(known[member]).base
        return tag

    def _names(self, row: Source) -> list[str]:
        """The globals of a row's type, or the members that its pattern names."""
        program = self.analysis.program
        names = (
            [name for name in program.globals_of(row.type) if fnmatchcase(name, row.variable or "*")]
            if row.type
            else []
        )
        if not row.type and row.variable:
            names = [row.variable]
        if row.type and row.member != "*":
            names += [name for name in program.members(row.type) or {} if fnmatchcase(name, row.member)]
        elif row.type and not row.variable:
            names += [row.type.partition(" ")[2]]
        return names

    # ------------------------------------------------------------ reads

    def _leaf(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        if isinstance(leaf.expr, Const):
            yield from self._constant_leaf(function, node, leaf)
            return
        if not isinstance(leaf.expr, Load):
            return
        held = function.entry_guards().get(node)
        for root, path, guards in function.resolve(node, leaf.expr.place):
            if root[0] not in {"g", "h", "d"} or not compatible(held or NOTHING, guards):
                continue
            for below in self._source_members((root, path)):
                place = (root, (*path, *below))
                rows = tuple(row for row in self.analysis.values.source_rows(place) if row in self.rows)
                if not rows:
                    continue
                holds = (held if held is not None else NOTHING) | guards | function.followed(node)
                transfers = self.graph.use(function, node, leaf, below, holds)
                if transfers:
                    yield self._seed(rows, place, function, node, IDENTITY, transfers)

    def _source_members(self, place: Place) -> list[tuple[str, ...]]:
        """The members below a place (itself included) that may be sources."""
        found: list[tuple[str, ...]] = [()]
        ctype = self.analysis.place_type(place)
        if ctype is not None and ctype.is_struct:
            for name, inner in (self.analysis.program.members(ctype.base) or {}).items():
                found.append((name,))
                resolved = self.analysis.program.types.resolve(inner)
                if resolved.is_struct:
                    found += [(name, deeper) for deeper in self.analysis.program.members(resolved.base) or {}]
        return found

    def _seed(
        self,
        rows: tuple[Source, ...],
        place: Place,
        function: FunctionAnalysis,
        node: int,
        label: Label,
        transfers: list[Transfer],
    ) -> Seed:
        self.used.update(row.id for row in rows)
        self.graph_edges(place, transfers)
        content = self.analysis.values.content(self._canonical(place)).join(self.analysis.values.declared(list(rows)))
        name = self.name(place, rows)
        origin = State(Definition(function.id, node, place), (), NOTHING, label)
        first = Step(origin, None, None)
        return Seed(
            rows,
            name,
            place,
            content,
            function.id,
            node,
            tuple(Step(origin, transfer, first) for transfer in transfers),
        )

    def graph_edges(self, place: Place, transfers: list[Transfer]) -> None:
        """Show the read of a source in the graph."""
        memory = Definition(-1, 0, self._canonical(place))
        for transfer in transfers:
            self.graph.remember(memory, transfer)

    def _canonical(self, place: Place) -> Place:
        root = place[0]
        if root[0] == "g":
            return place
        chain = self.analysis.chain(place)
        types = {row.type for row in self.analysis.values.source_rows(place)}
        for tag, below in chain:
            if below and tag in types:
                return (("h", tag, None, ""), below)
        return (("h", chain[0][0], None, ""), chain[0][1]) if chain else place

    def name(self, place: Place, rows: tuple[Source, ...]) -> str:
        """The name of a source for people."""
        root, _ = self._canonical(place)
        return self.analysis.describe(self._canonical(place)) if root[0] in {"g", "h"} else str(rows[0].pattern)

    def _through_parameters(self) -> Iterator[Seed]:
        """Sources that a function reads through a pointer it was given."""
        done: set[tuple[CallSite, Definition]] = set()
        for row in self.rows:
            for place in self._memory_places(row):
                for transfer in self.graph.readers_of(place):
                    target = transfer.target
                    if target is None or target.place[0][0] != "d" or transfer.site is None:
                        continue
                    if self.analysis.values.source_rows(target.place):  # by its type alone: found as a read already
                        continue
                    rows = tuple(other for other in self.analysis.values.source_rows(place) if other in self.rows)
                    key = (transfer.site, target)
                    if key in done or not rows:
                        continue
                    done.add(key)
                    function = self.analysis.by_id(target.function)
                    yield self._seed(rows, place, function, ENTRY, IDENTITY, [transfer])

    def _memory_places(self, row: Source) -> list[Place]:
        if row.function or row.macro:
            return []
        if "*" not in row.member and row.type and not row.variable:
            return [(("h", row.type, None, ""), tuple(row.member.split(".")))]
        found: list[Place] = []
        program = self.analysis.program
        for name in program.globals_of(row.type) if row.type else []:
            if fnmatchcase(name, row.variable or "*") and program.address_taken(name):
                found += [
                    (("g", program.global_key(name, "")), (member,))
                    for member in program.members(row.type) or {}
                    if fnmatchcase(member, row.member)
                ]
        return found

    # ------------------------------------------------------------ constants

    def _constant_leaf(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        assert isinstance(leaf.expr, Const)
        rows = tuple(row for row in self.rows if row.macro and row.macro in leaf.expr.macros)
        if not rows or any(operation.kind in {"and", "not", "truth"} for operation in leaf.operations):
            return
        holds = function.entry_guards().get(node, NOTHING)
        transfers = self.graph.use(function, node, leaf, (), holds)
        if transfers:
            yield self._constant_seed(rows, rows[0].macro, leaf.expr.value, function, node, transfers)

    def _constant_call(self, function: FunctionAnalysis, node: int, call: Call) -> Iterator[Seed]:
        rows = tuple(row for row in self.rows if row.function and row.function == call.callee)
        if not rows or call.result is None:
            return
        value = self.analysis.values.place_mask(function, node, (("v", function.id, call.result.key), ()), ())
        if not value.exact:
            callees = [self.analysis.of(unit) for unit in self.analysis.calls.callees(function, node)]
            values = [
                self.analysis.values.mask(callee, number, given, ())
                for callee in callees
                for number in callee.returns
                if (given := callee.returned(number)) is not None
            ]
            bits = 0
            for each in values:
                bits |= each.may
        else:
            bits = value.may
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        holds = function.entry_guards().get(node, NOTHING)
        transfer = Transfer(target, "call", "stay", (), holds, function.id, node, "value", callee=rows[0].function)
        yield self._constant_seed(rows, f"{rows[0].function}()", bits, function, node, [transfer])

    def _constant_seed(
        self,
        rows: tuple[Source, ...],
        name: str,
        bits: int | None,
        function: FunctionAnalysis,
        node: int,
        transfers: list[Transfer],
    ) -> Seed:
        self.used.update(row.id for row in rows)
        content = Content(bits or 0, unknown=bits is None)
        label = Label(constant=True)
        origin = State(Definition(function.id, node, (("k", name), ())), (), NOTHING, label)
        first = Step(origin, None, None)
        return Seed(
            rows, name, None, content, function.id, node, tuple(Step(origin, transfer, first) for transfer in transfers)
        )
