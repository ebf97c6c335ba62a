"""Reachability over random small graphs equals the enumeration of every state.

The graph has functions that call each other (no recursion), guarded edges with
masks, shared memory, and cycles inside a function. ``Flows.search`` leaves out
states that others cover; the brute force leaves out nothing and knows no label
class, no frames and no literals of the engine: a state is a node, a stack of
call sites with the choices made in each, and two words.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from fpuscan.engine.functions.literals import NOTHING, Guards, compatible, contradicts
from fpuscan.engine.functions.reads import FREEZE, Operation
from fpuscan.engine.graph.edges import Definition, Transfer
from fpuscan.engine.search import flows as flows_module
from fpuscan.engine.search.flows import Flows
from fpuscan.engine.search.states import IDENTITY, Label, State, Step
from fpuscan.ir import Call, Const, Var
from fpuscan.xfeatures import WORD, MaskValue

MASKS = (0b0011, 0b0110, 0b1100, 0b1111 | 1 << 40, WORD ^ 1)
# A choice is a condition and its truth. The first two are configuration options, which hold everywhere.
CHOICES = [(name, truth) for name in ("CONFIG_A", "CONFIG_B", "x", "y", "z") for truth in (True, False)]
Choice = tuple[str, bool]
Words = tuple[int, int]


@dataclass(frozen=True)
class Edge:
    """``operations``: a mask (an int), "freeze" or "cast8"; ``site`` is set where the edge enters a call."""

    source: int
    target: int
    kind: str  # "stay", "call", "return", "store", "load"
    operations: tuple[int | str, ...]
    choices: frozenset[Choice]
    site: int = -1


@dataclass
class Graph:
    """``owner``: node to function, -1 for shared memory. ``sites``: site to (caller, callee, result node)."""

    owner: list[int]
    edges: list[Edge] = field(default_factory=list)
    sites: list[tuple[int, int, int]] = field(default_factory=list)


def random_graph(seed: int) -> Graph:
    """Three functions with three nodes each, two cells of shared memory, some edges of every kind."""
    rng = random.Random(seed)
    graph = Graph([0, 0, 0, 1, 1, 1, 2, 2, 2, -1, -1])
    own = {number: [node for node, owner in enumerate(graph.owner) if owner == number] for number in range(3)}

    def operations() -> tuple[int | str, ...]:
        options: list[int | str] = [*MASKS, "freeze", "cast8"]
        return tuple(rng.choice(options) for _ in range(rng.choice((0, 0, 0, 1, 2))))

    def choices() -> frozenset[Choice]:
        return frozenset({rng.choice(CHOICES)}) if rng.random() < 0.6 else frozenset()

    for caller, callee in ((0, 1), (0, 1), (0, 2), (1, 2), (1, 2)):
        if rng.random() < 0.8:
            graph.sites.append((caller, callee, rng.choice(own[caller])))
    for number, (caller, callee, _) in enumerate(graph.sites):
        for _ in range(rng.randrange(1, 3)):
            graph.edges.append(
                Edge(rng.choice(own[caller]), rng.choice(own[callee]), "call", operations(), choices(), number)
            )
    for function in range(3):
        for _ in range(rng.randrange(2, 6)):
            graph.edges.append(
                Edge(rng.choice(own[function]), rng.choice(own[function]), "stay", operations(), choices())
            )
        for _ in range(rng.randrange(1, 3)):
            graph.edges.append(Edge(rng.choice(own[function]), -1, "return", operations(), choices()))
    for _ in range(rng.randrange(3)):
        graph.edges.append(Edge(rng.randrange(9), rng.choice((9, 10)), "store", operations(), choices()))
        graph.edges.append(Edge(rng.choice((9, 10)), rng.randrange(9), "load", operations(), choices()))
    return graph


# ---------------------------------------------------------------- brute force


def brute_force(graph: Graph, start: int) -> dict[int, set[Words]]:
    """Every pair of words that arrives at each node, by visiting every state there is."""
    first: Any = (start, (), frozenset(), (WORD, 0))
    seen = {first}
    work: list[Any] = [first]
    while work:
        node, stack, choices, words = work.pop()
        for edge in graph.edges:
            if edge.source != node:
                continue
            after = _words(words, edge.operations)
            if after == (0, 0) or not _consistent(choices | edge.choices):
                continue
            for state in _next(graph, edge, stack, choices | edge.choices, after):
                if state not in seen:
                    seen.add(state)
                    work.append(state)
    found: dict[int, set[Words]] = {}
    for node, _, _, words in seen:
        found.setdefault(node, set()).add(words)
    return found


def _next(graph: Graph, edge: Edge, stack: Any, choices: frozenset[Choice], words: Words) -> list[Any]:
    everywhere = frozenset(choice for choice in choices if choice[0].startswith("CONFIG"))
    match edge.kind:
        case "stay":
            return [(edge.target, stack, choices, words)]
        case "call":
            return [(edge.target, (*stack, (edge.site, choices)), everywhere, words)]
        case "store" | "load":
            return [(edge.target, (), everywhere, words)]
        case _:
            return _return(graph, edge, stack, choices, words)


def _return(graph: Graph, edge: Edge, stack: Any, choices: frozenset[Choice], words: Words) -> list[Any]:
    everywhere = frozenset(choice for choice in choices if choice[0].startswith("CONFIG"))
    function = graph.owner[edge.source]
    if stack:
        site, held = stack[-1]
        back = [(site, held, stack[:-1])]
    else:
        back = [(number, frozenset(), ()) for number, site in enumerate(graph.sites) if site[1] == function]
    return [
        (graph.sites[site][2], below, held | everywhere, words)
        for site, held, below in back
        if _consistent(held | everywhere)
    ]


def _consistent(choices: frozenset[Choice]) -> bool:
    return len({name for name, _ in choices}) == len(choices)


def _words(words: Words, operations: tuple[int | str, ...]) -> Words:
    aligned, frozen = words
    for operation in operations:
        if isinstance(operation, int):
            aligned &= operation
        elif operation == "cast8":
            aligned &= 0xFF
        else:
            aligned, frozen = 0, frozen | aligned
    return aligned, frozen


# ---------------------------------------------------------------- the engine on the same graph


def _literal(choice: Choice, function: int) -> Any:
    name, truth = choice
    if name.startswith("CONFIG"):
        return ("c", name), "=", truth
    return ("b", function, ("v", function, name), (), frozenset({0})), "!" if truth else "=", 0


class _Calls:
    """The part of ``Calls`` that the search asks: conditions of configuration cross calls, others do not."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def callers(self, unit: int) -> list[tuple[int, int]]:
        return [(caller, 100 + number) for number, (caller, callee, _) in enumerate(self.graph.sites) if callee == unit]

    def callees(self, _function: Any, node: int) -> list[int]:
        return [self.graph.sites[node - 100][1]]

    def guards_inward(self, _caller: Any, _node: int, _callee: Any, guards: Guards) -> Guards:
        return frozenset(literal for literal in guards if literal[0][0] == "c")

    def guards_outward(self, _caller: Any, _node: int, _callee: Any, guards: Guards) -> Guards | None:
        return frozenset(literal for literal in guards if literal[0][0] == "c")


