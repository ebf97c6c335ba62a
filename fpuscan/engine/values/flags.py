"""What a flag of an object in shared memory can be: a bool or a single bit that says which object it lies in.

``fpu->guest_perm.is_guest = true`` stands where that permission gets its first values; nobody clears it, and nobody
sets the one of ``fpu->perm``. So the flag that is read through ``perm`` says which of the two ``perm`` points to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.ir import EXIT, Const, Load
from fpuscan.places import heap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.places import Place

__all__ = ["Flags"]

_BOTH = frozenset({0, 1})


class Flags:
    """The values of flags, from all stores of the program."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._known: dict[Place, frozenset[int]] = {}

    def values(self, place: Place) -> frozenset[int]:
        """The values that a flag in shared memory can have when a function is entered; both where that is not known."""
        ctype = self.analysis.place_type(place)
        chain = self.analysis.chain(place)
        if ctype is None or ctype.integer is None or ctype.integer[0] != 1 or ctype.integer[1] or len(chain) < 2:
            return _BOTH
        tag, path = chain[-2]
        if place[0][0] not in {"h", "d"} or chain[-1][0] not in self.analysis.model_types or "*" in path:
            return _BOTH
        whose = heap(tag, None), path
        if whose not in self._known:
            self._known[whose] = _BOTH  # while it is looked for
            self._known[whose] = self._find(whose)
        return self._known[whose]

    def _find(self, place: Place) -> frozenset[int]:
        found: set[int] = set()
        for unit in self.analysis.storers(place):
            function = self.analysis.of(unit)
            for node in function.memory_stores:
                stored = self._stored(function, node, place)
                if stored is None:
                    return _BOTH
                found.update(stored)
        return frozenset(found) if found and self._is_set_first(place) else frozenset({0, *found})

    def _stored(self, function: FunctionAnalysis, node: int, place: Place) -> frozenset[int] | None:
        """What one store leaves in the flag: nothing where it does not hit it, None where that is not known."""
        store = function.memory_stores[node]
        found: set[int] = set()
        for root, path, _ in function.resolve(node, store.target):
            if not self.analysis.calls.same_memory((root, path), place):
                continue
            below = self.analysis.calls.rest(place, (root, path))
            if below is None or not self._stays(function, node, (root, (*path, *below))):
                continue
            if isinstance(store.value, Const) and store.value.value is not None:
                found.add(int(bool(store.value.value)))
            elif below and isinstance(store.value, Load):  # a struct copy
                for there, inside, _ in function.resolve(node, store.value.place):
                    found.update(self._copied((there, (*inside, *below)), place))
            else:
                return None
        return frozenset(found)

    def _copied(self, source: Place, place: Place) -> frozenset[int]:
        """The flag of another object; that of the same member of one says nothing new."""
        same = self.analysis.chain(source)[-2:-1] == self.analysis.chain(place)[-2:-1]
        return frozenset() if same else self.values(source)

    def _stays(self, function: FunctionAnalysis, node: int, place: Place) -> bool:
        """Whether a store is still there when its function leaves."""
        return any(each == EXIT for each, _ in function.walk(node, place, NOTHING))

    def _is_set_first(self, place: Place) -> bool:
        """Whether all functions that give the object its values, under no condition, set the flag among them."""
        root, path = place
        tag = self.analysis.chain(place)[-1][0]
        others = [name for name in self.analysis.program.members(tag) or () if name != path[-1]]
        found = False
        for unit in self.analysis.storers((root, (*path[:-1], others[0]))) if others else ():
            function = self.analysis.of(unit)
            written = [each for each in self._written(function) if each[1][: len(path) - 1] == path[:-1]]
            if not all(_is_among((*path[:-1], name), written) for name in others):
                continue
            if not _is_among(path, written):
                return False
            found = True
        return found

    def _written(self, function: FunctionAnalysis) -> list[Place]:
        """The places that a function stores into under no condition."""
        return [
            (root, path)
            for node, store in function.memory_stores.items()
            if not function.held(node)
            for root, path, guards in function.resolve(node, store.target)
            if not guards
        ]


def _is_among(path: tuple[str, ...], written: list[Place]) -> bool:
    """Whether a member, or all of the object, is written."""
    return any(each == path or each == path[:-1] for _, each in written)
