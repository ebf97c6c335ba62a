"""Constants among lowered values, and what their operators make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Binary, Cast, Const, Unary

if TYPE_CHECKING:
    from fpuscan.ir import Expr

__all__ = ["constant_of", "is_null", "is_number"]


def constant_of(expr: Expr) -> int | None:
    """The word of a constant expression."""
    match expr:
        case Const():
            return expr.value
        case Cast():
            return constant_of(expr.operand)
        case Unary():
            inner = constant_of(expr.operand)
            if inner is None:
                return None
            return {"~": ~inner, "-": -inner, "+": inner, "!": int(not inner)}[expr.op] & (1 << 64) - 1
        case Binary():
            left, right = constant_of(expr.left), constant_of(expr.right)
            if left is None or right is None:
                return None
            return _fold(expr.op, left, right)
        case _:
            return None


def is_number(expr: Expr) -> bool:
    """A constant that is no mask of the model."""
    return isinstance(expr, Const) and expr.value is not None and not expr.macros


def is_null(expr: Expr) -> bool:
    """A constant zero, which a pointer may be compared with or set to."""
    return isinstance(expr, Const) and expr.value == 0


def _fold(operator: str, left: int, right: int) -> int | None:
    word = (1 << 64) - 1
    match operator:
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "+":
            return left + right & word
        case "-":
            return left - right & word
        case "*":
            return left * right & word
        case "<<":
            return left << right & word if right < 64 else 0
        case ">>":
            return left >> right if right < 64 else 0
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
        case _:
            return None
