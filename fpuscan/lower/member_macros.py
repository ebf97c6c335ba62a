"""Macros that stand for a member, or for the way to one: ``#define USIZE a.user_size`` and then ``p->USIZE``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fpuscan.ir import Load, pointer_to
from fpuscan.lower.macros import MAX_EXPANSIONS, Macros
from fpuscan.lower.nodes import only_expression, operator_of, strip_parentheses

if TYPE_CHECKING:
    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.cpp import Macro

__all__ = ["MemberMacros"]

_Way = tuple["Macro", tuple["Node", bytes, bytes], "Node"]  # with its expansion, and the expression in it
_STEPS = frozenset({"identifier", "field_expression", "subscript_expression"})


class MemberMacros(Macros):
    """Adds macros behind ``.`` and ``->`` to the lowering of expressions."""

    def named_member(self, base: LValue, name: str, node: Node, arguments: str | None = None) -> LValue | None:
        """``base.name`` or ``base.name(arguments)`` written at ``node``; None where neither is a member."""
        members = self.context.members(base.type.base) if base.type is not None else None
        if members is not None and name in members:
            return self.member(base, name) if arguments is None else None
        ways = self._ways(name, node, arguments)
        if not ways:
            return self.member(base, name) if arguments is None else None
        if len(ways) == 1:
            return self._follow(base, node, ways[0])
        choices = [(way[0].conditions, partial(self._address, base, node, way)) for way in ways]
        return self.deref(self.either(choices, self.offset(node)))

    def _ways(self, name: str, node: Node, arguments: str | None) -> list[_Way]:
        if name in self.expanding or len(self.expanding) >= MAX_EXPANSIONS:
            return []
        found = []
        for macro in self.context.macros_at(name, self.facts.path, self.offset(node)):
            if (macro.params is None) == (arguments is None) and macro.body.strip():
                expansion = self.context.expansion(macro, arguments or "")
                way = only_expression(expansion[0]) if expansion is not None else None
                if expansion is not None and way is not None and way.type in _STEPS:
                    found.append((macro, expansion, way))
        return found

    def _follow(self, base: LValue, node: Node, way: _Way) -> LValue:
        macro, expansion, steps = way
        return self.inside(node, macro, expansion, lambda: self._along(base, steps))

    def _address(self, base: LValue, node: Node, way: _Way) -> Expr:
        return pointer_to(self._follow(base, node, way))

    def _along(self, base: LValue, node: Node) -> LValue:
        """The place that the members in ``node`` lead to."""
        node = strip_parentheses(node)
        argument = node.child_by_field_name("argument")
        if argument is None:
            return self.named_member(base, self.text(node), node) or base
        inner = self._along(base, argument)
        field = node.child_by_field_name("field")
        if field is None:
            return self.element(inner, node)
        if operator_of(node) == "->":
            inner = self.deref(Load(inner, self.offset(argument)))
        return self.named_member(inner, self.text(field), field) or inner

    def macro_member_call(self, function: Node, arguments: Node) -> LValue | None:
        """``base.macro(arguments)``, where that is a member; None if it is a call."""
        argument, field = function.child_by_field_name("argument"), function.child_by_field_name("field")
        if argument is None or field is None or not self.callable_macros(self.text(field), field):
            return None
        base = self.object_of(function, argument)
        if base is None:
            return None
        return self.named_member(base, self.text(field), field, self.text(arguments)[1:-1])
