"""Which variable an lvalue is a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Index, Member, Var

if TYPE_CHECKING:
    from fpuscan.ir import LValue

__all__ = ["base_variable"]


def base_variable(place: LValue) -> Var | None:
    """The variable that an lvalue is a part of; None behind a pointer."""
    while True:
        match place:
            case Var():
                return place
            case Member():
                place = place.base
            case Index() if place.base is not None:
                place = place.base
            case _:
                return None
