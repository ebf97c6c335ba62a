"""What follows from ``x < n`` and from a label of a ``switch`` that stands for several values: a value is in a set.

Adds to :mod:`fpuscan.engine.functions.conditions`. Only comparisons with a constant of 32 bits are read; a signed
value, or that of an enum, may be negative, and C compares it as unsigned where the constant is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import fits
from fpuscan.engine.functions.conditions import Conditions
from fpuscan.engine.functions.expressions import is_boolean
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING
from fpuscan.engine.functions.questions import Question
from fpuscan.engine.functions.ranges import complement, either, holds
from fpuscan.ir import Binary, Cast, Const, Load, Unary
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.functions.ranges import Ranges
    from fpuscan.ir import Expr

__all__ = ["Bounds"]

_INT_MAX = (1 << 31) - 1
_NEGATIVE = ((1 << 63, WORD),)
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


class Bounds(Conditions):
    """The truth of conditions, comparisons by size among them."""

    def ordered(self, node: int, expr: Binary, want: bool, depth: int) -> Guards:  # noqa: FBT001
        """What follows when ``x < n`` and its like are true (false)."""
        if self.comparing.concerns(expr):
            return self.comparing.truth(node, expr, want)
        found = self.cases.where(node, expr, lambda value: bool(value.number) is want)
        if found is not None:
            return found
        for side, other, operator in (
            (expr.left, expr.right, expr.op),
            (expr.right, expr.left, _MIRRORED[expr.op]),
        ):
            bound = _signed(other.value) if isinstance(other, Const) and other.value is not None else None
            if bound is not None and -_INT_MAX < bound < _INT_MAX and isinstance(side, Load):
                below = bound if operator in {"<", ">="} else bound + 1  # x <= 3 is x < 4
                ranges = _below(side, below, (operator in {"<", "<="}) is want)
                return NOTHING if ranges is None else self.within(node, side, ranges, depth)
        return NOTHING

    def within(self, node: int, expr: Expr, ranges: Ranges, depth: int = 0) -> Guards:
        """What follows when a value is in a set."""
        if not ranges:
            return IMPOSSIBLE
        if is_boolean(expr):
            zero, one = holds(ranges, 0), holds(ranges, 1)
            if zero is one:
                return NOTHING if one else IMPOSSIBLE
            return self.truth(node, expr, one, depth)
        while isinstance(expr, Cast) and fits(expr.operand, expr.type):
            expr = expr.operand
        if isinstance(expr, Const) and expr.value is not None:
            return NOTHING if holds(ranges, expr.value) else IMPOSSIBLE
        if isinstance(expr, Binary | Unary | Cast):
            found = self.cases.where(node, expr, lambda value: holds(ranges, value.number & WORD))
            return NOTHING if found is None else found
        if not isinstance(expr, Load) or not self.correlates(expr.place):
            return NOTHING
        return self.of_load(node, expr, Question("within", want=True, ranges=ranges), depth)


def _below(side: Load, bound: int, want: bool) -> Ranges | None:  # noqa: FBT001
    """The words that a value may be where it is (is not) less than a bound; None where C sees another bound."""
    kind = side.place.type.integer if side.place.type is not None else None
    signed = kind is None or kind[1]
    if bound < 0 and not (kind is not None and signed):
        return None
    less: Ranges = ((0, bound - 1),) if bound > 0 else ()
    if signed:
        less = either(less, _NEGATIVE) if bound >= 0 else ((1 << 63, bound - 1 & WORD),)
    return less if want else complement(less)


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
