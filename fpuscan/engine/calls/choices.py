"""When a call through a function pointer reaches which function: ``check = guest ? no_check : validate; check(size)``.

A function pointer that a function was given is told apart by a literal about the parameter, whose constant stands for
the address of a function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join
from fpuscan.ir import ENTRY, Assign, Call, Cast, FunctionRef, Load
from fpuscan.places import covers

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Choices", "address", "is_address"]

_TEXT = 0xFFFF_FFFF_8000_0000  # __START_KERNEL_map: no size or mask of user space is as large
_MAX_DEPTH = 5  # copies of a function pointer


def address(unit: Unit) -> int:
    """The constant that stands for the address of a function."""
    return _TEXT + unit.id


def is_address(constant: int) -> bool:
    """Whether the constant of a literal stands for the address of a function."""
    return _TEXT <= constant < _TEXT + (1 << 30)


class Choices:
    """The conditions of indirect calls."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._known: dict[tuple[int, int, int], Guards] = {}
        self._busy: set[tuple[int, int, int]] = set()

    def when(self, function: FunctionAnalysis, node: int, unit: Unit) -> Guards:
        """What holds where a call reaches one of several functions; nothing is said of a call by name."""
        call = function.code[node]
        assert isinstance(call, Call)
        if isinstance(call.callee, str):
            return NOTHING
        key = (function.id, node, unit.id)
        found = self._known.get(key)
        if found is not None:
            return found
        if key in self._busy:
            self.analysis.calls.cuts += 1
            return NOTHING
        cuts = function.cuts()
        self._busy.add(key)
        try:
            found = self.chosen(function, node, call.callee, address(unit))
        finally:
            self._busy.discard(key)
        if function.cuts() == cuts:
            self._known[key] = found
        return found

    def chosen(self, function: FunctionAnalysis, node: int, expr: Expr, wanted: int, depth: int = 0) -> Guards:
        """What holds where a function pointer is the address ``wanted``; IMPOSSIBLE where it cannot be."""
        match expr:
            case FunctionRef():
                units = self.analysis.program.functions_named(expr.name, function.unit.path)
                return NOTHING if wanted in map(address, units) else IMPOSSIBLE
            case Cast():
                return self.chosen(function, node, expr.operand, wanted, depth)
            case Load() if depth <= _MAX_DEPTH:
                ways = [
                    guards | held
                    for root, path, guards in function.resolve(node, expr.place)
                    for held in self._held(function, node, (root, path), wanted, depth)
                    if compatible(guards, held)
                ]
                return join(*ways) if ways else IMPOSSIBLE
            case _:
                return NOTHING if depth else IMPOSSIBLE

    def _held(self, function: FunctionAnalysis, node: int, place: Place, wanted: int, depth: int) -> list[Guards]:
        """The ways in which a place holds that address where it is read at a node."""
        found: list[Guards] = []
        for definition in function.reaching(node, place):
            guards = self._by(function, definition, place, wanted, depth)
            if guards == NOTHING and not self._may_hold(function, node, place, wanted):
                continue
            guards = function.lasting_guards(definition, place, guards, node)
            if compatible(NOTHING, guards):
                found.append(guards)
        return found

    def _may_hold(self, function: FunctionAnalysis, node: int, place: Place, wanted: int) -> bool:
        return any(_TEXT + number == wanted for number in self.analysis.calls.place_functions(function, node, place, 0))

    def _by(self, function: FunctionAnalysis, definition: int, place: Place, wanted: int, depth: int) -> Guards:
        """What holds where one definition of a place leaves that address in it."""
        instruction = function.code[definition]
        root, path = place
        if definition == ENTRY and root[0] == "p" and not path:
            return frozenset({(("b", function.id, root, path, frozenset({ENTRY})), "=", wanted)})
        if isinstance(instruction, Call) and instruction.result is not None:
            returned = ("v", function.id, instruction.result.key)
            return self._returned(function, definition, wanted, depth) if place == (returned, ()) else NOTHING
        if not isinstance(instruction, Assign):
            return NOTHING
        targets = function.resolve(definition, instruction.target)
        if len(targets) != 1 or targets[0][:2] != place or not covers(targets[0][:2], place):
            return NOTHING
        return self.chosen(function, definition, instruction.value, wanted, depth + 1)

    def _returned(self, function: FunctionAnalysis, node: int, wanted: int, depth: int) -> Guards:
        """What holds where a call gives that address back."""
        ways: list[Guards] = []
        for unit in self.analysis.calls.callees(function, node):
            callee = self.analysis.of(unit)
            for at, value in callee.returned_values():
                held = callee.entry_guards().get(at)
                inner = self.chosen(callee, at, value, wanted, depth + 1)
                if held is None or not compatible(held, inner):
                    continue
                outer = self.analysis.calls.guards_outward(function, node, callee, held | inner)
                if outer is not None:
                    ways.append(outer)
        return join(*ways) if ways else IMPOSSIBLE
