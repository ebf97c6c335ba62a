"""What a call does to memory: summaries of what it may write, must write and may read."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from fpuscan.engine.calls.inward import may_point
from fpuscan.engine.calls.pointers import CallPointers
from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.functions.reads import leaves
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Call, Const, FunctionRef, Load
from fpuscan.places import NO_MEMBERS, covers, overlap, plain_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.model.rows import Chain
    from fpuscan.places import Place, Root
    from fpuscan.program import Unit

__all__ = ["Calls"]

_MAX_DEPTH = 8
_SHORT = 400  # bytes of a function that is looked into for what it stores


class Calls(CallPointers):
    """The call graph and the summaries over it, all on demand."""

    def __init__(self, analysis: Analysis) -> None:
        super().__init__(analysis)
        self._answering: dict[int, bool] = {}
        self._must: dict[tuple[int, Place], bool] = {}
        self._may: dict[tuple[int, Place], bool] = {}
        self._reads: dict[tuple[int, Place], bool] = {}
        self._storing: dict[object, frozenset[int]] = {}
        self._reading: dict[object, frozenset[int]] = {}
        self._using: dict[object, frozenset[int] | None] = {}
        self._by_storing_text: dict[Place, frozenset[int] | None] = {}

    def may_write(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call may store into a place of the caller."""
        call = function.code[node]
        assert isinstance(call, Call)
        if place[0][0] in {"g", "h", "d"}:
            if not self.analysis.of_interest(place):
                if not isinstance(call.callee, str):
                    return True
                units = self.program.functions_named(call.callee, function.unit.path)
                return bool(units) and not self._spare(units, place) and not self._leave(units, place)
            closure = self.storing_closure(place)
            if isinstance(call.callee, str):
                named = any(unit.id in closure for unit in self.callees(function, node))
                return named or self._writes_unnamed(function, node, call, place)
            return False
        if not self._points_at(function, node, call, place) and not self._linked(function, place):
            return False
        for unit in self.callees(function, node):
            for inner in self.inward(function, node, unit, place):
                if self._modifies(self.analysis.of(unit), inner):
                    return True
        return False

    def _spare(self, units: list[Unit], place: Place) -> bool:
        """Whether some functions certainly do not store into a member of a struct that few places name."""
        chain, path = self.analysis.chain(place), place[1]
        if not chain or not path or path[-1][0] in "[*<" or not self.analysis.is_rare(chain[-1][0]):
            return False
        key = (chain[-1][0], path[-1:])
        closure = self._storing.get(key)
        if closure is None:
            writers = self.program.storing(path[-1]) | {unit.id for unit in self.program.copiers(chain[-1][0])}
            closure = self.program.callers_closure(self.program.units[number] for number in sorted(writers))
            self._storing[key] = closure
        return all(unit.id not in closure for unit in units)

    def _leave(self, units: list[Unit], place: Place) -> bool:
        """Whether some functions leave what a plain pointer of the caller points to as it is."""
        return place[0][0] == "d" and not place[1] and all(map(self._only_answers, units))

    def _only_answers(self, unit: Unit) -> bool:
        """Whether a short function stores into its own locals only, and calls nobody."""
        if unit.id not in self._answering:
            function = self.analysis.of(unit) if unit.end - unit.start < _SHORT else None
            self._answering[unit.id] = (
                function is not None
                and not function.calls
                and all(
                    root[0] == "v"
                    for number in range(len(function.code))
                    if isinstance(function.code[number], Assign)
                    for root, *_ in function.writes(number)
                )
            )
        return self._answering[unit.id]

    def may_set(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call may store into a number in a global that the model does not know, by a function pointer."""
        if place[0][0] != "g" or any(tag in self.analysis.model_types for tag, _ in self.analysis.chain(place)):
            return False
        ctype = self.analysis.place_type(place)
        closure = self.storing_closure(place, ()) if ctype is not None and ctype.integer is not None else frozenset()
        return function.id in closure and any(unit.id in closure for unit in self.callees(function, node))

    def may_store_through_pointer(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call may store into a place in a function that is called through a pointer."""
        return self.may_set(function, node, place) or self._modifies_through_pointer(function, node, place)

    def _points_at(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether some argument points at (or into, or around) a variable of the caller."""
        for argument in call.arguments:
            if not may_point(argument):
                continue
            ctype = argument.place.type if isinstance(argument, Load) else None
            if ctype is not None and ctype.pointers > 1:
                return True
            if any(root == place[0] for root, _, _ in function.targets(node, argument)[0]):
                return True
        return False

    def _points_right_at(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether some argument points at a place itself, so that the callee need not name it to store into it."""
        return any(
            overlap((root, path), place) and not any(name[0] not in NO_MEMBERS for name in place[1][len(path) :])
            for argument in call.arguments
            if not isinstance(argument, Const | FunctionRef)
            for root, path, _ in function.targets(node, argument)[0]
        )

    def _writes_unnamed(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether a callee stores through a pointer to a member that it does not name: ``cut(&x->m)``."""
        lent = any(isinstance(argument, Addr) and argument.place.type is not None for argument in call.arguments)
        if place[0][0] != "d" or not lent or not self._points_right_at(function, node, call, place):
            return False
        return any(
            self._modifies(self.analysis.of(unit), inner)
            for unit in self.callees(function, node)
            for inner in self.inward(function, node, unit, place)
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
            ) or any(
                self.may_write(callee, number, place) or self._modifies_through_pointer(callee, number, place)
                for number in callee.calls
            )
        return self._may[key]

    def _modifies_through_pointer(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a call may store behind a parameter in a function that is called through a pointer."""
        if place[0][0] != "d" or not self.analysis.of_interest(place):
            return False
        tags = self._of_variables(place)
        closure = self.storing_closure(place, tags) if tags is not None else frozenset[int]()
        return function.id in closure and any(
            self._modifies(self.analysis.of(unit), inner)
            for unit in self.callees(function, node)
            if unit.id in closure
            for inner in self.inward(function, node, unit, place)
        )

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
        if root[0] == "g":
            return self._always_writes(self.analysis.of(units[0]), place)
        inner = self.inward(function, node, units[0], place)
        if len(inner) != 1:
            return False
        index = inner[0][0][2]
        targets, unknown, *_ = function.targets(node, call.arguments[index])
        if len(targets) != 1 or unknown or targets[0][2] or not covers((targets[0][0], targets[0][1]), place):
            return False
        return self._always_writes(self.analysis.of(units[0]), inner[0])

    def _overwrites_object(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """Whether a call overwrites a member of the one object that an argument points to."""
        units = self.callees(function, node)
        if len(units) != 1 or units[0].id not in self.storing_closure(place):
            return False
        for index, argument in enumerate(call.arguments[: len(units[0].signature.params)]):
            if not isinstance(argument, Load) or argument.place.type is None or not argument.place.type.pointers:
                continue
            below: Root = ("d", units[0].id, index)
            if function.pointees(node, argument, self.analysis.root_type(below)) == ((place[0], (), NOTHING),):
                return self._always_writes(self.analysis.of(units[0]), (below, place[1]))
        return False

    def _always_writes(self, callee: FunctionAnalysis, place: Place) -> bool:
        key = (callee.id, place)
        if key not in self._must:
            self._must[key] = False
            self._must[key] = ENTRY not in callee.reaching(EXIT, place)
        return self._must[key]

    def storing_closure(self, place: Place, tags: tuple[str, ...] | None = None) -> frozenset[int]:
        """The functions that may store into a place of shared memory, and all that call them by name.

        With ``tags`` also through function pointers, where they are given a pointer to one of those structs.
        """
        root, path = place
        key = (root if root[0] == "g" else self.analysis.chain(place)[-1][0], path[-1:], tags)
        found = self._storing.get(key)
        if found is None:
            found = self._closure(self.analysis.storers(place), self._text_storing(place), tags)
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
        if self.analysis.is_lent(place[0]):
            return None
        names = [name for name in place[1] if name[0] not in NO_MEMBERS]
        last = names[-1] if names else plain_name(self.analysis.variable(place[0]))
        chain = self.analysis.chain(place)
        spelt = self.analysis.spellings(chain[-1][0] if chain else "", last)
        if self.analysis.lies_in_union(place):
            spelt = self.analysis.numbers_in_union(chain)
        if not last or not spelt:
            return None
        found = {unit.id for tag, _ in chain if tag in self.analysis.model_types for unit in self.program.copiers(tag)}
        return frozenset(found.union(*map(touching, spelt)))

    def _closure(
        self, units: list[Unit], touching: frozenset[int] | None, tags: tuple[str, ...] | None
    ) -> frozenset[int]:
        """The functions among some units that may touch a place, and all that call them."""
        return self.program.callers_closure(
            (unit for unit in units if unit.is_function and (touching is None or unit.id in touching)), tags
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
            for inner in self.inward(function, node, unit, place):
                if self._reads_inside(self.analysis.of(unit), inner, depth):
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
        name = plain_name(self.analysis.variable(place[0]))
        return not self.analysis.is_lent(place[0]) and self.program.address_taken(name)

    def may_use(self, unit: Unit, place: Place) -> bool:
        """Whether a function may read a member below one of its parameters, itself or through what it calls."""
        levels = tuple((tag, below) for tag, below in self.analysis.chain(place) if below)
        if not levels or not place[1]:
            return True
        if not any(tag in self.analysis.model_types for tag, _ in self.analysis.chain(place)):
            return self._may_use_member(unit, place, levels)
        return unit.id in self.reading_closure(place, self._of_variables(place))

    def _may_use_member(self, unit: Unit, place: Place, levels: Chain) -> bool:
        """The same of a struct that the model does not know: who names the member, or copies a struct around it."""
        tags = self._of_variables(place)
        key = (levels, tags)
        if key not in self._using:
            names = [(tag, [name for name in below if name[0] not in NO_MEMBERS]) for tag, below in levels]
            way = [(tag, each[0]) for tag, each in names if each]
            way += [("", name) for name in names[-1][1][1:]]  # below a member of unknown type
            way = list(takewhile(_is_no_view, way))
            if not way:
                return True
            users = self.program.users_of_member(tuple(way))
            self._using[key] = (
                self.program.callers_closure([self.program.units[number] for number in sorted(users)], tags)
                if users is not None
                else None
            )
        closure = self._using[key]
        return closure is None or unit.id in closure

    def _of_variables(self, place: Place) -> tuple[str, ...] | None:
        """The structs around a place behind a parameter, if it may be a variable of a function: nobody but those who
        are given a pointer to it can touch it, so it is followed through function pointers, too.
        """  # noqa: D205
        tags = tuple(tag for tag, _ in self.analysis.chain(place))
        return tags if tags and self.program.lies_in_variables(tags[0]) else None

    def reading_closure(self, place: Place, tags: tuple[str, ...] | None = None) -> frozenset[int]:
        """The functions that may read a place of shared memory, and all that call them: by name, or with ``tags`` also
        through function pointers, where they are given a pointer to one of those structs.
        """  # noqa: D205
        root, path = place
        key = (root if root[0] == "g" else self.analysis.chain(place)[-1:], path[-1:], tags)
        found = self._reading.get(key)
        if found is None:
            found = self._closure(self.analysis.readers(place), self._text_reading(place), tags)
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


def _is_no_view(level: tuple[str, str]) -> bool:
    """Whether a member (of a struct tag) is no member of a union: that may be read by the name of another one."""
    tag, name = level
    return not tag.startswith("union ") and name[0] != "<"
