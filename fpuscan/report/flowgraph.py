"""The graph that the graph formats write: the one that the scan grew, or, without it, the traces of the findings."""

from __future__ import annotations

from collections.abc import Iterator

from fpuscan.result import Finding, FlowEdge, FlowGraph, FlowNode, ScanResult, Step

__all__ = ["flow_graph", "node_label"]

_Key = tuple[str, str, int, int, str]


def flow_graph(result: ScanResult) -> FlowGraph:
    """The def-use graph of a result, nodes and edges sorted."""
    return result.graph if result.graph is not None else _of_traces(result)


def node_label(node: FlowNode) -> tuple[str, str]:
    """Two lines for a reader: the place, and where it is."""
    spot = f"{node.path.rpartition('/')[2]}:{node.line}" if node.path else ""
    where = f"{node.function}() {spot}" if node.function else spot
    return node.label or node.place, where.strip()


def _of_traces(result: ScanResult) -> FlowGraph:
    steps: dict[_Key, tuple[Step, str]] = {}
    for finding in _all(result):
        for number, step in enumerate(finding.trace):
            steps.setdefault(_key(step), (step, _side(finding, number)))
    width = len(str(len(steps)))  # ids of one length sort like their numbers
    names = {key: f"n{number:0{width}}" for number, key in enumerate(sorted(steps), start=1)}
    nodes = (
        FlowNode(
            names[key], step.place, step.place, step.location.path, step.location.line, step.location.function, side
        )
        for key, (step, side) in sorted(steps.items())
    )
    edges = {
        FlowEdge(
            names[_key(first)],
            names[_key(second)],
            second.kind,
            second.mask,
            second.guard,
            second.location.path,
            second.location.line,
        )
        for finding in _all(result)
        for first, second in zip(finding.trace, finding.trace[1:], strict=False)
    }
    return FlowGraph(tuple(nodes), tuple(sorted(edges)))


def _all(result: ScanResult) -> Iterator[Finding]:
    yield from result.findings
    yield from result.baselined
    yield from (item.finding for item in result.suppressed)


def _key(step: Step) -> _Key:
    at = step.location
    return step.place, at.path, at.line, at.column, at.function


def _side(finding: Finding, number: int) -> str:
    step = finding.trace[number]
    if step.side:
        return step.side
    if step.crossing or step.after:
        return "uabi"
    return "guest" if number == 0 and finding.rule.startswith("FPU10") else ""
