"""What a place of shared memory holds at one read, where the definitions that reach the read are known.

A source is taken at what its row declares. Where every way to a read leads
through a store that the program shows, that store says more: before XSAVE is
set up the kernel's size is a legacy size, and so the user's as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.values.contents import Content
from fpuscan.ir import ENTRY, EXIT, Assign, Call, Const, Load, uncast
from fpuscan.places import covers
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place

__all__ = ["held_content"]

_MAX_DEPTH = 4  # calls and copies


def held_content(analysis: Analysis, function: FunctionAnalysis, node: int, place: Place) -> Content | None:
    """The content of ``place`` at a node; None where it comes from outside or cannot be evaluated."""
    return _held(analysis, function, node, place, 0)


def _held(analysis: Analysis, function: FunctionAnalysis, node: int, place: Place, depth: int) -> Content | None:
    reaching = function.reaching(node, place)
    if ENTRY in reaching or depth > _MAX_DEPTH:
        return None
    found = Content()
    for definition in sorted(reaching):
        content = _defined(analysis, function, definition, place, depth)
        if content is None or content.unknown:
            return None
        found = found.join(content)
    return found


def _defined(
    analysis: Analysis, function: FunctionAnalysis, definition: int, place: Place, depth: int
) -> Content | None:
    instruction = function.code[definition]
    if isinstance(instruction, Call):
        units = analysis.calls.callees(function, definition)
        if place[0][0] != "g" or len(units) != 1:
            return None
        return _held(analysis, analysis.of(units[0]), EXIT, place, depth + 1)
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
        return _copied(analysis, function, definition, instruction.value, below, depth)
    handed_on = _of_global(analysis, function, definition, instruction.value, depth)
    if handed_on is not None:
        return handed_on
    if not analysis.values.is_mask_place(place):
        return analysis.values.size(function, definition, instruction.value, ())
    mask = analysis.values.mask(function, definition, instruction.value)
    return Content(mask.may, unknown=mask.may == WORD)


def _of_global(
    analysis: Analysis, function: FunctionAnalysis, definition: int, value: Expr, depth: int
) -> Content | None:
    """The content of a number read from a global that was stored before: ``kernel.max = kernel.default = legacy``."""
    read = uncast(value)
    if not isinstance(read, Load):
        return None
    if any(root[0] != "g" for root, _, _ in function.resolve(definition, read.place)):
        return None
    return _copied(analysis, function, definition, read, (), depth)


def _copied(
    analysis: Analysis, function: FunctionAnalysis, definition: int, value: Expr, below: tuple[str, ...], depth: int
) -> Content | None:
    """The content of a member that a copy of the struct around it has stored."""
    if not isinstance(value, Load):
        return Content() if isinstance(value, Const) else None
    found = Content()
    for root, path, _ in function.resolve(definition, value.place):
        content = _held(analysis, function, definition, (root, (*path, *below)), depth + 1)
        if content is None:
            return None
        found = found.join(content)
    return found
