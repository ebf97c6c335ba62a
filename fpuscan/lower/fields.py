"""Calls that take some bits out of a word or put them there: ``FIELD_GET(mask, word)``, ``lower_32_bits(word)``.

Mirrors include/linux/bitfield.h: the field is shifted by the lowest bit of its mask; and include/linux/wordpart.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Binary, Const, Opaque
from fpuscan.lower.constants import constant_of
from fpuscan.lower.nodes import without_comments
from fpuscan.lower.updates import Updates

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Effect
    from fpuscan.parse.syntax import Node

__all__ = ["Fields"]


class Fields(Updates):
    """Adds bit-field accessors to the lowering of expressions."""

    def effect_field(self, _node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``(word & mask) >> shift`` or ``(value << shift) & mask``; arithmetic where the mask is no constant."""
        values = [self.value(child) for child in without_comments(arguments)]
        if max(effect.values) >= len(values):
            return Opaque(tuple(values), name)
        chosen = [values[index] for index in effect.values]
        mask, word = chosen if not effect.field else (Const(effect.field, hex(effect.field)), *chosen)
        number = constant_of(mask)
        if not number:
            return Opaque((word, mask), name)
        field = mask if isinstance(mask, Const) else Const(number, str(mask))
        lowest = (number & -number).bit_length() - 1
        shift = Const(lowest, str(lowest))
        if effect.op == ">>":
            kept = Binary("&", word, field)
            return Binary(">>", kept, shift) if lowest else kept
        return Binary("&", Binary("<<", word, shift) if lowest else word, field)
