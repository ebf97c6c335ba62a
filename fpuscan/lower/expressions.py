"""Expressions: from syntax nodes to values, with their side effects emitted on the way.

An expression is taken apart so that what remains is a pure tree: calls,
assignments inside expressions, ``?:``, ``&&`` and ``||`` become instructions
and control flow in front of it, in evaluation order.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import TYPE_CHECKING

from fpuscan.conversions import stored_constant
from fpuscan.ir import Binary, Cast, Const, FunctionRef, Load, Opaque, Unary, Var, pointer_to
from fpuscan.lower.conditions import Conditions
from fpuscan.lower.constants import is_number
from fpuscan.lower.nodes import first_named, operator_of, strip_parentheses
from fpuscan.lower.tested import is_one_bit, word_tested_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.declarators import CType

__all__ = ["Expressions"]

_NAME = re.compile(r"\w+")
_ERRORS = range(1, 4096)  # MAX_ERRNO of include/linux/err.h: what is negated is a number and no mask


class Expressions(Conditions):
    """Lowers expressions; statements and calls are added by the classes below it."""

    def value(self, node: Node) -> Expr:
        """The value of an expression."""
        node = strip_parentheses(node)
        handler = _HANDLERS.get(node.type)
        if handler is not None:
            return handler(self, node)
        if node.is_named and node.type not in _SILENT:
            self.facts.unmodelled.append((self.offset(node), node.type))
        return Opaque(tuple(self.value(child) for child in node.named_children), node.type)

    def _literal(self, node: Node) -> Expr:
        text = self.text(node)
        return Const(self.context.evaluate(text), text)

    def _silent(self, node: Node) -> Expr:
        return Const(None, self.text(node)[:40])

    def _null(self, _node: Node) -> Expr:
        return Const(0, "NULL")

    def _true(self, _node: Node) -> Expr:
        return Const(1, "true")

    def _false(self, _node: Node) -> Expr:
        return Const(0, "false")

    def _identifier(self, node: Node) -> Expr:
        name = self.text(node)
        variable = self.lookup(name)
        if variable is not None:
            return self.load(variable, node)
        if self.offset_override is None:
            self.facts.covered.add(node.start_byte)
        special = self.named_constant(node, name)
        if special is not None:
            return special
        expansion = self.macro_value(node, name)
        if expansion is not None:
            return expansion
        if self.context.is_function(name):
            return FunctionRef(name)
        place = self.identifier_lvalue(node)
        assert place is not None
        return self.load(place, node)

    def named_constant(self, node: Node, name: str) -> Expr | None:
        """NULL, an enumerator or an object-like macro with a constant value."""
        if name in {"NULL", "false"}:
            return Const(0, name)
        if name == "true":
            return Const(1, name)
        value, macros = self.context.constant(name, self.facts.path, self.offset(node))
        return Const(value, name, macros) if value is not None else None

    @abstractmethod
    def macro_value(self, node: Node, name: str) -> Expr | None:
        """The value behind an object-like macro; added by ``macros.py``."""

    def _lvalue_load(self, node: Node) -> Expr:
        place = self.lvalue(node)
        if place is None:
            return Opaque(tuple(self.value(child) for child in node.named_children), node.type)
        return self.load(place, node)

    def _pointer(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        if operator_of(node) == "*":
            return self._lvalue_load(node)
        inner = strip_parentheses(argument)
        if (
            inner.type == "identifier"
            and self.lookup(self.text(inner)) is None
            and self.context.is_function(self.text(inner))
        ):
            return FunctionRef(self.text(inner))
        place = self.lvalue(argument)
        if place is None:
            place = self.materialise(self.value(argument))
        return pointer_to(place)

    def _unary(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        value = self.value(argument)
        if operator_of(node) == "-" and isinstance(value, Const) and value.value in _ERRORS:
            word = self.context.evaluate_at(self.text(node), self.facts.path, self.offset(node))
            if word is not None:
                return Const(word, self.text(node))
        return Unary(operator_of(node), value)

    def _binary(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        operator = operator_of(node)
        if operator in {"&&", "||"}:
            return self.boolean(node)
        member = self.by_offset(operator, left, right)
        if member is not None:
            return member
        first, second = self.value(left), self.value(right)
        if is_number(first) and is_number(second):
            word = self.context.evaluate_at(self.text(node), self.facts.path, self.offset(node))
            if word is not None:  # 1 << 31 is a negative int
                return Const(word, self.text(node))
        return Binary(operator, first, second)

    @abstractmethod
    def by_offset(self, operator: str, left: Node, right: Node) -> Expr | None:
        """The address of a member that is named by its offset; added by ``offsets.py``."""

    @abstractmethod
    def selected(self, node: Node) -> Expr:
        """The value of ``_Generic()``; added by ``generic.py``."""

    @abstractmethod
    def offset_value(self, node: Node) -> Expr:
        """The offset of a member as a number; added by ``offsets.py``."""

    def _conditional(self, node: Node) -> Expr:
        test = node.child_by_field_name("condition")
        then = node.child_by_field_name("consequence")
        otherwise = node.child_by_field_name("alternative")
        assert test is not None
        assert otherwise is not None
        result = self.temp(None)
        if then is None:  # a ?: b
            first = self.value(test)
            self.assign(result, first)
            true, false = self.branch(Load(result, self.offset(node)))
            after = true
        else:
            true, false = self.condition(test)
            self.frontier = true
            first = self.value(then)
            self.assign(result, first)
            after = self.frontier
        self.frontier = false
        second = self.value(otherwise)
        self.assign(result, second)
        if true and not false:  # a literal condition: control does not come from the other side
            self.frontier = after
        elif true or not false:
            self.frontier = self.frontier + after
        result.type = self.joined_type(first, second)
        return Load(result, self.offset(node))

    def _assignment(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        operator = operator_of(node)
        if operator == "=":
            right_node = strip_parentheses(right)
            value = self.value(right_node)
            target = self.lvalue(left)
        else:
            target = self.lvalue(left)
            value = self.value(right)
            if operator == "|=" and is_one_bit(value):
                word = word_tested_for(node, right, self.text)
                value = value if word is None else Binary("&", self.value(word), value)
            if target is not None:
                value = Binary(operator[:-1], Load(target, self.offset(left)), value)
                if operator in {"+=", "-="}:
                    value = self._counted(target, value)
        if target is None:
            return value
        self.assign(target, value)
        return value if operator == "=" and self._is_kept(target, value) else self.load(target, left)

    def _is_kept(self, target: LValue, value: Expr) -> bool:
        """Whether ``a = (b = value)`` gives ``a`` the value as it stands: no read of ``b``, which others may set."""
        if isinstance(target, Var) and target.kind != "global":
            return False
        ctype = target.type
        if isinstance(value, Const) and value.value is not None:
            return stored_constant(value.value, ctype and self.context.types.resolve(ctype)) == value.value
        place = value.place if isinstance(value, Load) else None
        return isinstance(place, Var) and place.kind in {"local", "param"} and ctype is not None and place.type == ctype

    def _update(self, node: Node) -> Expr:
        argument = node.child_by_field_name("argument")
        assert argument is not None
        target = self.lvalue(argument)
        if target is None:
            return self.value(argument)
        operator = operator_of(node)[0]
        postfix = node.children[0].is_named
        old: Expr = Load(target, self.offset(argument))
        if postfix:
            before = self.temp(target.type)
            self.assign(before, old)
            old = Load(before, self.offset(argument))
        self.assign(target, self._counted(target, Binary(operator, old, Const(1, "1"))))
        return old if postfix else Load(target, self.offset(argument))

    def _counted(self, target: LValue, value: Expr) -> Expr:
        """What is counted in the passes of an iterator depends on what it walks over."""
        if not self.passes or (target.type is not None and target.type.is_pointer):
            return value
        return Opaque((value, *self.passes), "count")

    def _cast(self, node: Node) -> Expr:
        casts: list[CType] = []
        while True:
            type_node, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
            assert type_node is not None
            assert inner is not None
            if inner.type in {"pointer_expression", "unary_expression"} and self._is_no_type(type_node):
                return self._binary_in_disguise(type_node, inner, casts)
            casts.append(self.context.parse_type(self.text(type_node)))
            if inner.type != "cast_expression":
                return self._cast_to(casts, self.value(inner))
            node = inner

    def _cast_to(self, casts: list[CType], value: Expr) -> Expr:
        """A value cast to some types, to the last one first."""
        for ctype in reversed(casts):
            value = self.cast(ctype, value)
        return value

    def _is_no_type(self, node: Node) -> bool:
        """Whether the parenthesised text in front of an operator is a value: ``(mask) & x``, ``(f()) - x``."""
        name = _NAME.match(self.text(node))
        return name is not None and (
            self.lookup(name[0]) is not None or self.context.is_callable(name[0], self.facts.path)
        )

    def _binary_in_disguise(self, left: Node, right: Node, casts: list[CType]) -> Expr:
        """``(f()) & x`` parses as a cast of ``&x``; casts in front of it are of ``f()`` alone."""
        argument = right.child_by_field_name("argument")
        assert argument is not None
        value = self._cast_to(casts, self.text_value(left, self.text(left)))
        return Binary(operator_of(right), value, self.value(argument))

    @abstractmethod
    def text_value(self, node: Node, text: str) -> Expr:
        """The value of an expression given as text; added by ``macros.py``."""

    def cast(self, ctype: CType, operand: Expr) -> Expr:
        """``(ctype)operand``."""
        if isinstance(operand, Const) and operand.member[0]:
            return operand
        if isinstance(operand, Const) and not ctype.is_pointer:
            value = operand.value
            if value is not None:
                value = stored_constant(value, self.context.types.resolve(ctype))
            text = f"({ctype}){operand.text}" if operand.text[:1].isdigit() else operand.text
            return Const(value, text, operand.macros)
        resolved = self.context.types.resolve(ctype)
        kind = resolved.integer or ctype.integer
        return Cast(resolved, kind[0] if kind is not None else 0, operand)

    def _comma(self, node: Node) -> Expr:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        self.value(left)
        return self.value(right)

    def _compound_literal(self, node: Node) -> Expr:
        return self.load(self.literal_object(node), node)

    def literal_object(self, node: Node) -> Var:
        """The object that a compound literal makes: a static one outside of functions, named after its user."""
        type_node, inner = node.child_by_field_name("type"), node.child_by_field_name("value")
        assert type_node is not None
        ctype = self.context.types.resolve(self.context.parse_type(self.text(type_node)))
        variable = self.temp(ctype)
        if self.initialised:
            key = f"{self.facts.path}:literal@{self.offset(node)}.{self.initialised}"
            variable = Var("global", self.initialised, key, ctype)
            self.context.add_static(variable)
        if inner is not None:
            self.initialise(variable, inner)
        return variable

    @abstractmethod
    def initialise(self, target: LValue, node: Node) -> None:
        """Store an initialiser; added by ``initialisers.py``."""

    @abstractmethod
    def call_value(self, node: Node) -> Expr:
        """The value of a call; added by ``calls.py``."""

    def _statement_expression(self, node: Node) -> Expr:
        inner = first_named(node)
        if inner is not None and inner.type == "compound_statement":
            return self.statement_expression(inner)
        return Opaque(tuple(self.value(child) for child in node.named_children), node.type)

    @abstractmethod
    def statement_expression(self, node: Node) -> Expr:
        """The value of ``({ ... })``; added by ``statements.py``."""


_SILENT = frozenset({"type_descriptor", "primitive_type", "sized_type_specifier", "argument_list", "comment"})

_HANDLERS: dict[str, Callable[[Expressions, Node], Expr]] = {
    "identifier": Expressions._identifier,
    "type_identifier": Expressions._identifier,
    "field_identifier": Expressions._identifier,
    "statement_identifier": Expressions._silent,
    "number_literal": Expressions._literal,
    "char_literal": Expressions._silent,
    "string_literal": Expressions._silent,
    "concatenated_string": Expressions._silent,
    "sizeof_expression": Expressions._silent,
    "alignof_expression": Expressions._silent,
    "offsetof_expression": lambda self, node: self.offset_value(node),
    "generic_expression": lambda self, node: self.selected(node),
    "type_descriptor": Expressions._silent,
    "primitive_type": Expressions._silent,
    "sized_type_specifier": Expressions._silent,
    "struct_specifier": Expressions._silent,
    "null": Expressions._null,
    "true": Expressions._true,
    "false": Expressions._false,
    "field_expression": Expressions._lvalue_load,
    "subscript_expression": Expressions._lvalue_load,
    "pointer_expression": Expressions._pointer,
    "unary_expression": Expressions._unary,
    "binary_expression": Expressions._binary,
    "conditional_expression": Expressions._conditional,
    "assignment_expression": Expressions._assignment,
    "update_expression": Expressions._update,
    "cast_expression": Expressions._cast,
    "comma_expression": Expressions._comma,
    "compound_literal_expression": Expressions._compound_literal,
    "call_expression": lambda self, node: self.call_value(node),  # the method of the class below it
    "parenthesized_expression": Expressions._statement_expression,
}
