"""Conditions: control flow for ``!``, ``&&`` and ``||``, and their results as values."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from fpuscan.ir import Const, Load
from fpuscan.lower.constants import constant_of
from fpuscan.lower.lvalues import LValues
from fpuscan.lower.names import INT
from fpuscan.lower.nodes import operator_of, strip_parentheses

if TYPE_CHECKING:
    from fpuscan.ir import Expr
    from fpuscan.lower.builder import Frontier
    from fpuscan.parse.syntax import Node

__all__ = ["Conditions"]


class Conditions(LValues):
    """Lowers conditions; the values that they test are lowered by the classes below it."""

    def condition(self, node: Node) -> tuple[Frontier, Frontier]:
        """Lower a condition; returns the frontiers of its true and false sides."""
        node = strip_parentheses(node)
        if node.type == "unary_expression" and operator_of(node) == "!":
            argument = node.child_by_field_name("argument")
            assert argument is not None
            true, false = self.condition(argument)
            return false, true
        if node.type == "binary_expression" and operator_of(node) in {"&&", "||"}:
            return self._short_circuit(node)
        transparent = self.transparent_condition(node)
        if transparent is not None:
            return self.condition(transparent)
        value = self.value(node)
        known = constant_of(value)
        if known is not None:
            here: Frontier = self.frontier
            return (here, []) if known else ([], here)
        return self.branch(value)

    @abstractmethod
    def transparent_condition(self, node: Node) -> Node | None:
        """The condition inside ``likely()`` and its kin; added by ``calls.py``."""

    def _short_circuit(self, node: Node) -> tuple[Frontier, Frontier]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        assert left is not None
        assert right is not None
        true, false = self.condition(left)
        if operator_of(node) == "&&":
            self.frontier = true
            right_true, right_false = self.condition(right)
            return right_true, false + right_false
        self.frontier = false
        right_true, right_false = self.condition(right)
        return true + right_true, right_false

    def boolean(self, node: Node) -> Expr:
        """A condition used as a value: 1 on its true side, 0 on its false side."""
        true, false = self.condition(node)
        result = self.temp(INT)
        self.frontier = true
        self.assign(result, Const(1, "true"))
        after = self.frontier
        self.frontier = false
        self.assign(result, Const(0, "false"))
        self.frontier = self.frontier + after
        return Load(result, self.offset(node))
