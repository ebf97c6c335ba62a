"""What the configuration objects hold along the calls of the boot code, and which stores reset them.

A forward data-flow analysis over the functions that store into configuration
objects, each analysed anew for every call (the call tree is small): at each node
the definitions of every member, apart for paths on which the members depend on other
things, or with and without a reset. A *reset* is a store of a value that does not depend on CPU enumeration over one
that does. A function that nobody calls starts with nothing set if it enumerates
the CPU, else with what those functions leave.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.boot.configuration import pointed_at
from fpuscan.engine.boot.origins import Frame, Members, Origin, Setting
from fpuscan.engine.functions.function import ENTRY, EXIT
from fpuscan.engine.functions.loops import certain_loops, reverse_postorder
from fpuscan.ir import Assign, Branch, Call, Const
from fpuscan.parse.arms import contradict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.boot.configuration import Configurations
    from fpuscan.engine.boot.origins import Origins
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["NEVER", "Activation", "Path", "Reset", "State", "Walk", "joined"]

NEVER = Setting(-1, 0)
_NEVER_SET = frozenset({NEVER})
_MAX_FRAMES = 12
_MAX_PATHS = 40


class Reset(NamedTuple):
    """A store of a fixed value over an enumerated one; ``sites`` are the calls that led there, outermost first."""

    sites: tuple[CallSite, ...]
    function: int
    node: int
    place: Place


class Path(NamedTuple):
    """What the members hold on paths that are alike, and which resets lie on them.

    Paths are alike (``kind``) if each member depends on the same, and if all or none of them has a reset.
    """

    members: Members
    resets: frozenset[Reset]
    kind: tuple[object, ...]

    @classmethod
    def of(cls, members: Members, resets: frozenset[Reset] = frozenset()) -> Path:
        """The path with its kind."""
        held = frozenset(
            (place, frozenset((each.function < 0, each.origin, each.late) for each in settings))
            for place, settings in members.items()
            if settings != _NEVER_SET
        )
        return cls(members, resets, (bool(resets), held))

    def joined(self, other: Path) -> Path:
        """The paths of either; the kind is the first one's."""
        if other.members is self.members and other.resets <= self.resets:
            return self
        return Path(joined(self.members, other.members), self.resets | other.resets, self.kind)


class State(NamedTuple):
    """The paths to a node, one of each kind; ``wide``: they were too many, and only a reset tells them apart."""

    paths: dict[tuple[object, ...], Path]
    wide: bool = False

    @classmethod
    def of(cls, paths: Iterable[Path], *, wide: bool = False) -> State:
        """The state of some paths."""
        found: dict[tuple[object, ...], Path] = {}
        for path in paths:
            kind = path.kind[:1] if wide else path.kind
            known = found.get(kind)
            found[kind] = path if known is None else known.joined(path)
        return cls(found, wide) if wide or len(found) <= _MAX_PATHS else cls.of(found.values(), wide=True)

    def members(self, *, late: bool = False) -> Members:
        """What the members hold on any path, or on those with a reset."""
        found: Members | None = None
        for path in self.paths.values():
            if path.resets or not late:
                found = path.members if found is None else joined(found, path.members)
        return found or {}

    @property
    def has_reset(self) -> bool:
        """Whether some path has a reset."""
        return any(path.resets for path in self.paths.values())


def joined(first: Members, second: Members) -> Members:
    """What the members hold on either path."""
    if first is second or first == second:
        return first
    found = dict(first)
    for place, settings in first.items():
        others = second.get(place, _NEVER_SET)
        if others is not settings and not others <= settings:  # what stays the same object is soon compared
            found[place] = settings | others
    for place, settings in second.items():
        if place not in found:
            found[place] = settings | _NEVER_SET
    return found


def _merged(first: State, second: State) -> State:
    return State.of((*first.paths.values(), *second.paths.values()), wide=first.wide or second.wide)


Activation = tuple[int, tuple["CallSite", ...]]  # a function, and the calls that led into it


class _Shape(NamedTuple):
    """A function's control flow: the order of its nodes, its certain loops (see ``loops.py``), and for each edge
    around an ``#if`` arm what the skipped arms need.
    """  # noqa: D205

    order: list[int]
    loops: dict[int, int]
    skips: dict[tuple[int, int], tuple[frozenset[ConfigLiteral], ...]]

    def branches(self, head: int) -> list[int]:
        """The branch that tests the condition of a certain loop."""
        return [branch for branch, other in self.loops.items() if other == head]


