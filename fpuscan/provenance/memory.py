"""What is stored in shared memory, wherever: by assignments, and by callees that are handed a pointer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import EXIT, Addr, Assign, Call
from fpuscan.places import is_fresh
from fpuscan.provenance.origins import Origin
from fpuscan.provenance.questions import Question, Questions, part_read

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.graph.def_use import DefUseGraph
    from fpuscan.places import Guarded, Place
    from fpuscan.program import Unit

__all__ = ["SharedMemory"]


class SharedMemory(Questions):
    """Adds the stores into memory to the search."""

    def __init__(self, analysis: Analysis, graph: DefUseGraph) -> None:
        super().__init__(analysis, graph)
        self._led: set[tuple[int, Place]] = set()
        self._kept: dict[int, list[Guarded]] = {}

    def stores_into(self, place: Place) -> None:
        """Answer what is stored in a place; where nothing is, what it holds from the start."""
        stored = False
        self.found.ask(place)
        for unit in self.analysis.storers(place):
            if unit.is_function and not self._may_store(unit, place):
                continue
            function = self.analysis.of(unit)
            for number, instruction in enumerate(function.code):
                if isinstance(instruction, Assign):
                    stored = self._store(function, number, instruction, place) or stored
                elif isinstance(instruction, Call):
                    stored = self._handed_out(function, number, instruction, place) or stored
                    stored = self._handed_out_inside(function, number, place) or stored
        if not stored and not is_fresh(place[0]) and place[0][0] in {"g", "h"}:
            at = self.graph.shared.node(place)
            self.origin(Origin(*self.origins.of_unset(place), -1, 0, place, at=at))

    def _may_store(self, unit: Unit, place: Place) -> bool:
        """Whether the text of a function may store into a place, or into a struct around it."""
        root, path = place
        if root[0] == "g":
            return True  # few functions name a global, and macros hide some stores: per_cpu(x, cpu) = 1
        return any(self.analysis.calls.may_store(unit, (root, path[:end])) for end in range(len(path), 0, -1))

    def _handed_out(self, function: FunctionAnalysis, node: int, call: Call, place: Place) -> bool:
        """A plain pointer to the place is passed on: what the callee leaves behind it is stored there."""
        stored = False
        for index, argument in enumerate(call.arguments):
            if not isinstance(argument, Addr):
                continue
            for root, path, conditions in function.resolve(node, argument.place):
                if root[0] in {"v", "p", "r"} or not self.analysis.same_memory((root, path), place):
                    continue
                for unit in self.analysis.calls.callees(function, node):
                    inner = (("d", unit.id, index), ())
                    if index >= len(unit.signature.params) or self.analysis.chain(inner):
                        continue  # to a struct: its members have names of their own
                    stored = True
                    self._left_behind(function, node, unit, inner, conditions)
        return stored

    def _left_behind(self, function: FunctionAnalysis, node: int, unit: Unit, inner: Place, conditions: Guards) -> None:
        """Ask for what a callee leaves in a place below one of its parameters."""
        self.mark(function, node)
        held = function.held(node) | conditions
        self.ask(Question(unit.id, EXIT, inner, (((function.id, node), held),)))

    def _lead_out(self, function: FunctionAnalysis, place: Place) -> None:
        """Let ways lead from a store below a parameter back to those whose memory it is."""
        root, path = place
        if root[0] != "d":
            return
        for number, node in self.analysis.calls.callers(function.unit):
            caller = self.analysis.by_id(number)
            self.mark(caller, node)
            for there, below, _ in self.analysis.calls.actual_places(caller, node, root, path):
                outer = number, (there, below)
                if outer not in self._led:
                    self._led.add(outer)
                    self._lead_out(caller, (there, below))

    def _handed_out_inside(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """The same where the pointer is in an object that the callee is given."""
        stored = False
        for root, path, conditions in self._addresses_kept(function):
            if root[0] in {"v", "p", "r"} or not self.analysis.same_memory((root, path), place):
                continue
            for unit in self.analysis.calls.callees(function, node):
                for inner in self.analysis.calls.inward(function, node, unit, (root, path)):
                    if "*" in inner[1]:
                        stored = True
                        self._left_behind(function, node, unit, inner, conditions)
        return stored

    def _addresses_kept(self, function: FunctionAnalysis) -> list[Guarded]:
        """The places whose address a function stores into an object."""
        if function.id not in self._kept:
            self._kept[function.id] = [
                place
                for node, store in function.memory_stores.items()
                if isinstance(store.value, Addr)
                for place in function.resolve(node, store.value.place)
            ]
        return self._kept[function.id]

    def _store(self, function: FunctionAnalysis, number: int, instruction: Assign, place: Place) -> bool:
        stored = False
        for root, path, conditions in function.resolve(number, instruction.target):
            target = (root, path)
            if root[0] in {"v", "p", "r"} or not self.analysis.same_memory(target, place):
                continue
            if root[0] == "g" and place[0][0] == "g":
                below: tuple[str, ...] | None = place[1][len(path) :]
            else:
                below = self.analysis.calls.rest(place, target)
            if below is None:
                continue
            stored = True
            self._lead_out(function, target)
            below = part_read(path, place, below)
            self.stored_value(function, number, instruction, below, (), conditions, target, whole=place in self.asked)
        return stored
