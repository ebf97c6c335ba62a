"""Where the address of a tracked global goes: the pointers that are set to it, and the units that may follow them.

A function names a tracked global and takes its address, or that of a member; from there the address goes into
globals (initialisers included), out of the function by its result or through a parameter, and into callees that keep
it. Only the variables that hold it are followed, in no order: who is named here is asked what its pointers denote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import walk_expression
from fpuscan.engine.functions.variables import base_variable
from fpuscan.ir import Addr, Assign, Call, FunctionRef, Load, Return, Var, subexpressions, uncast
from fpuscan.places import plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr, LValue
    from fpuscan.program import Unit

__all__ = ["Spread"]

_MAX_UNITS = 200  # that an address is followed through


@dataclass(slots=True)
class _Found:
    """What is known so far: globals by key, functions by name, parameters by function and number."""

    globals: set[str] = field(default_factory=set)
    giving: set[str] = field(default_factory=set)
    params: dict[str, set[int]] = field(default_factory=dict)
    units: dict[int, Unit] = field(default_factory=dict)
    work: list[Unit] = field(default_factory=list)

    def visit(self, units: Iterable[Unit]) -> None:
        """Look at some units, again if need be."""
        for unit in units:
            if unit.id not in self.units and len(self.units) >= _MAX_UNITS:
                return
            self.units[unit.id] = unit
            if unit not in self.work:
                self.work.append(unit)


class Spread:
    """The answers of one program, found once."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.program = analysis.program

    def units(self) -> list[Unit]:
        """The units in which a pointer to a tracked global or into it may be followed; in no order."""
        return list(self._found.units.values())

    def names(self) -> frozenset[str]:
        """The names of the globals that hold such a pointer."""
        return frozenset(map(plain_name, self._found.globals))

    @cached_property
    def _found(self) -> _Found:
        found = _Found()
        found.visit(self._taking_addresses())
        while found.work:
            unit = found.work.pop()
            _Passage(self.analysis.of(unit), self.analysis, found).run()
        return found

    def _taking_addresses(self) -> list[Unit]:
        """The units that take the address of a tracked global or of a member of it, as the text tells."""
        program, scope = self.program, self.analysis.model.scope
        names = {name for tag in scope.tracked_types for name in program.globals_of(tag)}
        units: dict[int, Unit] = {}
        for name in sorted(names | set(scope.tracked)):
            taken = re.compile(rb"&\s*" + name.encode() + rb"\b")
            units.update((unit.id, unit) for unit in program.units_mentioning(name) if taken.search(unit.text()))
        return list(units.values())


class _Passage:
    """What one unit does with the addresses that it knows."""

    def __init__(self, function: FunctionAnalysis, analysis: Analysis, found: _Found) -> None:
        self.function = function
        self.analysis = analysis
        self.program = analysis.program
        self.found = found
        name = function.unit.name
        self._holding: set[object] = {
            variable.key
            for number, variable in enumerate(function.facts.params)
            if number in found.params.get(name, ())
        }

    def run(self) -> None:
        """Note where the addresses go, until nothing new is found."""
        before = -1
        while before != len(self._holding):
            before = len(self._holding)
            for instruction in self.function.code:
                match instruction:
                    case Assign() if self._is_address(instruction.value):
                        self._stored(instruction.target)
                    case Return(value=value) if value is not None and self._is_address(value):
                        self._given(self.function.unit.name)
                    case Call():
                        self._called(instruction)
                    case _:
                        pass

    def _stored(self, target: LValue) -> None:
        variable = base_variable(target)
        if variable is None:  # through a pointer: whoever called may hold it now
            self._behind(target)
        elif variable.kind == "global":
            self._kept_in(str(variable.key))
        else:
            self._holding.add(variable.key)

    def _behind(self, target: LValue) -> None:
        """A store through a pointer: into what a parameter points to, or a variable of this function."""
        for expr in walk_expression(Load(target, 0)):
            if isinstance(expr, Load | Addr):
                variable = base_variable(expr.place)
                if variable is not None and variable.kind == "param":
                    self._given(self.function.unit.name)
                elif variable is not None and variable.kind == "global":
                    self._kept_in(str(variable.key))
                elif variable is not None:
                    self._holding.add(variable.key)

    def _kept_in(self, key: str) -> None:
        if key in self.found.globals:
            return
        self.found.globals.add(key)
        path, _, name = key.rpartition(":")
        if "." in name:  # a static of this function
            return
        units = self.program.units_mentioning(name)
        self.found.visit(unit for unit in units if not path or unit.path == path)

    def _given(self, name: str) -> None:
        if name not in self.found.giving:
            self.found.giving.add(name)
            self.found.visit(self.program.users_of(name))

    def _called(self, call: Call) -> None:
        if not isinstance(call.callee, str):
            return
        if call.callee in self.found.giving:
            if call.result is not None:
                self._holding.add(call.result.key)
            for argument in call.arguments:  # it may have stored the address there
                self._behind_argument(argument)
        numbers = {number for number, argument in enumerate(call.arguments) if self._is_address(argument)}
        known = self.found.params.setdefault(call.callee, set())
        if not numbers <= known:
            known |= numbers
            self.found.visit(self.program.functions_named(call.callee, self.function.unit.path))

    def _behind_argument(self, argument: Expr) -> None:
        argument = uncast(argument)
        if isinstance(argument, Addr):
            self._stored(argument.place)
        elif isinstance(argument, Load):
            self._behind(argument.place)

    def _is_address(self, value: Expr) -> bool:
        """Whether a value may be, or hold, the address of a tracked global."""
        value = uncast(value)
        if isinstance(value, FunctionRef):
            return False
        if isinstance(value, Addr):
            variable = base_variable(value.place)
            if variable is None:
                return self._holds(value.place)
            return self._is_tracked(variable) or self._is_holder(variable)
        if isinstance(value, Load):
            return _may_point(value) and self._holds(value.place)
        return any(map(self._is_address, subexpressions(value)))

    def _holds(self, place: LValue) -> bool:
        """Whether some variable that an lvalue goes through holds such an address."""
        for expr in walk_expression(Load(place, 0)):
            variable = base_variable(expr.place) if isinstance(expr, Load | Addr) else None
            if variable is not None and self._is_holder(variable):
                return True
        return False

    def _is_holder(self, variable: Var) -> bool:
        if variable.kind == "global":
            return str(variable.key) in self.found.globals
        return variable.key in self._holding

    def _is_tracked(self, variable: Var) -> bool:
        if variable.kind != "global" or variable.type is None:
            return False
        return variable.type.base in self.analysis.model.scope.tracked_types


def _may_point(value: Load) -> bool:
    """Whether a value may be a pointer or a struct that holds one."""
    ctype = value.place.type
    return ctype is None or ctype.is_pointer or ctype.is_record or bool(ctype.arrays)
