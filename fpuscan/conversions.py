"""The C integer types of values: promotion, the usual arithmetic conversions, and what a narrower target keeps.

Mirrors C11 6.3.1.1 and 6.3.1.8 on x86-64. A type is (width in bits, signed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Binary, Cast, Const, Load, Unary
from fpuscan.symbols.integers import NotConstantError, fit, literal

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.symbols.declarators import CType

__all__ = ["WORD_BITS", "common", "fits", "integer_type", "narrow", "stored_constant"]

WORD_BITS = 64
_WORD = (1 << WORD_BITS) - 1
_INT = (32, True)
_BOOLEAN = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})

IntegerType = tuple[int, bool]


def promoted(kind: IntegerType) -> IntegerType:
    """The type after integer promotion; a bit-field wider than an int counts as 64 bits wide."""
    if kind[0] < _INT[0]:
        return _INT
    return kind if kind[0] == _INT[0] else (WORD_BITS, kind[1])


def common(left: IntegerType, right: IntegerType) -> IntegerType:
    """The type of both operands after the usual arithmetic conversions."""
    left, right = promoted(left), promoted(right)
    bits = max(left[0], right[0])
    return bits, all(signed for width, signed in (left, right) if width == bits)


def integer_type(expr: Expr) -> IntegerType | None:
    """The C type of a value; None where it is no integer or not known (a named constant may have any suffix)."""
    match expr:
        case Load():
            return expr.place.type.integer if expr.place.type is not None else None
        case Cast():
            return expr.type.integer
        case Const() if expr.text[:1].isdigit() and expr.value is not None:
            return _literal_type(expr.text)
        case Unary():
            inner = integer_type(expr.operand)
            return _INT if expr.op == "!" else promoted(inner) if inner is not None else None
        case Binary() if expr.op in _BOOLEAN:
            return _INT
        case Binary():
            left = integer_type(expr.left)
            if expr.op in {"<<", ">>"}:
                return promoted(left) if left is not None else None
            right = integer_type(expr.right)
            return common(left, right) if left is not None and right is not None else None
        case _:
            return None


def _literal_type(text: str) -> IntegerType | None:
    try:
        found = literal(text)
    except NotConstantError:
        return None
    return found.bits, found.signed


def narrow(ctype: CType | None) -> IntegerType | None:
    """The type of a place that keeps fewer than 64 bits of what is stored into it; None for any other.

    A bool keeps the truth of a value and not its low bits.
    """
    kind = ctype.integer if ctype is not None else None
    if kind is None or ctype is None or kind[0] >= WORD_BITS:
        return None
    return kind if kind[0] > 1 or ctype.width else None


def fits(expr: Expr, ctype: CType | None) -> bool:
    """Whether a place of that type holds every value that ``expr`` can have, so that both are zero together."""
    target = narrow(ctype)
    if target is None:
        return True
    if isinstance(expr, Const):
        return expr.value is not None and stored_constant(expr.value, ctype) == expr.value
    source = integer_type(expr)
    if source is None:
        ctype = expr.place.type if isinstance(expr, Load) else None
        return ctype is not None and ctype.base.startswith("enum ") and target[0] >= _INT[0]
    return source[0] <= target[0]


def stored_constant(value: int, ctype: CType | None) -> int:
    """The 64-bit word that is read back after a constant was stored into a place of that type."""
    target = narrow(ctype)
    if target is None:
        return value
    return fit(value, target[0], signed=target[1]).number & _WORD
