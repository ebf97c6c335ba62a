"""Calls: who calls whom, what a callee does to memory, and how conditions cross the boundary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.conversions import fits, stored_constant
from fpuscan.engine.expressions import is_boolean
from fpuscan.engine.literals import IMPOSSIBLE, NOTHING, compatible
from fpuscan.engine.pointers import shifted
from fpuscan.engine.reads import leaves
from fpuscan.ir import ENTRY, EXIT, Assign, Call, Cast, Const, FunctionRef, Index, Load, Member, Return, Var
from fpuscan.places import OTHER_ELEMENTS, covers, heap, is_several, overlap, path_overlap

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.function import FunctionAnalysis
    from fpuscan.engine.literals import Guards, Literal
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.program import Unit

__all__ = ["CallSite", "Calls"]

_MAX_DEPTH = 8
_MAX_BUSY = 12
_MAX_LINKS = 3  # pointer members on the way from an argument
_MAX_INNER = 2  # structs in structs
_MAX_POINTERS = 5  # function pointers copied from one place to the next
_PREDICATE = 250  # bytes of a function whose truth is worth following
_UNCALLED = re.compile(rb"\b([A-Za-z_]\w*+)(?!\s*\()")
_NEGATED = {"=": "!", "!": "=", "set": "clr", "clr": "set"}
CallSite = tuple[int, int]  # (function, node)


class Calls:
    """The call graph and the summaries over it, all on demand."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.program = analysis.program
        self._callees: dict[CallSite, tuple[Unit, ...]] = {}
        self._callers: dict[int, tuple[CallSite, ...]] = {}
        self._stored_functions: dict[tuple[object, ...], frozenset[int]] = {}
        self._stored_pointers: dict[Place, tuple[list[Guarded], bool]] = {}
        self._must: dict[tuple[int, Place], bool] = {}
        self._may: dict[tuple[int, Place], bool] = {}
        self._reads: dict[tuple[int, Place], bool] = {}
        self._storing: dict[object, frozenset[int]] = {}
        self._reading: dict[object, frozenset[int]] = {}
        self._units_storing: dict[str, list[Unit]] = {}
        self._by_storing_text: dict[Place, frozenset[int] | None] = {}
        self._formals: dict[int, tuple[Literal, ...]] = {}
        self._setting: dict[str, list[Unit]] = {}
        self._busy: set[object] = set()
        self._nesting = 0
        self.unresolved: set[tuple[str, str, int]] = set()

    # ------------------------------------------------------------ the call graph

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
                ctype = expr.place.type
                if ctype is not None and not ctype.function and ctype.base not in {"void", "long", "unsigned long"}:
                    return found
                for root, path, _ in function.resolve(node, expr.place):
                    found |= self._place_functions(function, node, (root, path), depth)
                return found
            case _:
                return frozenset()

    def _place_functions(self, function: FunctionAnalysis, node: int, place: Place, depth: int) -> frozenset[int]:
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
            for number in callee.returns:
                value = callee.returned(number)
                if value is not None:
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
                    found |= self._place_functions(function, definition, (there, (*inner, *below)), depth + 1)
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
                    for there, below, _ in self.actual_places(function, number, root, path):
                        found |= self._place_functions(function, number, (there, below), depth + 1)
            if found or root[0] == "p":
                return found
        if root[0] == "g":
            found = self.stored_functions("", self.analysis.variable(root), path, root)
            if found:
                return found
        names = [name for name in path if name[0] not in "[*"]
        if not names:
            return found
        chain = self.analysis.chain(place)
        tag = chain[-1][0] if chain else ""
        return found | self.stored_functions(tag, names[-1], path[-1:] if path[-1][0] == "[" else ())

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
        for unit in self._units_setting(member):
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
            rb"\b" + re.escape(name.encode()) + rb"\b\s*(?:\([^)]*\)\s*)?(?:\[[^\]]*\]\s*)*"
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
        for user in self.program.users_of(unit.name):
            function = self.analysis.of(user)
            for number in function.calls:
                call = function.code[number]
                assert isinstance(call, Call)
                if call.callee == unit.name and unit in self.callees(function, number):
                    sites.add((function.id, number))
        for user in self.program.units_naming(unit.name):
            through |= self._taken_address(self.analysis.of(user), unit.name)
        for name in self.program.static_calls_of(unit):
            through.add(name)
        for member in sorted(through - {""}):
            for user in self.program.units_mentioning(member):
                if not user.is_function:
                    continue
                function = self.analysis.of(user)
                for number in function.calls:
                    if _called_through(function.code[number], through) and unit in self.callees(function, number):
                        sites.add((function.id, number))
        return tuple(sorted(sites, key=self._site_order))

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
                        found.add(self.analysis.variable(root))
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

    # ------------------------------------------------------------ pointers over calls

    def returned_pointers(self, function: FunctionAnalysis, node: int, place: Place) -> tuple[list[Guarded], bool]:
        """What a pointer in ``place`` points to behind a call that may have set it."""
        call = function.code[node]
        assert isinstance(call, Call)
        key = ("pointers", function.id, node, place)
        if place[0][0] in {"g", "h", "d"} and not self.analysis.of_interest(place):
            return [], True
        units = self.callees(function, node)
        if not units or key in self._busy or len(self._busy) > _MAX_DEPTH:
            return [], True
        self._busy.add(key)
        found: list[Guarded] = []
        unknown = False
        try:
            for unit in units:
                callee = self.analysis.of(unit)
                if call.result is not None and place[0] == ("v", function.id, call.result.key):
                    for number in callee.returns:
                        value = callee.returned(number)
                        if value is None:
                            continue
                        held = callee.entry_guards().get(number, NOTHING)
                        some, more, *_ = callee.targets(number, value)
                        unknown = unknown or more
                        found += self._outward(function, node, callee, [(r, p, g | held) for r, p, g in some])
                else:
                    some, more = self._left_in_memory(function, node, callee, place)
                    found += some
                    unknown = unknown or more
        finally:
            self._busy.discard(key)
        return found, unknown

    def _left_in_memory(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, place: Place
    ) -> tuple[list[Guarded], bool]:
        found: list[Guarded] = []
        unknown = False
        named = [place] if place[0][0] == "g" else []
        for inner in (*named, *self.inward(function, node, callee, place)):
            for definition in sorted(callee.reaching(EXIT, inner)):
                if definition == ENTRY:
                    continue
                some, more = callee.pointer_from(inner, definition)
                unknown = unknown or more
                found += self._outward(function, node, callee, some)
        return found, unknown or not found

    def _outward(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, targets: list[Guarded]
    ) -> list[Guarded]:
        """Places of a callee, as the caller names them; guards about formals become guards about actuals."""
        found: list[Guarded] = []
        for root, path, guards in targets:
            outer = self.guards_outward(function, node, callee, guards)
            if outer is None:
                continue
            if root[0] in {"d", "p"} and root[1] == callee.id:
                found += [
                    (there, below, conditions | outer)
                    for there, below, conditions in self.actual_places(function, node, root, path)
                    if compatible(outer, conditions)
                ]
            elif root[0] == "h":
                found.append((heap(str(root[1]), (function.id, node, root[2]), str(root[3])), path, outer))
            elif root[0] == "g":
                found.append((root, path, outer))
        return found

    def actual_places(
        self, function: FunctionAnalysis, node: int, root: tuple[object, ...], path: tuple[str, ...]
    ) -> list[Guarded]:
        """The caller's places for a place below a callee's parameter."""
        call = function.code[node]
        assert isinstance(call, Call)
        index = root[2]
        assert isinstance(index, int)
        if index >= len(call.arguments):
            return []
        argument = call.arguments[index]
        if root[0] == "p":  # a struct passed by value that holds a pointer
            if not isinstance(argument, Load):
                return []
            starts = list(function.resolve(node, argument.place))
        else:
            ctype = self.analysis.root_type(root)
            starts = list(function.pointees(node, argument, ctype))
        for name in path:
            if name == "*":
                ends: list[Guarded] = []
                for there, below, guards in starts:
                    for definition in function.reaching(node, (there, below)):
                        some, _ = function.pointer_from((there, below), definition)
                        ends += [(r, p, g | guards) for r, p, g in some if compatible(g, guards)]
                starts = list(dict.fromkeys(ends))
                continue
            if name == OTHER_ELEMENTS:
                starts = [(r, other, g) for r, p, g in starts for other in _other_elements(r, p)]
                continue
            starts = [(r, (*p, name), g) for r, p, g in starts]
        return starts

    def inward(self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, place: Place) -> list[Place]:
        """The callee's names (below its parameters) for a place of the caller that it can reach through an argument."""
        call = function.code[node]
        assert isinstance(call, Call)
        found: dict[Place, None] = {}
        for index, argument in enumerate(call.arguments[: len(callee.facts.params)]):
            if isinstance(argument, Const | FunctionRef):
                continue
            if isinstance(argument, Load):
                ctype = argument.place.type
                if ctype is not None and not ctype.pointers and not ctype.is_struct:
                    continue
            for root, path, _ in function.targets(node, argument)[0]:
                for below in _behind((root, path), place):
                    found[(("d", callee.id, index), below)] = None
            if isinstance(argument, Load) and place[0][0] != "g":
                self._inward_by_value(function, node, callee, index, argument, place, found)
            if self._linked(function, place):
                self._inward_linked(function, node, callee, index, argument, place, found)
        return list(found)

    def _inward_by_value(
        self,
        function: FunctionAnalysis,
        node: int,
        callee: FunctionAnalysis,
        index: int,
        argument: Load,
        place: Place,
        found: dict[Place, None],
    ) -> None:
        """A pointer behind a pointer: ``f(pp)`` where ``*pp`` points to the place."""
        ctype = argument.place.type
        if ctype is None or ctype.pointers < 2:  # pointer to pointer
            return
        for root, path, _ in function.targets(node, argument)[0]:
            for definition in function.reaching(node, (root, path)):
                some, _ = function.pointer_from((root, path), definition)
                for there, below, _guards in some:
                    if overlap((there, below), place):
                        found[(("d", callee.id, index), ("*", *place[1][len(below) :]))] = None

    def _linked(self, function: FunctionAnalysis, place: Place) -> bool:
        """Whether a variable of a function may be reached through a pointer member of another."""
        if not function.links:
            return False
        return place[0][0] == "d" or (place[0][0] in {"v", "p"} and place[0][2] in function.address_taken)

    def _inward_linked(
        self,
        function: FunctionAnalysis,
        node: int,
        callee: FunctionAnalysis,
        index: int,
        argument: Expr,
        place: Place,
        found: dict[Place, None],
    ) -> None:
        """A pointer in a struct: ``f(&outer)`` or ``f(outer)`` where ``outer.link`` points to the place."""
        by_value = isinstance(argument, Load) and argument.place.type is not None and argument.place.type.is_struct
        if by_value:
            assert isinstance(argument, Load)
            objects = [(root, path) for root, path, _ in function.resolve(node, argument.place)]
        else:
            objects = [(root, path) for root, path, _ in function.targets(node, argument)[0]]
        work: list[tuple[Place, tuple[str, ...]]] = [(each, ()) for each in objects if each[0][0] in {"v", "p"}]
        seen: set[Place] = set()
        while work:
            outer, way = work.pop()
            if outer in seen or way.count("*") >= _MAX_LINKS:
                continue
            seen.add(outer)
            for link in self._pointer_members(outer):
                there = (outer[0], (*outer[1], *link))
                for definition in function.reaching(node, there):
                    if definition == ENTRY:
                        continue
                    for root, path, _ in function.pointer_from(there, definition)[0]:
                        behind = (*way, *link, "*")
                        if overlap((root, path), place):
                            found[("p" if by_value else "d", callee.id, index), (*behind, *place[1][len(path) :])] = (
                                None
                            )
                        if root[0] in {"v", "p"}:
                            work.append(((root, path), behind))

    def _pointer_members(self, place: Place, depth: int = 0) -> list[tuple[str, ...]]:
        """The pointers in a struct, those in its inner structs included."""
        ctype = self.analysis.place_type(place)
        if ctype is None or not ctype.is_struct or depth > _MAX_INNER:
            return []
        found: list[tuple[str, ...]] = []
        for name, inner in (self.program.members(ctype.base) or {}).items():
            if inner.is_pointer:
                found.append((name,))
            elif self.program.types.resolve(inner).is_struct:
                below = self._pointer_members((place[0], (*place[1], name)), depth + 1)
                found += [(name, *deeper) for deeper in below]
        return found

    def stored_pointers(self, place: Place) -> tuple[list[Guarded], bool]:
        """What a pointer in a global or in memory points to, from all stores of the program."""
        root, path = place
        if not self.analysis.follows(place) and not self.analysis.holders.holds(place):
            return [], True
        key = (root if root[0] == "g" else ("h", root[1]), path)
        if key in self._stored_pointers:
            return self._stored_pointers[key]
        self._stored_pointers[key] = ([], True)
        names = [name for name in path if name[0] != "["]
        last = names[-1] if names else self.analysis.variable(root)
        found: dict[Guarded, None] = {}
        for unit in self.units_storing(last):
            function = self.analysis.of(unit)
            for number, instruction in enumerate(function.code):
                if not isinstance(instruction, Assign) or isinstance(instruction.value, Const):
                    continue
                for there, below, _ in function.resolve(number, instruction.target):
                    if not self.same_memory((there, below), place):
                        continue
                    for target in function.targets(number, instruction.value)[0]:
                        if target[0][0] == "g":
                            found[(target[0], target[1], NOTHING)] = None
        self._stored_pointers[key] = (list(found), True)
        return self._stored_pointers[key]

    # ------------------------------------------------------------ memory

    def same_memory(self, first: Place, second: Place) -> bool:
        """Whether two places of shared memory may overlap, through whatever pointer they were named."""
        if first[0][0] in {"v", "p", "r"} or second[0][0] in {"v", "p", "r"}:
            return False
        if first[0][0] == "g" and second[0][0] == "g":
            return first[0] == second[0] and overlap(first, second)
        if first[0][0] == "h" and second[0][0] == "h" and first[0][3] and second[0][3] and first[0][3] != second[0][3]:
            return False
        if "g" in {first[0][0], second[0][0]}:
            known, other = (first, second) if first[0][0] == "g" else (second, first)
            name = self.analysis.variable(known[0])
            if not self.program.address_taken(name) and not self.program.member_address_taken(name):
                return False
            around = [tag for tag, below in self.analysis.chain(other) if "*" not in below]
            if around and all(tag != around[0] for tag, _ in self.analysis.chain(known)):
                return False  # a global is no member of a larger struct
        return aligned(self.analysis.chain(first), self.analysis.chain(second)) is not None

    def may_write(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call may store into a place of the caller."""
        call = function.code[node]
        assert isinstance(call, Call)
        if place[0][0] in {"g", "h", "d"}:
            if not self.analysis.of_interest(place):
                return not isinstance(call.callee, str) or bool(
                    self.program.functions_named(call.callee, function.unit.path)
                )
            closure = self.storing_closure(place)
            if isinstance(call.callee, str):
                return any(unit.id in closure for unit in self.callees(function, node))
            return False
        if not self._points_at(function, node, call, place) and not self._linked(function, place):
            return False
        for unit in self.callees(function, node):
            callee = self.analysis.of(unit)
            for inner in self.inward(function, node, callee, place):
                if self._modifies(callee, inner):
                    return True
        return False

    def _points_at(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether some argument points at (or into, or around) a variable of the caller."""
        for argument in call.arguments:
            if isinstance(argument, Const | FunctionRef):
                continue
            if isinstance(argument, Load):
                ctype = argument.place.type
                if ctype is not None and not ctype.pointers and not ctype.is_struct:
                    continue
                if ctype is not None and ctype.pointers > 1:
                    return True
            if any(root == place[0] for root, _, _ in function.targets(node, argument)[0]):
                return True
        return False

    def _points_right_at(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether some argument points at a place itself, so that the callee need not name it to store into it."""
        return any(
            overlap((root, path), place) and not any(name[0] not in "[*" for name in place[1][len(path) :])
            for argument in call.arguments
            if not isinstance(argument, Const | FunctionRef)
            for root, path, _ in function.targets(node, argument)[0]
        )

    def _modifies(self, callee: FunctionAnalysis, place: Place) -> bool:
        key = (callee.id, place)
        if key not in self._may:
            self._may[key] = False
            self._may[key] = any(
                overlap((root, path), place)
                for number in range(len(callee.code))
                if isinstance(callee.code[number], Assign)
                for root, path, _, _ in callee.writes(number)
            ) or any(self.may_write(callee, number, place) for number in callee.calls)
        return self._may[key]

    def must_write(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call overwrites a place of the caller on every path."""
        call = function.code[node]
        assert isinstance(call, Call)
        root = place[0]
        if not isinstance(call.callee, str):
            return False
        if root[0] in {"g", "h", "d"} and not self.analysis.of_interest(place):
            return False
        if root[0] == "h":
            return self._overwrites_object(function, node, call, place)
        if root[0] in {"v", "p", "d"} and not self._points_at(function, node, call, place):
            return False
        units = self.callees(function, node)
        if len(units) != 1:
            return False
        named = root[0] == "g" or (root[0] == "d" and not self._points_right_at(function, node, call, place))
        if named and units[0].id not in self.storing_closure(place):  # who stores into a member names it
            return False
        callee = self.analysis.of(units[0])
        if root[0] == "g":
            return self._always_writes(callee, place)
        inner = self.inward(function, node, callee, place)
        if len(inner) != 1:
            return False
        index = inner[0][0][2]
        targets, unknown, *_ = function.targets(node, call.arguments[index])
        if len(targets) != 1 or unknown or targets[0][2] or not covers((targets[0][0], targets[0][1]), place):
            return False
        return self._always_writes(callee, inner[0])

    def _overwrites_object(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether a call overwrites a member of the one object that an argument points to."""
        units = self.callees(function, node)
        if len(units) != 1:
            return False
        callee = self.analysis.of(units[0])
        for index, argument in enumerate(call.arguments[: len(callee.facts.params)]):
            if not isinstance(argument, Load) or argument.place.type is None or not argument.place.type.pointers:
                continue
            below: Root = ("d", callee.id, index)
            if function.pointees(node, argument, self.analysis.root_type(below)) == ((place[0], (), NOTHING),):
                return callee.id in self.storing_closure(place) and self._always_writes(callee, (below, place[1]))
        return False

    def _always_writes(self, callee: FunctionAnalysis, place: Place) -> bool:
        key = (callee.id, place)
        if key not in self._must:
            self._must[key] = False
            self._must[key] = ENTRY not in callee.reaching(EXIT, place)
        return self._must[key]

    def storing_closure(self, place: Place) -> frozenset[int]:
        """The functions that may store into a place of shared memory, and all that call them by name."""
        root, path = place
        key = (root if root[0] == "g" else self.analysis.chain(place)[-1][0], path[-1:])
        found = self._storing.get(key)
        if found is None:
            found = self._closure(self.analysis.storers(place), self._text_storing(place))
            self._storing[key] = found
        return found

    def may_store(self, unit: Unit, place: Place) -> bool:
        """Whether the text of a function may store into a place of shared memory, or copy a struct over it."""
        touching = self._text_storing(place)
        return touching is None or unit.id in touching

    def _text_storing(self, place: Place) -> frozenset[int] | None:
        """The functions whose text may store into a place of shared memory; None: any may."""
        if place not in self._by_storing_text:
            self._by_storing_text[place] = self._by_text(place, self.program.storing)
        return self._by_storing_text[place]

    def _text_reading(self, place: Place) -> frozenset[int] | None:
        """The functions whose text may read a place of shared memory; None: any may."""
        return self._by_text(place, self.program.reading)

    def _by_text(self, place: Place, touching: Callable[[str], frozenset[int]]) -> frozenset[int] | None:
        names = [name for name in place[1] if name[0] not in "[*"]
        last = names[-1] if names else self.analysis.variable(place[0]).rpartition(".")[2]
        chain = self.analysis.chain(place)
        spelt = self.analysis.spellings(chain[-1][0] if chain else "", last)
        if not last or (last[0] != "<" and self.program.aliases(last)):
            return None
        found = {unit.id for tag, _ in chain if tag in self.analysis.model_types for unit in self.program.copiers(tag)}
        return frozenset(found.union(*map(touching, spelt)))

    def _closure(self, units: list[Unit], touching: frozenset[int] | None) -> frozenset[int]:
        """The functions among some units that may touch a place, and all that call them by name."""
        return self.program.callers_closure(
            unit for unit in units if unit.is_function and (touching is None or unit.id in touching)
        )

    def may_read(self, function: FunctionAnalysis, node: int, place: Place, depth: int = 0) -> bool:
        """Whether a call may read a place of the caller."""
        call = function.code[node]
        assert isinstance(call, Call)
        if place[0][0] in {"g", "h"} and not isinstance(call.callee, str):
            return True
        units = self.callees(function, node)
        if place[0][0] in {"g", "h"} or (place[0][0] == "d" and not self._points_at(function, node, call, place)):
            if not units or place[0][0] == "d":
                return False
            if not self.analysis.of_interest(place):
                return True
            closure = self.reading_closure(place)
            return any(unit.id in closure for unit in units)
        points = self._points_at(function, node, call, place)
        if not points and not self._linked(function, place):
            return False
        if not units or depth > _MAX_DEPTH:
            return points
        for unit in units:
            callee = self.analysis.of(unit)
            for inner in self.inward(function, node, callee, place):
                if self._reads_inside(callee, inner, depth):
                    return True
        return False

    def _reads_inside(self, callee: FunctionAnalysis, place: Place, depth: int) -> bool:
        """Whether a function reads what a place below its parameter holds at its entry."""
        key = (callee.id, place)
        if key not in self._reads:
            self._reads[key] = True  # recursion
            self._reads[key] = any(
                self._reads_at(callee, node, place)
                or (isinstance(callee.code[node], Call) and self.may_read(callee, node, place, depth + 1))
                for node, _ in callee.walk(ENTRY, place, NOTHING)
            )
        return self._reads[key]

    def _reads_at(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        return any(
            overlap((root, path), place)
            for leaf in leaves(function.code[node])
            if isinstance(leaf.expr, Load)
            for root, path, _ in function.resolve(node, leaf.expr.place)
        )

    def is_shared_struct(self, place: Place) -> bool:
        """Whether the readers of a global's member are found by its struct, through whatever pointer they read it."""
        return self.program.address_taken(self.analysis.variable(place[0]).rpartition(".")[2])

    def may_use(self, unit: Unit, place: Place) -> bool:
        """Whether a function may read a member below one of its parameters, itself or through what it calls."""
        chain = self.analysis.chain(place)
        if not chain or not place[1] or not any(tag in self.analysis.model_types for tag, _ in chain):
            return True  # a struct that the model does not know is copied as a whole by who names none of its members
        return unit.id in self.reading_closure(place)

    def reading_closure(self, place: Place) -> frozenset[int]:
        """The functions that may read a place of shared memory, and all that call them by name."""
        root, path = place
        key = (root if root[0] == "g" else self.analysis.chain(place)[-1:], path[-1:])
        found = self._reading.get(key)
        if found is None:
            found = self._closure(self.analysis.readers(place), self._text_reading(place))
            self._reading[key] = found
        return found

    def look_up(self, function: FunctionAnalysis, node: int) -> tuple[Unit, ...]:
        """Definitions outside the scope of a function that a flow calls into."""
        call = function.code[node]
        assert isinstance(call, Call)
        if (
            not isinstance(call.callee, str)
            or call.callee in self.analysis.model.effects
            or call.callee in self.analysis.model.silent
        ):
            return ()
        if not self.program.look_up_outside(call.callee):
            return ()
        self._callees.pop((function.id, node), None)
        return self.callees(function, node)

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

    # ------------------------------------------------------------ guards over calls

    def guards_outward(
        self, function: FunctionAnalysis, node: int, callee: FunctionAnalysis, guards: Guards
    ) -> Guards | None:
        """A callee's guards as the caller sees them; None when they contradict the arguments."""
        found: set[Literal] = set()
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
            if operator in {"set", "clr"}:
                return function.bits(node, argument, constant, operator == "set")
            if constant == 0:
                return function.truth(node, argument, operator == "!")
            return function.equals(node, argument, constant, operator == "=")
        places = self.actual_places(function, node, root, path)
        if len(places) != 1 or places[0][2]:
            return NOTHING
        place = (places[0][0], places[0][1])
        side = self.analysis.place_instance(place)
        if side and constant == 0 and self.analysis.is_side_flag(place) and (side == "guest") is (operator == "="):
            return IMPOSSIBLE  # the flag says the other side than the object that holds it
        if operator in {"set", "clr"}:
            return function.place_bits(node, place, constant, operator == "set")
        if constant == 0:
            return function.place_truth(node, place, operator == "!")
        return function.place_equals(node, place, constant, operator == "=")

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
            key, operator, constant = literal
            if (key, constant) in decided:
                continue
            outer = self.literal_outward(function, node, callee, literal)
            if outer == IMPOSSIBLE or (outer and not compatible(guards, outer)):
                found.add((key, _NEGATED[operator], constant))
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
            asked: dict[Literal, None] = {}
            for variable in callee.facts.params:
                asked[("b", callee.id, ("p", callee.id, variable.key), (), frozenset({ENTRY})), "!", 0] = None
            for number, edges in enumerate(callee.facts.succ):
                for edge in edges:
                    for key, operator, constant in callee.edge_literals(number, edge):
                        if key[0] == "b" and key[4] == frozenset({ENTRY}) and key[2][0] in {"d", "p"}:
                            asked[key, operator, constant] = None
            found = tuple(
                literal
                for key, operator, constant in asked
                for literal in ((key, operator, constant), (key, _NEGATED[operator], constant))
            )
            self._formals[callee.id] = found
        return found

    def returned_truth(self, function: FunctionAnalysis, node: int, want: bool) -> Guards | None:  # noqa: FBT001
        """What follows for the caller when a predicate returned true (false); None when nothing is known."""
        call = function.code[node]
        assert isinstance(call, Call)
        if not isinstance(call.callee, str):
            return None
        units = self.callees(function, node)
        key = ("truth", function.id, node)
        if (
            len(units) != 1
            or key in self._busy
            or len(self._busy) > _MAX_DEPTH
            or units[0].end - units[0].start > _PREDICATE
        ):
            return None
        callee = self.analysis.of(units[0])
        if len(callee.returns) != 1:
            return None
        value = callee.returned(callee.returns[0])
        if value is None:
            return None
        self._busy.add(key)
        try:
            inner = callee.truth(callee.returns[0], value, want)
            if inner == IMPOSSIBLE:
                return IMPOSSIBLE
            outer = self.guards_outward(function, node, callee, inner)
        finally:
            self._busy.discard(key)
        if outer is None:
            return IMPOSSIBLE
        return outer or None


def aligned(
    first: tuple[tuple[str, tuple[str, ...]], ...], second: tuple[tuple[str, tuple[str, ...]], ...]
) -> tuple[str, ...] | None:
    """Whether two places may be one: the outer struct of one is a level of the other, and the paths overlap.

    Gives the path of the second below that of the first (empty when the first is the longer one), or None.
    """
    from fpuscan.places import path_overlap  # noqa: PLC0415

    if not first or not second:
        return None
    tag, path = first[0]
    for level, below in second:
        if level == tag and path_overlap(path, below):
            return below[len(path) :]
    tag, path = second[0]
    for level, below in first:
        if level == tag and path_overlap(below, path):
            return path[len(below) :]
    return None


def _other_elements(root: Root, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The elements of an array other than the one that a pointer to ``path`` points to."""
    return [other for other in shifted(root, path, None) if other != path or is_several(other)] or [path]


def _behind(target: Place, place: Place) -> list[tuple[str, ...]]:
    """What ``place`` is behind a pointer to ``target``: itself, a part of it, a neighbour in its array."""
    found = [place[1][len(target[1]) :]] if overlap(target, place) else []
    if target[0] != place[0]:
        return found
    path = target[1]
    if path and path[-1][0] == "[":
        path = path[:-1]
    elif target[0][0] != "d":
        return found
    rest = place[1][len(path) :]
    if path_overlap(path, place[1]) or place[1][: len(path)] == path:
        if path == target[1]:  # the caller's own parameter, handed on
            return found + [rest] * (rest[:1] == (OTHER_ELEMENTS,))
        if not rest:
            found.append((OTHER_ELEMENTS,))
        elif target[1][-1] == OTHER_ELEMENTS:
            found.append((OTHER_ELEMENTS, *rest[rest[0] == OTHER_ELEMENTS :]))
        elif rest[0][0] == "[" and (rest[0] != target[1][-1] or is_several(rest[:1])):
            found.append((OTHER_ELEMENTS, *rest[1:]))
    return found


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
    while isinstance(expr, Cast):
        expr = expr.operand
    if isinstance(expr, Load) and isinstance(expr.place, Var):
        return expr.place.key in holders
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
