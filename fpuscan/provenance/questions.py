"""The questions of the search backward, each asked once: what is in a place when a statement reads it.

What is found on the way are candidates and the *slice*, the statements that a value can come over.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import is_plain
from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.functions.reads import Leaf
from fpuscan.engine.functions.variables import exposed
from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.graph.edges import Definition
from fpuscan.ir import ENTRY, Addr, Assign, Const, Load, Opaque
from fpuscan.places import heap, seen_otherwise
from fpuscan.provenance.origins import Origin, Origins
from fpuscan.provenance.slices import Slice

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Frames", "Question", "Questions", "lasting", "part_read"]


_MAX_GUARDS = 12  # sets of guards per question; beyond it they are dropped, which is weaker and so safe

_FROM_ENTRY = frozenset({ENTRY})

Frames = tuple[tuple["CallSite", "Guards"], ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is in ``place`` when ``node`` reads it? ``function`` -1: in shared memory, at any time."""

    function: int
    node: int
    place: Place
    frames: Frames = ()
    guards: Guards = NOTHING


class Questions:
    """What has been asked, and what was found; the rooms below answer."""

    def __init__(self, analysis: Analysis, graph: DefUseGraph) -> None:
        self.analysis = analysis
        self.graph = graph
        self.origins = Origins(analysis)
        self.found = Slice()
        self.asked: set[Place] = set()
        self._seen: dict[tuple[object, ...], list[Guards]] = {}
        self.waiting: deque[Question] = deque()

    def memory(self, place: Place, *, asked: bool = False) -> None:
        """Ask for all stores into a place of shared memory; ``asked``: it is what the user wants to know about."""
        root, path = place
        if root[0] == "h":
            place = (heap(str(root[1]), None, str(root[3])), path)
        if asked:
            self.asked.add(place)
        self.ask(Question(-1, 0, place))

    def pass_by(self, function: FunctionAnalysis, node: int) -> None:
        """Let ways lead over a statement of which nothing is asked."""
        self.mark(function, node)

    def ask(self, question: Question) -> None:
        """Ask, unless what is known about the same place on the same way says at least as much."""
        context = tuple(site for site, _ in question.frames)
        known = self._seen.setdefault((question.function, question.node, question.place, context), [])
        held = question.guards.union(*(guards for _, guards in question.frames))
        if any(guards <= held for guards in known):
            return
        if len(known) >= _MAX_GUARDS:
            held = NOTHING
            question = Question(
                question.function, question.node, question.place, tuple((site, NOTHING) for site in context)
            )
        known.append(held)
        self.waiting.append(question)

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
        held = lasting(function, node)
        if held is None or not compatible(guards, held):
            return
        guards = guards | held
        self.mark(function, node)
        if isinstance(leaf.expr, Const):
            named = self.origins.of_constant(leaf, whole=whole)
            if named is not None:
                self.origin(Origin(*named, function.id, node, None, leaf, (), held, value=leaf.expr.value))
        elif isinstance(leaf.expr, Load):
            ctype = leaf.expr.place.type
            if ctype is not None and is_plain(ctype) and not ctype.pointers:
                below = ()  # a number that is read as another member of a union
            if ctype is not None and ctype.pointers and not below:
                return  # which object a pointer denotes is no part of a value
            macro = self.origins.of_macro(leaf)
            if macro is not None:
                self.origin(Origin(*macro, function.id, node, None, leaf, (), held))
                return
            for root, path, conditions in function.resolve(node, leaf.expr.place):
                if compatible(guards, conditions):
                    self._origin_of(function, node, leaf, (root, (*path, *below)), below, conditions)
                    self._read(function, node, (root, (*path, *below)), frames, guards | conditions)

    def stored_value(
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
        self.mark(function, node)
        named = self.origins.filled(function, node)
        value = instruction.value
        if named is None and isinstance(value, Opaque) and not value.operands:
            named = self.origins.of_enumeration(function, node, value.text)
        if named is not None:
            at = Definition(function.id, node, (target[0], (*target[1], *below)))
            holds = function.held(node)
            self.origin(Origin(*named, function.id, node, guards=holds, at=at))
            return
        for leaf in function.leaves(node):
            self.leaf(function, node, leaf, below=below, frames=frames, guards=guards, whole=whole)

    def handed(self, function: FunctionAnalysis, node: int, argument: Expr) -> None:
        """Ask for what is in the memory that an argument of a call is the address of."""
        held = lasting(function, node)
        if held is None or not isinstance(argument, Addr):
            return
        self.mark(function, node)
        for root, path, conditions in function.resolve(node, exposed(argument.place)):
            self.handed_on((root, path))
            if compatible(held, conditions):
                self.ask(Question(function.id, node, (root, path), (), held | conditions))

    def handed_on(self, place: Place, inside: Definition | None = None) -> None:
        """Name a place whose address is passed on: others read it through the pointer.

        ``inside`` is what a callee reads through a pointer in an object that it is handed: no text there names it.
        """
        named = self.origins.of_place(place)
        if named is not None and (inside is not None or place[0][0] in {"g", "h"}):
            self.origin(Origin(*named, -1, 0, place, at=inside or self.graph.shared.node(place)))

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
            self.origin(Origin(*named, function.id, node, place, leaf, below, holds))

    def _read(self, function: FunctionAnalysis, node: int, place: Place, frames: Frames, guards: Guards) -> None:
        named = self.origins.of_place(place) or self.origins.of_fresh(place)
        if named is None or named[0] not in {"user", "cpu"}:
            self.ask(Question(function.id, node, place, frames, guards))

    def origin(self, origin: Origin) -> None:
        """Name a candidate."""
        key = (origin.kind, origin.name, origin.function, origin.node, id(origin.leaf), origin.below, origin.at)
        self.found.origins.setdefault(key, origin)

    def mark(self, function: FunctionAnalysis, node: int) -> None:
        """Take a statement into the slice."""
        self.found.nodes.add((function.id, node))
        self.found.functions.add(function.id)


def lasting(function: FunctionAnalysis, node: int) -> Guards | None:
    """What holds at a node and cannot have changed since the function was entered; None where no way leads.

    A condition on what was set since may be about an earlier pass of a loop; the search forward knows which.
    """
    held = function.entry_guards().get(node)
    if not held:
        return held
    return frozenset(
        literal for literal in held if literal[0][0] == "c" or (literal[0][0] == "b" and literal[0][4] == _FROM_ENTRY)
    )


def part_read(path: tuple[str, ...], place: Place, below: tuple[str, ...]) -> tuple[str, ...]:
    """The part of what is stored at a path that is read as a place; all of it, if by another member of a union."""
    return () if seen_otherwise(path, place[1]) else below
