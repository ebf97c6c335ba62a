"""What follows when two pointers are compared: how they came to point to one object, or to two.

``perm == &fpu->perm`` tells the side, where ``perm`` was set by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import pointer_type
from fpuscan.engine.functions.literals import IMPOSSIBLE, NOTHING, compatible, join
from fpuscan.ir import Addr
from fpuscan.places import is_fresh, same_object

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Binary, Expr
    from fpuscan.places import Guarded, Place

__all__ = ["Comparing"]

_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_MOST_PAIRS = 16


class Comparing:
    """Comparisons of pointers in one function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis

    def concerns(self, expr: Binary) -> bool:
        """Whether an expression compares pointers (or takes their difference) that are worth following."""
        if expr.op not in _NEGATED and expr.op != "-":
            return False
        return all(map(self._is_followed, (expr.left, expr.right)))

    def _is_followed(self, expr: Expr) -> bool:
        ctype = pointer_type(expr)
        return isinstance(expr, Addr) or (ctype is not None and ctype.base in self.analysis.model_types)

    def truth(self, node: int, expr: Binary, want: bool) -> Guards:  # noqa: FBT001
        """What follows when a comparison (a difference) of pointers is true, or is not."""
        first, unknown, *_ = self.function.targets(node, expr.left)
        second, more, *_ = self.function.targets(node, expr.right)
        return NOTHING if unknown or more else self.among(expr.op, first, second, want=want)

    def among(self, operator: str, first: list[Guarded], second: list[Guarded], *, want: bool) -> Guards:
        """The same for pointers to one of some places, each under its guards."""
        operator = "!=" if operator == "-" else operator
        operator = operator if want else _NEGATED[operator]
        if not 2 <= len(first) * len(second) <= _MOST_PAIRS:  # nothing to choose between
            return NOTHING
        fitting = [
            guards | held
            for root, path, guards in first
            for there, below, held in second
            if self._may_be(operator, (root, path), (there, below)) and compatible(guards, held)
        ]
        return join(*fitting) if fitting else IMPOSSIBLE

    def _may_be(self, operator: str, left: Place, right: Place) -> bool:
        """Whether pointers to two places may compare like that."""
        if operator == "==":
            return _may_be_one(left, right)
        if operator == "!=":
            return left != right
        order = self._order(left, right)
        if order is None:
            return True
        return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]

    def _order(self, left: Place, right: Place) -> int | None:
        """Which of two members of one object comes first: negative for the left one; None where that is not known."""
        (root, path), (there, below) = left, right
        if left == right:
            return 0
        if root != there or not path or not below or path[:-1] != below[:-1]:
            return None
        return self.analysis.layouts.distance((root, path[:-1]), below[-1], path[-1])


def _may_be_one(target: Place, named: Place) -> bool:
    """Whether a pointer to ``target`` may be one to ``named``: also where the object around it is no known one, as that
    around the head of a list.
    """  # noqa: D205
    (root, path), (there, below) = target, named
    if path == below:
        return same_object(root, there)
    return root[0] == "h" and there[0] != "h" and not is_fresh(root) and len(path) > len(below)
