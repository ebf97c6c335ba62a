"""Functions that reset the configuration objects in part, or set them up in part.

Runs :class:`~fpuscan.engine.boot.resets.Walk` from every outermost function that
stores into a configuration object. Resets that one path has both of belong
together, and so does all that the function does that leads to all of them:
helpers that each do a part are one reset, judged where that function leaves.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.boot.configuration import Configurations, pointed_at
from fpuscan.engine.boot.origins import Members, Origin, Origins
from fpuscan.engine.boot.resets import NEVER, Activation, Path, Reset, State, Walk, joined
from fpuscan.engine.functions.variables import base_variable
from fpuscan.ir import Assign, Call, Const, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr, LValue
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Partial", "Partials"]

_MAX_CALLERS = 60
_MAX_ACTIVATIONS = 4000  # of functions, in all walks; the boot code of a real tree has a handful
Settings = tuple["CallSite", ...]  # the statements that made a definition: (unit, node)


class Partial(NamedTuple):
    """What one function leaves.

    ``node`` is its first reset, or the call that leads there; without resets, its first size. ``stale`` are members
    whose enumerated definition still holds at its exit, with the statements that made it; ``unset`` are sizes that no
    path has set although the function sets those of the other objects.
    """

    function: int
    node: int
    resets: tuple[Reset, ...]
    stale: dict[Place, Settings]
    unset: tuple[Place, ...]


class Partials:
    """Finds the functions, and says which code runs only before they do."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.configurations = Configurations(analysis)
        self.origins = Origins(analysis, self.configurations)
        self._walks: list[tuple[Walk, int]] = []  # with the outermost function
        self._given: dict[int, set[Place]] = {}  # what each outermost function leaves set
        self._setup: frozenset[int] = frozenset()
        self._early: dict[int, bool] = {}
        self._activations = _MAX_ACTIVATIONS
        self.cut_at: Unit | None = None  # the outermost function that calls others in too many ways to follow

    def find(self) -> list[Partial]:
        """All functions that leave a member stale or unset, in order of path and position."""
        self._walk()
        found: dict[int, Partial] = {}
        for walk, _ in self._walks:
            for partial in self._reset_in(walk):
                found[partial.function] = _combined(found.get(partial.function), partial)
        for walk, outermost in self._walks:
            if outermost in self._setup:
                for partial in self._unset_in(walk, outermost):
                    found[partial.function] = _combined(found.get(partial.function), partial)
        units = self.analysis.program.units
        kept = (partial for partial in found.values() if partial.stale or partial.unset)
        return sorted(kept, key=lambda each: (units[each.function].path, units[each.function].start))

    # ------------------------------------------------------------ the walks

    def _walk(self) -> None:
        """Walk from every outermost function: first from nothing, then from what those that enumerate the CPU leave.

        Of a function that runs while the kernel boots, and that nobody is seen to call, it is not known which of
        them is first.
        """
        storing = self._storing()
        left: Members | None = None
        later: list[Unit] = []
        for unit in storing.values():
            if self._callers_in(unit, storing):
                continue
            walk, state = self._from(unit, storing, {})
            if walk.cut:
                return
            members = state.members() if state is not None else {}
            self._given[unit.id] = {place for place, made in members.items() if NEVER not in made}
            if walk.linked or any(each.origin is Origin.ENUMERATED for made in members.values() for each in made):
                self._walks.append((walk, unit.id))
                left = members if left is None else joined(left, members)
            elif not self._boots(unit):
                later.append(unit)
        self._setup = frozenset(number for _, number in self._walks)
        if left is not None:
            for unit in later:
                walk, _ = self._from(unit, storing, left)
                if walk.cut:
                    return
                self._walks.append((walk, unit.id))

    def _boots(self, unit: Unit) -> bool:
        """Whether a function is marked as one that runs only while the kernel boots."""
        head, _, _ = self.analysis.program.files[unit.path].source.data[unit.start : unit.end].partition(b"(")
        return any(word.encode() in head.split() for word in self.analysis.model.scope.boot)

    def _from(self, unit: Unit, storing: dict[int, Unit], members: Members) -> tuple[Walk, State | None]:
        walk = Walk(self.analysis, self.configurations, self.origins, frozenset(storing), self._activations)
        state = walk.run(self.analysis.of(unit), (), State.of([Path.of(members)]))
        self._activations = walk.activations
        if walk.cut:
            self.cut_at = unit
        return walk, state

    def _storing(self) -> dict[int, Unit]:
        """The functions that store into a configuration object, and all that call them by name."""
        found = {unit.id: unit for unit in self.configurations.units() if self._stores(unit)}
        work = list(found.values())
        while work:
            for user in self.analysis.program.users_of(work.pop().name):
                if user.id not in found:
                    found[user.id] = user
                    work.append(user)
        return dict(sorted(found.items(), key=lambda item: (item[1].path, item[1].start)))

    def _callers_in(self, unit: Unit, storing: dict[int, Unit]) -> bool:
        return any(user.id in storing and user.id != unit.id for user in self.analysis.program.users_of(unit.name))

    def _stores(self, unit: Unit) -> bool:
        """Whether a function itself stores into a configuration object, or hands one to a function that does."""
        function = self.analysis.of(unit)
        for node, instruction in enumerate(function.code):
            if isinstance(instruction, Assign):
                if self._may_be_configured(instruction.target) and any(
                    self.configurations.written((root, path), ())
                    for root, path, _ in function.resolve(node, instruction.target)
                ):
                    return True
            elif isinstance(instruction, Call) and self._hands_over(function, node, instruction):
                return True
        return False

    def _may_be_configured(self, target: LValue) -> bool:
        variable = base_variable(target)
        if variable is not None:
            return variable.kind == "global" and variable.name in self.configurations.variables
        return isinstance(target, Member) and target.name in self._members

    @cached_property
    def _members(self) -> frozenset[str]:
        """The names of all members of configuration objects."""
        program = self.analysis.program
        return frozenset(
            name
            for row in self.configurations.rows
            if row.type
            for name in program.members(row.type) or {}
            if fnmatchcase(name, row.member)
        )

    def _hands_over(self, function: FunctionAnalysis, node: int, call: Call) -> bool:
        return any(
            self.configurations.stores_through(callee, index, (root, path))
            for index, argument in enumerate(call.arguments)
            for root, path, _ in pointed_at(function, node, argument)
            if self.configurations.holds((root, path))
            for callee in self.analysis.calls.callees(function, node)
        )

    # ------------------------------------------------------------ resets

    def _reset_in(self, walk: Walk) -> Iterator[Partial]:
        for group in _groups(walk.linked):
            function, sites = _innermost([(*reset.sites, (reset.function, reset.node)) for reset in group])
            state = walk.exits.get((function, sites))
            if state is None or not state.has_reset:
                continue
            inside = len(sites)
            nodes = {(*reset.sites, (reset.function, reset.node))[inside][1] for reset in group}
            yield Partial(
                function,
                self._first(function, nodes),
                tuple(sorted(group, key=self._order)),
                _stale(state.members(late=True)),
                (),
            )

    def _first(self, function: int, nodes: set[int]) -> int:
        code = self.analysis.by_id(function).code
        return min(nodes, key=lambda node: (code[node].start, node))

    def _order(self, reset: Reset) -> tuple[object, ...]:
        """Where a reset is written, as the outermost function leads to it."""
        units = self.analysis.program.units
        ways = (*reset.sites, (reset.function, reset.node))
        return tuple(units[unit].facts.code[node].start for unit, node in ways), reset.place[1], str(reset.place[0])

    # ------------------------------------------------------------ first values

    def _unset_in(self, walk: Walk, outermost: int) -> Iterator[Partial]:
        """The innermost functions that give sizes to all other objects, and leave one that stays without."""
        sizes = self.configurations.sizes()
        elsewhere = {place for number, given in self._given.items() if number != outermost for place in given}
        stored = {place for state in walk.exits.values() for place in state.members()}
        left = walk.exits[outermost, ()].members() if (outermost, ()) in walk.exits else {}
        given = stored - elsewhere - self._initialised if sizes else frozenset()
        never = [place for place in sizes if NEVER in left.get(place, {NEVER}) and place in given]
        setting = {
            activation: unset
            for activation in walk.exits
            if (unset := self._leaves_unset(walk, activation, sizes, _left_by_callers(walk, activation, never)))
        }
        for (function, sites), unset in setting.items():
            if any(
                len(inner) > len(sites) and inner[: len(sites)] == sites and inner[len(sites)][0] == function
                for _, inner in setting
            ):
                continue  # something that it calls does
            nodes = self._giving(walk, (function, sites), sizes)
            if nodes:
                yield Partial(function, self._first(function, nodes), (), {}, unset)

    @cached_property
    def _initialised(self) -> frozenset[Place]:
        """The members that an initialiser gives a value other than zero."""
        program = self.analysis.program
        units = (unit for name in self.configurations.variables for unit in program.units_mentioning(name))
        return frozenset(
            (root, path)
            for function in (self.analysis.of(unit) for unit in units if not unit.is_function)
            for node, instruction in enumerate(function.code)
            if isinstance(instruction, Assign) and not _is_zero(instruction.value)
            for root, path, _ in function.resolve(node, instruction.target)
        )

    def _giving(self, walk: Walk, activation: Activation, sizes: list[Place]) -> set[int]:
        """The statements of a function that give sizes, and the calls that may."""
        function, sites = activation
        made = walk.exits[activation].members()
        nodes = {each.node for place in sizes for each in made.get(place, ()) if each.function == function}
        inner = (way[len(sites)] for _, way in walk.exits if len(way) > len(sites) and way[: len(sites)] == sites)
        return nodes | {node for caller, node in inner if caller == function}

    def _leaves_unset(
        self, walk: Walk, activation: Activation, sizes: list[Place], never: list[Place]
    ) -> tuple[Place, ...]:
        entry, left = walk.entries[activation].members(), walk.exits[activation].members()
        given = {
            place[0]
            for place in sizes
            if (made := left.get(place)) and NEVER not in made and not made & entry.get(place, frozenset())
        }
        given |= {place[0] for place in self._initialised}
        objects = {place[0] for place in sizes}
        return tuple(
            place
            for place in never
            if NEVER in left.get(place, {NEVER}) and objects - {place[0]} and objects - {place[0]} <= given
        )

    # ------------------------------------------------------------ what runs when

    def is_early(self, unit: Unit, node: int) -> bool:
        """Whether code runs only while the configuration is set up, and no path there is behind a reset."""
        if not self._only_setup(unit):
            return False
        return not any((unit.id, node) in walk.late or self._called_late(walk, unit) for walk, _ in self._walks)

    def _only_setup(self, unit: Unit) -> bool:
        """Whether all ways to a function that are seen start at the functions that set the configuration up."""
        found = self._early.get(unit.id)
        if found is None:
            found = self._early[unit.id] = self._is_only_setup(unit)
        return found

    def _is_only_setup(self, unit: Unit) -> bool:
        program = self.analysis.program
        seen, work, from_setup = {unit.id}, [unit], False
        while work:
            current = work.pop()
            if current.id in self._setup:
                from_setup = True
                continue
            users = program.users_of(current.name)
            if not users or len(seen) > _MAX_CALLERS or program.units_naming(current.name):
                return False
            for user in users:
                if user.id not in seen:
                    seen.add(user.id)
                    work.append(user)
        return from_setup

    def _called_late(self, walk: Walk, unit: Unit, depth: int = 0) -> bool:
        """Whether a function is called behind a reset."""
        for caller, node in self.analysis.calls.callers(unit):
            if (caller, node) in walk.late:
                return True
            inside = any(number == caller for number, _ in walk.exits)
            if not inside and depth < 12 and self._called_late(walk, self.analysis.program.units[caller], depth + 1):
                return True
        return False


