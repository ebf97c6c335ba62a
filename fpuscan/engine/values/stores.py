"""Which lvalues can be a place, by their own type and last member alone.

Two scalars are in the same memory only if they are the same member, and a
scalar lies in a struct only if that struct is on the way to it; so most stores
and reads need not be resolved to see that they miss a place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.variables import base_variable
from fpuscan.ir import Assign, Index, Member
from fpuscan.places import NO_MEMBERS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.ir import Instruction, LValue
    from fpuscan.model.rows import Chain
    from fpuscan.places import Place
    from fpuscan.symbols.declarators import CType

__all__ = ["Sought", "StoreIndex"]

_ANY = ""  # the key of what neither name nor type tells


class Sought:
    """A place that is looked for, of a type and in the structs of a chain."""

    def __init__(self, place: Place, ctype: CType | None, chain: Chain, *, otherwise: bool = False) -> None:
        """``otherwise``: members of a union by other names are the place, too."""
        names = [name for name in place[1] if name[0] not in NO_MEMBERS]
        # None: no scalar, so anything may be it
        alone = names and _is_scalar(ctype) and not otherwise
        self.keys = frozenset({_ANY, *names, *(tag for tag, _ in chain)}) if alone else None

    def may_be(self, place: LValue) -> bool:
        """Whether an lvalue may denote the place, a part of it or what is around it."""
        key = _key(place)
        return key is not None and (self.keys is None or key in self.keys)

    def may_lie_in(self, ctype: CType | None) -> bool:
        """Whether an object of a type may hold the place."""
        return self.keys is None or ctype is None or not ctype.is_struct or ctype.base in self.keys


class StoreIndex:
    """The stores of one function into memory."""

    def __init__(self, code: Iterable[Instruction]) -> None:
        self._nodes: dict[str, list[int]] = {}
        for number, instruction in enumerate(code):
            key = _key(instruction.target) if isinstance(instruction, Assign) else None
            if key is not None:
                self._nodes.setdefault(key, []).append(number)

    def into(self, sought: Sought) -> list[int]:
        """The stores that may hit a place, in order."""
        wanted = self._nodes if sought.keys is None else sought.keys
        return sorted(number for key in wanted for number in self._nodes.get(key, ()))


def _key(place: LValue) -> str | None:
    """The last member of a scalar lvalue, the tag of a struct; empty where neither is known, None for locals."""
    variable = base_variable(place)
    if variable is not None and variable.kind != "global":
        return None
    ctype = place.type
    if ctype is not None and ctype.is_struct:
        return ctype.base
    if not _is_scalar(ctype):
        return _ANY
    while isinstance(place, Index) and place.base is not None:
        place = place.base
    return place.name if isinstance(place, Member) else _ANY


def _is_scalar(ctype: CType | None) -> bool:
    return ctype is not None and (ctype.is_pointer or ctype.integer is not None)