@dataclass(slots=True)
class Walk:
    """One pass from an outermost function, and what it saw.

    ``entries`` and ``exits`` are the states around each activation; ``linked`` pairs resets that one path has both of;
    ``late`` holds the nodes that some path reaches behind a reset. A walk that needs more than ``activations`` of
    functions is ``cut`` and says nothing.
    """

    analysis: Analysis
    configurations: Configurations
    origins: Origins
    storing: frozenset[int]
    activations: int
    entries: dict[Activation, State] = field(default_factory=dict)
    exits: dict[Activation, State] = field(default_factory=dict)
    linked: dict[Reset, frozenset[Reset]] = field(default_factory=dict)
    late: set[CallSite] = field(default_factory=set)
    _stack: list[Frame] = field(default_factory=list)
    _shapes: dict[int, _Shape] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Whether the work was more than allowed."""
        return self.activations < 0

    def run(self, function: FunctionAnalysis, sites: tuple[CallSite, ...], entry: State) -> State | None:
        """The state at the exit of a function that is entered through ``sites``; None if it never returns."""
        states: dict[int, State] = {ENTRY: entry}
        again: dict[int, State] = {}  # of them, what comes from the end of a loop's body
        shape = self._shape(function)

        def members(node: int) -> Members:
            return states.get(node, entry).members()

        self._stack.append(Frame(function, members))
        work, queued = [(shape.order[ENTRY], ENTRY)], {ENTRY}

        def push(node: int) -> None:
            if node not in queued:
                queued.add(node)
                heapq.heappush(work, (shape.order[node], node))

        while work:
            _, node = heapq.heappop(work)
            queued.discard(node)
            state = self._behind(function, sites, node, states[node])
            if state is None:
                continue
            for target, leaves in self._successors(function, node):
                leaving: State | None = state
                if leaves and node in shape.loops:
                    leaving = again.get(shape.loops[node])
                if leaving is None:
                    continue  # the body has not been run yet
                arriving = _within(leaving, shape.skips.get((node, target), ()), function.code[target].config)
                if _arrive(states, target, arriving):
                    push(target)
                if shape.order[node] >= shape.order[target] and _arrive(again, target, arriving):
                    for branch in shape.branches(target):
                        push(branch)
        self._stack.pop()
        self.late.update((function.id, node) for node, state in states.items() if state.has_reset)
        found = states.get(EXIT)
        if found is not None:
            self.entries[function.id, sites] = entry
            self.exits[function.id, sites] = found
        return found

    def _shape(self, function: FunctionAnalysis) -> _Shape:
        found = self._shapes.get(function.id)
        if found is None:
            order = reverse_postorder(function)
            found = _Shape(order, certain_loops(function, order), dict(_skips(function)))
            self._shapes[function.id] = found
        return found

    def _successors(self, function: FunctionAnalysis, node: int) -> Iterator[tuple[int, bool]]:
        """Where control goes, and whether because a condition is false."""
        instruction = function.code[node]
        condition = instruction.condition if isinstance(instruction, Branch) else None
        known = condition.value if isinstance(condition, Const) else None
        for edge in function.facts.succ[node]:
            if known is None or edge.truth is None or bool(known) is edge.truth:
                yield edge.target, edge.truth is False

    # ------------------------------------------------------------ statements

    def _behind(self, function: FunctionAnalysis, sites: tuple[CallSite, ...], node: int, state: State) -> State | None:
        instruction = function.code[node]
        if isinstance(instruction, Assign):
            return self._stored(function, sites, node, instruction, state)
        if isinstance(instruction, Call):
            return self._called(function, sites, node, instruction, state)
        return state

    def _stored(
        self, function: FunctionAnalysis, sites: tuple[CallSite, ...], node: int, store: Assign, state: State
    ) -> State:
        targets = [
            (outer, len(path))
            for root, path, _ in function.resolve(node, store.target)
            for outer in self._outward((root, path), len(self._stack) - 1)
        ]
        if not any(self.configurations.holds(outer) for outer, _ in targets):
            return state
        paths = [self._stored_on(path, (function, sites, node), store, targets) for path in state.paths.values()]
        return State.of(paths, wide=state.wide)

    def _stored_on(
        self,
        path: Path,
        at: tuple[FunctionAnalysis, tuple[CallSite, ...], int],
        store: Assign,
        targets: list[tuple[Place, int]],
    ) -> Path:
        """What a store makes of the members on one path, and which of them it resets."""
        function, sites, node = at
        origins: dict[Place, Origin] = {}
        for target, _ in targets:
            for place in self.configurations.written(target, path.members):
                below = place[1][len(target[1]) :]
                origin = self.origins.stored(tuple(self._stack), node, store.value, below, path.members)
                origins[place] = max(origin, origins.get(place, Origin.FIXED))
        resets = frozenset(
            Reset(sites, function.id, node, place)
            for place, origin in origins.items()
            if origin is Origin.FIXED and any(map(_is_enumerated, path.members.get(place, ())))
        )
        for reset in resets:
            self.linked[reset] = self.linked.get(reset, frozenset()) | path.resets | resets
        config = (*function.facts.config, *store.config)
        members = dict(path.members)
        for place, origin in origins.items():
            setting = Setting(function.id, node, origin, bool(path.resets or resets), config)
            maybe = (store.weak or len(targets) > 1) and origin is not Origin.FIXED
            members[place] = frozenset({setting}) | (members.get(place, _NEVER_SET) if maybe else frozenset())
        return Path.of(members, path.resets | resets)

    def _outward(self, place: Place, level: int) -> list[Place]:
        """A place below a parameter, as the callers on the stack name it."""
        root, path = place
        if root[0] == "g":
            return [place]
        if root[0] not in {"d", "p"} or level == 0:
            return []
        caller = self._stack[level - 1]
        there = self.analysis.calls.actual_places(caller.function, caller.call, root, path)
        return [outer for base, below, _ in there for outer in self._outward((base, below), level - 1)]

    # ------------------------------------------------------------ calls

    def _called(
        self, function: FunctionAnalysis, sites: tuple[CallSite, ...], node: int, call: Call, state: State
    ) -> State | None:
        units = [unit for unit in self._callees(function, node, call) if self._enters(function, node, call, unit)]
        if not units or len(sites) >= _MAX_FRAMES or self.cut:
            return state
        self.activations -= len(units)
        self._stack[-1].call = node
        exits = [self.run(self.analysis.of(unit), (*sites, (function.id, node)), state) for unit in units]
        found = [each for each in exits if each is not None]
        if not found:
            return None
        result = found[0]
        for each in found[1:]:
            result = _merged(result, each)
        return result

    def _callees(self, function: FunctionAnalysis, node: int, call: Call) -> Iterable[Unit]:
        active = {frame.function.id for frame in self._stack}
        units = self.analysis.calls.callees(function, node) if isinstance(call.callee, str) else ()
        return (unit for unit in units if unit.id not in active)

    def _enters(self, function: FunctionAnalysis, node: int, call: Call, unit: Unit) -> bool:
        """Whether a callee may store into a configuration object: by its name, or through a pointer to it."""
        if unit.id in self.storing:
            return True
        return any(
            self.configurations.holds(outer) and self.configurations.stores_through(unit, index, outer)
            for index, argument in enumerate(call.arguments)
            for root, path, _ in pointed_at(function, node, argument)
            for outer in self._outward((root, path), len(self._stack) - 1)
        )


def _arrive(states: dict[int, State], target: int, state: State) -> bool:
    """Join a state to those at a node; whether that says something new."""
    old = states.get(target)
    new = state if old is None else _merged(old, state)
    states[target] = new
    return new != old


def _skips(function: FunctionAnalysis) -> Iterator[tuple[tuple[int, int], tuple[frozenset[ConfigLiteral], ...]]]:
    if not any(instruction.config for instruction in function.code):
        return
    for node, edges in enumerate(function.facts.succ):
        here = set(function.code[node].config)
        for edge in edges:
            there = set(function.code[edge.target].config)
            arms = {
                frozenset(set(function.code[other.target].config) - here)
                for other in edges
                if (other.truth, other.equals) == (edge.truth, edge.equals)
            }
            skipped = tuple(arm for arm in arms if not arm <= there)
            if skipped:
                yield (node, edge.target), skipped


def _within(state: State, skipped: tuple[frozenset[ConfigLiteral], ...], config: tuple[ConfigLiteral, ...]) -> State:
    """A state without the definitions that no build has on a way: it skips their arm, or leads into another."""
    if not skipped and not config:
        return state

    def kept(path: Path) -> Path:
        found = {
            place: frozenset(
                each
                for each in settings
                if not any(arm <= set(each.config) for arm in skipped) and not contradict(each.config, config)
            )
            for place, settings in path.members.items()
        }
        return path if found == path.members else Path.of(found, path.resets)

    return State.of(map(kept, state.paths.values()), wide=state.wide)


def _is_enumerated(setting: Setting) -> bool:
    return setting.origin is Origin.ENUMERATED and not setting.late
