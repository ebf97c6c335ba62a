"""What holds for an element that a search has found: ``if (table[i].option == option) return table[i].get();``.

Behind the comparison ``i`` is the number of an element, and that element's member, a constant of the table, is what
``option`` equals. Only what control comes to straight from the comparison is told, with the same ``i``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.ir import Binary, Branch, Index, Load, Member, Var

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr, LValue
    from fpuscan.places import Place

__all__ = ["Lookups"]

_Found = tuple[int, "Index", tuple[str, ...], "Expr"]  # the comparison: node, element, member below it, the other side


class Lookups:
    """Elements of constant tables that comparisons have found, in one function."""

    def __init__(self, function: FunctionAnalysis) -> None:
        self.function = function
        self.analysis = function.analysis
        self._compared: dict[tuple[int, object, object], tuple[_Found, ...]] = {}

    def matched(self, node: int, by: Expr, base: LValue, number: int) -> Guards:
        """What holds at a node where the index ``by`` into a table is ``number``."""
        if not isinstance(by, Load) or not isinstance(by.place, Var) or not isinstance(base, Var):
            return NOTHING
        found = NOTHING
        for at, _, below, other in self._found(node, by.place, base):
            word = self.analysis.tables.constant((self.function.variable_root(base), (f"[{number}]", *below)))
            if word is not None:
                found |= self.function.equals(at, other, word, equal=True)
        return found

    def _found(self, node: int, index: Var, base: Var) -> tuple[_Found, ...]:
        key = (node, index.key, base.key)
        if key not in self._compared:
            self._compared[key] = tuple(self._comparisons(node, index, base))
        return self._compared[key]

    def _comparisons(self, node: int, index: Var, base: Var) -> Iterator[_Found]:
        """The comparisons of an element with something else that all ways to a node come through last."""
        place: Place = (self.function.variable_root(index), ())
        now = self.function.reaching(node, place)
        seen = {node}
        while len(self.function.facts.pred[node]) == 1:
            (before,) = self.function.facts.pred[node]
            if before in seen or self.function.reaching(before, place) != now:
                return
            instruction = self.function.code[before]
            if isinstance(instruction, Branch) and isinstance(instruction.condition, Binary):
                edges = [edge for edge in self.function.facts.succ[before] if edge.target == node]
                condition = instruction.condition
                if len(edges) == 1 and edges[0].truth is {"==": True, "!=": False}.get(condition.op):
                    yield from _sides(before, condition, index, base)
            seen.add(before)
            node = before


def _sides(node: int, condition: Binary, index: Var, base: Var) -> Iterator[_Found]:
    for side, other in ((condition.left, condition.right), (condition.right, condition.left)):
        below: tuple[str, ...] = ()
        place = side.place if isinstance(side, Load) else None
        while isinstance(place, Member):
            below = (place.name, *below)
            place = place.base
        if not isinstance(place, Index) or not isinstance(place.base, Var) or place.base.key != base.key:
            continue
        by = place.by
        if isinstance(by, Load) and isinstance(by.place, Var) and by.place.key == index.key:
            yield node, place, below, other
