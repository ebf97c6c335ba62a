"""Questions to a syntax node that every part of the lowering asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpuscan.parse.syntax import Node

__all__ = ["first_named", "has_effects", "only_expression", "operator_of", "strip_parentheses", "without_comments"]

_EFFECTS = frozenset(
    {"call_expression", "assignment_expression", "update_expression", "compound_statement", "generic_expression"}
)


def first_named(node: Node) -> Node | None:
    """The first named child, None where there is none."""
    return node.named_children[0] if node.named_child_count else None


def strip_parentheses(node: Node) -> Node:
    """The expression inside any number of parentheses."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        inner = first_named(node)
        if inner is None or inner.type == "compound_statement":
            return node
        node = inner
    return node


def without_comments(node: Node) -> list[Node]:
    """The named children that are no comments."""
    return [child for child in node.named_children if child.type != "comment"]


def only_expression(body: Node) -> Node | None:
    """The expression that a block consists of; None where it is more, or something else."""
    statements = without_comments(body)
    if len(statements) != 1 or statements[0].type != "expression_statement":
        return None
    return first_named(statements[0])


def has_effects(node: Node) -> bool:
    """Whether an expression may do something: calls, assignments, and what hides them."""
    return node.type in _EFFECTS or any(map(has_effects, node.named_children))


def operator_of(node: Node) -> str:
    """The operator token of an expression node."""
    child = node.child_by_field_name("operator")
    return child.type if child is not None else ""
