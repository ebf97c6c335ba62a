"""Members that are named by their offset: ``*(u64 *)((char *)p + offsetof(struct x, m))`` is ``((struct x *)p)->m``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS
from fpuscan.ir import Addr, Binary, Cast, Const, ContainerOf, Deref, Index, uncast
from fpuscan.lower.expressions import Expressions
from fpuscan.lower.nodes import has_effects, operator_of, strip_parentheses
from fpuscan.symbols.declarators import CType

if TYPE_CHECKING:
    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.syntax import Node

__all__ = ["Offsets"]

_NAMES = frozenset({"OFFSETOF", "offsetof", "__builtin_offsetof"})
_BYTES = frozenset({"char", "signed char", "unsigned char", "u8", "__u8", "uint8_t", "void"})
_PART = re.compile(r"(\w+)|\[([^\]]*)\]")

_Offset = tuple[CType, str]  # of a member, as written: ``a.b[2]``


class Offsets(Expressions):
    """Adds byte arithmetic with offsets of members to the lowering of expressions."""

    def by_offset(self, operator: str, left: Node, right: Node) -> Expr | None:
        """``p + offsetof(T, m)`` or ``p - offsetof(T, m)`` with a pointer to bytes; None for any other sum."""
        if operator not in {"+", "-"}:
            return None
        moved = self._by_size(operator, left, right)
        if moved is not None:
            return moved
        offset, pointer = self._offset(right), left
        if offset is None and operator == "+":
            offset, pointer = self._offset(left), right
        if offset is None:
            return None
        ctype, path = offset
        value = self.value(pointer)
        if not self._counts_bytes(value):
            return Binary(operator, value, self.value(right if pointer is left else left))
        value = uncast(value)
        if operator == "-":
            return ContainerOf(value, ctype.base, tuple(name for name, _ in _PART.findall(path) if name))
        return Addr(self._member_at(value, ctype, path))

    def _by_size(self, operator: str, left: Node, right: Node) -> Expr | None:
        """``bytes + n * sizeof(T)`` is ``(T *)bytes + n``; None for any other sum."""
        right = strip_parentheses(right)
        if right.type != "binary_expression" or operator_of(right) != "*":
            return None  # what lies one object further is something else: ``(void *)task + sizeof(*task)``
        first, second = right.child_by_field_name("left"), right.child_by_field_name("right")
        assert first is not None
        assert second is not None
        for measured, count in ((first, second), (second, first)):
            ctype = self._measured(strip_parentheses(measured))
            if ctype is not None:
                value = self.value(left)
                if not self._counts_bytes(value):
                    return Binary(operator, value, self.value(right))
                return Binary(operator, Cast(ctype.pointer_to(), 0, uncast(value)), self.value(count))
        return None

    def _measured(self, node: Node) -> CType | None:
        """The type whose size ``sizeof`` gives."""
        if node.type != "sizeof_expression":
            return None
        type_node, value = node.child_by_field_name("type"), node.child_by_field_name("value")
        if type_node is not None:
            return self.context.types.resolve(self.context.parse_type(self.text(type_node)))
        ctype = self.unevaluated_type(value) if value is not None else None
        return ctype if ctype is not None and not ctype.arrays else None

    def unevaluated_type(self, node: Node) -> CType | None:
        """The type of an expression that is not evaluated; None where it is not told, or has effects."""
        if not has_effects(node):
            ctype = self.type_of(self.value(node))
            return self.context.types.resolve(ctype) if ctype is not None else None
        return None

    def offset_value(self, node: Node) -> Expr:
        """``offsetof(struct x, m)`` where it is no part of a sum: a number that remembers the member."""
        offset = self._offset(node)
        text = self.text(node)[:40]
        return Const(None, text) if offset is None else Const(None, text, member=(offset[0].base, offset[1].strip()))

    def is_offset(self, name: str) -> bool:
        """Whether a call by that name gives the offset of a member."""
        return name in _NAMES

    def _offset(self, node: Node) -> _Offset | None:
        """The struct and the member of ``offsetof(struct x, a.b)``, whatever it is cast to."""
        node = strip_parentheses(node)
        if node.type == "cast_expression":
            inner = node.child_by_field_name("value")
            return self._offset(inner) if inner is not None else None
        if node.type == "offsetof_expression":
            arguments = self.text(node).partition("(")[2]
        elif node.type == "call_expression":
            function, given = node.child_by_field_name("function"), node.child_by_field_name("arguments")
            if function is None or given is None or self.text(function) not in _NAMES:
                return None
            arguments = self.text(given)[1:]
        else:
            return None
        parts = self.context.split_arguments(arguments.rstrip()[:-1])
        if len(parts) != 2:
            return None
        if self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))
        return self.context.types.resolve(self.context.parse_type(parts[0].strip())), parts[1]

    def _counts_bytes(self, value: Expr) -> bool:
        """Whether one more is one byte more: a pointer to bytes, or an address as a number."""
        ctype = self.type_of(value)
        if ctype is not None and ctype.is_pointer:
            return ctype.pointers == 1 and ctype.base in _BYTES
        if not isinstance(value, Cast) or ctype is None or ctype.integer is None or ctype.integer[0] != WORD_BITS:
            return False
        inner = self.type_of(value.operand)
        return inner is not None and inner.is_pointer

    def _member_at(self, pointer: Expr, ctype: CType, path: str) -> LValue:
        pointed = self.type_of(pointer)
        same = pointed is not None and pointed.is_pointer and pointed.base == ctype.base
        target = CType(ctype.base, 1)
        place = self.deref(pointer) if same else Deref(Cast(target, 0, pointer), ctype)
        for name, index in _PART.findall(path):
            if name:
                place = self.member(place, name)
            else:
                element = place.type.element() if place.type is not None else None
                place = Index(place, None, self.context.evaluate(index), element)
        return place
