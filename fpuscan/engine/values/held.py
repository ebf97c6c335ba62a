"""What a place of shared memory holds at one read, where the definitions that reach the read are known.

A source is taken at what its row declares. Where every way to a read leads
through a store that the program shows, that store says more: before XSAVE is
set up the kernel's size is a legacy size, and so the user's as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.values.contents import Content
from fpuscan.ir import ENTRY, EXIT, Assign, Call, Const, Load, subexpressions, uncast
from fpuscan.places import covers
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place

    _Sites: TypeAlias = "tuple[tuple[FunctionAnalysis, int], ...]"

__all__ = ["held_content"]

_MAX_DEPTH = 4  # calls and copies
_OTHER = {"host": "guest", "guest": "host"}


def held_content(
    analysis: Analysis, function: FunctionAnalysis, node: int, place: Place, side: str = ""
) -> Content | None:
    """The content of ``place`` at a node; None where it comes from outside or cannot be evaluated.

    Stores that only the other ``side`` makes count where there are no others.
    """
    return _Held(analysis, _OTHER.get(side, "")).at(function, node, place, (), 0)


class _Held:
    """Looks backward from one read; ``sites`` are the calls that led into a function, outermost first."""

    def __init__(self, analysis: Analysis, other: str) -> None:
        self.analysis = analysis
        self.other = other

    def at(self, function: FunctionAnalysis, node: int, place: Place, sites: _Sites, depth: int) -> Content | None:
        """The content of a place at a node."""
        if depth > _MAX_DEPTH:
            return None
        found = Content()
        reaching = function.reaching(node, place)
        if ENTRY in reaching:
            earlier = self._before_call(place, sites, depth)
            if earlier is None:
                return None
            reaching, found = reaching - {ENTRY}, earlier
        for definition in sorted(self._of_side(function, reaching) or reaching):
            content = self._defined(function, definition, place, sites, depth)
            if content is None or content.unknown:
                return None
            found = found.join(content)
        return found

    def _before_call(self, place: Place, sites: _Sites, depth: int) -> Content | None:
        """The content of a global where the function that does not set it on every way was called."""
        if not sites or place[0][0] != "g":
            return None
        caller, node = sites[-1]
        return self.at(caller, node, place, sites[:-1], depth + 1)

    def _of_side(self, function: FunctionAnalysis, nodes: Iterable[int]) -> list[int]:
        """The nodes that do not stand under a condition of the other side."""
        held = function.entry_guards() if self.other else {}
        side_of = self.analysis.side_of
        return [each for each in nodes if not held or side_of(held.get(each, NOTHING), function.id, each) != self.other]

    def _defined(
        self, function: FunctionAnalysis, definition: int, place: Place, sites: _Sites, depth: int
    ) -> Content | None:
        instruction = function.code[definition]
        if isinstance(instruction, Call):
            units = self.analysis.calls.callees(function, definition)
            if place[0][0] != "g" or len(units) != 1:
                return None
            return self.at(self.analysis.of(units[0]), EXIT, place, (*sites, (function, definition)), depth + 1)
        if not isinstance(instruction, Assign):
            return None
        below = next(
            (
                place[1][len(path) :]
                for root, path, _ in function.resolve(definition, instruction.target)
                if covers((root, path), place)
            ),
            None,
        )
        if below is None:
            return None
        if below:
            return self._copied(function, definition, instruction.value, below, sites, depth)
        handed_on = self._of_global(function, definition, instruction.value, sites, depth)
        if handed_on is not None:
            return handed_on
        if not self.analysis.values.is_mask_place(place):
            return self._number(function, definition, instruction.value, sites)
        mask = self.analysis.values.mask(function, definition, instruction.value)
        return Content(mask.may, unknown=mask.may == WORD)

    def _number(self, function: FunctionAnalysis, node: int, value: Expr, sites: _Sites) -> Content | None:
        """What a number is made of; None where that is handed in by a caller that is not known."""
        found = self.analysis.values.size(function, node, value, ())
        for index in sorted(_parameters(function, node, value, set())):
            if not sites:
                return None
            caller, at = sites[-1]
            call = caller.code[at]
            assert isinstance(call, Call)
            handed = (
                self._number(caller, at, call.arguments[index], sites[:-1]) if index < len(call.arguments) else None
            )
            if handed is None:
                return None
            found = found.join(handed)
        return found

    def _of_global(
        self, function: FunctionAnalysis, definition: int, value: Expr, sites: _Sites, depth: int
    ) -> Content | None:
        """The content of a number read from a global stored before: ``kernel.max = kernel.default = legacy``."""
        read = uncast(value)
        if not isinstance(read, Load):
            return None
        if any(root[0] != "g" for root, _, _ in function.resolve(definition, read.place)):
            return None
        return self._copied(function, definition, read, (), sites, depth)

    def _copied(
        self,
        function: FunctionAnalysis,
        definition: int,
        value: Expr,
        below: tuple[str, ...],
        sites: _Sites,
        depth: int,
    ) -> Content | None:
        """The content of a member that a copy of the struct around it has stored."""
        if not isinstance(value, Load):
            return Content() if isinstance(value, Const) else None
        found = Content()
        for root, path, _ in function.resolve(definition, value.place):
            content = self.at(function, definition, (root, (*path, *below)), sites, depth + 1)
            if content is None:
                return None
            found = found.join(content)
        return found


def _parameters(function: FunctionAnalysis, node: int, value: Expr, seen: set[tuple[int, Place]]) -> set[int]:
    """The parameters that a number is made of."""
    found: set[int] = set()
    if not isinstance(value, Load):
        for operand in subexpressions(value):
            found |= _parameters(function, node, operand, seen)
        return found
    for root, path, _ in function.resolve(node, value.place):
        if root[0] not in {"p", "v"} or (node, (root, path)) in seen:
            continue
        seen.add((node, (root, path)))
        for definition in function.reaching(node, (root, path)):
            if definition == ENTRY:
                found |= {root[2]} if root[0] == "p" else set()
                continue
            instruction = function.code[definition]
            if isinstance(instruction, Assign):
                found |= _parameters(function, definition, instruction.value, seen)
    return found
