"""Questions about one value that conditions ask: of an expression, of a place, or of what a function returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.ranges import Ranges, holds

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.literals import Guards, Key, Literal
    from fpuscan.ir import Expr

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

    def literal(self, key: Key) -> Literal:
        """That of the key's definition which says that the answer is yes."""
        yes, no = {"truth": ("!", "="), "bits": ("set", "clr")}.get(self.about, ("=", "!"))
        if self.about == "within":
            return key, "in", self.ranges
        return key, yes if self.want else no, self.constant

    def is_met_by(self, word: int) -> bool:
        """Whether a constant is as the question wants it."""
        match self.about:
            case "bits":
                return bool(word & self.constant) is self.want
            case "within":
                return holds(self.ranges, word)
            case "truth":
                return bool(word) is self.want
            case _:
                return (word == self.constant) is self.want


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
