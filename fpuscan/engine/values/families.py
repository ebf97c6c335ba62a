"""Where a value comes from, backward: from the user ABI, from the kernel's own side, or from elsewhere.

A value may have several origins: both operands of ``|`` and ``+``, the arms of a
condition, all callers of a parameter. Constants and ``sizeof`` are none, they go
with any. A helper that makes a size of a mask has the origins of the mask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.ir import (
    ENTRY,
    EXIT,
    Addr,
    Assign,
    Binary,
    Call,
    Cast,
    Const,
    FunctionRef,
    Load,
    Opaque,
    Unary,
    subexpressions,
)
from fpuscan.places import overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.calls import CallSite
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["Families", "Read"]

_MAX_STEPS = 200
_MAX_FRAMES = 4  # calls that the search is in: beyond them a parameter comes from all callers
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "&&", "||"})


class Read(NamedTuple):
    """A read of a known place: ``family`` is the name that its place was given, empty for anything else.

    Of what a caller points to it is the entry of the function that reads, with the ``place``.
    """

    family: str
    function: int = -1
    node: int = -1
    place: Place | None = None


_ELSEWHERE = Read("")


class Families:
    """The origins of one value; ``family`` names the places where the search ends (None: it goes on).

    With ``only`` nobody asks further once an origin of another family is found. ``made`` names the family of what a
    helper makes of a mask that comes from elsewhere.
    """

    def __init__(
        self,
        analysis: Analysis,
        family: Callable[[Place], str | None],
        only: str = "",
        made: Callable[[FunctionAnalysis, int, Call], str | None] | None = None,
    ) -> None:
        self.analysis = analysis
        self.family = family
        self.only = only
        self.made = made
        self._seen: set[tuple[object, ...]] = set()
        self._frames: tuple[tuple[CallSite, int], ...] = ()  # the calls that the search went into, with the callee
        self.constants: set[str] = set()  # the texts of the constants on the way

    def of(self, function: FunctionAnalysis, node: int, expr: Expr) -> frozenset[Read]:
        """All origins of an expression at a node."""
        match expr:
            case Const():
                self.constants.add(expr.text)
                return frozenset()
            case FunctionRef() | Addr():
                return frozenset()
            case Opaque(operands=()):  # what the CPU says, and what cannot be read
                return frozenset({_ELSEWHERE})
            case Binary() if expr.op in _COMPARISONS:
                return frozenset()
            case Unary() | Cast() | Binary() | Opaque():
                return self._union(self.of(function, node, operand) for operand in subexpressions(expr))
            case Load():
                places = [(root, path) for root, path, _ in function.resolve(node, expr.place)]
                return self._union(self._of_place(function, node, place) for place in places) or frozenset()
            case _:
                return frozenset({_ELSEWHERE})

    def _union(self, parts: Iterable[frozenset[Read]]) -> frozenset[Read]:
        found: set[Read] = set()
        for part in parts:
            found |= part
            if self.only and any(read.family != self.only for read in part):
                break
        return frozenset(found)

    def _of_place(self, function: FunctionAnalysis, node: int, place: Place) -> frozenset[Read]:
        family = self.family(place)
        if family is not None:
            return frozenset({Read(family, function.id, node)})
        key = (function.id, node, place, self._frames)
        if key in self._seen:
            return frozenset()
        self._seen.add(key)
        if len(self._seen) > _MAX_STEPS:
            return frozenset({_ELSEWHERE})
        return self._union(
            self._from_outside(function, place)
            if definition == ENTRY
            else self._of_definition(function, place, definition)
            for definition in sorted(function.reaching(node, place))
        )

    def _of_definition(self, function: FunctionAnalysis, place: Place, definition: int) -> frozenset[Read]:
        root, path = place
        instruction = function.code[definition]
        if isinstance(instruction, Assign):
            return self._of_store(function, definition, instruction, place)
        if not isinstance(instruction, Call):
            return frozenset({_ELSEWHERE})
        if instruction.result is not None and root == ("v", function.id, instruction.result.key):
            return self._of_call(function, definition, instruction, path)
        return self._left_behind(function, definition, place)

    def _of_store(self, function: FunctionAnalysis, node: int, store: Assign, place: Place) -> frozenset[Read]:
        """The value that a statement stores into a place, or into the struct that it is a member of."""
        for there, below, _ in function.resolve(node, store.target):
            if overlap((there, below), place) and len(below) <= len(place[1]):
                return self.part(function, node, store.value, place[1][len(below) :])
        return frozenset({_ELSEWHERE})

    def part(self, function: FunctionAnalysis, node: int, expr: Expr, below: tuple[str, ...]) -> frozenset[Read]:
        """The origins of a part of a value."""
        if not below:
            return self.of(function, node, expr)
        if not isinstance(expr, Load):
            return frozenset({_ELSEWHERE})
        places = [(root, (*path, *below)) for root, path, _ in function.resolve(node, expr.place)]
        return self._union(self._of_place(function, node, place) for place in places)

    def _left_behind(self, function: FunctionAnalysis, node: int, place: Place) -> frozenset[Read]:
        """What a call leaves behind a pointer that it was given."""
        inner = [
            (unit, each)
            for unit in self.analysis.calls.callees(function, node)
            for each in self.analysis.calls.inward(function, node, unit, place)
        ]
        if not inner:
            return frozenset({_ELSEWHERE})
        return self._union(self._of_place(self.analysis.of(unit), EXIT, each) for unit, each in inner)

    def _of_call(
        self, function: FunctionAnalysis, node: int, call: Call, below: tuple[str, ...] = ()
    ) -> frozenset[Read]:
        helper = self.analysis.model.helpers.get(call.callee) if isinstance(call.callee, str) else None
        if helper is not None and 0 <= helper.mask < len(call.arguments):
            found = self.of(function, node, call.arguments[helper.mask])
            family = self.made(function, node, call) if self.made is not None else None
            return found if family is None else frozenset({Read(family, function.id, node)})
        units = self.analysis.calls.callees(function, node)
        if not units:
            return frozenset({_ELSEWHERE})
        return self._union(self._returned((function.id, node), self.analysis.of(unit), below) for unit in units)

    def _returned(self, site: CallSite, callee: FunctionAnalysis, below: tuple[str, ...]) -> frozenset[Read]:
        """What a function returns to one call of it."""
        around = self._frames
        if len(around) < _MAX_FRAMES:
            self._frames = (*around, (site, callee.id))
        found = self._union(self.part(callee, number, value, below) for number, value in callee.returned_values())
        self._frames = around
        return found

    def _from_outside(self, function: FunctionAnalysis, place: Place) -> frozenset[Read]:
        """A parameter, and what it points to, comes from all callers; a local that is not set yet, from nowhere."""
        root = place[0]
        if root[0] == "v":
            return frozenset()
        if root[0] not in {"p", "d"}:
            return frozenset({_ELSEWHERE})
        around = self._frames
        sites: tuple[CallSite, ...] = self.analysis.calls.callers(function.unit)
        if around and around[-1][1] == function.id:
            sites, self._frames = (around[-1][0],), around[:-1]
        found = self._union(self._from_caller(site, place) for site in sites) if sites else frozenset({_ELSEWHERE})
        self._frames = around
        return found

    def _from_caller(self, site: CallSite, place: Place) -> frozenset[Read]:
        """What a caller hands over in a parameter, or has where it points to."""
        root, path = place
        caller, node = self.analysis.by_id(site[0]), site[1]
        call = caller.code[node]
        assert isinstance(call, Call)
        if root[0] == "d":
            there = self.analysis.calls.actual_places(caller, node, root, path)
            handed = [(base, below) for base, below, _ in there]
            kinds = ((self.family(each), each) for each in handed)
            read = frozenset(Read(kind, root[1], ENTRY, each) for kind, each in kinds if kind is not None)
            return read | self._union(self._of_place(caller, node, each) for each in handed)
        return self.part(caller, node, call.arguments[root[2]], path) if root[2] < len(call.arguments) else frozenset()
