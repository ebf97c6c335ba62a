"""Declarations of locals: plain ones, static ones, and those of which the arms of an ``#if`` differ."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from fpuscan.ir import Var
from fpuscan.lower.initialisers import Initialisers

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.parse.syntax import Node
    from fpuscan.symbols.declarators import CType

__all__ = ["Declarations"]


class Declarations(Initialisers):
    """Adds declarations to the lowering."""

    @abstractmethod
    def at(self, node: Node) -> None:
        """Place what follows at this statement; added by ``statements.py``."""

    def declaration(self, node: Node) -> None:
        """Lower the variables that one declares."""
        self.at(node)
        type_node = node.child_by_field_name("type")
        if type_node is None:
            return
        static = self._is_static(node)
        for declarator in node.children_by_field_name("declarator"):
            name, ctype = self.context.declared(type_node, declarator, self.data)
            if not name or (ctype.function and not ctype.pointers):
                continue
            if not static and self.conditional and self._is_static_in_other_arm(node, name):
                self._kept(name, ctype, declarator)
            else:
                self._declare(name, ctype, static, declarator)

    def _is_static(self, declaration: Node) -> bool:
        return any(
            child.type == "storage_class_specifier" and self.text(child) == "static" for child in declaration.children
        )

    def _is_static_in_other_arm(self, node: Node, name: str) -> bool:
        """Whether the same block declares the name a second time, as static: in another arm of an ``#if``."""
        around = node.parent.named_children if node.parent is not None else ()
        return any(
            self.context.declared(kind, declarator, self.data)[0] == name
            for other in around
            if other.type == "declaration" and self._is_static(other)
            for kind in (other.child_by_field_name("type"),)
            if kind is not None
            for declarator in other.children_by_field_name("declarator")
        )

    def _kept(self, name: str, ctype: CType, declarator: Node) -> None:
        """A local that is static in another build: one object of both, that this build sets each time."""
        self._static(
            name, ctype, declarator.child_by_field_name("value") if declarator.type == "init_declarator" else None
        )

    def _static(self, name: str, ctype: CType, value: Node | None) -> None:
        """A local of static storage; its first value is a store like that of a global."""
        variable = Var("global", name, f"{self.facts.path}:{self.facts.name}.{name}", ctype)
        self.scopes[-1][name] = variable
        self.context.add_static(variable)
        if value is not None:
            self.initialise(variable, value)

    def _declare(self, name: str, ctype: CType, static: bool, declarator: Node) -> None:  # noqa: FBT001
        value = declarator.child_by_field_name("value") if declarator.type == "init_declarator" else None
        if value is not None and self.offset_override is None and not static:
            self.span = (declarator.start_byte, declarator.end_byte)
        given: Expr | None = None
        if ctype.base == "__auto_type" and value is not None:
            given = self.value(value)
            ctype = self.type_of(given) or ctype
        if static:
            self._static(name, ctype, value)
            return
        variable = self._local(name, ctype, declarator)
        if given is not None:
            self.assign(variable, given)
        elif value is not None:
            self.initialise(variable, value)

    def _local(self, name: str, ctype: CType, declarator: Node) -> Var:
        """The variable; one that the scope has already is another arm's of an ``#if``, and the same object."""
        key: int | str = f"{name}@{declarator.start_byte if self.offset_override is None else self.new_key()}"
        earlier = self.scopes[-1].get(name)
        known = ctype
        if earlier is not None and earlier.kind == "local":
            key, known = earlier.key, _wider(earlier.type, ctype)
        variable = Var("local", name, key, ctype)
        self.facts.variables[key] = self.scopes[-1][name] = (
            variable if known == ctype else Var("local", name, key, known)
        )
        return variable

    def new_key(self) -> str:
        """A key for a variable declared inside an expansion."""
        self._temps += 1
        return f"m{self._temps}"


# What reads a local that arms declare with different types must keep every bit of either.
def _wider(one: CType | None, other: CType) -> CType:
    first, second = one.integer if one is not None else None, other.integer
    return one if one is not None and first is not None and second is not None and first[0] > second[0] else other
