"""The search backward: from the stores into a place to everything that their values can come from.

The twin of :mod:`fpuscan.engine.graph.def_use`, which follows a definition forward.
Calls and returns match (a parameter comes from the call that the search went
in through), and a definition whose guards contradict those of its read is left
out. What is found are candidates and the *slice*, the statements on the way:
:mod:`fpuscan.provenance.ways` then follows each candidate forward inside the
slice, and only what arrives counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.graph.edges import Definition
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Call, Load
from fpuscan.places import heap, overlap
from fpuscan.provenance.memory import SharedMemory
from fpuscan.provenance.origins import Origin
from fpuscan.provenance.questions import Question, lasting, part_read
from fpuscan.provenance.slices import Slice

if TYPE_CHECKING:
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.provenance.questions import Frames

__all__ = ["Backward"]


_MAX_FRAMES = 8
_MAX_STEPS = 60_000


class Backward(SharedMemory):
    """One search; ask it for leaves and places, then `run` it."""

    def run(self) -> Slice:
        """Answer every question; gives the slice."""
        steps = 0
        while self.waiting:
            steps += 1
            if steps > _MAX_STEPS:
                self.found.truncated = True
                break
            question = self.waiting.popleft()
            if question.function < 0:
                self.stores_into(question.place)
            else:
                self._value(question)
        return self.found

    def stored(self, function: FunctionAnalysis, node: int) -> None:
        """Ask for the value of one assignment."""
        instruction = function.code[node]
        if isinstance(instruction, Assign):
            for root, path, conditions in function.resolve(node, instruction.target):
                self.stored_value(function, node, instruction, (), (), conditions, (root, path), whole=True)

    def _value(self, question: Question) -> None:
        function = self.analysis.by_id(question.function)
        place = question.place
        stays = self.origins.is_config(place)
        for definition in self._definitions(function, question):
            if definition == ENTRY:
                if not stays:
                    self._outside(function, question)
                continue
            held = lasting(function, definition)
            if held is None or not compatible(question.guards, held):
                continue
            self.mark(function, definition)
            instruction = function.code[definition]
            if isinstance(instruction, Assign):
                self._assigned(function, definition, instruction, question)
            elif isinstance(instruction, Call):
                self._called(function, definition, instruction, question, stays=stays)

    def _definitions(self, function: FunctionAnalysis, question: Question) -> list[int]:
        """The nodes that may set a place; a call that may through a pointer counts, wherever it stands."""
        calls, place = self.analysis.calls, question.place
        stores = {node for node in function.calls if calls.may_store_through_pointer(function, node, place)}
        return sorted(function.reaching(question.node, place) | stores)

    def _assigned(self, function: FunctionAnalysis, definition: int, instruction: Assign, question: Question) -> None:
        for root, path, conditions in function.resolve(definition, instruction.target):
            if overlap((root, path), question.place) and compatible(question.guards, conditions):
                below = part_read(path, question.place, question.place[1][len(path) :])
                self.stored_value(
                    function, definition, instruction, below, question.frames, question.guards, (root, path)
                )

    def _called(self, function: FunctionAnalysis, node: int, call: Call, question: Question, *, stays: bool) -> None:
        place = question.place
        if call.result is not None and place[0] == ("v", function.id, call.result.key):
            self._returned(function, node, call, question)
            return
        if place[0][0] in {"g", "h"}:
            if not stays:
                self.memory(place)
            return
        site = (function.id, node)
        for unit in self.analysis.calls.callees(function, node):
            frames = self._deeper(question, site)
            if frames is None:
                continue
            for inner in self.analysis.calls.inward(function, node, unit, place):
                self.ask(Question(unit.id, EXIT, inner, frames))

    def _deeper(self, question: Question, site: CallSite) -> Frames | None:
        if any(known == site for known, _ in question.frames):
            return None  # recursion
        return (*question.frames, (site, question.guards))[-_MAX_FRAMES:]

    def _returned(self, function: FunctionAnalysis, node: int, call: Call, question: Question) -> None:
        site = (function.id, node)
        named = self.origins.of_call(call)
        units = self.analysis.calls.callees(function, node)
        if not units and any(isinstance(leaf.expr, Load) for leaf in function.leaves(node)):
            units = self.analysis.calls.look_up(
                function, node
            )  # as the search forward does for a value that it follows
        name = call.callee if isinstance(call.callee, str) else str(call.callee)
        if named is not None or not units:
            kind, text = named or ("outside", f"{name}()")
            if name == "asm":
                text = f"asm in {function.facts.name}()"
            at = Definition(function.id, node, question.place)
            holds = function.held(node)
            if named is not None or not self._is_pointer(call):
                self.origin(Origin(kind, text, function.id, node, guards=holds, at=at))
        helper = self.analysis.model.helpers.get(name)
        for leaf in function.leaves(node):
            if named is None and (not units or (helper is not None and leaf.role == helper.mask)):
                self.leaf(function, node, leaf, frames=question.frames, guards=question.guards)
        frames = self._deeper(question, site)
        if frames is None or named is not None:
            return
        for unit in units:
            callee = self.analysis.of(unit)
            for number in callee.returns:
                self.mark(callee, number)
                held = callee.held(number)
                if self.analysis.calls.guards_outward(function, node, callee, held) is None:
                    continue
                for leaf in callee.leaves(number):
                    self.leaf(callee, number, leaf, below=question.place[1], frames=frames)

    def _is_pointer(self, call: Call) -> bool:
        return call.result is not None and call.result.type is not None and bool(call.result.type.pointers)

    def _outside(self, function: FunctionAnalysis, question: Question) -> None:
        """What a place holds where its function begins."""
        place = question.place
        kind = place[0][0]
        if kind in {"g", "h"}:
            self.memory(place)
        elif kind == "v":
            return  # uninitialised
        else:
            self._from_callers(function, question)

    def _from_callers(self, function: FunctionAnalysis, question: Question) -> None:
        root, path = question.place
        sites = (
            [(question.frames[-1][0], question.frames[-1][1])]
            if question.frames
            else [(site, NOTHING) for site in self.analysis.calls.callers(function.unit)]
        )
        index = root[2]
        if root[0] == "p" and not path:
            named = self.origins.of_parameter(function, index, called=bool(sites))
            if named is not None:
                at = Definition(function.id, ENTRY, question.place)
                self.origin(Origin(*named, function.id, ENTRY, at=at))
                self.mark(function, ENTRY)
                return
        for site, held in sites:
            self._at_caller(function, question, site, held)
        if not sites and root[0] == "d" and self.analysis.chain(question.place):
            tag, below = self.analysis.chain(question.place)[0]
            self.memory((heap(tag, None), below))

    def _at_caller(self, function: FunctionAnalysis, question: Question, site: CallSite, held: Guards) -> None:
        root, path = question.place
        caller, node = self.analysis.by_id(site[0]), site[1]
        call = caller.code[node]
        assert isinstance(call, Call)
        if function.unit not in self.analysis.calls.callees(caller, node) or root[2] >= len(call.arguments):
            return
        outer = self.analysis.calls.guards_outward(caller, node, function, question.guards)
        here = lasting(caller, node)
        if outer is None or here is None or not compatible(held | here, outer) or not compatible(held, here):
            return
        guards, frames = held | here | outer, question.frames[:-1]
        self.mark(caller, node)
        if root[0] == "p" and not path:
            for leaf in caller.leaves(node):
                if leaf.role == root[2]:
                    self.leaf(caller, node, leaf, frames=frames, guards=guards)
            return
        argument = call.arguments[root[2]]
        if root[0] == "p" and isinstance(argument, Addr):
            return
        for there, below, conditions in self.analysis.calls.actual_places(caller, node, root, path):
            if compatible(guards, conditions):
                inside = Definition(function.id, ENTRY, question.place) if "*" in path else None
                self.handed_on((there, below), inside)
                self.ask(Question(caller.id, node, (there, below), frames, guards | conditions))
