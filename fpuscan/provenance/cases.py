"""The statements of one ``case`` of a function, by the label as it is written.

The value of a label may be defined in a header outside the scope, so that the
guards of a flow cannot tell the arms of a switch apart; the text can.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis

__all__ = ["case_spans", "has_case", "under"]

Spans = tuple[tuple[int, int], ...]


def case_spans(function: FunctionAnalysis, label: str) -> Spans:
    """Where the statements under the labels of a pattern stand in a function, as byte offsets; empty without any."""
    if not label:
        return ()
    unit = function.unit
    data = unit.file.source.data
    found, work = [], [unit.node]
    while work:
        node = work.pop()
        work.extend(node.named_children)
        value = node.child_by_field_name("value") if node.type == "case_statement" else None
        if value is None or not fnmatchcase(data[value.start_byte : value.end_byte].decode("utf-8", "replace"), label):
            continue
        last = node
        while last.named_child_count < 2 and last.next_named_sibling is not None:  # case A: case B: statement
            last = last.next_named_sibling
        found.append((node.start_byte, last.end_byte))
    return tuple(sorted(found))


def has_case(analysis: Analysis, label: str) -> bool:
    """Whether some function of the tree has such a label: else it tells its cases apart in another way."""
    units = analysis.program.units_mentioning(label.rstrip("*"))
    return any(case_spans(analysis.of(unit), label) for unit in units if unit.is_function)


def under(function: FunctionAnalysis, node: int, spans: Spans) -> bool:
    """Whether an instruction stands in one of some spans."""
    start = function.code[node].start
    return any(first <= start < last for first, last in spans)
