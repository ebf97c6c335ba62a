"""The search backward: from the stores into a place to everything that their values can come from.

The twin of :mod:`fpuscan.engine.graph.def_use`, which follows a definition forward.
Calls and returns match (a parameter comes from the call that the search went
in through), and a definition whose guards contradict those of its read is left
out. What is found are candidates and the *slice*, the statements on the way:
:mod:`fpuscan.provenance.ways` then follows each candidate forward inside the
slice, and only what arrives counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import is_plain
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import Leaf
from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.graph.edges import Definition
from fpuscan.ir import ENTRY, EXIT, Addr, Assign, Call, Const, Load, Opaque
from fpuscan.places import heap, is_fresh, overlap, seen_otherwise
from fpuscan.provenance.origins import Origin, Origins
from fpuscan.provenance.slices import Slice

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Guarded, Place
    from fpuscan.program import Unit

__all__ = ["Backward"]

_MAX_FRAMES = 8
_MAX_GUARDS = 12  # sets of guards per question; beyond it they are dropped, which is weaker and so safe
_MAX_STEPS = 60_000

_FROM_ENTRY = frozenset({ENTRY})

Frames = tuple[tuple["CallSite", "Guards"], ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """What is in ``place`` when ``node`` reads it? ``function`` -1: in shared memory, at any time."""

    function: int
    node: int
    place: Place
    frames: Frames = ()
    guards: Guards = NOTHING


class Backward:
    """One search; ask it for leaves and places, then `run` it."""

    def __init__(self, analysis: Analysis, graph: DefUseGraph) -> None:
        self.analysis = analysis
        self.graph = graph
        self.origins = Origins(analysis)
        self.found = Slice()
        self._asked: set[Place] = set()
        self._led: set[tuple[int, Place]] = set()
        self._kept: dict[int, list[Guarded]] = {}
        self._seen: dict[tuple[object, ...], list[Guards]] = {}
        self._work: deque[_Question] = deque()

    def run(self) -> Slice:
        """Answer every question; gives the slice."""
        steps = 0
        while self._work:
            steps += 1
            if steps > _MAX_STEPS:
                self.found.truncated = True
                break
            question = self._work.popleft()
            if question.function < 0:
                self._memory(question.place)
            else:
                self._value(question)
        return self.found

    # ------------------------------------------------------------ questions

    def memory(self, place: Place, *, asked: bool = False) -> None:
        """Ask for all stores into a place of shared memory; ``asked``: it is what the user wants to know about."""
        root, path = place
        if root[0] == "h":
            place = (heap(str(root[1]), None, str(root[3])), path)
        if asked:
            self._asked.add(place)
        self._ask(_Question(-1, 0, place))

    def pass_by(self, function: FunctionAnalysis, node: int) -> None:
        """Let ways lead over a statement of which nothing is asked."""
        self._mark(function, node)

    def stored(self, function: FunctionAnalysis, node: int) -> None:
        """Ask for the value of one assignment."""
        instruction = function.code[node]
        if isinstance(instruction, Assign):
            for root, path, conditions in function.resolve(node, instruction.target):
                self._stored(function, node, instruction, (), (), conditions, (root, path), whole=True)

    def _ask(self, question: _Question) -> None:
        context = tuple(site for site, _ in question.frames)
        known = self._seen.setdefault((question.function, question.node, question.place, context), [])
        held = question.guards.union(*(guards for _, guards in question.frames))
        if any(guards <= held for guards in known):
            return
        if len(known) >= _MAX_GUARDS:
            held = NOTHING
            question = _Question(
                question.function, question.node, question.place, tuple((site, NOTHING) for site in context)
            )
        known.append(held)
        self._work.append(question)

    def leaf(
        self,
        function: FunctionAnalysis,
        node: int,
        leaf: Leaf,
        *,
        below: tuple[str, ...] = (),
        frames: Frames = (),
        guards: Guards = NOTHING,
        whole: bool = False,
    ) -> None:
        """Ask for what a leaf of an instruction reads (its part ``below``)."""
        held = _lasting(function, node)
        if held is None or not compatible(guards, held):
            return
        guards = guards | held
        self._mark(function, node)
        if isinstance(leaf.expr, Const):
            named = self.origins.of_constant(leaf, whole=whole)
            if named is not None:
                self._origin(Origin(*named, function.id, node, None, leaf, (), held, value=leaf.expr.value))
        elif isinstance(leaf.expr, Load):
            ctype = leaf.expr.place.type
            if ctype is not None and is_plain(ctype) and not ctype.pointers:
                below = ()  # a number that is read as another member of a union
            if ctype is not None and ctype.pointers and not below:
                return  # which object a pointer denotes is no part of a value
            macro = self.origins.of_macro(leaf)
            if macro is not None:
                self._origin(Origin(*macro, function.id, node, None, leaf, (), held))
                return
            for root, path, conditions in function.resolve(node, leaf.expr.place):
                if compatible(guards, conditions):
                    self._origin_of(function, node, leaf, (root, (*path, *below)), below, conditions)
                    self._read(function, node, (root, (*path, *below)), frames, guards | conditions)

    def handed(self, function: FunctionAnalysis, node: int, argument: Expr) -> None:
        """Ask for what is in the memory that an argument of a call is the address of."""
        held = _lasting(function, node)
        if held is None or not isinstance(argument, Addr):
            return
        self._mark(function, node)
        for root, path, conditions in function.resolve(node, argument.place):
            self._held_in_memory((root, path))
            if compatible(held, conditions):
                self._ask(_Question(function.id, node, (root, path), (), held | conditions))

    def _held_in_memory(self, place: Place, inside: Definition | None = None) -> None:
        """Name a place whose address is passed on: others read it through the pointer.

        ``inside`` is what a callee reads through a pointer in an object that it is handed: no text there names it.
        """
        named = self.origins.of_place(place)
        if named is not None and (inside is not None or place[0][0] in {"g", "h"}):
            self._origin(Origin(*named, -1, 0, place, at=inside or self.graph.shared.node(place)))

    def _origin_of(
        self,
        function: FunctionAnalysis,
        node: int,
        leaf: Leaf,
        place: Place,
        below: tuple[str, ...],
        conditions: Guards,
    ) -> None:
        named = self.origins.of_place(place) or self.origins.of_fresh(place)
        if named is not None:
            holds = function.held(node) | conditions | function.followed(node)
            self._origin(Origin(*named, function.id, node, place, leaf, below, holds))

    def _read(self, function: FunctionAnalysis, node: int, place: Place, frames: Frames, guards: Guards) -> None:
        named = self.origins.of_place(place) or self.origins.of_fresh(place)
        if named is None or named[0] not in {"user", "cpu"}:
            self._ask(_Question(function.id, node, place, frames, guards))

    def _origin(self, origin: Origin) -> None:
        key = (origin.kind, origin.name, origin.function, origin.node, id(origin.leaf), origin.below, origin.at)
        self.found.origins.setdefault(key, origin)

    def _mark(self, function: FunctionAnalysis, node: int) -> None:
        self.found.nodes.add((function.id, node))
        self.found.functions.add(function.id)

    # ------------------------------------------------------------ answers

    def _value(self, question: _Question) -> None:
        function = self.analysis.by_id(question.function)
        place = question.place
        stays = self.origins.is_config(place)
        for definition in self._definitions(function, question):
            if definition == ENTRY:
                if not stays:
                    self._outside(function, question)
                continue
            held = _lasting(function, definition)
            if held is None or not compatible(question.guards, held):
                continue
            self._mark(function, definition)
            instruction = function.code[definition]
            if isinstance(instruction, Assign):
                self._assigned(function, definition, instruction, question)
            elif isinstance(instruction, Call):
                self._called(function, definition, instruction, question, stays=stays)

    def _definitions(self, function: FunctionAnalysis, question: _Question) -> list[int]:
        """The nodes that may set a place; a call that may through a pointer counts, wherever it stands."""
        calls, place = self.analysis.calls, question.place
        stores = {node for node in function.calls if calls.may_store_through_pointer(function, node, place)}
        return sorted(function.reaching(question.node, place) | stores)

    def _assigned(self, function: FunctionAnalysis, definition: int, instruction: Assign, question: _Question) -> None:
        for root, path, conditions in function.resolve(definition, instruction.target):
            if overlap((root, path), question.place) and compatible(question.guards, conditions):
                below = _below(path, question.place, question.place[1][len(path) :])
                self._stored(function, definition, instruction, below, question.frames, question.guards, (root, path))

    def _stored(
        self,
        function: FunctionAnalysis,
        node: int,
        instruction: Assign,
        below: tuple[str, ...],
        frames: Frames,
        guards: Guards,
        target: Place,
        *,
        whole: bool = False,
    ) -> None:
        """Ask for the value of an assignment, or name the call that it stands for."""
        self._mark(function, node)
        named = self.origins.filled(function, node)
        value = instruction.value
        if named is None and isinstance(value, Opaque) and not value.operands:
            named = self.origins.of_enumeration(function, node, value.text)
        if named is not None:
            at = Definition(function.id, node, (target[0], (*target[1], *below)))
            holds = function.held(node)
            self._origin(Origin(*named, function.id, node, guards=holds, at=at))
            return
        for leaf in function.leaves(node):
            self.leaf(function, node, leaf, below=below, frames=frames, guards=guards, whole=whole)

    def _called(self, function: FunctionAnalysis, node: int, call: Call, question: _Question, *, stays: bool) -> None:
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
                self._ask(_Question(unit.id, EXIT, inner, frames))

    def _deeper(self, question: _Question, site: CallSite) -> Frames | None:
        if any(known == site for known, _ in question.frames):
            return None  # recursion
        return (*question.frames, (site, question.guards))[-_MAX_FRAMES:]

    def _returned(self, function: FunctionAnalysis, node: int, call: Call, question: _Question) -> None:
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
                self._origin(Origin(kind, text, function.id, node, guards=holds, at=at))
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
                self._mark(callee, number)
                held = callee.held(number)
                if self.analysis.calls.guards_outward(function, node, callee, held) is None:
                    continue
                for leaf in callee.leaves(number):
                    self.leaf(callee, number, leaf, below=question.place[1], frames=frames)

    def _is_pointer(self, call: Call) -> bool:
        return call.result is not None and call.result.type is not None and bool(call.result.type.pointers)

    # ------------------------------------------------------------ from outside

    def _outside(self, function: FunctionAnalysis, question: _Question) -> None:
        """What a place holds where its function begins."""
        place = question.place
        kind = place[0][0]
        if kind in {"g", "h"}:
            self.memory(place)
        elif kind == "v":
            return  # uninitialised
        else:
            self._from_callers(function, question)

    def _from_callers(self, function: FunctionAnalysis, question: _Question) -> None:
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
                self._origin(Origin(*named, function.id, ENTRY, at=at))
                self._mark(function, ENTRY)
                return
        for site, held in sites:
            self._at_caller(function, question, site, held)
        if not sites and root[0] == "d" and self.analysis.chain(question.place):
            tag, below = self.analysis.chain(question.place)[0]
            self.memory((heap(tag, None), below))

    def _at_caller(self, function: FunctionAnalysis, question: _Question, site: CallSite, held: Guards) -> None:
        root, path = question.place
        caller, node = self.analysis.by_id(site[0]), site[1]
        call = caller.code[node]
        assert isinstance(call, Call)
        if function.unit not in self.analysis.calls.callees(caller, node) or root[2] >= len(call.arguments):
            return
        outer = self.analysis.calls.guards_outward(caller, node, function, question.guards)
        here = _lasting(caller, node)
        if outer is None or here is None or not compatible(held | here, outer) or not compatible(held, here):
            return
        guards, frames = held | here | outer, question.frames[:-1]
        self._mark(caller, node)
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
                self._held_in_memory((there, below), inside)
                self._ask(_Question(caller.id, node, (there, below), frames, guards | conditions))

    # ------------------------------------------------------------ shared memory

    def _memory(self, place: Place) -> None:
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
            self._origin(Origin(*self.origins.of_unset(place), -1, 0, place, at=at))

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
        self._mark(function, node)
        held = function.held(node) | conditions
        self._ask(_Question(unit.id, EXIT, inner, (((function.id, node), held),)))

    def _lead_out(self, function: FunctionAnalysis, place: Place) -> None:
        """Let ways lead from a store below a parameter back to those whose memory it is."""
        root, path = place
        if root[0] != "d":
            return
        for number, node in self.analysis.calls.callers(function.unit):
            caller = self.analysis.by_id(number)
            self._mark(caller, node)
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
            below = _below(path, place, below)
            self._stored(function, number, instruction, below, (), conditions, target, whole=place in self._asked)
        return stored


def _lasting(function: FunctionAnalysis, node: int) -> Guards | None:
    """What holds at a node and cannot have changed since the function was entered; None where no way leads.

    A condition on what was set since may be about an earlier pass of a loop; the search forward knows which.
    """
    held = function.entry_guards().get(node)
    if not held:
        return held
    return frozenset(
        literal for literal in held if literal[0][0] == "c" or (literal[0][0] == "b" and literal[0][4] == _FROM_ENTRY)
    )


def _below(path: tuple[str, ...], place: Place, below: tuple[str, ...]) -> tuple[str, ...]:
    """The part of what is stored at a path that is read as a place; all of it, if by another member of a union."""
    return () if seen_otherwise(path, place[1]) else below
