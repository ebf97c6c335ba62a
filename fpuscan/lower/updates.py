"""Calls that change a word in place: ``set_bit(nr, &word)``, ``atomic64_and(mask, &word)``, ``bitmap_or(t, a, b)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS
from fpuscan.ir import Binary, Const, Index, Load, Opaque, Unary
from fpuscan.lower.callbacks import Callbacks
from fpuscan.lower.constants import constant_of
from fpuscan.lower.nodes import without_comments

if TYPE_CHECKING:
    from fpuscan.ir import Expr, LValue
    from fpuscan.model.rows import Effect
    from fpuscan.parse.syntax import Node

__all__ = ["Updates"]


class Updates(Callbacks):
    """Adds changes in place to the lowering of expressions."""

    def effect_update(self, node: Node, name: str, arguments: Node, effect: Effect) -> Expr:
        """``*target = *target op value``, or ``*target = *value op *value``; the result is the old word or the new."""
        values = [self.value(child) for child in without_comments(arguments)]
        if effect.target >= len(values) or max(effect.values) >= len(values):
            return Opaque(tuple(values), name)
        number = constant_of(values[effect.values[0]]) if effect.bit else None
        single = len(effect.values) == 1 and (number is not None if effect.bit else True)
        target = self._word(values[effect.target], single=single and (number or 0) < WORD_BITS)
        value: Expr
        old: Expr = Load(target, self.offset(node))
        if len(effect.values) > 1:
            single = self.is_one_word(arguments, effect)
            target = self._word(values[effect.target], single=single)
            old, value = (Load(self._word(values[index], single=single), self.offset(node)) for index in effect.values)
        elif effect.bit:
            value = self._bit(number, values[effect.values[0]], name)
        else:
            value = values[effect.values[0]]
        changed = _changed(effect.op, old, value)
        if node.parent is not None and node.parent.type == "expression_statement":  # nobody reads the old word
            self.assign(target, changed)
            return Opaque((), name)
        result = self.temp(target.type)
        self.assign(result, old)
        self.assign(target, changed)
        self.assign(result, Load(target, self.offset(node)), weak=True)
        return Load(result, self.offset(node))

    def is_one_word(self, arguments: Node, effect: Effect) -> bool:
        """Whether a call changes, by the number of bits that it is given, the first word of an array and no other."""
        children = without_comments(arguments)
        if not 0 < effect.bits < len(children):
            return False
        size = constant_of(self.value(children[effect.bits]))
        return size is not None and 0 < size <= WORD_BITS

    def _word(self, pointer: Expr, *, single: bool) -> LValue:
        """The word that a pointer points to, or any of an array."""
        ctype = self.type_of(pointer)
        pointee = ctype.pointee() if ctype is not None and ctype.is_pointer else None
        return self.deref(pointer) if single else Index(None, pointer, None, pointee)

    def _bit(self, number: int | None, value: Expr, name: str) -> Expr:
        return Opaque((value,), name) if number is None else Const(1 << number % WORD_BITS, f"BIT_ULL({value})")


def _changed(op: str, old: Expr, value: Expr) -> Expr:
    if op != "&~":
        return Binary(op, old, value)
    if isinstance(value, Const) and value.value is not None:
        return Binary("&", old, Const(~value.value & (1 << WORD_BITS) - 1, f"~{value.text}", value.macros))
    return Binary("&", old, Unary("~", value))
