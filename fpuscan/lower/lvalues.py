"""Lvalues: from syntax nodes to the places that they denote."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from fpuscan.ir import Addr, Cast, Deref, FunctionRef, Index, Load, Var, uncast
from fpuscan.lower.constants import constant_of
from fpuscan.lower.names import Names
from fpuscan.lower.nodes import operator_of, strip_parentheses

if TYPE_CHECKING:
    from fpuscan.ir import Expr, LValue
    from fpuscan.parse.syntax import Node

__all__ = ["LValues"]


class LValues(Names):
    """Lowers lvalues; the values inside them are lowered by the classes below it."""

    def lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a node denotes; None when it denotes none (it is a plain value)."""
        node = strip_parentheses(node)
        match node.type:
            case "identifier" | "type_identifier" | "field_identifier":
                return self.identifier_lvalue(node)
            case "field_expression":
                return self.field_lvalue(node)
            case "subscript_expression":
                return self.subscript_lvalue(node)
            case "pointer_expression" if operator_of(node) == "*":
                argument = node.child_by_field_name("argument")
                assert argument is not None
                return self.deref(self.value(argument))
            case "call_expression":
                return self.call_lvalue(node)
            case "compound_literal_expression":
                return self.literal_object(node)
            case "conditional_expression" | "comma_expression":
                value = self.value(node)
                if isinstance(value, Load):
                    return value.place
            case "cast_expression":
                inner = node.child_by_field_name("value")
                return self.lvalue(inner) if inner is not None else None
            case "parenthesized_expression":  # a statement expression
                value = self.value(node)
                return value.place if isinstance(value, Load) else None
            case _:
                pass
        return None

    def identifier_lvalue(self, node: Node) -> LValue | None:
        """A variable: local, parameter, global, or what an object-like macro stands for."""
        name = self.text(node)
        variable = self.lookup(name)
        if variable is not None:
            return variable
        if self.offset_override is None:
            self.facts.covered.add(node.start_byte)
        expansion = self.macro_lvalue(node, name)
        if expansion is not None:
            return expansion
        ctype = self.context.global_type(name, self.facts.path)
        return Var("global", name, self.context.global_key(name, self.facts.path), ctype)

    @abstractmethod
    def macro_lvalue(self, node: Node, name: str) -> LValue | None:
        """The lvalue behind an object-like macro; added by ``macros.py``."""

    def field_lvalue(self, node: Node) -> LValue | None:
        """``base.name`` or ``pointer->name``."""
        argument = node.child_by_field_name("argument")
        field = node.child_by_field_name("field")
        if argument is None or field is None:
            return None
        base = self.object_of(node, argument)
        return self.named_member(base, self.text(field), field) if base is not None else None

    def object_of(self, node: Node, argument: Node) -> LValue | None:
        """What ``base.name`` or ``pointer->name`` names a member of."""
        if operator_of(node) == "->":
            return self.deref(self.value(argument))
        return self.lvalue(argument) or self.materialise(self.value(argument))

    @abstractmethod
    def named_member(self, base: LValue, name: str, node: Node, arguments: str | None = None) -> LValue | None:
        """``base.name``, where ``name`` may be a macro; added by ``member_macros.py``."""

    def subscript_lvalue(self, node: Node) -> LValue | None:
        """``base[index]`` over an array object or a pointer."""
        argument = node.child_by_field_name("argument")
        if argument is None:
            return None
        by = self._index(node)
        base = self.lvalue(argument)
        return self._element_behind(self.value(argument), by) if base is None else self._element(base, by, argument)

    def element(self, base: LValue, node: Node) -> LValue:
        """The element of ``base`` that a subscript expression names."""
        return self._element(base, self._index(node), node)

    def _index(self, node: Node) -> tuple[int | None, Expr | None]:
        index = node.child_by_field_name("index")
        by = self.value(index) if index is not None else None
        number = constant_of(by) if by is not None else None
        return number, by if number is None else None

    def _element(self, base: LValue, by: tuple[int | None, Expr | None], node: Node) -> LValue:
        if base.type is not None and base.type.arrays:
            return Index(base, None, by[0], base.type.element(), by[1])
        if base.type is not None and base.type.integer is not None:  # DEFINE_PER_CPU(u64 [N], x): read without bounds
            return Index(base, None, by[0], base.type, by[1])
        return self._element_behind(Load(base, self.offset(node)), by)

    def _element_behind(self, pointer: Expr, by: tuple[int | None, Expr | None]) -> LValue:
        pointed = self.type_of(pointer)
        ctype = pointed.pointee() if pointed is not None and pointed.is_pointer else None
        return Index(None, pointer, by[0], ctype, by[1])

    def deref(self, pointer: Expr) -> LValue:
        """``*pointer``; ``*&x`` is ``x``, and so is ``*(unsigned long *)&x`` of a word."""
        named = _renamed_word(pointer)
        if named is not None:
            return named
        ctype = self.type_of(pointer)
        pointee = ctype.pointee() if ctype is not None and ctype.is_pointer else None
        return Deref(pointer, self.context.types.resolve(pointee) if pointee is not None else None)

    def materialise(self, value: Expr) -> LValue:
        """Give a value a place, so that its members can be named."""
        if isinstance(value, Load):
            return value.place
        variable = self.temp(self.type_of(value))
        self.assign(variable, value)
        return variable

    def load(self, place: LValue, node: Node) -> Expr:
        """The value of an lvalue; an array decays to a pointer to its first element."""
        ctype = place.type
        if ctype is not None and ctype.arrays:
            return Addr(Index(place, None, 0, ctype.element()))
        if ctype is not None and ctype.function and not ctype.pointers and isinstance(place, Var):
            return FunctionRef(place.name)
        return Load(place, self.offset(node))

    @abstractmethod
    def value(self, node: Node) -> Expr:
        """The value of an expression; added by ``expressions.py``."""

    @abstractmethod
    def literal_object(self, node: Node) -> Var:
        """The object that a compound literal makes; added by ``expressions.py``."""

    @abstractmethod
    def call_lvalue(self, node: Node) -> LValue | None:
        """The lvalue that a call stands for; added by ``calls.py``."""


def _renamed_word(pointer: Expr) -> LValue | None:
    """The object at an address; with casts only where the pointer that they make reads an integer of its width."""
    inner = uncast(pointer)
    if not isinstance(inner, Addr) or pointer is inner:
        return inner.place if isinstance(inner, Addr) else None
    pointee = pointer.type.pointee() if isinstance(pointer, Cast) else None
    made, own = (each.integer if each is not None else None for each in (pointee, inner.place.type))
    return inner.place if made is not None and own is not None and made[0] == own[0] else None
