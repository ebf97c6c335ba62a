"""Reads of a place by a pointer to it that a callee is given, or finds in an object that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.ir import ENTRY, Addr, Assign, Var

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.functions.reads import Leaf
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["boxed", "boxed_reads", "pointed_reads"]


def boxed(function: FunctionAnalysis, node: int, leaf: Leaf) -> list[Place]:
    """The places whose address an instruction stores elsewhere than into a variable that only its name denotes."""
    instruction = function.code[node]
    if not isinstance(instruction, Assign) or not isinstance(leaf.expr, Addr) or leaf.operations:
        return []
    if isinstance(instruction.target, Var) and instruction.target.key not in function.address_taken:
        return []
    return [(root, path) for root, path, _ in function.resolve(node, leaf.expr.place) if root[0] in {"g", "h", "d"}]


def boxed_reads(analysis: Analysis, function: FunctionAnalysis, place: Place) -> Iterator[Transfer]:
    """Edges to the entries of the callees that get an object with a pointer to a place."""
    for node in function.calls:
        for unit in analysis.calls.callees(function, node):
            for inner in analysis.calls.linked(function, node, unit, place):
                yield _into(function, node, unit, inner)


def pointed_reads(
    analysis: Analysis, function: FunctionAnalysis, node: int, parts: Callable[[Place], list[tuple[str, ...]]]
) -> Iterator[tuple[Place, Transfer]]:
    """Edges to the callees of a call from the globals that its arguments point to, or pointers in those objects.

    ``parts`` gives the members below a place that are asked for.
    """
    for unit in analysis.calls.callees(function, node):
        for (root, path), (start, way) in analysis.calls.pointed(function, node, unit):
            for below in parts((root, path)) if root[0] == "g" else ():
                yield (root, (*path, *below)), _into(function, node, unit, (start, (*way, *below)))


def _into(function: FunctionAnalysis, node: int, unit: Unit, inner: Place) -> Transfer:
    """The edge to the entry of a callee, in its own words."""
    target, site = Definition(unit.id, ENTRY, inner, loaded=True), (function.id, node)
    return Transfer(target, "load", "memory-call", (), NOTHING, unit.id, ENTRY, "memory", site)