def engine(graph: Graph) -> Flows:
    """``Flows`` over a graph that is given instead of grown."""

    def definition(node: int) -> Definition:
        owner = graph.owner[node]
        if owner < 0:
            return Definition(-1, 0, (("g", str(node)), ()))
        return Definition(owner, node, (("v", owner, node), ()))

    def function(number: int) -> Any:
        code = {
            100 + site: Call(0, 0, (), Var("temp", "", result, None), "f", (), 0, 0)
            for site, (caller, _, result) in enumerate(graph.sites)
            if caller == number
        }
        return SimpleNamespace(
            id=number, unit=number, code=code, facts=SimpleNamespace(config=(), name=str(number)),
            entry_guards=dict, held=lambda _node: NOTHING, after=lambda _node, guards: guards,
            followed=lambda _node: NOTHING,
        )  # fmt: skip

    functions = {number: function(number) for number in (-1, 0, 1, 2)}
    values = SimpleNamespace(mask=lambda _f, _n, expr, _c: MaskValue.constant(expr.value))
    analysis = SimpleNamespace(
        by_id=functions.__getitem__, calls=_Calls(graph), values=values, config_guards=lambda _config: NOTHING,
        choices=SimpleNamespace(when=lambda *_: NOTHING), program=SimpleNamespace(units=functions),
    )  # fmt: skip

    def operation(each: int | str) -> Operation:
        if isinstance(each, int):
            return Operation("and", Const(each, ""))
        return FREEZE if each == "freeze" else Operation("cast", bits=8)

    def successors(where: Definition, guards: Guards) -> list[Transfer]:
        node = int(str(where.place[0][1])) if where.function < 0 else where.node
        found = []
        for edge in graph.edges:
            if edge.source != node or where.function != graph.owner[edge.source]:
                continue
            owner = graph.owner[edge.source] if graph.owner[edge.source] >= 0 else graph.owner[edge.target]
            literals = frozenset(_literal(choice, owner) for choice in edge.choices)
            if not compatible(guards, literals):
                continue
            move = {"store": "memory", "load": "memory"}.get(edge.kind, edge.kind)
            target = Definition(owner, 1, (("r", owner), ())) if edge.kind == "return" else definition(edge.target)
            found.append(
                Transfer(
                    target, edge.kind, move, tuple(map(operation, edge.operations)), guards | literals, owner, 0,
                    site=(owner, 100 + edge.site) if edge.kind == "call" else None,
                )
            )  # fmt: skip
        return found

    return _Flows(analysis, SimpleNamespace(successors=successors), graph)


