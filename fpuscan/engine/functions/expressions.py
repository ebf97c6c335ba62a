"""What an instruction reads, and of which type the values are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import (
    Addr,
    Assign,
    Binary,
    Branch,
    Call,
    Cast,
    Deref,
    Index,
    Load,
    Member,
    Return,
    Unary,
    subexpressions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.ir import Expr, Instruction, LValue
    from fpuscan.symbols.declarators import CType

__all__ = [
    "expressions_of",
    "is_boolean",
    "is_integer",
    "is_plain",
    "pointer_type",
    "points_to_integer",
    "points_to_record",
    "walk_expression",
]


def expressions_of(instruction: Instruction) -> tuple[Expr, ...]:
    """The values that an instruction reads."""
    match instruction:
        case Assign():
            return (instruction.value,)
        case Call():
            callee = () if isinstance(instruction.callee, str) else (instruction.callee,)
            return (*instruction.arguments, *callee)
        case Branch():
            return (instruction.condition,)
        case Return():
            return (instruction.value,) if instruction.value is not None else ()
        case _:
            return ()


def walk_expression(expr: Expr) -> Iterator[Expr]:
    """An expression and all its operands, pointers and indices inside lvalues included."""
    stack = [expr]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(subexpressions(current))
        if isinstance(current, Load | Addr):
            place: LValue | None = current.place
            while place is not None:
                match place:
                    case Member():
                        place = place.base
                    case Index():
                        stack.extend(inner for inner in (place.pointer, place.by) if inner is not None)
                        place = place.base
                    case Deref():
                        stack.append(place.pointer)
                        place = None
                    case _:
                        place = None


def pointer_type(expr: Expr) -> CType | None:
    """The type of a value that is a pointer, None for other values."""
    match expr:
        case Load():
            ctype = expr.place.type
            return ctype if ctype is not None and ctype.is_pointer else None
        case Cast():
            return expr.type if expr.type.is_pointer else None
        case Addr():
            return expr.place.type.pointer_to() if expr.place.type is not None else None
        case Binary():
            return pointer_type(expr.left) or pointer_type(expr.right)
        case _:
            return None


def points_to_record(ctype: CType) -> bool:
    """Whether a type is that of a pointer to one struct or union."""
    return ctype.is_record and ctype.pointers == 1 and not ctype.arrays


def is_plain(ctype: CType | None) -> bool:
    """Whether a type is known to have no members."""
    return ctype is not None and not ctype.is_record and not ctype.arrays and ctype.base not in {"void", "?"}


def is_boolean(expr: Expr) -> bool:
    """Whether a value can only be 0 or 1."""
    match expr:
        case Unary():
            return expr.op == "!"
        case Binary():
            return expr.op in {"==", "!=", "<", ">", "<=", ">="}
        case Cast():
            return expr.bits == 1 or is_boolean(expr.operand)
        case Load():
            ctype = expr.place.type  # a bool, or a bit-field of one bit
            return ctype is not None and ctype.integer == (1, False)
        case _:
            return False


def is_integer(place: LValue) -> bool:
    """Whether whoever gets the address of an lvalue can read it without naming a member."""
    return place.type is not None and place.type.integer is not None


def points_to_integer(argument: Expr) -> bool:
    """Whether an argument is such an address."""
    match argument:
        case Addr():
            return is_integer(argument.place)
        case Load():
            pointee = argument.place.type.pointee() if argument.place.type is not None else None
            return pointee is not None and pointee.integer is not None
        case Cast():
            return points_to_integer(argument.operand)
        case _:
            return False
