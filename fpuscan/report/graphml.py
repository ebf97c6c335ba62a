"""The def-use graph as GraphML, for Gephi, yEd, networkx and scripts.

Nodes are definitions of places, edges say how a value gets from one to the
next: kind of step, bits that it keeps (``mask``, hexadecimal), branch
conditions (``guard``), and where it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape, quoteattr

from fpuscan.report.flowgraph import flow_graph
from fpuscan.report.options import ReportOptions
from fpuscan.report.terminal import printable
from fpuscan.result import ScanResult

__all__ = ["render"]

_NODE = ("label", "place", "path", "line", "function", "side")
_EDGE = ("kind", "mask", "guard", "path", "line")


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the graph as GraphML; ends with a newline."""
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: ScanResult) -> Iterator[str]:
    graph = flow_graph(result)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    for target, names in (("node", _NODE), ("edge", _EDGE)):
        for name in names:
            kind = "int" if name == "line" else "string"
            yield f'  <key id="{target}-{name}" for="{target}" attr.name="{name}" attr.type="{kind}"/>'
    yield '  <graph id="fpuscan" edgedefault="directed">'
    for node in graph.nodes:
        values = {name: getattr(node, name) for name in _NODE}
        yield f"    <node id={_attribute(node.id)}>{_data('node', values)}</node>"
    for number, edge in enumerate(graph.edges, start=1):
        values = {name: getattr(edge, name) for name in _EDGE} | {"mask": f"{edge.mask:#x}"}
        ends = f"source={_attribute(edge.source)} target={_attribute(edge.target)}"
        yield f'    <edge id="e{number}" {ends}>{_data("edge", values)}</edge>'
    yield "  </graph>"
    yield "</graphml>"


def _data(target: str, values: Mapping[str, str | int]) -> str:
    return "".join(
        f'<data key="{target}-{name}">{escape(printable(str(value)))}</data>' for name, value in values.items() if value
    )


def _attribute(text: str) -> str:
    return quoteattr(printable(text))
