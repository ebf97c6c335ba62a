"""Which variable an lvalue is a part of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Deref, Index, Member, Var, variable_read

if TYPE_CHECKING:
    from fpuscan.ir import LValue

__all__ = ["base_variable", "exposed", "followed_pointer"]


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


def exposed(place: LValue) -> LValue:
    """What is behind an address: all of an array whose name, or first element, it is."""
    return place.base if isinstance(place, Index) and place.base is not None and place.index == 0 else place


def followed_pointer(place: LValue) -> Var | None:
    """The pointer variable that an lvalue goes through first."""
    while True:
        match place:
            case Member():
                place = place.base
            case Index() if place.base is not None:
                place = place.base
            case Deref() | Index():
                return variable_read(place.pointer) if place.pointer is not None else None
            case _:
                return None
