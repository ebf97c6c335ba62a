"""Calls: functions, function-like macros of the tree, and the kernel's macros that the model describes."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from fpuscan.ir import Const, Deref, FunctionRef, Load, Opaque
from fpuscan.lower.macros import address_of
from fpuscan.lower.member_macros import MemberMacros
from fpuscan.lower.nodes import first_named, operator_of, strip_parentheses
from fpuscan.symbols.cpp import Macro

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr, LValue
    from fpuscan.lower.builder import Frontier
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.cpp import ConfigLiteral

__all__ = ["Calls"]

_Choice = tuple[tuple["ConfigLiteral", ...], "Callable[[], Expr]"]
_NEAR = 80  # bytes before the argument of a macro in which its name stands
_APPLIED = re.compile(rb"\b([A-Za-z_]\w*)\(\s*\Z")
_CONSTRAINT = re.compile(rb'"([^"]*)"[\s(]*$')


class Calls(MemberMacros):
    """Adds calls to the lowering of expressions."""

    gotos: dict[str, Frontier]  # set up by ``statements.py``

    def call_value(self, node: Node) -> Expr:
        """The value of ``callee(arguments)``."""
        function = node.child_by_field_name("function")
        arguments = node.child_by_field_name("arguments")
        if function is None or arguments is None:
            return Opaque(tuple(self.value(child) for child in node.named_children), "call")
        if function.type == "parenthesized_expression":
            cast = self._cast_in_disguise(function, arguments)
            if cast is not None:
                return cast
        function = strip_parentheses(function)
        if function.type == "identifier":
            return self._named_call(node, function, arguments)
        if function.type == "pointer_expression" and operator_of(function) == "*":
            inner = function.child_by_field_name("argument")
            assert inner is not None
            return self._indirect_call(node, self.value(inner), arguments)
        if function.type == "call_expression" and not self._gives_function(function):
            callee = self._selected_member(function)
            if callee is None:  # guard(mutex)(&x): a declaration in disguise
                return Opaque(tuple(self.arguments(arguments)), "call")
            return self._indirect_call(node, callee, arguments)
        if function.type == "field_expression":
            member = self.macro_member_call(function, arguments)
            if member is not None:
                return self.load(member, node)
        return self._indirect_call(node, self.value(function), arguments)

    def _selected_member(self, node: Node) -> Expr | None:
        """The function pointer behind ``op(f)``, where a macro selects the member that its argument names."""
        inner = node.child_by_field_name("function")
        if inner is None or inner.type != "identifier":
            return None
        macros = self.callable_macros(self.text(inner), node)
        if not any(_selects(macro) for macro in macros):
            return None
        value = self.value(node)
        if isinstance(value, Load) and isinstance(value.place, Deref):  # (*ops.f)
            return value.place.pointer
        return value

    def _cast_in_disguise(self, function: Node, arguments: Node) -> Expr | None:
        """``(u32)(x >> 3)`` parses as a call of a parenthesised identifier."""
        inner = strip_parentheses(function)
        if inner.type != "identifier" or arguments.named_child_count != 1:
            return None
        name = self.text(inner)
        if self.lookup(name) is not None or self.context.is_function(name):
            return None
        operand = first_named(arguments)
        assert operand is not None
        return self.cast(self.context.parse_type(name), self.value(operand))

    def _gives_function(self, call: Node) -> bool:
        """Whether a call gives a function pointer: ``handler(type)(argument)``."""
        callee = call.child_by_field_name("function")
        ctype = self.context.return_type(self.text(callee)) if callee is not None else None
        return ctype is not None and ctype.function

    def _indirect_call(self, node: Node, callee: Expr, arguments: Node) -> Expr:
        values = self.arguments(arguments)
        return self.call(callee, values, self.temp(self.context.indirect_return_type(callee)), self.where(node))

    def _named_call(self, node: Node, function: Node, arguments: Node) -> Expr:
        name = self.text(function)
        if self.offset_override is None:
            self.facts.covered.add(function.start_byte)
        chosen = self._chosen_function(function, name)
        if isinstance(chosen, FunctionRef):
            return self.plain_call(node, chosen.name, arguments)
        if chosen is not None:
            return self._indirect_call(node, chosen, arguments)
        variable = self.lookup(name)
        if variable is not None:
            return self._indirect_call(node, Load(variable, self.offset(function)), arguments)
        if name == "ASM":
            return self._asm(node, arguments)
        if self.is_offset(name):
            return self.offset_value(node)
        effect = self.context.model.effects.get(name)
        if effect is not None:
            return self.effect(node, name, arguments, effect)
        macros = self.callable_macros(name, node)
        if len(macros) == 1 and not self.is_function_elsewhere(macros[0]):
            return self.expand(node, macros[0], arguments)
        if macros:
            return self.either(self._meanings(node, macros, arguments), self.offset(node))
        if not self.context.is_function(name):
            ctype = self.context.global_type(name, self.facts.path)
            if ctype is not None and ctype.function:
                return self._indirect_call(node, self.value(function), arguments)
            if self._takes_operands(arguments):
                return self._asm(node, arguments, name)
        return self.plain_call(node, name, arguments)

    def _chosen_function(self, node: Node, name: str) -> Expr | None:
        """The function in ``X(name)(...)`` where X, which the normaliser has left out, is a macro or function of the
        program that gives it; None for a plain call.
        """  # noqa: D205
        if self.data[node.end_byte : node.end_byte + 8].lstrip()[:1] != b")":
            return None
        word = _APPLIED.search(self.data, max(0, node.start_byte - _NEAR), node.start_byte)
        if word is None or self.data[node.start_byte : node.end_byte] != name.encode():
            return None
        around = word[1].decode("ascii", "replace")
        macros = self.callable_macros(around, node)
        if not macros:
            return self._given_function(node, around) if self.context.is_function(around) else None
        choices = [
            (macro.conditions, partial(self._expanded, node, macro, expansion))
            for macro in macros
            if (expansion := self.context.expansion(macro, name)) is not None
        ]
        if not choices:
            return None
        return choices[0][1]() if len(choices) == 1 else self.either(choices, self.offset(node))

    def _expanded(self, node: Node, macro: Macro, expansion: tuple[Node, bytes, bytes]) -> Expr:
        return self.inside(node, macro, expansion, lambda: self.expansion_value(expansion[0]))

    def _given_function(self, node: Node, name: str) -> Expr:
        """The function pointer that another function returns for one argument."""
        ctype = self.context.return_type(name)
        return self.call(name, [self.value(node)], self.temp(ctype), self.where(node))

    def _meanings(self, node: Node, macros: list[Macro], arguments: Node) -> list[_Choice]:
        """What a call is in different builds."""
        choices: list[_Choice] = [(macro.conditions, partial(self.expand, node, macro, arguments)) for macro in macros]
        if self.is_function_elsewhere(*macros):
            choices.append(((), partial(self.plain_call, node, macros[0].name, arguments)))
        return choices

    def call_lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a call stands for: that of a macro, or what its value was read from."""
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        name = self.text(function) if function is not None and function.type == "identifier" else ""
        if name and arguments is not None and self.lookup(name) is None and name not in self.context.model.effects:
            macros = self.callable_macros(name, node)
            if len(macros) > 1:
                choices = self._meanings(node, macros, arguments)
                addresses = [(where, partial(address_of, choose)) for where, choose in choices]
                return self.deref(self.either(addresses, self.offset(node)))
        value = self.value(node)
        return value.place if isinstance(value, Load) else None

    def transparent_condition(self, node: Node) -> Node | None:
        """The condition inside ``likely(x)`` and other calls that return their argument's truth."""
        if node.type != "call_expression":
            return None
        function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if function is None or arguments is None or function.type != "identifier" or not arguments.named_child_count:
            return None
        effect = self.context.model.effects.get(self.text(function))
        if effect is None or effect.kind != "truth":
            return None
        return first_named(arguments)

    def _takes_operands(self, arguments: Node) -> bool:
        """Whether an unknown macro is given assembler operands: ``alternative_io("", "", ft, [x] "=r" (x))``."""
        position = arguments.start_byte
        for child in arguments.named_children:
            if _CONSTRAINT.search(self.data[position : child.start_byte]):
                return True
            position = child.end_byte
        return False

    def _asm(self, node: Node, arguments: Node, name: str = "asm") -> Expr:
        """``ASM((operand), (operand))`` left by the normaliser; constraints are in the original bytes."""
        inputs: list[Expr] = []
        outputs: list[tuple[LValue, bool]] = []
        position = arguments.start_byte
        for child in arguments.named_children:
            constraint = _CONSTRAINT.search(self.data[position : child.start_byte])
            position = child.end_byte
            kind = constraint.group(1) if constraint else b""
            if kind[:1] in {b"=", b"+"}:
                place = self.lvalue(child)
                if place is not None:
                    outputs.append((place, kind[:1] == b"+"))
                    continue
            inputs.append(self.value(child))
        result = self.temp(None)
        value = self.call(name, inputs, result, self.where(node))
        for place, weak in outputs:
            self.assign(place, value, weak=weak)
        if self.offset_override is None:
            for label in self.context.goto_labels(self.facts.path, node.start_byte):
                self.gotos.setdefault(label, []).extend(self.frontier)
        return Const(None, name)


def _selects(macro: Macro) -> bool:
    """Whether a macro selects the member that an argument names."""
    return any(re.search(rf"(?:\.|->)\s*{re.escape(name)}\b", macro.body) for name in macro.params or ())
