"""Crossings: the edges at which a flow first enters the user ABI of a side, and what is behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.search.states import State, Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sinks import Hit, Sinks
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.search.states import Label

    Stops = Callable[[Transfer, State], bool]

__all__ = ["Crossing", "behind", "enterable", "find_crossings", "is_read"]


class Crossing(NamedTuple):
    """A flow's entry into the user ABI: from which seed, over which edge, with which label."""

    seed: Seed
    hit: Hit
    step: Step  # the state in front of the edge
    transfer: Transfer
    target: State | None
    label: Label

    @property
    def has_meetings(self) -> bool:
        """Whether values meet on the way that may have bits in common, so that a closer look may find fewer."""
        edges = (self.transfer, *(step.transfer for step in self.step.path()))
        return any(
            operation.kind in {"meet", "minus"} for edge in edges if edge is not None for operation in edge.operations
        )


# Behind an entry the uABI place is taken at its contract. The host's allows less than the guest's, which may
# hold opt-in features, so whoever has entered the host side has entered both.
_ALL_SIDES = frozenset({"guest", "host"})
_SIDES_BEHIND = {"guest": frozenset({"guest"}), "host": _ALL_SIDES}
_NARROWED = "one copy"  # beside the sides that a value has entered: the features of one copy


def find_crossings(
    flows: Flows,
    sinks: Sinks,
    seed: Seed,
    stops: Stops | None = None,
    *,
    quick: bool = False,
    closely: bool = False,
    narrows: bool = False,
) -> list[Crossing]:
    """All crossings of the flows from one seed. Where ``stops`` says so, a flow is not followed behind an edge.

    A ``quick`` search evaluates the plainest masks only: it finds no crossing less, and may leave bits that are cut.
    One that looks ``closely`` takes out the bits that cancel each other, at a price. Where ``narrows``, features
    that are an operand or a local narrow one copy: told once, and the callee that gets them can still store them.
    """
    found: list[Crossing] = []
    inside = _inside_already(sinks, seed)

    def visit(step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
        beyond: list[State] = []
        ended = False
        candidates: list[State | None] = [*targets] or [None]
        for target in candidates:
            entered: set[str] = set()  # each caller that a helper returns to has its own name for what it stored
            for hit in sinks.hits(step.state, transfer, target):
                if not is_read(flows, target) or hit.sink.only not in {"", seed.kind}:
                    continue
                if target is not None and isinstance(transfer.operand, int) and is_spared(flows, target):
                    continue
                ended = ended or hit.sink.ends
                one_copy = narrows and hit.sink.kind in {"argument", "local"} and hit.sink.what == "features"
                if one_copy:
                    entered.add(_NARROWED)
                elif not hit.sink.informational:
                    entered |= _SIDES_BEHIND[hit.side]
                if hit.side in step.state.entered or hit.sink.quiet:
                    continue
                if one_copy and _NARROWED in step.state.entered:
                    continue
                label = target.label if target is not None else _label(flows, step, transfer)
                if label is not None and enterable(flows, step.state, transfer):
                    found.append(Crossing(seed, hit, step, transfer, target, label))
            if target is not None:
                t = target
                beyond.append(
                    State(t.definition, t.frames, t.guards, t.label, t.entered | entered) if entered else target
                )
        return [] if ended else [state for state in beyond if not _is_over(transfer, state, stops)]

    starts: list[Step] = []
    for start in seed.starts:
        assert start.transfer is not None
        label = start.state.label._replace(quick=quick, closely=closely)
        origin = State(start.state.definition, start.state.frames, start.state.guards, label, inside)
        first = Step(origin, None, None)
        targets = visit(first, start.transfer, flows.follow(origin, start.transfer))
        starts.extend(Step(target, start.transfer, first) for target in targets)
    flows.search(starts, visit)
    return found


def _is_over(transfer: Transfer, state: State, stops: Stops | None) -> bool:
    """Whether a flow can cross no more: it is inside of both sides, or the rule says so."""
    return state.entered >= _ALL_SIDES or (stops is not None and stops(transfer, state))


def _inside_already(sinks: Sinks, seed: Seed) -> frozenset[str]:
    """A source that is itself a uABI place has entered its own side."""
    if seed.place is None:
        return frozenset()
    row = sinks.place_row(seed.place)
    return _SIDES_BEHIND.get(row.side, frozenset()) if row is not None else frozenset()


def _label(flows: Flows, step: Step, transfer: Transfer) -> Label | None:
    function = flows.analysis.by_id(transfer.function)
    return flows.apply(step.state.label, transfer, function, step.state.context, step.state.definition)


def is_read(flows: Flows, target: State | None) -> bool:
    """A store that is overwritten before anybody can read it is no entry."""
    if target is None or target.definition.function < 0 or target.definition.place[0][0] in {"p", "r"}:
        return True
    return flows.graph.is_read(target.definition, target.guards)


def is_spared(flows: Flows, target: State) -> bool:
    """Whether a callee reads a parameter, but not under what the call says: ``if (guest) return 0;`` in front of it."""
    definition = target.definition
    if definition.place[0][0] != "p":
        return False
    return flows.graph.is_read(definition, NOTHING) and not flows.graph.is_read(definition, target.guards)


def enterable(flows: Flows, state: State, transfer: Transfer) -> bool:
    """Whether the outermost function of the flow can be entered under what holds there."""
    if state.frames:
        (outermost, _), held = state.frames[0]
    else:
        outermost, held = transfer.function, transfer.guards
    return flows.analysis.calls.enterable(flows.analysis.by_id(outermost), held)


def behind(flows: Flows, sinks: Sinks, crossing: Crossing, limit: int = 4000) -> list[Step]:
    """Every state that the value reaches behind a crossing, nearest first."""
    if crossing.target is None or crossing.hit.sink.ends:
        return []
    reached: list[Step] = []
    start = Step(crossing.target, crossing.transfer, None)

    def visit(step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
        reached.append(Step(step.state, transfer, step))
        ends = any(
            hit.sink.ends and hit.sink.only in {"", crossing.seed.kind}
            for target in targets
            for hit in sinks.hits(step.state, transfer, target)
        )
        return [] if ends or len(reached) >= limit else targets

    flows.search([start], visit)
    return reached
