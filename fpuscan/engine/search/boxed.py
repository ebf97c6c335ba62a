"""Reads of a place whose address a function keeps in an object, where its callees get the object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.ir import ENTRY, Addr, Assign, Var

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.places import Place

__all__ = ["boxed", "boxed_reads"]


def boxed(function: FunctionAnalysis, node: int, leaf: Leaf) -> list[Place]:
    """The places whose address an instruction stores elsewhere than into a variable."""
    instruction = function.code[node]
    if not isinstance(instruction, Assign) or not isinstance(leaf.expr, Addr) or leaf.operations:
        return []
    if isinstance(instruction.target, Var):
        return []
    return [(root, path) for root, path, _ in function.resolve(node, leaf.expr.place) if root[0] in {"g", "h", "d"}]


def boxed_reads(analysis: Analysis, function: FunctionAnalysis, place: Place) -> Iterator[Transfer]:
    """Edges to the entries of the callees that get an object with a pointer to a place."""
    for node in function.calls:
        for unit in analysis.calls.callees(function, node):
            for inner in analysis.calls.linked(function, node, unit, place):
                target, site = Definition(unit.id, ENTRY, inner, loaded=True), (function.id, node)
                yield Transfer(target, "load", "memory-call", (), NOTHING, unit.id, ENTRY, "memory", site)
