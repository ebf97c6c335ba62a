"""Constants in tables: what an initialiser, and no other store of the program, leaves in an element or a member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import ENTRY, EXIT, Assign, Const

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.places import Place

__all__ = ["Tables"]


class Tables:
    """The constants in global tables."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._known: dict[Place, int | None] = {}

    def constant(self, place: Place) -> int | None:
        """The constant that is all that a place in a global ever holds; None where it may hold anything else."""
        if place not in self._known:
            self._known[place] = self._find(place) if place[0][0] == "g" else None
        return self._known[place]

    def _find(self, place: Place) -> int | None:
        found: set[int | None] = set()
        for unit in self.analysis.storers(place):
            function = self.analysis.of(unit)
            for definition in function.reaching(EXIT, place) - {ENTRY}:
                store = function.code[definition]
                value = store.value if isinstance(store, Assign) and not store.weak else None
                found.add(value.value if isinstance(value, Const) else None)
        return found.pop() if len(found) == 1 else None
