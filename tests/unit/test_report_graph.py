"""The graph files: read back by networkx and, where it is installed, by graphviz."""

from __future__ import annotations

import io
import shutil
import subprocess
from dataclasses import replace

import networkx as nx
import pytest

from fpuscan.report import ReportOptions, render
from fpuscan.report.flowgraph import flow_graph
from fpuscan.result import FlowEdge, FlowGraph, FlowNode, ScanResult
from tests.samples import CLEAN, CORE, LEAKY, TRIAGED

EVIL = 'a"b\\"];\n<b>&\'\x1b\u202e\udcff]]>-->'

GRAPH = FlowGraph(
    nodes=(
        FlowNode("1", "guest_default_cfg.size", "guest_default_cfg.size", CORE, 40, "f", "guest"),
        FlowNode("2", "size", "size", CORE, 41, "f"),
        FlowNode("3", "", "struct fpu_guest.uabi_size", CORE, 42, "f", "uabi"),
    ),
    edges=(
        FlowEdge("1", "2", "assign", (1 << 64) - 1, "guest", CORE, 41),
        FlowEdge("1", "2", "argument", 0x1000, "", CORE, 43),
        FlowEdge("2", "3", "store", 0, "", CORE, 42),
    ),
)
GROWN = replace(LEAKY, graph=GRAPH)
HOSTILE = replace(
    LEAKY,
    graph=FlowGraph(
        nodes=(FlowNode(EVIL, EVIL, EVIL, EVIL, 1, EVIL, EVIL),),
        edges=(FlowEdge(EVIL, EVIL, EVIL, 1, EVIL, EVIL, 2),),
    ),
)
RESULTS = {"clean": CLEAN, "traces": LEAKY, "triaged": TRIAGED, "grown": GROWN, "hostile": HOSTILE}


def read(result: ScanResult) -> nx.MultiDiGraph:
    data = render(result, "graphml", ReportOptions()).encode("utf-8")
    return nx.read_graphml(io.BytesIO(data), force_multigraph=True)


@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_graphml_holds_every_node_and_edge(result: ScanResult) -> None:
    graph = flow_graph(result)

    found = read(result)

    assert (len(found.nodes), len(found.edges)) == (len(graph.nodes), len(graph.edges))


def test_nodes_and_edges_keep_their_labels() -> None:
    found = read(GROWN)

    assert found.nodes["1"] == {
        "label": "guest_default_cfg.size",
        "place": "guest_default_cfg.size",
        "path": CORE,
        "line": 40,
        "function": "f",
        "side": "guest",
    }
    (edge,) = found.get_edge_data("2", "3").values()
    assert {key: edge[key] for key in ("kind", "mask", "path", "line")} == {
        "kind": "store",
        "mask": "0x0",
        "path": CORE,
        "line": 42,
    }
    assert found.number_of_edges("1", "2") == 2


def test_without_a_graph_the_traces_are_drawn() -> None:
    graph = flow_graph(LEAKY)

    assert len(graph.nodes) == 4
    assert sorted((edge.kind, edge.mask) for edge in graph.edges) == [
        ("load", 0x1000),
        ("return", 0x1002FF),
        ("store", 0x1000),
    ]
    assert [node.id for node in graph.nodes] == ["n1", "n2", "n3", "n4"]
    assert {node.side for node in graph.nodes} == {"guest", "", "uabi"}
    assert flow_graph(replace(LEAKY, findings=LEAKY.findings * 2)) == graph


def test_dot_names_places_bits_and_guards() -> None:
    text = render(GROWN, "dot", ReportOptions())

    assert '  "1" [label="guest_default_cfg.size\\nf() core.c:40", color="#7a3ea8", fillcolor="#f6effb"];\n' in text
    assert f'  "1" -> "2" [label="assign\\nif guest", tooltip="{CORE}:41"];\n' in text
    assert '[label="argument 0x1000"' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="no graphviz (apt-get install graphviz)")
@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_graphviz_reads_dot(result: ScanResult) -> None:
    text = render(result, "dot", ReportOptions())

    done = subprocess.run(["dot", "-Tplain"], input=text.encode(), capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    rows = [line.split()[0] for line in done.stdout.decode().splitlines()]
    graph = flow_graph(result)
    assert (rows.count("node"), rows.count("edge")) == (len(graph.nodes), len(graph.edges))
