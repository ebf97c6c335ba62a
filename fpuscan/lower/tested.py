"""A bit that is tested in one word and then set in another: ``if (a & BIT(n)) b |= BIT(n)`` is ``b |= a & BIT(n)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Binary, Cast, Const, Opaque
from fpuscan.lower.nodes import has_effects, operator_of, strip_parentheses, without_comments
from fpuscan.symbols.constexpr import BIT_MACROS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.ir import Expr
    from fpuscan.parse.syntax import Node

__all__ = ["is_one_bit", "word_tested_for"]


def word_tested_for(assignment: Node, bit: Node, text: Callable[[Node], str]) -> Node | None:
    """The word in which the condition of an ``if`` around an assignment, the first statement there, tests a bit."""
    statement = assignment.parent
    branch = statement.parent if statement is not None and statement.type == "expression_statement" else None
    if branch is not None and branch.type == "compound_statement":
        first = next(iter(without_comments(branch)), None)
        statement, branch = (branch, branch.parent) if first == statement else (None, None)
    if branch is None or branch.type != "if_statement" or branch.child_by_field_name("consequence") != statement:
        return None
    test = branch.child_by_field_name("condition")
    test = strip_parentheses(test) if test is not None else None
    if test is None or test.type != "binary_expression" or operator_of(test) != "&":
        return None
    left, right = test.child_by_field_name("left"), test.child_by_field_name("right")
    assert left is not None
    assert right is not None
    wanted = _words(bit, text)
    word = left if _words(right, text) == wanted else right if _words(left, text) == wanted else None
    return word if word is not None and not has_effects(word) else None


def is_one_bit(value: Expr) -> bool:
    """Whether an expression is a word with one bit set, of a number that only a run knows."""
    while isinstance(value, Cast):
        value = value.operand
    if isinstance(value, Opaque):
        return value.text in BIT_MACROS
    return isinstance(value, Binary) and value.op == "<<" and isinstance(value.left, Const) and value.left.value == 1


def _words(node: Node, text: Callable[[Node], str]) -> list[str]:
    """The tokens of an expression, so that blanks and parentheses around it do not count."""
    node = strip_parentheses(node)
    return [word for child in node.children for word in _words(child, text)] if node.child_count else [text(node)]
