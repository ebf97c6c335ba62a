"""Loops whose body runs at least once, as far as constants say so: ``for (i = 0; i < ARRAY_SIZE(x); i++)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.ir import Assign, Binary, Branch, Const, Marker, uncast, variable_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr

__all__ = ["certain_loops", "reverse_postorder"]


def reverse_postorder(function: FunctionAnalysis) -> list[int]:
    """The position of each node: a node comes behind those that lead to it, but for the way back in a loop."""
    succ = function.facts.succ
    found = [len(succ)] * len(succ)
    seen = {0}
    stack = [(0, iter(succ[0]))]
    position = len(succ)
    while stack:
        node, edges = stack[-1]
        target = next((edge.target for edge in edges if edge.target not in seen), None)
        if target is None:
            stack.pop()
            position -= 1
            found[node] = position
        else:
            seen.add(target)
            stack.append((target, iter(succ[target])))
    return found


def certain_loops(function: FunctionAnalysis, order: Sequence[int]) -> dict[int, int]:
    """The head of each loop that is entered with its condition true, by the branch that tests it."""
    found = {}
    for node, instruction in enumerate(function.code):
        if isinstance(instruction, Branch):
            head = _head(function, node, order)
            if head is not None and _holds_first(function, node, instruction.condition, order, head):
                found[node] = head
    return found


def _head(function: FunctionAnalysis, node: int, order: Sequence[int]) -> int | None:
    """The node in front of a branch, without an effect between, that the end of a loop's body leads back to."""
    while True:
        before = function.facts.pred[node]
        if any(order[each] >= order[node] for each in before):
            return node
        if len(before) != 1 or not isinstance(function.code[before[0]], Marker):
            return None
        (node,) = before


def _holds_first(function: FunctionAnalysis, node: int, condition: Expr, order: Sequence[int], head: int) -> bool:
    """Whether a condition ``variable < bound`` is true for the constant that the variable has in front of the loop."""
    if not isinstance(condition, Binary) or condition.op not in {"<", "<=", "!="}:
        return False
    variable, bound = variable_read(condition.left), uncast(condition.right)
    if variable is None or not isinstance(bound, Const):
        return False
    place = (function.variable_root(variable), ())
    first = [each for each in function.reaching(node, place) if order[each] < order[head]]
    if len(first) != 1:
        return False
    start = function.code[first[0]]
    value = start.value if isinstance(start, Assign) else None
    if not isinstance(value, Const) or value.value is None:
        return False
    return value.value < (1 if bound.value is None else bound.value)  # a number of elements is not 0
