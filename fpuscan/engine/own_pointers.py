"""Pointers that a struct keeps in an array to its own members: ``fpu->perms[1] = &fpu->guest_perm;``.

Whoever reads such an element of any object of the type gets the address of that object's own member, if all stores of
the program into the element say so. What has not been stored yet is NULL, and nobody follows that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Const
from fpuscan.places import is_several, path_overlap

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.places import Place

__all__ = ["OwnPointers"]

_Element = tuple[str, tuple[str, ...]]  # a struct, and the path of an element below it
_Path = tuple[str, ...]


class OwnPointers:
    """Where the elements of arrays of pointers lead, relative to the struct that they are in."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._known: dict[_Element, _Path | None] = {}

    def target(self, place: Place) -> Place | None:
        """The member that a pointer in an element denotes, in the same object; None where that cannot be told."""
        root, path = place
        if not path or path[-1][0] != "[" or is_several(path) or not self._is_followed(place):
            return None
        element = self._element(place)
        if element is None:
            return None
        if element not in self._known:
            self._known[element] = None  # while it is looked for
            self._known[element] = self._find(element)
        member = self._known[element]
        return None if member is None else (root, (*path[: -len(element[1])], *member))

    def _is_followed(self, place: Place) -> bool:
        ctype = self.analysis.place_type(place)
        return ctype is not None and ctype.is_pointer and ctype.base in self.analysis.model_types

    def _element(self, place: Place) -> _Element | None:
        """The innermost struct around an element, and its path there."""
        return next((level for level in reversed(self.analysis.chain(place)) if level[0] and len(level[1]) > 1), None)

    def _find(self, element: _Element) -> _Path | None:
        """The one member whose address all stores into an element leave there."""
        found: set[_Path | None] = set()
        for unit in self.analysis.calls.units_storing(element[1][0]):
            function = self.analysis.of(unit)
            for node in function.memory_stores:
                found.update(self._stored(function, node, element))
        return found.pop() if len(found) == 1 else None

    def _stored(self, function: FunctionAnalysis, node: int, element: _Element) -> list[_Path | None]:
        """What one store leaves in the element; None for anything but the address of a member of the same object."""
        store = function.memory_stores[node]
        found: list[_Path | None] = []
        for root, path, _ in function.resolve(node, store.target):
            there = self._element((root, path))
            if there is None or there[0] != element[0] or not path_overlap(there[1], element[1]):
                continue
            if isinstance(store.value, Const) and store.value.value == 0:
                continue
            around = path[: -len(there[1])]
            targets, unknown, *_ = function.targets(node, store.value)
            own = [
                below[len(around) :] for base, below, _ in targets if base == root and below[: len(around)] == around
            ]
            told = not unknown and there[1] == element[1] and len(own) == len(targets) == 1
            found.append(own[0] if told else None)
        return found
