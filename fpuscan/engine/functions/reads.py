"""What an instruction does with a value that it reads: the operators on the way from the leaf to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.conversions import WORD_BITS, integer_type, narrow
from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.ir import (
    Addr,
    Assign,
    Binary,
    Branch,
    Call,
    Cast,
    Const,
    ContainerOf,
    Index,
    Load,
    Member,
    Opaque,
    Return,
    Unary,
)
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.ir import Expr, Instruction, LValue
    from fpuscan.symbols.declarators import CType

__all__ = ["FREEZE", "Leaf", "Operation", "fitting", "leaves"]

_WIDE = frozenset({(WORD_BITS, True), (WORD_BITS, False)})
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


class Operation(NamedTuple):
    """One operator on the way out: "and" (with the other operand), "or" (``|``, ``^``), "not" (``~``),
    "cast" (to ``bits``, copying the sign where ``signed``), "fit" (the same where a type says so and no cast),
    "freeze" (arithmetic and everything unknown), "times" (the same, but for a product with zero),
    "minus" (the same, but for a difference that borrows nothing),
    "meet" (``other`` is the result of two values that may have bits in common), "keep" (the bits ``bits`` of
    such a result), "among" (the bits ``bits`` that a function looks at at all), "truth" (``!``), "relation" (a
    comparison), "format" (a size in kernel format unless ``other`` is false).
    """  # noqa: D205

    kind: str
    other: Expr | None = None
    bits: int = 0
    signed: bool = False


FREEZE = Operation("freeze")
_TRUTH = Operation("truth")
_RELATION = Operation("relation")
_NOT = Operation("not")
_OR = Operation("or")


class Leaf(NamedTuple):
    """A value that an instruction reads: the expression, its role ("value", "return", "condition" or the
    number of an argument), and the operators from the leaf outward.
    """  # noqa: D205

    expr: Expr
    role: str | int
    operations: tuple[Operation, ...]

    @property
    def compared(self) -> bool:
        """Whether the value ends in a comparison and goes no further."""
        return any(operation.kind in {"truth", "relation"} for operation in self.operations)

    @property
    def relational(self) -> bool:
        """Whether the value is an operand of ``==``, ``<`` and their kin."""
        return any(operation.kind == "relation" for operation in self.operations)


def leaves(instruction: Instruction) -> list[Leaf]:
    """All values that an instruction reads."""
    found: list[Leaf] = []
    match instruction:
        case Assign():
            found.extend(_walk(instruction.value, "value", fitting(instruction.target.type)))
        case Call():
            for number, argument in enumerate(instruction.arguments):
                found.extend(_walk(argument, number, ()))
        case Return() if instruction.value is not None:
            found.extend(_walk(instruction.value, "return", ()))
        case Branch():
            found.extend(_walk(instruction.condition, "condition", ()))
        case _:
            pass
    return found


def fitting(ctype: CType | None) -> tuple[Operation, ...]:
    """What a place (or parameter, or return value) of that type does to a value that is stored into it."""
    kind = narrow(ctype)
    return (Operation("fit", None, kind[0]),) if kind is not None else ()


def _extension(place: LValue) -> tuple[Operation, ...]:
    """A signed value that is read is as wide as it is used: its sign is copied to all upper bits."""
    kind = narrow(place.type)
    return (Operation("fit", None, *kind),) if kind is not None and kind[1] else ()


def _walk(expr: Expr, role: str | int, outward: tuple[Operation, ...]) -> Iterator[Leaf]:
    match expr:
        case Const() | Addr():
            yield Leaf(expr, role, outward)
        case Load():
            yield Leaf(expr, role, (*_extension(expr.place), *outward))
            yield from _indices(expr.place, role, outward)
        case Cast():
            kind = narrow(expr.type)
            operations = (Operation("cast", None, *kind),) if kind is not None else ()
            yield from _walk(expr.operand, role, operations + outward)
        case Unary(op="~", operand=Binary(op="|") as joined) if all(map(_is_wide, (joined.left, joined.right))):
            yield from _walk(Binary("&", _inverse(joined.left), _inverse(joined.right)), role, outward)
        case Unary():
            operation = {"~": _NOT, "!": _TRUTH}.get(expr.op, FREEZE)
            yield from _walk(expr.operand, role, (operation, *outward))
        case Binary():
            for operand, other in ((expr.left, expr.right), (expr.right, expr.left)):
                yield from _walk(operand, role, (*_binary(expr, other), *outward))
        case Opaque():
            for operand in expr.operands:
                yield from _walk(operand, role, (FREEZE, *outward))
        case ContainerOf():
            return
        case _:
            return


def _is_wide(expr: Expr) -> bool:
    """Whether the inverse of an operand is the same before and after a conversion to 64 bits; that of a named constant
    is, whatever its suffix.
    """  # noqa: D205
    match expr:
        case Unary(op="~", operand=Const() as constant):
            return bool(constant.macros) or integer_type(constant) in _WIDE
        case Unary(op="~"):
            return _is_wide(expr.operand)
        case Binary(op="&" | "|" | "^"):
            return any(_is_wide(side) for side in (expr.left, expr.right) if not isinstance(side, Const))
        case _:
            return isinstance(expr, Const) or integer_type(expr) in _WIDE


def _inverse(expr: Expr) -> Expr:
    """``~expr``."""
    if isinstance(expr, Const) and expr.value is not None:
        return Const(~expr.value & WORD, f"~{expr.text}")
    return expr.operand if isinstance(expr, Unary) and expr.op == "~" else Unary("~", expr)


def _indices(place: LValue, role: str | int, outward: tuple[Operation, ...]) -> Iterator[Leaf]:
    """The indices on the way to an element determine which value is read."""
    current: LValue | None = place
    while current is not None:
        match current:
            case Index():
                if current.by is not None:
                    yield from _walk(current.by, role, (FREEZE, *outward))
                current = current.base
            case Member():
                current = current.base
            case _:
                current = None


def _binary(expr: Binary, other: Expr) -> tuple[Operation, ...]:
    """What a binary operator does to one operand."""
    match expr.op:
        case "&" if isinstance(other.operand if isinstance(other, Unary) else other, Const):
            return (Operation("and", other),)
        case "&":
            return Operation("and", other), Operation("meet", expr)
        case "^":
            return _OR, Operation("meet", expr)
        case "|":
            return (_OR,)
        case "-" if not isinstance(other, Const):
            return (Operation("minus", expr),)
        case "*" if is_boolean(other):
            return (Operation("times", other),)
        case _:
            return (_RELATION if expr.op in _COMPARISONS else FREEZE,)
