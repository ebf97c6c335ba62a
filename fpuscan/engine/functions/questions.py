"""Questions about one value that conditions ask: of an expression, of a place, or of what a function returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.ranges import Ranges

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards, Literal
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Question", "asked"]


class Question(NamedTuple):
    """Whether a value is true ("truth"), is a constant ("equals") or has one of the bits of a mask ("bits"), or not;
    or whether it is in some ranges ("within").
    """  # noqa: D205

    about: str
    want: bool
    constant: int = 0
    ranges: Ranges = ()

    def of_value(self, function: FunctionAnalysis, node: int, expr: Expr, depth: int = 0) -> Guards:
        """What follows when an expression at a node is as the question wants it; IMPOSSIBLE when it cannot be."""
        match self.about:
            case "truth":
                return function.truth(node, expr, self.want, depth)
            case "bits":
                return function.bits(node, expr, self.constant, self.want, depth)
            case "within":
                return function.within(node, expr, self.ranges, depth)
            case _:
                return function.equals(node, expr, self.constant, self.want, depth)

    def of_place(self, function: FunctionAnalysis, node: int, place: Place, depth: int = 0) -> Guards:
        """The same about the value in a place."""
        match self.about:
            case "truth":
                return function.place_truth(node, place, self.want, depth)
            case "bits":
                return function.place_bits(node, place, self.constant, self.want, depth)
            case "within":
                return function.place_within(node, place, self.ranges, depth)
            case _:
                return function.place_equals(node, place, self.constant, self.want, depth)


def asked(literal: Literal) -> Question:
    """What a literal says, as a question about another value: an argument for a parameter."""
    _, operator, constant = literal
    if isinstance(constant, tuple):
        return Question("within", want=True, ranges=constant)
    if operator in {"set", "clr"}:
        return Question("bits", operator == "set", constant)
    if constant == 0:
        return Question("truth", operator == "!")
    return Question("equals", operator == "=", constant)
