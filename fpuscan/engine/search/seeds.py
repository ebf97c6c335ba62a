"""Where flows start: every read of a source place, every mask constant that sets bits."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible
from fpuscan.engine.functions.reads import Operation
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search.boxed import boxed, boxed_reads, pointed_reads
from fpuscan.engine.search.flows import IDENTITY, Label, State, Step
from fpuscan.engine.values.contents import Content
from fpuscan.ir import ENTRY, Addr, Call, Const, Load, Member, Var

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.engine.search.flows import Flows
    from fpuscan.ir import Expr, LValue
    from fpuscan.model.rows import Source
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Seed", "Seeds"]

_MAX_CALLERS = 4  # from one caller to the next
_NAME = re.compile(r"[A-Za-z_]\w*")


class Seed(NamedTuple):
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
    """Finds the seeds of some families of source kinds, each seed for the first family that knows its place."""

    def __init__(self, flows: Flows, families: tuple[frozenset[str], ...]) -> None:
        self.flows = flows
        self.analysis = flows.analysis
        self.graph = flows.graph
        sources = self.analysis.model.sources
        self.families = [[row for row in sources if row.kind in kinds] for kinds in families]
        self.rows = [row for rows in self.families for row in rows]
        self.used: set[str] = set()
        self._receivers = {row.function for row in self.analysis.model.sinks if row.kind == "argument"}
        self._constant_functions = frozenset(row.function for row in self.rows if row.function)
        self._known: dict[Place, tuple[Source, ...]] = {}
        self._globals: dict[str, bool] = {}  # whether there are any of a type
        self._names_known: dict[tuple[str, str], bool] = {}
        self._bits = {name: row.macro for row in self.rows if row.macro and (name := self._bit_of(row.macro))}

    def rows_of(self, place: Place) -> tuple[Source, ...]:
        """The rows that a place matches, of the first family that has one; none for other places."""
        found = self._known.get(place)
        if found is None:
            found = ()
            around = {"", *(tag for tag, _ in self.analysis.chain(place))}  # most rows are of other types
            for family in self.families:
                found = tuple(
                    row
                    for row in family
                    if row.type in around
                    and not row.function
                    and not row.macro
                    and self.analysis.matches(row.pattern, place)
                )
                if found:
                    break
            self._known[place] = found
        return found

    def is_source(self, place: Place) -> bool:
        """Whether every read of a place is a seed of its own."""
        return place[0][0] in {"g", "h", "d"} and bool(self.rows_of(place))

    def _first_family(self, wanted: Callable[[Source], bool]) -> tuple[Source, ...]:
        """The rows that are wanted, of the first family that has one."""
        for family in self.families:
            found = tuple(row for row in family if wanted(row))
            if found:
                return found
        return ()

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
                    found += self._constant_call(function, node, instruction)
        found += self._through_parameters()
        found += self._pointed_to()
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
                units.update((unit.id, unit) for unit in self._spelling_out(row.macro))
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
            yield from self._constant_leaf(function, node, leaf)
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
                rows = self.rows_of(place)
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
                fnmatchcase(place.name, row.member.rpartition(".")[2] or "*")
                and (row.member != "*" or tag in {"", row.type})
                for row in self.rows
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
        self.used.update(row.id for row in rows)
        self.graph_edges(place, transfers)
        content = self.analysis.values.declared_of(place, rows)
        if any(row.evaluated for row in rows) or self.analysis.values.is_unchecked(place):
            content = self.analysis.values.content(self._canonical(place)).join(content)
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
        types = {row.type for row in self.rows_of(place)}
        for tag, below in chain:
            if below and tag in types:
                return (("h", tag, None, ""), below)
        return (("h", chain[0][0], None, ""), chain[0][1]) if chain else place

    def name(self, place: Place, rows: tuple[Source, ...]) -> str:
        """The name of a source for people."""
        known = self._passed(place, 0) if place[0][0] != "d" or self._has_globals(place) else set()
        shown = known.pop() if len(known) == 1 else self._canonical(place)
        return self.analysis.describe(shown) if shown[0][0] in {"g", "h"} else str(rows[0].pattern)

    def _has_globals(self, place: Place) -> bool:
        """Whether some global has the type of an object around a place; else no caller is asked which one it passes."""
        tags = {tag for tag, _ in self.analysis.chain(place)}
        self._globals.update({tag: bool(self.analysis.program.globals_of(tag)) for tag in tags - self._globals.keys()})
        return any(self._globals[tag] for tag in tags)

    def _passed(self, place: Place, depth: int) -> set[Place]:
        """What all callers mean by a place behind a parameter, where that is known to be globals."""
        root, path = place
        if root[0] != "d" or depth > _MAX_CALLERS:
            return {place} if root[0] == "g" else set()
        found: set[Place] = set()
        for caller, node in self.analysis.calls.callers(self.analysis.program.units[root[1]]):
            function = self.analysis.by_id(caller)
            for there, below, _ in self.analysis.calls.actual_places(function, node, root, path):
                inner = self._passed((there, below), depth + 1)
                if not inner:
                    return set()
                found |= inner
        return found

    def _through_parameters(self) -> Iterator[Seed]:
        """Sources that a function reads through a pointer it was given."""
        done: set[tuple[CallSite, Definition]] = set()
        for row in self.rows:
            if not row.evaluated:
                continue
            for place in self._memory_places(row):
                for transfer in self.graph.shared.readers_of(place):
                    target = transfer.target
                    if target is None or target.place[0][0] != "d" or transfer.site is None:
                        continue
                    if self.rows_of(target.place):  # by its type alone: found as a read already
                        continue
                    rows = self.rows_of(place)
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
                rows = self.rows_of(place)
                if not rows:
                    continue
                units = self.analysis.calls.callees(function, node)
                if not units and call.callee in self._receivers:
                    held = function.held(node)
                    transfer = self.graph.calls.handed_out(function, node, call, leaf.role, held)
                    yield self._seed(rows, place, function, node, IDENTITY, [transfer])
                if any(row.evaluated for row in rows):
                    continue
                for unit in units:
                    target = Definition(unit.id, ENTRY, (("d", unit.id, leaf.role), below), loaded=True)
                    if leaf.role < len(unit.signature.params) and not self.rows_of(target.place):
                        site = (function.id, node)
                        transfer = Transfer(target, "load", "memory-call", (), NOTHING, unit.id, ENTRY, "memory", site)
                        yield self._seed(rows, place, self.analysis.of(unit), ENTRY, IDENTITY, [transfer])

    def _boxed(self, function: FunctionAnalysis, node: int, leaf: Leaf) -> Iterator[Seed]:
        """Sources whose address is stored in a member of an object: read where callees get the object."""
        for place in boxed(function, node, leaf):
            rows = self.rows_of(place)
            for transfer in boxed_reads(self.analysis, function, place) if rows else ():
                target = transfer.target
                if target is not None and not self.rows_of(target.place):  # by its type alone: found as a read already
                    callee = self.analysis.by_id(target.function)
                    yield self._seed(rows, place, callee, ENTRY, IDENTITY, [transfer])

    def _pointed_to(self) -> Iterator[Seed]:
        """Sources that a callee reads by a pointer to them, which somebody has stored somewhere."""
        done: set[tuple[CallSite, Definition]] = set()
        for unit in sorted(self.analysis.spread.units(), key=lambda unit: (unit.path, unit.start)):
            function = self.analysis.of(unit)
            for node in function.calls:
                for place, transfer in pointed_reads(self.analysis, function, node, self._source_members):
                    rows, target = self.rows_of(place), transfer.target
                    if not rows or target is None or transfer.site is None or self.rows_of(target.place):
                        continue
                    if (transfer.site, target) not in done:
                        done.add((transfer.site, target))
                        yield self._seed(rows, place, self.analysis.by_id(target.function), ENTRY, IDENTITY, [transfer])

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
        macros = leaf.expr.macros or self._spelt_out(leaf.expr)
        rows = self._first_family(lambda row: row.macro in macros) if macros else ()
        if not rows or any(operation.kind in {"and", "not", "truth"} for operation in leaf.operations):
            return
        holds = function.held(node)
        transfers = self.graph.use(function, node, leaf, (), holds)
        if transfers:
            yield self._constant_seed(rows, rows[0].macro, leaf.expr.value, function, node, transfers)

    def _bit_of(self, macro: str) -> str:
        """The name of the bit that a mask macro stands for, from its definition; "" for other macros."""
        program = self.analysis.program
        found = program.macros.lookup(macro)
        names: set[str] = set(_NAME.findall(found.body)) if found is not None else set()
        bits = [name for name in names if program.macros.lookup(name) is None and program.evaluate(name) is not None]
        if len(bits) != 1 or program.evaluate(macro) != 1 << (program.evaluate(bits[0]) or 0):
            return ""
        return bits[0]

    def _spelling_out(self, macro: str) -> Iterator[Unit]:
        """The units that write a mask by the name of its bit: ``BIT_ULL(XFEATURE_CET_KERNEL)``."""
        for bit in (bit for bit, mask in self._bits.items() if mask == macro):
            shifted = re.compile(rb"(?:<<|\bBIT(?:_ULL)?\s*\()\s*" + bit.encode() + rb"\b")
            for unit in self.analysis.program.units_mentioning(bit):
                if shifted.search(unit.text()):
                    yield unit

    def _spelt_out(self, constant: Const) -> tuple[str, ...]:
        """The macro whose mask a constant writes by the name of its bit."""
        names = (name for name in _NAME.findall(constant.text) if name in self._bits)
        evaluate = self.analysis.program.evaluate
        return tuple(self._bits[name] for name in names if constant.value == evaluate(self._bits[name]))

    def _constant_call(self, function: FunctionAnalysis, node: int, call: Call) -> Iterator[Seed]:
        if call.callee not in self._constant_functions or call.result is None:
            return
        rows = self._first_family(lambda row: row.function == call.callee)
        if rows[0].format:
            yield from self._format_call(rows, function, node, call)
            return
        value = self.analysis.values.place_mask(function, node, (("v", function.id, call.result.key), ()), ())
        if not value.exact:
            callees = [self.analysis.of(unit) for unit in self.analysis.calls.callees(function, node)]
            values = [
                self.analysis.values.mask(callee, number, given, ())
                for callee in callees
                for number, given in callee.returned_values()
            ]
            bits = 0
            for each in values:
                bits |= each.may
        else:
            bits = value.may
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        holds = function.held(node)
        transfer = Transfer(target, "call", "stay", (), holds, function.id, node, "value", callee=rows[0].function)
        yield self._constant_seed(rows, f"{rows[0].function}()", bits, function, node, [transfer])

    def _format_call(
        self, rows: tuple[Source, ...], function: FunctionAnalysis, node: int, call: Call
    ) -> Iterator[Seed]:
        """A helper that may give a kernel-format size, whatever the mask."""
        helper = self.analysis.model.helpers.get(rows[0].function)
        operations: tuple[Operation, ...] = ()
        holds = function.held(node)
        if helper is not None and 0 <= helper.compacted < len(call.arguments):
            compacted = call.arguments[helper.compacted]
            asked = function.truth(node, compacted, want=True)  # ``!user && compacted``: only for who is no user
            if self._may_be_false(function, node, compacted) or not compatible(holds, asked):
                return
            operations = (Operation("format", compacted),)
            holds |= asked
        assert call.result is not None
        self.used.update(row.id for row in rows)
        target = Definition(function.id, node, (("v", function.id, call.result.key), ()))
        name = f"{rows[0].function}()"
        transfer = Transfer(target, "call", "stay", operations, holds, function.id, node, "value", callee=name[:-2])
        origin = State(Definition(function.id, node, (("k", name), ())), (), NOTHING, IDENTITY)
        step = Step(origin, transfer, Step(origin, None, None))
        yield Seed(rows, name, None, Content(format=not operations), function.id, node, (step,))

    def _may_be_false(self, function: FunctionAnalysis, node: int, expr: Expr) -> bool:
        """Whether an argument is written as false, here or, for a parameter, at some call."""
        if not isinstance(expr, Load) or not isinstance(expr.place, Var) or expr.place.kind != "param":
            return self.analysis.values.written_mask(function, node, expr).may == 0
        for caller, site in self.analysis.calls.callers(function.unit):
            call = self.analysis.by_id(caller).code[site]
            index = expr.place.key
            if isinstance(call, Call) and isinstance(index, int) and index < len(call.arguments):
                argument = call.arguments[index]
                if self.analysis.values.written_mask(self.analysis.by_id(caller), site, argument).may == 0:
                    return True
        return False

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
