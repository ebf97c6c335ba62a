"""Who calls whom: the functions that a call can reach, function pointers among them, and the calls of a function."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.ir import (
    ENTRY,
    Assign,
    Call,
    Cast,
    Const,
    FunctionRef,
    Index,
    Load,
    Member,
    Return,
    Var,
    uncast,
    variable_read,
)
from fpuscan.places import NO_MEMBERS, overlap, path_overlap, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Place, Root
    from fpuscan.program import Unit

__all__ = ["CallSite", "CallTargets", "Frame"]

_MAX_DEPTH = 8
_MAX_BUSY = 12
_MAX_POINTERS = 5  # function pointers copied from one place to the next
CallSite = tuple[int, int]  # (function, node)
Frame = tuple[CallSite, "Guards"]  # a call that a flow went into, and what held there


class CallTargets:
    """The call graph, on demand."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.program = analysis.program
        self._callees: dict[CallSite, tuple[Unit, ...]] = {}
        self._callers: dict[int, tuple[CallSite, ...]] = {}
        self._stored_functions: dict[tuple[object, ...], frozenset[int]] = {}
        self._units_storing: dict[str, list[Unit]] = {}
        self._setting: dict[str, list[Unit]] = {}
        self._busy: set[object] = set()
        self._nesting = 0
        self.unresolved: set[tuple[str, str, int]] = set()

    def callees(self, function: FunctionAnalysis, node: int) -> tuple[Unit, ...]:
        """The definitions that a call can reach."""
        key = (function.id, node)
        found = self._callees.get(key)
        if found is None:
            self._callees[key] = ()  # cut recursion through function pointers
            found = self._find_callees(function, node)
            self._callees[key] = found
        return found

    def _find_callees(self, function: FunctionAnalysis, node: int) -> tuple[Unit, ...]:
        call = function.code[node]
        assert isinstance(call, Call)
        if isinstance(call.callee, str):
            return tuple(self._named(call.callee, function.unit.path))
        return self._units(self.function_values(function, node, call.callee))

    def _units(self, numbers: frozenset[int]) -> tuple[Unit, ...]:
        return tuple(self.program.units[number] for number in sorted(numbers))

    def _named(self, name: str, path: str) -> tuple[Unit, ...]:
        units = self.program.functions_named(name, path)
        if units:
            return tuple(units)
        numbers = frozenset(self.program.static_calls().get(name, ()))
        for prefix, tag in self.analysis.model.static_calls.items():
            if name.startswith(prefix):
                numbers |= self.stored_functions(tag, name.removeprefix(prefix), ())
        return self._units(numbers)

    def function_values(self, function: FunctionAnalysis, node: int, expr: Expr, depth: int = 0) -> frozenset[int]:
        """The functions (units) that a function pointer may be."""
        match expr:
            case FunctionRef():
                units = self.program.functions_named(expr.name, function.unit.path)
                return frozenset(unit.id for unit in units)
            case Cast():
                return self.function_values(function, node, expr.operand, depth)
            case Load():
                found: frozenset[int] = frozenset()
                ctype = self.program.types.resolve(expr.place.type) if expr.place.type is not None else None
                if ctype is not None and not ctype.function and ctype.base not in {"void", "long", "unsigned long"}:
                    return found
                for root, path, _ in function.resolve(node, expr.place):
                    found |= self.place_functions(function, node, (root, path), depth)
                return found
            case _:
                return frozenset()

    def place_functions(self, function: FunctionAnalysis, node: int, place: Place, depth: int) -> frozenset[int]:
        """The functions (units) that a function pointer in a place may be at a node."""
        found: frozenset[int] = frozenset()
        key = ("functions", function.id, node, place)
        if depth > _MAX_POINTERS or key in self._busy or len(self._busy) > _MAX_BUSY:
            return found
        self._busy.add(key)
        try:
            return self._reaching_functions(function, node, place, depth)
        finally:
            self._busy.discard(key)

    def _reaching_functions(self, function: FunctionAnalysis, node: int, place: Place, depth: int) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for definition in function.reaching(node, place):
            instruction = function.code[definition]
            if definition == ENTRY:
                found |= self._outside_functions(place, depth)
            elif isinstance(instruction, Assign):
                found |= self._assigned_functions(function, definition, instruction, place, depth)
            elif isinstance(instruction, Call):
                if instruction.result is not None and place[0] == ("v", function.id, instruction.result.key):
                    found |= self._returned_functions(function, definition, depth)
                else:  # a call that may store into the memory: what is in it from wherever
                    found |= self._outside_functions(place, depth)
        return found

    def _returned_functions(self, function: FunctionAnalysis, node: int, depth: int) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for unit in self.callees(function, node):
            callee = self.analysis.of(unit)
            for number, value in callee.returned_values():
                found |= self.function_values(callee, number, value, depth + 1)
        return found

    def _assigned_functions(
        self, function: FunctionAnalysis, definition: int, instruction: Assign, place: Place, depth: int
    ) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for root, path, _ in function.resolve(definition, instruction.target):
            if not overlap((root, path), place):
                continue
            below = place[1][len(path) :]
            if not below:
                found |= self.function_values(function, definition, instruction.value, depth + 1)
            elif isinstance(instruction.value, Load):
                for there, inner, _guards in function.resolve(definition, instruction.value.place):
                    found |= self.place_functions(function, definition, (there, (*inner, *below)), depth + 1)
        return found

    def _outside_functions(self, place: Place, depth: int) -> frozenset[int]:
        root, path = place
        found: frozenset[int] = frozenset()
        if root[0] == "p" or (root[0] == "d" and not self.analysis.chain(place)):
            for caller, number in self.callers(self.program.units[root[1]]):
                function = self.analysis.by_id(caller)
                call = function.code[number]
                assert isinstance(call, Call)
                arguments = call.arguments
                if root[0] == "p" and not path and root[2] < len(arguments):
                    found |= self.function_values(function, number, arguments[root[2]], depth + 1)
                elif root[0] == "d" and depth < _MAX_DEPTH:
                    for there, below, _ in self.analysis.calls.actual_places(function, number, root, path):
                        found |= self.place_functions(function, number, (there, below), depth + 1)
            if found or root[0] == "p":
                return found
        if root[0] == "g":
            found = self.stored_functions("", plain_name(self.analysis.variable(root)), path, root)
            if found or self._is_null(place):
                return found
        names = [name for name in path if name[0] not in NO_MEMBERS]
        if not names:
            return found
        chain = self.analysis.chain(place)
        tag = chain[-1][0] if chain else ""
        return found | self.stored_functions(tag, names[-1], path[-1:] if path[-1][0] == "[" else ())

    def _is_null(self, place: Place) -> bool:
        """Whether a constant table of one file leaves a function pointer NULL."""
        file, _, name = str(place[0][1]).rpartition(":")
        return bool(file) and self.analysis.holders.is_constant(name) and self.analysis.tables.constant(place) == 0

    def stored_functions(
        self, tag: str, member: str, path: tuple[str, ...], variable: Root | None = None
    ) -> frozenset[int]:
        """Every function that some store or initialiser puts into a member of a struct (``path``: the element of
        an array member), or into the place ``path`` of a global ``variable``.
        """  # noqa: D205
        key = (tag, member, path, variable)
        if key in self._stored_functions:
            return self._stored_functions[key]
        self._stored_functions[key] = frozenset()
        found: frozenset[int] = frozenset()
        without_names = self.program.positional_initialisers(tag) if tag else []
        for unit in dict.fromkeys((*self._units_setting(member), *without_names)):
            function = self.analysis.of(unit)
            for number, instruction in enumerate(function.code):
                if not isinstance(instruction, Assign) or isinstance(instruction.value, Const):
                    continue
                for root, below, _ in function.resolve(number, instruction.target):
                    if variable is not None:
                        if not overlap((root, below), (variable, path)):
                            continue
                    elif not self._is_member((root, below), tag, member, path):
                        continue
                    found |= self.function_values(function, number, instruction.value, 1)
        self._stored_functions[key] = found
        return found

    def _units_setting(self, member: str) -> list[Unit]:
        """The units whose text puts a function, a parameter or a macro call into a member or global, or uses a macro
        for it that stores.
        """  # noqa: D205
        found = self._setting.get(member)
        if found is None:
            aliases = self.program.aliases(member)
            storing = aliases & self.program.storing_macros()
            through = {unit.id for alias in storing for unit in self.program.units_mentioning(alias)}
            words = (member, *sorted(aliases))
            found = [
                unit
                for unit in self.program.units_mentioning(member)
                if unit.id in through or any(self._sets_function(unit, word) for word in words)
            ]
            self._setting[member] = found
        return found

    def _sets_function(self, unit: Unit, name: str) -> bool:
        """Whether the text puts the name of a function, a parameter or a macro call into what a name stands for."""
        text = unit.text()
        if name.encode() not in text:
            return False
        head, _, _ = text.partition(b"{")
        pattern = re.compile(
            rb"\b" + re.escape(name.encode()) + rb"\b\s*(?:\([^)]*\)\s*)?(?:\[[^\]]*\]\s*)*(?:\)\s*\([^=;{}]*\)\s*)?"
            rb"=\s*(?:\([^)]*\)\s*)?(\{|&?\s*(\w+))"
        )
        for match in pattern.finditer(text):
            if match.group(1) == b"{":
                return True
            value = match.group(2)
            follows = text[match.end() : match.end() + 2].lstrip()
            if (
                self.program.defines(value.decode())
                or follows.startswith((b"(", b".", b"-"))
                or (unit.is_function and re.search(rb"\b" + value + rb"\b", head))
            ):
                return True
        return False

    def _is_member(self, place: Place, tag: str, member: str, element: tuple[str, ...]) -> bool:
        names = [name for name in place[1] if name[0] != "["]
        if not names or names[-1] != member:
            return False
        if element and place[1][-1][0] == "[" and not path_overlap(place[1][-1:], element):
            return False
        return not tag or any(level == tag for level, below in self.analysis.chain(place) if below)

    def units_storing(self, name: str) -> list[Unit]:
        """The units in whose text the name stands where something is stored into it."""
        if name in self._units_storing:
            return self._units_storing[name]
        pattern = re.compile(
            rb"\b" + re.escape(name.encode()) + rb"\b\s*(?:\[[^\]]*\]\s*)*(?:[-+|&^]|<<|>>)?=(?!=)"
            rb"|\b\w+\s*\([^;]*\b" + re.escape(name.encode()) + rb"\b|&[^;=]*\b" + re.escape(name.encode()) + rb"\b"
            rb"|\b" + re.escape(name.encode()) + rb"\b\s*(?:\[[^\]]*\]\s*)*(?:\+\+|--)"
        )
        return [
            unit
            for unit in self.program.units_mentioning(name)
            if not unit.is_function or pattern.search(unit.text()) or self.program.aliases(name)
        ]

    def callers(self, unit: Unit) -> tuple[CallSite, ...]:
        """Every call that can reach a definition, in order of path and position."""
        found = self._callers.get(unit.id)
        if found is None:
            if self._nesting > _MAX_DEPTH:  # callers of what is passed to callers ...: none is known
                return ()
            self._callers[unit.id] = ()
            self._nesting += 1
            try:
                found = self._find_callers(unit)
            finally:
                self._nesting -= 1
            self._callers[unit.id] = found
        return found

    def _find_callers(self, unit: Unit) -> tuple[CallSite, ...]:
        sites: set[CallSite] = set()
        through: set[str] = set()
        naming = self.program.units_naming(unit.name)
        for user in (*self.program.users_of(unit.name), *naming):  # the latter may hand it to others that call it
            sites.update(self.direct_sites(user, unit))
        for user in naming:
            through |= self._taken_address(self.analysis.of(user), unit.name)
        for name in self.program.static_calls_of(unit):
            through.add(name)
        for member in sorted(through - {""}):
            names = (member, *self.program.chains_of(member))
            for user in dict.fromkeys(unit for name in names for unit in self.program.units_mentioning(name)):
                if not user.is_function:
                    continue
                function = self.analysis.of(user)
                for number in function.calls:
                    if _called_through(function.code[number], through) and unit in self.callees(function, number):
                        sites.add((function.id, number))
        return tuple(sorted(sites, key=self._site_order))

    def direct_sites(self, user: Unit, unit: Unit) -> Iterator[CallSite]:
        """The calls of a function by name in another one."""
        function = self.analysis.of(user)
        for number in function.calls:
            call = function.code[number]
            assert isinstance(call, Call)
            if call.callee == unit.name and unit in self.callees(function, number):
                yield function.id, number

    def _site_order(self, site: CallSite) -> tuple[str, int, int]:
        unit = self.program.units[site[0]]
        return unit.path, unit.start, site[1]

    def _taken_address(self, function: FunctionAnalysis, name: str) -> set[str]:
        """The names of members, variables or callees that a function's address goes to."""
        found: set[str] = set()
        holders = _holders(function, name)
        for number, instruction in enumerate(function.code):
            if isinstance(instruction, Assign) and _mentions(instruction.value, name, holders):
                for root, path, _ in function.resolve(number, instruction.target):
                    names = [part for part in path if part[0] != "["]
                    if names:
                        found.add(names[-1])
                    elif root[0] == "g":
                        found.add(plain_name(self.analysis.variable(root)))
                    else:
                        found.add(function.facts.name)
                    for prefix in self.analysis.model.static_calls:
                        if names:
                            found.add(prefix + names[-1])
            elif isinstance(instruction, Call):
                for argument in instruction.arguments:
                    if _mentions(argument, name, holders):
                        found.add(function.facts.name)
                        if isinstance(instruction.callee, str):
                            found.add(instruction.callee)
                            found.update(self._passes_to(instruction.callee, function.unit.path))
            elif (
                isinstance(instruction, Return)
                and instruction.value is not None
                and _mentions(instruction.value, name, holders)
            ):
                found.add(function.facts.name)
        return found

    def _passes_to(self, name: str, path: str) -> set[str]:
        return {unit.name for unit in self.program.functions_named(name, path)}


def _called_through(call: object, names: set[str]) -> bool:
    """Whether a call goes through one of some members, variables or static calls."""
    assert isinstance(call, Call)
    if isinstance(call.callee, str):
        return call.callee in names
    place: object = getattr(call.callee, "place", None)
    while isinstance(place, Index):
        place = place.base if place.base is not None else getattr(place.pointer, "place", None)
    if isinstance(place, Var) and place.kind != "global":
        return True
    return isinstance(place, Var | Member) and place.name in names


def _mentions(expr: Expr, name: str, holders: frozenset[object]) -> bool:
    variable, expr = variable_read(expr), uncast(expr)
    if variable is not None:
        return variable.key in holders
    return isinstance(expr, FunctionRef) and expr.name == name


def _holders(function: FunctionAnalysis, name: str) -> frozenset[object]:
    """The keys of the locals that a function's address is copied to."""
    found: frozenset[object] = frozenset()
    for _ in range(_MAX_POINTERS):
        more = found | {
            instruction.target.key
            for instruction in function.code
            if isinstance(instruction, Assign)
            and isinstance(instruction.target, Var)
            and instruction.target.kind in {"local", "temp"}
            and _mentions(instruction.value, name, found)
        }
        if more == found:
            break
        found = more
    return found
