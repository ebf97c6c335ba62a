"""Questions about one value that conditions ask: of an expression, of a place, or of what a function returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Question"]


class Question(NamedTuple):
    """Whether a value is true ("truth"), is a constant ("equals") or has one of the bits of a mask ("bits"), or not."""

    about: str
    want: bool
    constant: int = 0

    def of_value(self, function: FunctionAnalysis, node: int, expr: Expr, depth: int = 0) -> Guards:
        """What follows when an expression at a node is as the question wants it; IMPOSSIBLE when it cannot be."""
        match self.about:
            case "truth":
                return function.truth(node, expr, self.want, depth)
            case "bits":
                return function.bits(node, expr, self.constant, self.want, depth)
            case _:
                return function.equals(node, expr, self.constant, self.want, depth)

    def of_place(self, function: FunctionAnalysis, node: int, place: Place, depth: int = 0) -> Guards:
        """The same about the value in a place."""
        match self.about:
            case "truth":
                return function.place_truth(node, place, self.want, depth)
            case "bits":
                return function.place_bits(node, place, self.constant, self.want, depth)
            case _:
                return function.place_equals(node, place, self.constant, self.want, depth)
