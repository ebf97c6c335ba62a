"""The def-use graph for graphviz: ``fpuscan --format dot | dot -Tsvg > flow.svg``."""

from __future__ import annotations

from collections.abc import Iterator

from fpuscan.report.flowgraph import flow_graph, node_label
from fpuscan.report.options import ReportOptions
from fpuscan.report.terminal import printable
from fpuscan.result import FlowEdge, ScanResult

__all__ = ["render"]

# Outline and fill of a node by its side; graphviz's own names and hex colours.
_COLOURS = {"guest": ("#7a3ea8", "#f6effb"), "uabi": ("#0b6b74", "#e9f5f6")}
_PLAIN = ("#48566a", "#f1f3f6")


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the graph in the DOT language; ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: ScanResult) -> Iterator[str]:
    graph = flow_graph(result)
    yield "digraph fpuscan {"
    yield '  graph [rankdir=TB, fontname="sans-serif"];'
    yield '  node [shape=box, style="rounded,filled", fontname="sans-serif", fontsize=10];'
    yield '  edge [fontname="sans-serif", fontsize=9, color="#5b6470"];'
    for node in graph.nodes:
        line, fill = _COLOURS.get(node.side, _PLAIN)
        label = "\\n".join(_escaped(part) for part in node_label(node) if part)
        yield f'  {_quoted(node.id)} [label="{label}", color="{line}", fillcolor="{fill}"];'
    for edge in graph.edges:
        tip = _quoted(f"{edge.path}:{edge.line}" if edge.path else "")
        yield f'  {_quoted(edge.source)} -> {_quoted(edge.target)} [label="{_label(edge)}", tooltip={tip}];'
    yield "}"


def _label(edge: FlowEdge) -> str:
    mask = "" if edge.mask == (1 << 64) - 1 else f"{edge.mask:#x}"
    guard = f"if {edge.guard}" if edge.guard else ""
    parts = (" ".join(part for part in (edge.kind, mask) if part), guard)
    return "\\n".join(_escaped(part) for part in parts if part)


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


# In a quoted string of DOT a backslash escapes; HTML-like labels are never used.
def _escaped(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
