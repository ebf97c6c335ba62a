"""FPU203: a kernel buffer gets its size or its features from the user ABI.

The question is asked backward: a store is a finding only if *every* value that
reaches it is one of the user ABI. ``max()`` or ``|`` with a value of the kernel's
side, and two members set from one local, are none.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Transfer
from fpuscan.engine.search.crossings import Crossing
from fpuscan.engine.search.seeds import Seeds
from fpuscan.engine.search.sinks import Hit
from fpuscan.engine.search.states import Step
from fpuscan.engine.unions import path_below
from fpuscan.engine.values.allocations import allocations
from fpuscan.engine.values.families import Families, Read
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Call, Load, uncast
from fpuscan.result import Severity, Surviving
from fpuscan.rules.crossing_rule import CrossingRule, Search, Verdict
from fpuscan.rules.entries import read_at_once
from fpuscan.rules.floors import USER, Floors, Store
from fpuscan.rules.info import FPU203

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.search.states import State
    from fpuscan.model.rows import Floor, Sink
    from fpuscan.places import Place
    from fpuscan.program import Unit
    from fpuscan.result import Finding

__all__ = ["find"]

_TOO_SMALL = "floor"
_MEMORY = frozenset({"g", "h", "d"})  # the roots of what is no local


def find(search: Search) -> list[Finding]:
    """The findings of the rule."""
    finder = _Finder(search)
    floors = Floors(search, finder.family, finder.units)
    wrong = [(store, origins) for store in finder.stores() if (origins := finder.user_origins(store))]
    short = [(store, origins) for floor, store in floors.stores() if (origins := floors.short_origins(floor, store))]
    if not wrong and not short:
        return []
    seeds = Seeds(search.flows, (frozenset({USER}),)).find()
    pairs = [
        (Verdict(severity, Surviving()), crossing)
        for severity, found in ((Severity.WARNING, wrong), (Severity.ERROR, short))
        for store, origins in found
        for seed in seeds
        if _is_read(seed, origins)
        for crossing in [finder.crossing(seed, store)]
        if not store.row.guess or finder.reaches_buffer(crossing)
    ]
    return _RULE.report(search, pairs)


def _is_read(seed: Seed, origins: frozenset[Read]) -> bool:
    here = Read(USER, seed.function, seed.node)
    return here in origins or here._replace(place=seed.place) in origins


class _Finder:
    def __init__(self, search: Search) -> None:
        self.search = search
        self.flows = search.flows
        self.analysis = search.flows.analysis
        model = self.analysis.model
        self.rows = [row for row in model.sinks if row.kind == "buffer"]
        self.allocations = [row for row in model.sinks if row.kind == "allocation"]
        self.user = [row for row in model.sources if row.kind == USER and not row.function]
        self.makers = frozenset(row.function for row in model.sources if row.kind == USER and row.function)
        self.others = [row for row in model.sources if row.kind != USER and not row.function and not row.macro]

    # ------------------------------------------------------------ where kernel buffers get their sizes

    def stores(self) -> Iterator[Store]:
        """All stores into places of kernel buffers, and all allocations of them."""
        for unit in self.units(self.rows):
            function = self.analysis.of(unit)
            for node, instruction in enumerate(function.code):
                if isinstance(instruction, Assign) and _is_struct(instruction):
                    yield from self._copied(function, node, instruction)
                elif isinstance(instruction, Assign):
                    for root, path, _ in function.resolve(node, instruction.target):
                        row = self._row((root, path)) if root[0] in _MEMORY else None
                        if row is not None:
                            yield Store(row, function, node, (root, path), instruction.value)
            for node in function.calls:
                yield from self._lent(function, node)
        yield from self._allocated()

    def _lent(self, function: FunctionAnalysis, node: int) -> Iterator[Store]:
        """What callees store in a number that they get the address of: ``fill(&x->size)``."""
        call = function.code[node]
        assert isinstance(call, Call)
        for index, argument in enumerate(call.arguments):
            inner = uncast(argument)
            if not isinstance(inner, Addr) or inner.place.type is None or inner.place.type.integer is None:
                continue
            places = [(root, path) for root, path, _ in function.resolve(node, inner.place) if root[0] in _MEMORY]
            row = next(filter(None, map(self._row, places)), None)
            for unit in self.analysis.calls.callees(function, node) if row is not None else ():
                callee, below = self.analysis.of(unit), ("d", unit.id, index)
                for there, store in callee.memory_stores.items():
                    if row is not None and any(each[:2] == (below, ()) for each in callee.resolve(there, store.target)):
                        yield Store(row, callee, there, (below, ()), store.value)

    def _copied(self, function: FunctionAnalysis, node: int, copy: Assign) -> Iterator[Store]:
        """The members that a copy of a local struct stores."""
        tag = copy.target.type.base if copy.target.type is not None else ""
        rows = [row for row in self.rows if row.type == tag and not row.variable and "*" not in row.member]
        if not rows or not isinstance(copy.value, Load):
            return
        if any(root[0] != "v" for root, _, _ in function.resolve(node, copy.value.place)):
            return
        for root, path, _ in function.resolve(node, copy.target):
            for row in rows if root[0] in {"g", "h", "d"} else ():
                below = path_below(self.analysis, tag, row.member)
                yield Store(row, function, node, (root, (*path, *below)), copy.value, below)

    def _row(self, place: Place) -> Sink | None:
        return next((row for row in self.rows if self.analysis.matches(row.pattern, place)), None)

    def units(self, rows: list[Sink] | list[Floor]) -> list[Unit]:
        program = self.analysis.program
        found: dict[int, Unit] = {}
        for row in rows:
            if row.variable and not row.type:
                found.update((unit.id, unit) for unit in program.units_mentioning(row.variable))
                continue
            *around, last = row.member.split(".")
            owner = program.innermost(row.type, around)
            for member in [last] if "*" not in row.member else program.members(row.type) or ():
                found.update((unit.id, unit) for unit in program.units_accessing(owner, member))
            if row.type and not row.variable:
                found.update((unit.id, unit) for unit in program.copiers(row.type))
        functions = [unit for unit in found.values() if unit.is_function]
        return sorted(functions, key=lambda unit: (unit.path, unit.start))

    def _allocated(self) -> Iterator[Store]:
        """The sizes of allocations that hold such a struct."""
        for row in self.allocations:
            for function, node, value in allocations(self.analysis, row.type):
                yield Store(row, function, node, None, value)

    # ------------------------------------------------------------ what they get

    def _origins(self) -> Families:
        return Families(self.analysis, self.family, only=USER, made=self._made)

    def _made(self, function: FunctionAnalysis, node: int, call: Call) -> str | None:
        """A size in standard format of nothing but user features is one of the user ABI, whoever had the features."""
        helper = self.analysis.model.helpers[str(call.callee)]
        if call.callee not in self.makers or not 0 <= helper.compacted < len(call.arguments):
            return None
        values = self.analysis.values
        mask, compacted = (
            values.mask(function, node, call.arguments[index], ()) for index in (helper.mask, helper.compacted)
        )
        return USER if not compacted.may and mask.may and not mask.may & ~values.user_mask else None

    def family(self, place: Place) -> str | None:
        if place[0][0] == "v":  # a copy, or filled here: of what it is made
            return None
        if any(self.analysis.matches(row.pattern, place) for row in self.user):
            return USER
        return "kernel" if any(self.analysis.matches(row.pattern, place) for row in self.others) else None

    def user_origins(self, store: Store) -> frozenset[Read]:
        """The reads of the user ABI that a store comes from; none if anything else reaches the place as well."""
        own = self._origins().part(store.function, store.node, store.value, store.below)
        if not own or any(origin.family != USER for origin in own):
            return frozenset()
        if store.place is not None:
            for node in store.function.reaching(EXIT, store.place) - {ENTRY, store.node}:
                other = store.function.code[node]
                if isinstance(other, Assign) and not self._other_side(store, node):
                    others = self._origins().of(store.function, node, other.value)
                    if any(origin.family != USER for origin in others):
                        return frozenset()
        return own

    def _other_side(self, store: Store, node: int) -> bool:
        """Whether a store into the same place is one for the buffers of the other side."""
        held = store.function.entry_guards()
        sides = {self.analysis.side_of(held.get(each, NOTHING), store.function.id, each) for each in (store.node, node)}
        return sides == {"guest", "host"}

    # ------------------------------------------------------------ the way there

    def crossing(self, seed: Seed, store: Store) -> Crossing:
        """The way of a value from its source to the statement, as a crossing."""
        found: list[tuple[Step, Transfer, State | None]] = []

        def visit(step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
            if (transfer.function, transfer.instruction) == (store.function.id, store.node):
                found.append((step, transfer, targets[0] if targets else None))
            return [] if found else targets

        starts = []
        for start in seed.starts:
            assert start.transfer is not None
            first = Step(start.state, None, None)
            states = visit(first, start.transfer, self.flows.follow(start.state, start.transfer))
            starts += [Step(state, start.transfer, first) for state in states]
        if not found:
            self.flows.search(starts, visit)
        place = self._name(store)
        if found:
            step, transfer, target = found[0]
            label = target.label if target is not None else step.state.label
        else:  # the way leads through what the search does not follow
            step, target = Step(seed.starts[0].state, None, None), None
            transfer = Transfer(None, "store", "stay", (), NOTHING, store.function.id, store.node)
            label = step.state.label
        side = store.row.side
        if side == "instance":
            side = self.analysis.flow_side(transfer.guards, step.state.frames, transfer.function, store.node) or "host"
        return Crossing(seed, Hit(store.row, side, place), step, transfer, target, label)

    def reaches_buffer(self, crossing: Crossing) -> bool:
        """Whether the value of a place that only its type tells gets to a place that is known to be a buffer's."""
        if crossing.target is None:
            return True
        found = False

        def visit(_step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
            nonlocal found
            found = found or (transfer.function, transfer.instruction) in self._known_buffers
            rows = (self._row(target.definition.place) for target in targets)
            found = found or any(row is not None and not row.guess for row in rows)
            return [] if found else targets

        self.flows.search([Step(crossing.target, crossing.transfer, crossing.step)], visit)
        return found

    @cached_property
    def _known_buffers(self) -> frozenset[tuple[int, int]]:
        """The statements that give a buffer its size or features, whatever they give."""
        return frozenset((store.function.id, store.node) for store in self.stores() if not store.row.guess)

    def _name(self, store: Store) -> str:
        if store.place is None:
            return f"the memory of a {store.row.type}"
        for tag, path in self.analysis.chain(store.place):
            if tag == store.row.type and path and fnmatchcase(".".join(path), store.row.member):
                return f"{tag}.{'.'.join(path)}" if not store.row.variable else self.analysis.describe(store.place)
        if not store.place[1] and "*" not in store.row.member:  # behind a pointer to a number
            return f"{store.row.type}.{store.row.member}"
        return self.analysis.describe(store.place)


def _is_struct(instruction: Assign) -> bool:
    ctype = instruction.target.type
    return ctype is not None and ctype.is_struct


def _judge(_search: Search, _crossing: Crossing) -> Verdict | None:
    return Verdict(Severity.WARNING, Surviving())


def _message(verdict: Verdict, crossing: Crossing) -> str:
    source, place = crossing.seed.name, crossing.hit.place
    if verdict.severity is Severity.ERROR:
        return f"{source} alone sets {place}: without XSAVE that is smaller than the struct kvm_xsave that KVM copies"
    what = "size" if crossing.hit.sink.what == "size" else "features"
    return f"{source}, of the user ABI, gives {place} its {what}: kernel buffers also hold supervisor state"


_RULE = CrossingRule(frozenset({USER}), lambda _: FPU203, _judge, _message, shared=read_at_once)