def _is_zero(value: Expr) -> bool:
    return isinstance(value, Const) and value.value == 0


def _left_by_callers(walk: Walk, activation: Activation, places: list[Place]) -> list[Place]:
    """The places that those who led into a function do not set behind it, either."""
    _, sites = activation
    callers = [walk.exits.get((caller, sites[:depth])) for depth, (caller, _) in enumerate(sites)]
    left = [state.members() for state in callers if state is not None]
    return [place for place in places if all(NEVER in members.get(place, {NEVER}) for members in left)]


def _stale(members: Members) -> dict[Place, Settings]:
    """The members that hold what was enumerated in front of the reset."""
    found = {}
    for place, settings in members.items():
        old = sorted(each for each in settings if each.origin is Origin.ENUMERATED and not each.late)
        if old:
            found[place] = tuple((each.function, each.node) for each in old)
    return found


def _groups(linked: dict[Reset, frozenset[Reset]]) -> list[list[Reset]]:
    """The resets parted into sets that some path has together."""
    number = {reset: index for index, reset in enumerate(linked)}
    for reset, others in linked.items():
        for other in others:
            old, new = number[other], number[reset]
            if old != new:
                number = {each: new if known == old else known for each, known in number.items()}
    groups: dict[int, list[Reset]] = {}
    for reset, index in number.items():
        groups.setdefault(index, []).append(reset)
    return list(groups.values())


def _innermost(ways: list[tuple[CallSite, ...]]) -> Activation:
    """The innermost function that all ways lead through."""
    common = 0
    while all(len(way) > common + 1 for way in ways) and len({way[common] for way in ways}) == 1:
        common += 1
    return ways[0][common][0], ways[0][:common]


def _combined(first: Partial | None, second: Partial) -> Partial:
    """What a function leaves over several calls of it; resets and members in the order of the first."""
    if first is None:
        return second
    stale = {
        place: tuple(sorted({*first.stale.get(place, ()), *second.stale.get(place, ())}))
        for place in (*first.stale, *second.stale)
    }
    main = second if second.resets and not first.resets else first
    known = {(reset.function, reset.node, reset.place) for reset in main.resets}
    more = [each for each in (*first.resets, *second.resets) if (each.function, each.node, each.place) not in known]
    unset = tuple(dict.fromkeys((*first.unset, *second.unset)))
    return Partial(first.function, main.node, (*main.resets, *more), stale, unset)
