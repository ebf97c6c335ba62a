"""Where a value comes from, backward: from the user ABI, from the kernel's own side, or from elsewhere.

A value may have several origins: both operands of ``|`` and ``+``, the arms of a
condition, all callers of a parameter. Constants and ``sizeof`` are none, they go
with any. A helper that makes a size of a mask has the origins of the mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.ir import (
    ENTRY,
    Addr,
    Assign,
    Binary,
    Call,
    Cast,
    Const,
    FunctionRef,
    Load,
    Opaque,
    Return,
    Unary,
    subexpressions,
)
from fpuscan.places import overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Families", "Read"]

_MAX_STEPS = 200
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


class Read(NamedTuple):
    """A read of a known place: ``family`` is the name that its place was given, empty for anything else."""

    family: str
    function: int = -1
    node: int = -1


_ELSEWHERE = Read("")


class Families:
    """The origins of one value; ``family`` names the places where the search ends (None: it goes on)."""

    def __init__(self, analysis: Analysis, family: Callable[[Place], str | None]) -> None:
        self.analysis = analysis
        self.family = family
        self._seen: set[tuple[object, ...]] = set()
        self.constants: set[str] = set()  # the texts of the constants on the way

    def of(self, function: FunctionAnalysis, node: int, expr: Expr) -> frozenset[Read]:
        """All origins of an expression at a node."""
        if len(self._seen) > _MAX_STEPS:
            return frozenset({_ELSEWHERE})
        match expr:
            case Const():
                self.constants.add(expr.text)
                return frozenset()
            case FunctionRef() | Addr():
                return frozenset()
            case Binary() if expr.op in _COMPARISONS:
                return frozenset()
            case Unary() | Cast() | Binary() | Opaque():
                return _union(self.of(function, node, operand) for operand in subexpressions(expr))
            case Load():
                places = [(root, path) for root, path, _ in function.resolve(node, expr.place)]
                return _union(self._of_place(function, node, place) for place in places) or frozenset()
            case _:
                return frozenset({_ELSEWHERE})

    def _of_place(self, function: FunctionAnalysis, node: int, place: Place) -> frozenset[Read]:
        family = self.family(place)
        if family is not None:
            return frozenset({Read(family, function.id, node)})
        key = (function.id, node, place)
        if key in self._seen:
            return frozenset()
        self._seen.add(key)
        return _union(
            self._of_definition(function, place, definition) for definition in sorted(function.reaching(node, place))
        )

    def _of_definition(self, function: FunctionAnalysis, place: Place, definition: int) -> frozenset[Read]:
        root, path = place
        if definition == ENTRY:
            return self._from_outside(function, place)
        instruction = function.code[definition]
        if isinstance(instruction, Assign):
            for there, below, _ in function.resolve(definition, instruction.target):
                if overlap((there, below), place) and len(below) == len(path):
                    return self.of(function, definition, instruction.value)
        result = instruction.result if isinstance(instruction, Call) else None
        if result is not None and isinstance(instruction, Call) and root == ("v", function.id, result.key):
            return self._of_call(function, definition, instruction)
        return frozenset({_ELSEWHERE})

    def _of_call(self, function: FunctionAnalysis, node: int, call: Call) -> frozenset[Read]:
        helper = self.analysis.model.helpers.get(call.callee) if isinstance(call.callee, str) else None
        if helper is not None and 0 <= helper.mask < len(call.arguments):
            return self.of(function, node, call.arguments[helper.mask])
        units = self.analysis.calls.callees(function, node)
        if not units:
            return frozenset({_ELSEWHERE})
        found: list[frozenset[Read]] = []
        for unit in units:
            callee = self.analysis.of(unit)
            for number in callee.returns:
                returned = callee.code[number]
                if isinstance(returned, Return) and returned.value is not None:
                    found.append(self.of(callee, number, returned.value))
        return _union(found)

    def _from_outside(self, function: FunctionAnalysis, place: Place) -> frozenset[Read]:
        """A parameter comes from all callers; a local that is not set yet, from nowhere."""
        root, path = place
        if root[0] == "v":
            return frozenset()
        sites = self.analysis.calls.callers(function.unit) if root[0] == "p" and not path else ()
        found: list[frozenset[Read]] = []
        for caller, site in sites:
            calling = self.analysis.by_id(caller)
            call = calling.code[site]
            if isinstance(call, Call) and isinstance(root[2], int) and root[2] < len(call.arguments):
                found.append(self.of(calling, site, call.arguments[root[2]]))
        return _union(found) if found else frozenset({_ELSEWHERE})


def _union(parts: Iterable[frozenset[Read]]) -> frozenset[Read]:
    return frozenset().union(*parts)
