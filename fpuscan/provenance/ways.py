"""The check forward: every candidate is followed inside the slice, and what arrives is a root with its shortest way.

The search is the one that the rules use (:mod:`fpuscan.engine.search.flows`), so calls
and returns match, contradicting guards end a way and masks cut bits, exactly as
for a finding.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fpuscan.engine.functions.literals import NOTHING
from fpuscan.engine.graph.edges import Definition
from fpuscan.engine.search.crossings import Crossing, enterable, is_read
from fpuscan.engine.search.explain import Explainer, written
from fpuscan.engine.search.flows import Flows
from fpuscan.engine.search.sources import Seed
from fpuscan.engine.search.states import IDENTITY, Label, State, Step
from fpuscan.engine.values.contents import Content
from fpuscan.provenance.cases import case_spans, under
from fpuscan.result import MaskOnWay, Root
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.sinks import Hit, Sinks
    from fpuscan.provenance.origins import Origin, Origins
    from fpuscan.provenance.slices import Slice
    from fpuscan.xfeatures import FeatureBits

__all__ = ["Ways"]

Arrival = tuple[str, str, str]  # the name of a sink's place, what it is, its side


class Ways:
    """Follows candidates to the sinks that were asked for."""

    def __init__(
        self,
        flows: Flows,
        sinks: Sinks,
        origins: Origins,
        found: Slice,
        bits: FeatureBits,
        *,
        everywhere: bool = False,
    ) -> None:
        self.everywhere = everywhere  # follow ways out of the slice, too: slower, and by proof the same
        self.flows = flows
        self.sinks = sinks
        self.origins = origins
        self.slice = found
        self._cases: dict[tuple[int, str], tuple[tuple[int, int], ...]] = {}
        self.explainer = Explainer(flows.analysis)
        self._universe = sum(1 << bit for bit in bits.names)

    def follow(self, origins: list[Origin]) -> dict[Arrival, Root]:
        """Where the candidates of one root arrive, and the shortest way to each place."""
        best: dict[Arrival, tuple[int, Origin, Crossing]] = {}
        for origin in origins:
            for crossing in self._arrivals(origin):
                key = _arrival(crossing.hit)
                length = len(crossing.step.path())
                if key not in best or length < best[key][0]:
                    best[key] = (length, origin, crossing)
        return {key: self._root(origin, crossing) for key, (_, origin, crossing) in best.items()}

    def _arrivals(self, origin: Origin) -> list[Crossing]:
        found: dict[Arrival, Crossing] = {}
        seed = self._seed(origin)

        def visit(step: Step, transfer: Transfer, targets: list[State]) -> list[State]:
            candidates: list[State | None] = [*targets] or [None]
            for target in candidates:
                for hit in self.sinks.hits(step.state, transfer, target):
                    key = _arrival(hit)
                    if key in found or hit.place == origin.name or not is_read(self.flows, target):
                        continue
                    if hit.sink.case and not self._through_case(hit.sink.case, step, transfer):
                        continue
                    label = target.label if target is not None else self._label(step, transfer)
                    if label is not None and enterable(self.flows, step.state, transfer):
                        found[key] = Crossing(seed, hit, step, transfer, target, label)
            return [target for target in targets if self._inside(transfer, target)]

        starts: list[Step] = []
        for first, transfer in self._starts(origin):
            if transfer is None:
                starts.append(first)
            else:
                targets = visit(first, transfer, self.flows.follow(first.state, transfer))
                starts.extend(Step(target, transfer, first) for target in targets)
        self.flows.search(starts, visit)
        return list(found.values())

    def _starts(self, origin: Origin) -> list[tuple[Step, Transfer | None]]:
        if origin.at is not None:
            state = State(origin.at, (), origin.guards, IDENTITY)
            return [(Step(state, None, None), None)]
        assert origin.leaf is not None
        function = self.flows.analysis.by_id(origin.function)
        place = origin.place or (("k", origin.name), ())
        state = State(Definition(origin.function, origin.node, place), (), NOTHING, IDENTITY)
        first = Step(state, None, None)
        transfers = self.flows.graph.use(function, origin.node, origin.leaf, origin.below, origin.guards)
        return [(first, transfer) for transfer in transfers]

    def _inside(self, transfer: Transfer, target: State) -> bool:
        """Whether a way stays in the slice; behind configuration and user input nothing is followed."""
        place, function = target.definition.place, target.definition.function
        if function < 0 and self.origins.ends(place):
            return False
        if self.everywhere:
            return True
        if function < 0:
            return self.slice.asked(place)
        if transfer.kind == "load":
            return function in self.slice.functions
        return (transfer.function, transfer.instruction) in self.slice.nodes

    def _through_case(self, label: str, step: Step, last: Transfer) -> bool:
        """Whether a way leads over a statement of a case."""
        for transfer in (last, *(before.transfer for before in step.path())):
            if transfer is not None:
                function = self.flows.analysis.by_id(transfer.function)
                if under(function, transfer.instruction, self._spans(function, label)):
                    return True
        return False

    def _spans(self, function: FunctionAnalysis, label: str) -> tuple[tuple[int, int], ...]:
        key = (function.id, label)
        if key not in self._cases:
            self._cases[key] = case_spans(function, label)
        return self._cases[key]

    def _label(self, step: Step, transfer: Transfer) -> Label | None:
        function = self.flows.analysis.by_id(transfer.function)
        return self.flows.apply(step.state.label, transfer, function, step.state.context, step.state.definition)

    # ------------------------------------------------------------ results

    def _seed(self, origin: Origin) -> Seed:
        bits = origin.value
        if bits is None and origin.place is not None and origin.place[0][0] in {"g", "h", "d"}:
            values = self.flows.analysis.values
            content = values.content(origin.place) if values.is_mask_place(origin.place) else Content(unknown=True)
            bits = None if content.unknown else content.bits
        content = Content(self._universe if bits is None else bits)
        return Seed((), origin.name, origin.place, content, origin.function, origin.node, ())

    def _root(self, origin: Origin, crossing: Crossing) -> Root:
        trace = self.explainer.trace(crossing, [])
        if not crossing.hit.sink.what:  # a place that is no part of the user ABI
            trace = (*trace[:-1], replace(trace[-1], crossing=False, side=""))
        transfers = [step.transfer for step in crossing.step.path() if step.transfer is not None]
        transfers = [*transfers, crossing.transfer][origin.kind == "mask" :]  # a mask is not masked where it stands
        masks = [mask for transfer in transfers for mask in self._masks(transfer)]
        if origin.function >= 0:
            location = self.explainer.location(origin.function, origin.node)
        else:
            trace = trace[1:]
            location = trace[0].location
        return Root(origin.kind, origin.name, location, tuple(dict.fromkeys(masks)), trace)

    def _masks(self, transfer: Transfer) -> list[MaskOnWay]:
        function = self.flows.analysis.by_id(transfer.function)
        found = []
        for operation in transfer.operations:
            if operation.kind == "and" and operation.other is not None:
                may = self.flows.analysis.values.mask(function, transfer.instruction, operation.other).may
                if may != WORD:
                    where = self.explainer.location(transfer.function, transfer.instruction)
                    found.append(MaskOnWay(written(operation.other, function), may, where))
        return found


def _arrival(hit: Hit) -> Arrival:
    inside = f" in {hit.sink.inside}()" if hit.sink.inside and hit.sink.kind == "argument" else ""
    side = hit.side if hit.sink.what or hit.side == "guest" else ""  # of other places "host" is no more than "unknown"
    return hit.place + inside, hit.sink.what, side
