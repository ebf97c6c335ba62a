"""``_Generic(value, type: expression, ...)``: what the type of a value selects (C11 6.5.1.1)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fpuscan.lower.nodes import without_comments
from fpuscan.lower.offsets import Offsets

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.declarators import CType

__all__ = ["Generic"]

# Widths and signs that more than one integer type has: ``unsigned long`` and ``u64``, ``char`` and ``s8``.
_AMBIGUOUS = {(64, False), (64, True), (8, True)}
_SPELLINGS = {
    "u64": ("__u64", "uint64_t", "unsigned long long"),
    "s64": ("__s64", "int64_t", "long long"),
}
_PLAIN = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_Arm = tuple["Node", "Node"]  # the type (or ``default``) and the expression


class Generic(Offsets):
    """Adds selections by type to the lowering of expressions."""

    def selected(self, node: Node) -> Expr:
        """The value of the arm that a type selects; of each that it may select, where it is not told."""
        first, *rest = without_comments(node)
        arms = self._selectable(self.unevaluated_type(first), list(zip(rest[::2], rest[1::2], strict=False)))
        if self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))  # what is not selected is no code
        if len(arms) == 1:
            return self.value(arms[0][1])
        return self.either([((), partial(self.value, value)) for _, value in arms], self.offset(node))

    def _selectable(self, ctype: CType | None, arms: list[_Arm]) -> list[_Arm]:
        """The arms that a value of some type may select."""
        if ctype is None:
            return arms
        default = [arm for arm in arms if self.text(arm[0]) == "default"]
        told = [(self._stands_for(arm[0], ctype), arm) for arm in arms if arm not in default]
        same = [arm for known, arm in told if known]
        return same or [arm for known, arm in told if known is None] + default or arms

    def _stands_for(self, node: Node, ctype: CType) -> bool | None:
        """Whether a type name stands for a type; None where that cannot be told."""
        other = self.context.types.resolve(self.context.parse_type(self.text(node)))
        if ctype.pointers + len(ctype.arrays) != other.pointers:
            return False
        first, second = ctype._replace(pointers=0, arrays=()), other._replace(pointers=0)
        if first.base == second.base:
            return True
        if first.integer is None or second.integer is None:
            return None if _may_be_integer(first) and _may_be_integer(second) else False
        one, two = (_PLAIN.get(each.base, each.base) for each in (first, second))
        if one == two or first.integer != second.integer:
            return one == two
        return None if first.integer in _AMBIGUOUS else True


def _may_be_integer(ctype: CType) -> bool:
    """Whether a type may be an integer: an enum, or a typedef that the scope does not define."""
    return not ctype.is_record and ctype.base != "void"
