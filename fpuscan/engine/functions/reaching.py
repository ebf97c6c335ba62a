"""Which definitions of a place reach a node of one function."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING, compatible
from fpuscan.engine.layouts import is_view
from fpuscan.ir import ENTRY, Assign, Call, Var
from fpuscan.places import covers, overlap

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.places import Place, Root

__all__ = ["Reaching"]


class Reaching:
    """Reaching definitions of one function, place by place."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self.id = function.id
        self.code = function.code
        self._reaching: dict[tuple[int, Place, Guards], frozenset[int]] = {}

    def writes(self, node: int) -> list[tuple[Root, tuple[str, ...], bool, Guards]]:
        """The places that a node writes: (root, path, whether it overwrites for certain, guards)."""
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            targets = self.function.resolve(node, instruction.target)
            strong = len(targets) == 1 and not instruction.weak
            partial = self.function.is_partial
            return [
                (root, path, strong and not partial(instruction.target, (root, path)), guards)
                for root, path, guards in targets
            ]
        if isinstance(instruction, Call) and instruction.result is not None:
            return [(("v", self.id, instruction.result.key), (), True, NOTHING)]
        return []

    def reaching(self, node: int, place: Place, under: Guards = NOTHING) -> frozenset[int]:
        """The nodes whose definition of ``place`` may be the one that ``node`` reads where ``under`` holds; ENTRY: from
        outside.
        """  # noqa: D205
        key = (node, place, under)
        found = self._reaching.get(key)
        if found is None:
            self._reaching[key] = frozenset({ENTRY})  # cut cycles through pointer resolution
            found = self._compute_reaching(node, place, under)
            self._reaching[key] = found
        return found

    def _compute_reaching(self, node: int, place: Place, under: Guards) -> frozenset[int]:
        root = place[0]
        if root[0] == "v" and root[2] not in self.function.address_taken:
            direct = self.function.definitions.get(root[2], [])
            if len(direct) == 1 and self.defines_whole(direct[0]):
                return frozenset(direct)
        if node == ENTRY:
            return frozenset({ENTRY})
        candidates = self.candidates(place)
        if not candidates:  # a parameter that nobody sets: most questions are about one
            return frozenset({ENTRY}) if node in self._entered else frozenset()
        found: set[int] = set()
        seen: set[int] = set()
        pred = self.function.facts.pred
        stack = list(pred[node])
        while stack:
            current = stack.pop()
            if current in seen:
                continue
            seen.add(current)
            if current == ENTRY:
                found.add(ENTRY)
                continue
            if current in candidates:
                verdict = self._defines(current, place)
                if verdict:
                    found.add(current)
                if verdict == 2 or (verdict and under and self.kills(current, place, under)):  # overwritten for certain
                    continue
            stack += pred[current]
        return frozenset(found)

    def reachable(self, definitions: frozenset[int]) -> list[int]:
        """Those of some definitions that control may come to, in order: in ``a ? (a ? x : y) : z`` not all are."""
        if len(definitions) == 1:
            return list(definitions)
        held = self.function.entry_guards()
        impossible = {each for each in definitions if each not in held and each in self._entered} if held else set()
        return sorted(definitions - impossible)

    def candidates(self, place: Place) -> frozenset[int]:
        """The nodes that may define a place."""
        root = place[0]
        if root[0] not in {"v", "p"}:
            return self._touching_memory
        direct = frozenset(self.function.definitions.get(root[2], ()))
        return direct if self.function.is_unaliased(place) else direct | self._touching_memory

    @cached_property
    def _touching_memory(self) -> frozenset[int]:
        """The nodes that may store elsewhere than into a variable of the function."""
        return frozenset((*self.function.memory_stores, *self.function.calls))

    @cached_property
    def _entered(self) -> frozenset[int]:
        """The nodes that control reaches from the entry."""
        found: set[int] = set()
        work = [ENTRY]
        while work:
            new = {edge.target for edge in self.function.facts.succ[work.pop()]} - found
            found |= new
            work += new
        return frozenset(found)

    def defines_whole(self, node: int) -> bool:
        """Whether a node that stores into a variable overwrites all of it."""
        instruction = self.code[node]
        if isinstance(instruction, Assign):
            return isinstance(instruction.target, Var) and not instruction.weak
        return isinstance(instruction, Call)

    def _defines(self, node: int, place: Place) -> int:
        """0: does not define the place; 1: may; 2: overwrites it for certain."""
        best = 0
        for root, path, strong, guards in self.writes(node):
            if overlap((root, path), place):
                best = max(best, 2 if strong and not guards and covers((root, path), place) else 1)
            elif not best and self._is_other_name((root, path), place):
                best = 1
        if not best and isinstance(self.code[node], Call) and self.analysis.calls.may_write(self.function, node, place):
            best = 2 if self.analysis.calls.must_write(self.function, node, place) else 1
        return best

    def kills(self, node: int, place: Place, guards: Guards) -> bool:
        """Whether a node overwrites all of ``place`` on the paths where ``guards`` hold."""
        instruction = self.code[node]
        if isinstance(instruction, Call):
            if instruction.result is not None and place[0] == ("v", self.id, instruction.result.key):
                return True
            return self.analysis.calls.must_write(self.function, node, place)
        if not isinstance(instruction, Assign) or instruction.weak:
            return False
        possible = [
            (root, path)
            for root, path, conditions in self.function.resolve(node, instruction.target)
            if not conditions or compatible(guards, conditions)
        ]
        return (
            len(possible) == 1
            and covers(possible[0], place)
            and not self.function.is_partial(instruction.target, possible[0])
        )

    def _is_other_name(self, written: Place, place: Place) -> bool:
        """Whether a store through another name of an object may be one to ``place``."""
        root, path = written
        if root == place[0]:
            return is_view(path) and place[1][: len(path) - 1] == path[:-1]
        if {written[0][0], place[0][0]} not in ({"d"}, {"d", "g"}):
            return False
        return any(overlap(name, place) for name in self.analysis.aliases.names(self.function, written))
