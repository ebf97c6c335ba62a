"""Locals whose address is kept in memory: which of them nobody reaches but by what their function hands on.

An object that a function has allocated, and whose address it stores nowhere and
gives to nobody who does, is known to the function and its callees alone. So is
a local that only such objects point to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.expressions import pointer_type
from fpuscan.ir import Assign, Call, Const, FunctionRef
from fpuscan.places import is_fresh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Root

__all__ = ["Lent"]

_MAX_DEPTH = 3  # calls


class Lent:
    """The answers, remembered."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._confined: dict[Root, bool] = {}
        self._storing: dict[int, bool] = {}

    def _owner(self, root: Root) -> FunctionAnalysis | None:
        """The function that a local is one of."""
        path, _, name = str(root[1]).rpartition(":")
        units = self.analysis.program.definitions(name.partition(".")[0])
        return next((self.analysis.of(unit) for unit in units if unit.path == path), None)

    def is_confined(self, root: Root) -> bool:
        """Whether nobody else than the function of such a local, and what it calls, can reach it."""
        if not self.analysis.is_lent(root):
            return False
        if root not in self._confined:
            self._confined[root] = False  # cut cycles
            function = self._owner(root)
            self._confined[root] = function is not None and self._stays(function, root)
        return self._confined[root]

    def _stays(self, function: FunctionAnalysis, root: Root) -> bool:
        """Whether what points to a local stays in its function and what that calls, and is found there."""
        ctype = self.analysis.root_type(root)
        if ctype is None or ctype.base in self.analysis.model_types:
            return False
        holders = {holder for holder in self._holders(function, root) if holder[0] not in {"v", "p"}}
        return all(map(is_fresh, holders)) and all(self._is_handed_on_only(function, each) for each in (root, *holders))

    def _is_handed_on_only(self, function: FunctionAnalysis, root: Root) -> bool:
        """Whether a pointer to an object goes into variables of a function and to callees that do not keep it."""
        if any(holder[0] not in {"v", "p"} for holder in self._holders(function, root) if is_fresh(root)):
            return False
        returned = any(_points_to(function, node, value, root) for node, value in function.returned_values())
        return not returned and not any(self._is_kept(function, node, root) for node in function.calls)

    def _holders(self, function: FunctionAnalysis, root: Root) -> Iterator[Root]:
        """What a function stores the address of an object into."""
        for node, instruction in enumerate(function.code):
            if (
                isinstance(instruction, Assign)
                and pointer_type(instruction.value) is not None
                and _points_to(function, node, instruction.value, root)
            ):
                yield from (there for there, _, _ in function.resolve(node, instruction.target))

    def _is_kept(self, function: FunctionAnalysis, node: int, root: Root) -> bool:
        """Whether a call may store the address of an object that it is given."""
        call = function.code[node]
        assert isinstance(call, Call)
        if not any(_points_to(function, node, argument, root) for argument in call.arguments):
            return False
        units = self.analysis.calls.callees(function, node)
        return not units or any(self._stores_pointers(self.analysis.of(unit), 0) for unit in units)

    def _stores_pointers(self, function: FunctionAnalysis, depth: int) -> bool:
        """Whether a function, or one that it calls, stores some pointer elsewhere than in its variables."""
        if depth > _MAX_DEPTH or function.links:
            return True
        if function.id not in self._storing:
            self._storing[function.id] = False  # recursion
            self._storing[function.id] = any(
                self._stores_pointers(self.analysis.of(unit), depth + 1)
                for node in function.calls
                for unit in self.analysis.calls.callees(function, node)
            )
        return self._storing[function.id]


def _points_to(function: FunctionAnalysis, node: int, value: Expr, root: Root) -> bool:
    """Whether a value may be a pointer to an object, or into it."""
    if isinstance(value, Const | FunctionRef):
        return False
    return any(there == root for there, _, _ in function.targets(node, value)[0])
