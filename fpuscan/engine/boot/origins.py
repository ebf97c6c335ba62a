"""Whether a value depends on what the CPU enumerates.

Evaluates an expression backward: locals over their reaching definitions,
parameters at the call, results in the callee's returns, configuration members
in the state at that point, other globals over all their stores. Only data
counts: a branch on a CPU feature says nothing about the constants it chooses.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.function import ENTRY, EXIT
from fpuscan.ir import Assign, Call, Const, Index, Load, Member, Opaque, subexpressions
from fpuscan.places import overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.boot.configuration import Configurations
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.places import Place

__all__ = ["Frame", "Members", "Origin", "Origins", "Setting"]

_MAX_FRAMES = 12
_MAX_DEPTH = 60  # definitions behind definitions; beyond it nothing is known


class Origin(enum.IntEnum):
    """What a value depends on; the larger of two is that of what is computed from both."""

    FIXED = 0
    UNKNOWN = 1
    ENUMERATED = 2


class Setting(NamedTuple):
    """One definition of a configuration member: the statement (unit, node) that made it.

    ``late``: made behind a reset. ``config``: the build that it needs. ``function`` -1 is no definition at all.
    """

    function: int
    node: int
    origin: Origin = Origin.FIXED
    late: bool = False
    config: tuple[ConfigLiteral, ...] = ()


Members = dict["Place", frozenset[Setting]]


@dataclass(slots=True)
class Frame:
    """One active function: where it is in its next call, and what the members hold at its nodes (None: not known)."""

    function: FunctionAnalysis
    members: Callable[[int], Members | None]
    call: int = ENTRY
    known: dict[object, Origin] = field(default_factory=dict)  # for one question only


class Origins:
    """Evaluates origins; ``stack`` is the chain of active functions, outermost first."""

    def __init__(self, analysis: Analysis, configurations: Configurations) -> None:
        self.analysis = analysis
        self.configurations = configurations
        self._shared: dict[Place, Origin] = {}
        self._busy: set[Place] = set()
        self._cuts = 0
        self._depth = 0
        self._enumerates = frozenset(
            name for name, effect in analysis.model.effects.items() if effect.kind == "enumerate"
        )

    def stored(
        self, stack: tuple[Frame, ...], node: int, expr: Expr, below: tuple[str, ...], members: Members
    ) -> Origin:
        """The origin of the part ``below`` of what a statement stores: a question of its own."""
        for frame in stack:
            frame.known.clear()
        return self._part(stack, node, expr, below, members)

    def _value(self, stack: tuple[Frame, ...], node: int, expr: Expr, members: Members | None) -> Origin:
        """The origin of an expression at a node of the innermost function, where ``members`` hold."""
        match expr:
            case Const():
                return Origin.ENUMERATED if expr.text in self._enumerates else Origin.FIXED
            case Load():
                places = [(root, path) for root, path, _ in stack[-1].function.resolve(node, expr.place)]
                found = self._worst(self._place(stack, node, place, members) for place in places)
                return max(found, self._indices(stack, node, expr.place, members))
            case Opaque() if expr.text in self._enumerates:
                return Origin.ENUMERATED
            case _:
                return self._worst(self._value(stack, node, part, members) for part in subexpressions(expr))

    def _part(
        self, stack: tuple[Frame, ...], node: int, expr: Expr, below: tuple[str, ...], members: Members | None
    ) -> Origin:
        """The origin of the part ``below`` of the value of an expression."""
        if below and isinstance(expr, Load):
            places = [(root, (*path, *below)) for root, path, _ in stack[-1].function.resolve(node, expr.place)]
            return self._worst(self._place(stack, node, place, members) for place in places)
        return self._value(stack, node, expr, members)

    def _worst(self, origins: Iterable[Origin]) -> Origin:
        found = Origin.FIXED
        for origin in origins:
            found = max(found, origin)
            if found is Origin.ENUMERATED:
                break
        return found

    def _indices(self, stack: tuple[Frame, ...], node: int, place: LValue, members: Members | None) -> Origin:
        """Which element is read is part of what is read."""
        current: LValue | None = place
        found = Origin.FIXED
        while isinstance(current, Member | Index):
            if isinstance(current, Index) and current.by is not None:
                found = max(found, self._value(stack, node, current.by, members))
            current = current.base
        return found

    # ------------------------------------------------------------ places

    def _place(self, stack: tuple[Frame, ...], node: int, place: Place, members: Members | None) -> Origin:
        """The origin of what a place holds at a node of the innermost function."""
        kind = place[0][0]
        if kind == "g":
            if self.analysis.variable(place[0]) in self.configurations.variables:
                return self._configured(place, members)
            return self._anywhere(place)
        if kind not in {"v", "p", "d"}:
            return Origin.UNKNOWN
        known = stack[-1].known
        key = (node, place)
        if key not in known:
            if self._depth > _MAX_DEPTH:
                return Origin.UNKNOWN
            known[key] = Origin.FIXED  # a value that depends on itself adds nothing to what it started from
            self._depth += 1
            definitions = sorted(stack[-1].function.reaching(node, place))
            known[key] = self._worst(self._definition(stack, definition, place) for definition in definitions)
            self._depth -= 1
        return known[key]

    def _configured(self, place: Place, members: Members | None) -> Origin:
        if members is None:
            return Origin.UNKNOWN
        return self._worst(
            setting.origin for known, settings in members.items() if overlap(known, place) for setting in settings
        )

    def _definition(self, stack: tuple[Frame, ...], definition: int, place: Place) -> Origin:
        if definition == ENTRY:
            return self._outside(stack, place)
        frame = stack[-1]
        members = frame.members(definition)
        instruction = frame.function.code[definition]
        if isinstance(instruction, Assign):
            targets = frame.function.resolve(definition, instruction.target)
            return self._worst(
                self._part(stack, definition, instruction.value, place[1][len(path) :], members)
                for root, path, _ in targets
                if overlap((root, path), place)
            )
        if isinstance(instruction, Call):
            return self._called(stack, definition, instruction, place, members)
        return Origin.UNKNOWN

    def _outside(self, stack: tuple[Frame, ...], place: Place) -> Origin:
        """What a function finds in a place when it is entered."""
        root, path = place
        if len(stack) < 2 or root[0] == "v":  # an outermost function, or a local that nobody has set
            return Origin.UNKNOWN
        outer = stack[:-1]
        frame = outer[-1]
        call = frame.function.code[frame.call]
        assert isinstance(call, Call)
        members = frame.members(frame.call)
        if root[0] == "p" and not path:
            if root[2] >= len(call.arguments):
                return Origin.UNKNOWN
            return self._value(outer, frame.call, call.arguments[root[2]], members)
        there = self.analysis.calls.actual_places(frame.function, frame.call, root, path)
        if not there:
            return Origin.UNKNOWN
        return self._worst(self._place(outer, frame.call, (base, below), members) for base, below, _ in there)

    # ------------------------------------------------------------ calls and memory

    def _called(self, stack: tuple[Frame, ...], node: int, call: Call, place: Place, members: Members | None) -> Origin:
        """What a call returns, or leaves behind a pointer that it was given."""
        if call.callee in self._enumerates:
            return Origin.ENUMERATED
        frame = stack[-1]
        units = self.analysis.calls.callees(frame.function, node)
        active = {each.function.id for each in stack}
        if not units or len(stack) > _MAX_FRAMES or any(unit.id in active for unit in units):
            return Origin.UNKNOWN
        result = call.result is not None and place[0] == ("v", frame.function.id, call.result.key)
        caller = Frame(frame.function, frame.members, node, frame.known)
        found = Origin.FIXED
        for unit in units:
            callee = self.analysis.of(unit)
            inside = (*stack[:-1], caller, Frame(callee, lambda _: members))
            if result:
                for number, value in callee.returned_values():
                    found = max(found, self._part(inside, number, value, place[1], members))
            else:
                inner = self.analysis.calls.inward(frame.function, node, unit, place)
                found = max(found, self._worst(self._place(inside, EXIT, each, members) for each in inner))
            if found is Origin.ENUMERATED:
                break
        return found

    def _anywhere(self, place: Place) -> Origin:
        """What any function stores into a global that is no configuration object."""
        found = self._shared.get(place)
        if found is None:
            if place in self._busy:
                self._cuts += 1
                return Origin.FIXED
            cuts = self._cuts
            self._busy.add(place)
            found = self._worst(self._stores(place))
            self._busy.discard(place)
            if cuts == self._cuts or not self._busy or found is Origin.ENUMERATED:
                self._shared[place] = found
        return found

    def _stores(self, place: Place) -> Iterable[Origin]:
        for unit in self.analysis.storers(place):
            if unit.is_function and not self.analysis.calls.may_store(unit, place):
                continue
            function = self.analysis.of(unit)
            stack = (Frame(function, lambda _: None),)
            for number, instruction in enumerate(function.code):
                if not isinstance(instruction, Assign):
                    continue
                for root, path, _ in function.resolve(number, instruction.target):
                    if overlap((root, path), place):
                        yield self._part(stack, number, instruction.value, place[1][len(path) :], None)
