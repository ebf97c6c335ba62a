"""How conditions cross a call: what holds of the arguments holds of the parameters, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import fits, stored_constant
from fpuscan.engine.calls.choices import is_address
from fpuscan.engine.calls.targets import CallTargets
from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join, negated
from fpuscan.engine.functions.questions import asked
from fpuscan.ir import ENTRY, EXIT, Binary, Call, Cast, Const, uncast

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards, Literal
    from fpuscan.engine.functions.questions import Question
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place

__all__ = ["CallGuards"]

_MAX_DEPTH = 8
_PREDICATE = 250  # bytes of a function whose truth is worth following


class CallGuards(CallTargets):
    """The call graph, with the conditions of each call."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._formals: dict[int, tuple[Literal, ...]] = {}

    def guards_outward(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, guards: Guards
    ) -> Guards | None:
        """A callee's guards as the caller sees them; None when they contradict the arguments."""
        when = self.analysis.choices.when(function, node, callee.unit)
        if when == IMPOSSIBLE:
            return None
        found: set[Literal] = set(when)
        for literal in guards:
            outer = self.literal_outward(function, node, callee, literal)
            if outer == IMPOSSIBLE or (outer and not compatible(frozenset(found), outer)):
                return None
            found |= outer
        return frozenset(found)

    def literal_outward(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, literal: Literal
    ) -> Guards:
        """One literal about a callee's formal, as literals about the actual."""
        key, operator, constant = literal
        if key[0] == "c":
            return frozenset({literal})
        if key[0] != "b" or key[1] != callee.id or key[4] != frozenset({ENTRY}):
            return NOTHING
        root, path = key[2], key[3]
        call = function.code[node]
        assert isinstance(call, Call)
        if root[0] not in {"p", "d"} or root[2] >= len(call.arguments):
            return NOTHING
        index: int = root[2]
        if root[0] == "p" and not path:
            argument = self.passed(callee, index, call.arguments[index])
            if isinstance(constant, int) and is_address(constant):
                return self.analysis.choices.chosen(function, node, argument, constant) if operator == "=" else NOTHING
            return asked(literal).of_value(function, node, argument)
        places = self.analysis.calls.actual_places(function, node, root, path)
        if len(places) != 1 or places[0][2]:
            return NOTHING
        place = (places[0][0], places[0][1])
        side = self.analysis.place_instance(place)
        if side and constant == 0 and self.analysis.is_side_flag(place) and (side == "guest") is (operator == "="):
            return IMPOSSIBLE  # the flag says the other side than the object that holds it
        return function.answer(node, place, asked(literal))

    def passed(self, callee: FunctionAnalysis, index: int, argument: Expr) -> Expr:
        """An argument as a callee's formal holds it: cut to a narrower type."""
        ctype = callee.facts.params[index].type if index < len(callee.facts.params) else None
        if ctype is None or fits(argument, ctype) or is_boolean(argument):
            return argument
        if isinstance(argument, Const) and argument.value is not None:
            return Const(stored_constant(argument.value, ctype), argument.text)
        return Cast(ctype, 0, argument)

    def guards_inward(self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, guards: Guards) -> Guards:
        """What the caller's guards and the arguments say about the callee's formals."""
        found: set[Literal] = {literal for literal in guards if literal[0][0] == "c"}
        decided: set[object] = set()
        for literal in self._formal_literals(callee):
            key, _, constant = literal
            if (key, constant) in decided:
                continue
            outer = self.literal_outward(function, node, callee, literal)
            if outer == IMPOSSIBLE or (outer and not compatible(guards, outer)):
                found.add(negated(literal))
                decided.add((key, constant))
        call = function.code[node]
        assert isinstance(call, Call)
        for index, given in enumerate(call.arguments[: len(callee.facts.params)]):
            argument = self.passed(callee, index, given)
            if isinstance(argument, Const) and argument.value:
                found.add((("b", callee.id, ("p", callee.id, index), (), frozenset({ENTRY})), "=", argument.value))
        return frozenset(found)

    def _formal_literals(self, callee: FunctionAnalysis) -> tuple[Literal, ...]:
        """What a callee's conditions may ask about its formals and what is behind them, and the negations."""
        found = self._formals.get(callee.id)
        if found is None:
            wanted: dict[Literal, None] = {}
            for variable in callee.facts.params:
                wanted[("b", callee.id, ("p", callee.id, variable.key), (), frozenset({ENTRY})), "!", 0] = None
            for number, edges in enumerate(callee.facts.succ):
                for edge in edges:
                    for key, operator, constant in callee.edge_literals(number, edge):
                        if key[0] == "b" and key[4] == frozenset({ENTRY}) and key[2][0] in {"d", "p"}:
                            wanted[key, operator, constant] = None
            found = tuple(literal for each in wanted for literal in (each, negated(each)))
            self._formals[callee.id] = found
        return found

    def returned(self, function: FunctionAnalysis, node: int, question: Question) -> Guards | None:
        """What follows for the caller from a question about what a small function returned; None for nothing known."""

        def ways(callee: FunctionAnalysis) -> list[Guards | None]:
            found = [
                self._compared(function, node, callee, at, value, question)
                or self._way_out(function, node, callee, at, question.of_value(callee, at, value))
                for at, value in callee.returned_values()
            ]
            return found if len(found) == len(callee.returns) else []

        return self._asked(function, node, ways)

    def _compared(
        self,
        function: FunctionAnalysis,
        node: int,
        callee: FunctionAnalysis,
        at: int,
        value: Expr,
        question: Question,
    ) -> Guards:
        """What the truth of a comparison of parameters says about what was passed: ``perm == &fpu->perm``; nothing
        where the value is no such comparison.
        """  # noqa: D205
        value = uncast(value)
        if question.about != "truth" or not isinstance(value, Binary) or not callee.comparing.concerns(value):
            return NOTHING
        sides: list[list[Guarded]] = []
        for side in (value.left, value.right):
            places, unknown, *_ = callee.targets(at, side)
            if unknown or any(guards or root[0] != "d" for root, _, guards in places):
                return NOTHING
            actual = self.analysis.calls.actual_places
            sides.append([each for root, path, _ in places for each in actual(function, node, root, path)])
        return callee.comparing.among(value.op, *sides, want=question.want)

    def left(self, function: FunctionAnalysis, node: int, place: Place, question: Question) -> Guards | None:
        """The same about what a small function left in a place that it got the address of."""

        def ways(callee: FunctionAnalysis) -> list[Guards | None]:
            inner = self.analysis.calls.inward(function, node, callee.unit, place)
            if len(inner) != 1:
                return []
            wanted = callee.answer(EXIT, inner[0], question)
            return [None if wanted == IMPOSSIBLE else self.guards_outward(function, node, callee, wanted)]

        return self._asked(function, node, ways)

    def _asked(
        self, function: FunctionAnalysis, node: int, ways: Callable[[FunctionAnalysis], list[Guards | None]]
    ) -> Guards | None:
        """What holds on all ways out of the callee that are possible (no None)."""
        call = function.code[node]
        assert isinstance(call, Call)
        if not isinstance(call.callee, str):
            return None
        units = self.callees(function, node)
        key = ("asked", function.id, node)
        if (
            len(units) != 1
            or key in self._busy
            or len(self._busy) > _MAX_DEPTH
            or units[0].end - units[0].start > _PREDICATE
        ):
            return None
        self._busy.add(key)
        try:
            found = ways(self.analysis.of(units[0]))
        finally:
            self._busy.discard(key)
        possible = [guards for guards in found if guards is not None]
        if not possible:
            return IMPOSSIBLE if found else None
        return join(*possible) or None

    def _way_out(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, at: int, wanted: Guards
    ) -> Guards | None:
        """What a call says when it leaves by one return statement with ``wanted``; None when it cannot."""
        held = callee.entry_guards().get(at)
        if wanted == IMPOSSIBLE or held is None or not compatible(held, wanted):
            return None
        return self.guards_outward(function, node, callee, held | wanted)

    def enterable(self, function: FunctionAnalysis, guards: Guards, depth: int = 0) -> bool:
        """Whether some caller lets a file-local function run under guards about its parameters."""
        about = frozenset(literal for literal in guards if literal[0][0] == "b" and literal[0][4] == frozenset({ENTRY}))
        sites = self.callers(function.unit)
        if not about or not sites or depth > _MAX_DEPTH or not self.program.is_file_local(function.unit):
            return True
        for caller, node in sites:
            calling = self.analysis.by_id(caller)
            held = calling.entry_guards().get(node)
            outer = self.guards_outward(calling, node, function, about)
            if (
                held is not None
                and outer is not None
                and compatible(held, outer)
                and self.enterable(calling, held | outer, depth + 1)
            ):
                return True
        return False
