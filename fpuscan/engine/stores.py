"""Which instructions of a function can touch a member, by the name of the member alone.

Two scalars are in the same memory only if they are the same member; so a store
of another scalar member need not be resolved to see that it misses a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.variables import base_variable
from fpuscan.ir import Assign, Index, Member

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.declarators import CType
    from fpuscan.ir import Instruction, LValue
    from fpuscan.places import Place

__all__ = ["StoreIndex", "is_scalar", "member_names", "touched"]

_ANY = ""  # the name of what no name tells: structs as a whole, what a pointer to anything denotes


class StoreIndex:
    """The stores of one function into memory, by the member that is stored into."""

    def __init__(self, code: Iterable[Instruction]) -> None:
        self._nodes: dict[str, list[int]] = {}
        for number, instruction in enumerate(code):
            name = touched(instruction.target) if isinstance(instruction, Assign) else None
            if name is not None:
                self._nodes.setdefault(name, []).append(number)

    def into(self, names: frozenset[str] | None) -> list[int]:
        """The stores that may hit a place with one of some member names in its path; None: any place."""
        wanted = self._nodes if names is None else (_ANY, *names)
        return sorted(number for name in wanted for number in self._nodes.get(name, ()))


def touched(place: LValue) -> str | None:
    """The last member of a scalar lvalue; empty where memory is touched that no member names, None for locals."""
    variable = base_variable(place)
    if variable is not None and variable.kind != "global":
        return None
    if not is_scalar(place.type):
        return _ANY
    while isinstance(place, Index) and place.base is not None:
        place = place.base
    return place.name if isinstance(place, Member) else _ANY


def member_names(place: Place, ctype: CType | None) -> frozenset[str] | None:
    """The names of which a scalar must have one to be in the memory of such a place; None: any scalar may be."""
    names = frozenset(name for name in place[1] if name[0] not in "[*")
    return names if names and is_scalar(ctype) else None


def is_scalar(ctype: CType | None) -> bool:
    """Whether a type is certainly an integer or a pointer."""
    return ctype is not None and (ctype.is_pointer or ctype.integer is not None)
