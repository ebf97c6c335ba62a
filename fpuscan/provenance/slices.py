"""What a search backward went over, so that the check forward need not leave it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpuscan.places import NO_MEMBERS

if TYPE_CHECKING:
    from fpuscan.places import Place
    from fpuscan.provenance.origins import Origin

__all__ = ["Slice"]


@dataclass(slots=True)
class Slice:
    """The statements that the search went over, the names of the memory that it asked for, the candidates for roots."""

    memory: set[str] = field(default_factory=set)
    nodes: set[tuple[int, int]] = field(default_factory=set)
    functions: set[int] = field(default_factory=set)
    origins: dict[tuple[object, ...], Origin] = field(default_factory=dict)
    truncated: bool = False

    def ask(self, place: Place) -> None:
        """Add memory: by its last name, the member or the global itself, or by the union that it is seen in."""
        names = _names(place)
        self.memory.add(next((name for name in names if name[0] == "<"), names[-1]))

    def asked(self, place: Place) -> bool:
        """Whether memory of such a name was asked for, or memory around it."""
        return not self.memory.isdisjoint(_names(place))


def _names(place: Place) -> list[str]:
    """The names of a place: the object and the members below it, a union for each of its members."""
    return [str(place[0][1]), *(name.partition(">")[0] for name in place[1] if name[0] not in NO_MEMBERS)]
