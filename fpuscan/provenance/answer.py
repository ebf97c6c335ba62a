"""From a question to its answer."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.engine.search.sinks import Sinks, named_in_function
from fpuscan.engine.unions import path_below
from fpuscan.ir import Assign, Call
from fpuscan.places import heap
from fpuscan.provenance.asked import asked_rows
from fpuscan.provenance.backward import Backward
from fpuscan.provenance.cases import case_spans, has_case, under
from fpuscan.provenance.ways import Ways
from fpuscan.result import Controlled, Provenance, Root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sinks import Entered
    from fpuscan.model.rows import Sink
    from fpuscan.places import Place
    from fpuscan.program import Unit
    from fpuscan.provenance.origins import Origin, Origins
    from fpuscan.provenance.slices import Slice
    from fpuscan.xfeatures import FeatureBits

__all__ = ["KINDS", "answer", "search"]

KINDS = ("config", "runtime", "user", "cpu", "mask", "constant", "outside")
"""The kinds of roots, in the order of the reports."""


def answer(flows: Flows, asked: str, bits: FeatureBits, entered: AbstractSet[Entered] = frozenset()) -> Provenance:
    """Every root of what was asked for. Raises UsageError for a place that the tree does not have.

    ``entered``: the calls that the rules followed values into; of operands that may be words of any meaning, only
    these are asked for.
    """
    rows, found, origins = search(flows, asked, entered)
    ways = Ways(flows, Sinks(flows.analysis, rows), origins, found, bits)
    groups: dict[tuple[str, str], list[Origin]] = {}
    for origin in found.origins.values():
        groups.setdefault((origin.kind, origin.name), []).append(origin)
    places: dict[tuple[str, str, str], list[Root]] = {}
    for _, members in sorted(groups.items()):
        for arrival, root in ways.follow(members).items():
            places.setdefault(arrival, []).append(root)
    return Provenance(
        asked,
        tuple(
            Controlled(place, what, side, tuple(sorted(roots, key=lambda root: (KINDS.index(root.kind), root.name))))
            for (place, what, side), roots in sorted(places.items())
        ),
    )


def search(
    flows: Flows, asked: str, entered: AbstractSet[Entered] = frozenset()
) -> tuple[tuple[Sink, ...], Slice, Origins]:
    """The rows that were asked for, and what the search backward found: candidates, not yet roots."""
    analysis = flows.analysis
    known = {row for row, _, _ in entered}
    rows = tuple(_with_case(analysis, row) for row in asked_rows(analysis, asked) if not row.guess or row.id in known)
    backward = Backward(analysis, flows.graph)
    for row in rows:
        _ask(analysis, backward, row, entered)
    found = backward.run()
    flows.truncated = flows.truncated or found.truncated
    return rows, found, backward.origins


def _with_case(analysis: Analysis, row: Sink) -> Sink:
    return row if not row.case or has_case(analysis, row.case) else replace(row, case="")


def _ask(analysis: Analysis, search: Backward, row: Sink, entered: AbstractSet[Entered]) -> None:
    if row.kind == "argument":
        _ask_argument(analysis, search, row, entered)
        return
    ask = {
        "place": _ask_place,
        "return": _ask_returns,
        "compare": _ask_comparisons,
        "local": _ask_local,
    }[row.kind]
    ask(analysis, search, row)


def _ask_place(analysis: Analysis, search: Backward, row: Sink) -> None:
    for place in _memory(analysis, row):
        search.memory(place, asked=True)
    if row.local:
        _ask_locals(analysis, search, row)


def _ask_argument(analysis: Analysis, search: Backward, row: Sink, entered: AbstractSet[Entered]) -> None:
    for function, node in _calls(analysis, row):
        if row.guess and (row.id, function.id, node) not in entered:
            continue
        call = function.code[node]
        assert isinstance(call, Call)
        index = row.index if row.index >= 0 else len(call.arguments) + row.index
        for leaf in function.leaves(node):
            if leaf.role == index:
                search.leaf(function, node, leaf, whole=True)
        if index < len(call.arguments):
            search.handed(function, node, call.arguments[index])


def _ask_comparisons(analysis: Analysis, search: Backward, row: Sink) -> None:
    for unit in analysis.parts.of(row.function):
        function = analysis.of(unit)
        for node in range(len(function.code)):
            for leaf in function.leaves(node):
                if leaf.compared or leaf.role == "condition":
                    search.leaf(function, node, leaf)


def _memory(analysis: Analysis, row: Sink) -> Iterator[Place]:
    """The places of shared memory that a row names, one for each member that its pattern matches."""
    program = analysis.program
    if row.variable:
        declared = program.types.global_var(row.variable)
        if declared is None:
            return
        key = program.global_key(row.variable, declared.path)
        tag = program.types.resolve(declared.type).base
    else:
        tag = row.type
    several = "*" in row.member or "?" in row.member
    names = [name for name in program.members(tag) or () if fnmatchcase(name, row.member)] if several else [row.member]
    root = ("g", key) if row.variable else heap(row.type, None)
    yield from ((root, path_below(analysis, tag, name) if name else ()) for name in names)


def _ask_locals(analysis: Analysis, search: Backward, row: Sink) -> None:
    """Stores into local structs of a type."""
    for unit in analysis.program.units_accessing(row.type, row.member.rpartition(".")[2]):
        function = analysis.of(unit)
        for node, instruction in enumerate(function.code):
            if isinstance(instruction, Assign):
                for root, path, _ in function.resolve(node, instruction.target):
                    if root[0] in {"v", "p", "d"} and analysis.matches(row.pattern, (root, path)):
                        search.stored(function, node)


def _ask_returns(analysis: Analysis, search: Backward, row: Sink) -> None:
    for unit in analysis.program.definitions(row.function):
        function = analysis.of(unit)
        spans = case_spans(function, row.case)
        for node in function.returns:
            if spans and not under(function, node, spans):
                search.pass_by(function, node)
                continue
            for leaf in function.leaves(node):
                search.leaf(function, node, leaf, whole=True)
        for node in range(len(function.code)) if spans else ():
            if under(function, node, spans):
                search.stored(function, node)


def _ask_local(analysis: Analysis, search: Backward, row: Sink) -> None:
    for unit in analysis.program.definitions(row.function):
        function = analysis.of(unit)
        for node in range(len(function.code)):
            if any(_is_local(analysis, row, (root, path)) for root, path, _, _ in function.writes(node)):
                search.stored(function, node)


def _is_local(analysis: Analysis, row: Sink, place: Place) -> bool:
    if place[0][0] not in {"v", "d"}:
        return False
    variable, member = named_in_function(analysis, place)
    return fnmatchcase(variable, row.variable) and (member == row.member or place[0][0] == "v")


def _calls(analysis: Analysis, row: Sink) -> Iterator[tuple[FunctionAnalysis, int]]:
    users: list[Unit] = analysis.parts.of(row.inside) if row.inside else []
    apart = analysis.parts.of(row.unless) if row.unless else []
    for unit in users or analysis.program.users_of(row.function):
        if unit in apart or (row.path and not fnmatchcase(unit.path, row.path)):
            continue
        function = analysis.of(unit)
        for node in function.calls:
            call = function.code[node]
            if isinstance(call, Call) and call.callee == row.function:
                yield function, node
