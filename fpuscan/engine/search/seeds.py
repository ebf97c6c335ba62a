"""Where flows start: every read of a source place; the constants among them are found by `constants`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search.boxed import boxed, boxed_reads, pointed_reads
from fpuscan.engine.search.constants import ConstantSeeds
from fpuscan.engine.search.sources import Seed, SourceRows
from fpuscan.engine.search.states import IDENTITY, Label, State, Step
from fpuscan.engine.unions import names, path_below
from fpuscan.ir import ENTRY, Addr, Call, Const, Load, Member, Var

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.engine.search.flows import Flows
    from fpuscan.ir import LValue
    from fpuscan.model.rows import Source
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Seeds"]


class Seeds:
    """Finds the seeds of some families of source kinds, each seed for the first family that knows its place."""

    def __init__(self, flows: Flows, families: tuple[frozenset[str], ...]) -> None:
        self.flows = flows
        self.analysis = flows.analysis
        self.graph = flows.graph
        self.rows = SourceRows(flows.analysis, families)
        self.constants = ConstantSeeds(flows, self.rows)
        self._receivers = {row.function for row in self.analysis.model.sinks if row.kind == "argument"}
        self._names_known: dict[tuple[str, str], bool] = {}

    def find(self) -> list[Seed]:
        """All seeds, in order of path and position."""
        found: list[Seed] = []
        for unit in self._units():
            function = self.analysis.of(unit)
            for node, instruction in enumerate(function.code):
                if self.analysis.config_guards(instruction.config) == IMPOSSIBLE:
                    continue  # no build has all the arms that it stands in
                for leaf in function.leaves(node):
                    found += self._leaf(function, node, leaf)
                if isinstance(instruction, Call):
                    found += self.constants.call(function, node, instruction)
        found += self._through_parameters()
        found += self._pointed_to()
        return found

    def _units(self) -> list[Unit]:
        program = self.analysis.program
        units: dict[int, Unit] = {}
        for row in self.rows.all:
            names: list[str] = []
            if row.function or row.macro:
                names = [row.function or row.macro]
            elif row.variable or "*" in row.member:
                names = self._names(row)
                for member in self._members(row) if row.member != "*" else ():
                    units.update((unit.id, unit) for unit in program.units_accessing(row.type, member))
            else:
                members = row.member.split(".")
                around = program.innermost(row.type, members[:-1])
                units.update((unit.id, unit) for unit in program.units_accessing(around, members[-1]))
                if len(members) > 1:  # a copy of the struct around the member
                    names = [members[0]]
            for name in names:
                units.update((unit.id, unit) for unit in program.units_mentioning(name))
                for unit in self._behind_pointers(name):
                    units[unit.id] = unit
            if row.macro:
                units.update((unit.id, unit) for unit in self.constants.spelling_out(row.macro))
            if row.type and any(program.address_taken(name) for name in names):  # read through a pointer, too
                for member in self._members(row):
                    units.update((unit.id, unit) for unit in program.units_accessing(row.type, member))
        return sorted(units.values(), key=lambda unit: (unit.path, unit.start))

    def _behind_pointers(self, name: str) -> list[Unit]:
        """The functions that may read a tracked global through another one that points into it."""
        if self.analysis.program.types.global_var(name) is None:
            return []
        return [unit for unit in self.analysis.spread.units() if unit.is_function]

    def _names(self, row: Source) -> list[str]:
        """The globals that a row is about, and the tag of a type that all of is a source."""
        if not row.type:
            return [row.variable]
        names = [name for name in self.analysis.program.globals_of(row.type) if fnmatchcase(name, row.variable or "*")]
        return names + [row.type.partition(" ")[2]] * (row.member == "*" and not row.variable)

    def _members(self, row: Source) -> list[str]:
        """The members of a row's type that its pattern names."""
        members = self.analysis.program.members(row.type) if row.type else None
        return [name for name in members or {} if fnmatchcase(name, row.member)]

    # ------------------------------------------------------------ reads

    def _leaf(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        if isinstance(leaf.expr, Const):
            yield from self.constants.leaf(function, node, leaf)
            return
        if isinstance(leaf.expr, Addr):
            yield from self._handed_over(function, node, leaf)
            yield from self._boxed(function, node, leaf)
            return
        if not isinstance(leaf.expr, Load) or not self._may_be_source(leaf.expr.place):
            return
        for root, path, guards in function.resolve(node, leaf.expr.place):
            for below in self._source_members((root, path)) if root[0] in {"g", "h", "d"} else ():
                place = (root, (*path, *below))
                rows = self.rows.of(place)
                if not rows:
                    continue
                held = function.held(node)  # asked last: of most functions nobody needs them
                if not compatible(held, guards):
                    continue
                transfers = self.graph.use(function, node, leaf, below, held | guards | function.followed(node))
                if transfers:
                    yield self._seed(rows, place, function, node, IDENTITY, transfers)

    def _may_be_source(self, place: LValue) -> bool:
        """Whether an lvalue can denote a source, by how it is written: that spares the pointers of all others."""
        if isinstance(place, Var):
            return place.kind == "global"
        if not isinstance(place, Member) or place.type is None or place.type.is_record:
            return True
        tag = place.base.type.base if place.base.type is not None else ""
        key = (tag, place.name)
        found = self._names_known.get(key)
        if found is None:
            found = any(
                fnmatchcase(name, row.member.rpartition(".")[2] or "*") and (row.member != "*" or tag in {"", row.type})
                for row in self.rows.all
                for name in names(self.analysis, tag, place.name)
            )
            self._names_known[key] = found
        return found

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
        self.rows.used.update(row.id for row in rows)
        self.graph_edges(place, transfers)
        content = self.analysis.values.declared_of(place, rows)
        if any(row.evaluated for row in rows) or self.analysis.values.is_unchecked(place):
            content = self.analysis.values.content(self.rows.canonical(place)).join(content)
        name = self.rows.name(place, rows)
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
        memory = Definition(-1, 0, self.rows.canonical(place))
        for transfer in transfers:
            self.graph.remember(memory, transfer)

    def _through_parameters(self) -> Iterator[Seed]:
        """Sources that a function reads through a pointer it was given."""
        done: set[tuple[CallSite, Definition]] = set()
        for row in self.rows.all:
            if not row.evaluated:
                continue
            for place in self._memory_places(row):
                for transfer in self.graph.shared.readers_of(place):
                    target = transfer.target
                    if target is None or target.place[0][0] != "d" or transfer.site is None:
                        continue
                    if self.rows.of(target.place):  # by its type alone: found as a read already
                        continue
                    rows = self.rows.of(place)
                    key = (transfer.site, target)
                    if key in done or not rows:
                        continue
                    done.add(key)
                    function = self.analysis.by_id(target.function)
                    yield self._seed(rows, place, function, ENTRY, IDENTITY, [transfer])

    def _handed_over(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        """Sources whose address, or that of the struct around them, is an argument: read behind the parameter."""
        call = function.code[node]
        if not isinstance(call, Call) or not isinstance(leaf.role, int) or not isinstance(leaf.expr, Addr):
            return
        for root, path, _ in function.resolve(node, leaf.expr.place):
            for below in self._source_members((root, path)) if root[0] in {"g", "h", "d"} else ():
                place = (root, (*path, *below))
                rows = self.rows.of(place)
                if not rows:
                    continue
                units = self.analysis.calls.callees(function, node)
                if not units and call.callee in self._receivers:
                    held = function.held(node)
                    transfer = self.graph.calls.handed_out(function, node, call, leaf.role, held)
                    yield self._seed(rows, place, function, node, IDENTITY, [transfer])
                elif not units and not below:
                    transfers = self.graph.calls.given_back(function, node, call, function.held(node))
                    if transfers:
                        yield self._seed(rows, place, function, node, IDENTITY, transfers)
                if any(row.evaluated for row in rows):
                    continue
                for unit in units:
                    target = Definition(unit.id, ENTRY, (("d", unit.id, leaf.role), below), loaded=True)
                    if leaf.role < len(unit.signature.params) and not self.rows.of(target.place):
                        site = (function.id, node)
                        transfer = Transfer(target, "load", "memory-call", (), NOTHING, unit.id, ENTRY, "memory", site)
                        yield self._seed(rows, place, self.analysis.of(unit), ENTRY, IDENTITY, [transfer])

    def _boxed(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        """Sources whose address is stored in a member of an object: read where callees get the object."""
        for place in boxed(function, node, leaf):
            rows = self.rows.of(place)
            for transfer in boxed_reads(self.analysis, function, place) if rows else ():
                target = transfer.target
                if target is not None and not self.rows.of(target.place):  # by its type alone: found as a read already
                    callee = self.analysis.by_id(target.function)
                    yield self._seed(rows, place, callee, ENTRY, IDENTITY, [transfer])

    def _pointed_to(self) -> Iterator[Seed]:
        """Sources that a callee reads by a pointer to them, which somebody has stored somewhere."""
        done: set[tuple[CallSite, Definition]] = set()
        for unit in sorted(self.analysis.spread.units(), key=lambda unit: (unit.path, unit.start)):
            function = self.analysis.of(unit)
            for node in function.calls:
                for place, transfer in pointed_reads(self.analysis, function, node, self._source_members):
                    rows, target = self.rows.of(place), transfer.target
                    if not rows or target is None or transfer.site is None or self.rows.of(target.place):
                        continue
                    if (transfer.site, target) not in done:
                        done.add((transfer.site, target))
                        yield self._seed(rows, place, self.analysis.by_id(target.function), ENTRY, IDENTITY, [transfer])

    def _memory_places(self, row: Source) -> list[Place]:
        if row.function or row.macro:
            return []
        if "*" not in row.member and row.type and not row.variable:
            return [(("h", row.type, None, ""), path_below(self.analysis, row.type, row.member))]
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