class _Flows(Flows):
    """A result comes back to the node that the graph says, which is no call here."""

    def __init__(self, analysis: Any, graph: Any, shape: Graph) -> None:
        super().__init__(analysis, graph)
        self.shape = shape

    def _back_at(self, site: Any, *rest: Any, **more: Any) -> list[State]:
        states = super()._back_at(site, *rest, **more)
        result = self.shape.sites[site[1] - 100][2]
        there = Definition(site[0], result, (("v", site[0], result), ()))
        return [State(there, each.frames, each.guards, each.label, each.entered) for each in states]

    def _through_memory(self, state: State, transfer: Transfer, label: Label) -> list[State]:
        # The choices of an edge through memory are its own: configuration goes on, others end there.
        held = State(state.definition, state.frames, transfer.guards, state.label, state.entered)
        return super()._through_memory(held, transfer, label)


def search(graph: Graph, start: int) -> dict[int, set[Words]]:
    """What the engine says arrives at each node."""
    flows = engine(graph)
    found: dict[int, set[Words]] = {}

    def note(state: State) -> None:
        place = state.definition.place[0]
        node = int(str(place[1])) if state.definition.function < 0 else state.definition.node
        found.setdefault(node, set()).add((state.label.aligned, state.label.frozen))

    def visit(_step: Step, _transfer: Transfer, targets: list[State]) -> list[State]:
        for target in targets:
            note(target)
        return targets

    owner = graph.owner[start]
    origin = State(Definition(owner, start, (("v", owner, start), ())), (), NOTHING, IDENTITY)
    note(origin)
    flows.search([Step(origin, None, None)], visit)
    assert not flows.truncated
    return found


def joined(words: set[Words]) -> Words:
    """The union of each word."""
    aligned = frozen = 0
    for one, other in words:
        aligned, frozen = aligned | one, frozen | other
    return aligned, frozen


@pytest.mark.parametrize("block", range(10))
def test_reachability_is_that_of_the_brute_force(block: int) -> None:
    for seed in range(block * 60, block * 60 + 60):
        graph = random_graph(seed)
        for start in (0, 3, 6):
            naive = {node: joined(words) for node, words in brute_force(graph, start).items()}
            found = {node: joined(words) for node, words in search(graph, start).items()}
            assert found == naive, f"seed {seed} from {start}: {graph}"


def test_the_graphs_are_no_trivial_ones() -> None:
    reached = [brute_force(random_graph(seed), 0) for seed in range(100)]

    assert sum(len(each) for each in reached) > 300
    assert any(len(words) > 3 for each in reached for words in each.values())


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_few_guards_per_node_find_more_but_never_less(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound on guards per node only ever weakens them."""
    monkeypatch.setattr(flows_module, "_MAX_LABELS", limit)
    for seed in range(300):
        graph = random_graph(seed)
        naive, found = brute_force(graph, 0), search(graph, 0)
        for node, words in naive.items():
            one, other = joined(words), joined(found.get(node, set()))
            assert (one[0] & ~other[0], one[1] & ~other[1]) == (0, 0), f"seed {seed}, node {node}"


# ---------------------------------------------------------------- the algebra, exhaustively


LITERALS = [
    *((("b", name), operator, value) for name in "xy" for operator in "=!" for value in range(3)),
    *((("b", name), operator, mask) for name in "xy" for operator in ("set", "clr") for mask in range(1, 4)),
]


def holds(literal: Any, values: dict[str, int]) -> bool:
    """Whether a literal is true under an assignment."""
    (_, name), operator, constant = literal
    if operator in {"set", "clr"}:
        return bool(values[name] & constant) is (operator == "set")
    return (values[name] == constant) is (operator == "=")


ASSIGNMENTS = [dict(zip("xy", values, strict=True)) for values in product(range(8), repeat=2)]


@pytest.mark.parametrize("first", LITERALS, ids=str)
def test_contradicting_literals_never_hold_together(first: Any) -> None:
    for second in LITERALS:
        together = any(holds(first, values) and holds(second, values) for values in ASSIGNMENTS)
        assert contradicts(first, second) is (not together)


def test_a_label_covers_what_it_lets_through_and_nothing_else() -> None:
    labels = [Label(one, other) for one in range(4) for other in range(4)]
    for one, other in product(labels, repeat=2):
        subset = other.aligned & ~one.aligned == 0 and other.frozen & ~one.frozen == 0
        assert one.covers(other) is subset
