"""The grown def-use graph as a networkx ``MultiDiGraph``, and as plain values for the reports.

Nodes are definitions, with the attributes ``place``, ``path``, ``line``,
``function``; edges carry ``kind``, ``move``, ``mask`` (the bits that the operators
on the edge let through), ``format``, ``guard``, ``site`` (the call of a call or
return edge), ``config``, and ``path`` and ``line`` of the statement.

networkx is imported inside the function: a scan that draws no picture need
not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.search.explain import Explainer
from fpuscan.result import FlowEdge, FlowGraph, FlowNode
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    import networkx as nx

    from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.graph.def_use import DefUseGraph

__all__ = ["flow_graph", "network"]


def network(graph: DefUseGraph) -> nx.MultiDiGraph:
    """The definitions and labelled edges that the searches have grown."""
    import networkx as nx  # noqa: PLC0415 - 0.1 s that only a picture or a test needs

    result = nx.MultiDiGraph()
    flat = flow_graph(graph)
    for node in flat.nodes:
        result.add_node(node.id, place=node.place, path=node.path, line=node.line, function=node.function)
    labels = {
        (f"n{source}", f"n{target}", transfer.kind): transfer
        for (source, target, _, _), transfer in graph.edges.items()
    }
    for edge in flat.edges:
        transfer = labels[edge.source, edge.target, edge.kind]
        result.add_edge(
            edge.source,
            edge.target,
            kind=edge.kind,
            move=transfer.move,
            mask=edge.mask,
            format=transfer.format,
            guard=edge.guard,
            site=str(transfer.site or ""),
            config=_config(transfer),
            path=edge.path,
            line=edge.line,
        )
    return result


def flow_graph(graph: DefUseGraph) -> FlowGraph:
    """The same as sorted plain values."""
    explainer = Explainer(graph.analysis)
    nodes = []
    for definition, number in graph.definitions.items():
        place = explainer.place(definition.place)
        where = _where(graph, explainer, definition)
        nodes.append(FlowNode(f"n{number}", place, place, *where, explainer.side(definition.place)))
    edges = []
    for (source, target, kind, _), transfer in graph.edges.items():
        location = explainer.location(transfer.function, transfer.instruction)
        edges.append(
            FlowEdge(
                f"n{source}",
                f"n{target}",
                kind,
                _mask(graph, transfer),
                explainer.guard_text(transfer.guards),
                location.path,
                location.line,
            )
        )
    return FlowGraph(tuple(sorted(nodes)), tuple(sorted(edges)))


def _where(graph: DefUseGraph, explainer: Explainer, definition: Definition) -> tuple[str, int, str]:
    if definition.function < 0:
        return "", 0, ""
    location = explainer.location(definition.function, definition.node)
    return location.path, location.line, graph.analysis.program.units[definition.function].name


def _mask(graph: DefUseGraph, transfer: Transfer) -> int:
    function = graph.analysis.by_id(transfer.function)
    mask = WORD
    for operation in transfer.operations:
        if operation.kind == "and" and operation.other is not None:
            mask &= graph.analysis.values.mask(function, transfer.instruction, operation.other).may
        elif operation.kind in {"cast", "fit"}:
            mask &= (1 << operation.bits) - 1
        elif operation.kind in {"freeze", "minus", "times"}:
            break  # what is frozen is cut by no later mask
    return mask


def _config(transfer: Transfer) -> str:
    return " ".join(sorted(str(key[1]) for key, _, value in transfer.guards if key[0] == "c" and value is True))
