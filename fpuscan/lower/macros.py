"""Macros of the tree: what a use of one stands for, in each build."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fpuscan.ir import Const, Load, Opaque, pointer_to
from fpuscan.lower.effects import Effects
from fpuscan.lower.nodes import only_expression
from fpuscan.symbols.cpp import Macro

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.syntax import Node

__all__ = ["MAX_EXPANSIONS", "Macros", "address_of"]

T = TypeVar("T")
_ObjectMacro = tuple[Macro, tuple["Node", bytes, bytes], "Node"]  # with its expansion, and the value in it
MAX_EXPANSIONS = 16


def address_of(choose: Callable[[], Expr]) -> Expr:
    """The address of what a value was read from."""
    value = choose()
    if not isinstance(value, Load):
        return Const(None, "")
    return pointer_to(value.place)


class Macros(Effects):
    """Adds macros to the lowering of expressions."""

    def callable_macros(self, name: str, node: Node) -> list[Macro]:
        """The macros that a call may name. One that is being expanded stands in its own arguments, or names itself."""
        around = self.expanding.count(name)
        if len(self.expanding) >= MAX_EXPANSIONS or (around and around >= self.context.macro_depth(name)):
            return []
        macros = self.context.macros_at(name, self.facts.path, self.offset(node))
        return [macro for macro in macros if macro.params is not None]

    def is_function_elsewhere(self, *macros: Macro) -> bool:
        """Whether a name is a macro in some builds only, and a function in others."""
        return self.context.defines(macros[0].name) and all(
            any(literal not in self.config for literal in macro.conditions) for macro in macros
        )

    def expand(self, node: Node, macro: Macro, arguments: Node) -> Expr:
        """The value of a use of a function-like macro."""
        inner = self.text(arguments)[1:-1]
        expansion = self.context.expansion(macro, inner)
        if expansion is None:
            self.facts.unread.append((self.offset(node), f"{macro.body} {inner}"))
            return self.plain_call(node, macro.name, arguments)
        return self.inside(node, macro, expansion, lambda: self.expansion_value(expansion[0]))

    def expansion_value(self, body: Node) -> Expr:
        """The value of the text of an expansion; of statements there is none."""
        inner = only_expression(body)
        if inner is not None:
            return self.value(inner)
        self.block(body)
        return Const(None, "")

    @abstractmethod
    def block(self, node: Node) -> None:
        """Lower a compound statement; added by ``statements.py``."""

    def inside(self, node: Node, macro: Macro, expansion: tuple[Node, bytes, bytes], action: Callable[[], T]) -> T:
        """Run ``action`` on the text of an expansion, with every fact placed at the macro's use."""
        saved = self.data, self.parsed, self.offset_override, self.expanding
        if self.offset_override is None:
            self.facts.covered_ranges.append((node.start_byte, node.end_byte))
        self.offset_override = self.offset(node)
        self.data, self.parsed = expansion[1], expansion[2]
        self.expanding = (*self.expanding, macro.name)
        try:
            return action()
        finally:
            self.data, self.parsed, self.offset_override, self.expanding = saved

    def text_value(self, node: Node, text: str) -> Expr:
        """The value of an expression that the parser took for a type."""
        expansion = self.context.snippet(text)
        macro = Macro("", None, "", text, self.facts.path, 0)
        if expansion is None:
            self.facts.unread.append((self.offset(node), text))
            return Opaque((), text)
        return self.inside(node, macro, expansion, lambda: self.expansion_value(expansion[0]))

    def _object_expansions(self, node: Node, name: str) -> list[_ObjectMacro]:
        if name in self.expanding or len(self.expanding) >= MAX_EXPANSIONS:
            return []
        macros = self.context.macros_at(name, self.facts.path, self.offset(node))
        found = []
        for macro in macros:
            if macro.params is None and macro.body.strip():
                each = self._object_expansion(macro)
                if each is not None:
                    found.append(each)
                else:
                    self.facts.unread.append((self.offset(node), macro.body))
        return found

    def _object_expansion(self, macro: Macro) -> _ObjectMacro | None:
        expansion = self.context.expansion(macro, "")
        if expansion is None:
            return None
        inner = only_expression(expansion[0])
        return (macro, expansion, inner) if inner is not None else None

    def macro_lvalue(self, node: Node, name: str) -> LValue | None:
        """The lvalue behind an object-like macro (``#define cfg guest_default_cfg``)."""
        found = self._object_expansions(node, name)
        if not found:
            return None
        if len(found) == 1:
            macro, expansion, inner = found[0]
            return self.inside(node, macro, expansion, lambda: self.lvalue(inner))
        choices = [(each[0].conditions, partial(self._object_address, node, each)) for each in found]
        return self.deref(self.either(choices, self.offset(node)))

    def _object_address(self, node: Node, found: _ObjectMacro) -> Expr:
        macro, expansion, inner = found
        return address_of(lambda: self.inside(node, macro, expansion, lambda: self.value(inner)))

    def macro_value(self, node: Node, name: str) -> Expr | None:
        """The value behind an object-like macro that is no constant, or that is several in different builds."""
        found = self._object_expansions(node, name)
        if not found:
            return None
        if len(found) == 1:
            return self._object_value(node, found[0])
        choices = [(each[0].conditions, partial(self._object_value, node, each)) for each in found]
        return self.either(choices, self.offset(node))

    def _object_value(self, node: Node, found: _ObjectMacro) -> Expr:
        macro, expansion, inner = found
        value, names = self.context.macro_constant(macro, self.facts.path, self.offset(node))
        if value is not None:
            return Const(value, macro.name, names)
        return self.inside(node, macro, expansion, lambda: self.value(inner))
