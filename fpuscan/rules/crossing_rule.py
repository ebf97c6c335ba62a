"""What all rules about crossings share: from seeds to findings, one for each crossing and rule.

A rule says which seeds it follows, how bad a crossing is (:class:`Verdict`, or
no finding at all), and how to put it into words; everything else is the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.engine.search.crossings import Crossing, behind, find_crossings
from fpuscan.engine.search.explain import Explainer
from fpuscan.engine.values.contents import Content
from fpuscan.engine.values.held import held_content
from fpuscan.ir import ENTRY
from fpuscan.result import Finding, Place, Related, Severity, Surviving
from fpuscan.rules.entries import entries, handed_on

if TYPE_CHECKING:
    from fpuscan.engine.graph.edges import Transfer
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.seeds import Seeds
    from fpuscan.engine.search.sinks import Sinks
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.search.states import State
    from fpuscan.result import Location
    from fpuscan.rules.info import RuleInfo
    from fpuscan.xfeatures import FeatureBits

__all__ = ["CrossingRule", "Search", "Verdict", "forbidden", "leaking", "named", "number"]

_CONSUMER_ORDER = {
    "guest": ("kvm", "uabi-copy", "prctl", "sigframe", "ptrace", "coredump"),
    "host": ("sigframe", "ptrace", "prctl", "uabi-copy", "coredump", "kvm"),
}
_KINDS = {"config": 0, "runtime": 1, "constant": 2}


class Verdict(NamedTuple):
    """How bad a crossing is, and what of the source arrives although the contract forbids it."""

    severity: Severity
    surviving: Surviving


class Search(NamedTuple):
    """What a rule works with: the search, the sources, the sinks, and the names of the feature bits of the tree."""

    flows: Flows
    seeds: Seeds
    sinks: Sinks
    bits: FeatureBits

    def content_at(self, seed: Seed, side: str = "") -> Content:
        """What the row of a seed declares, as far as the stores that reach this read, of a side, do not say less."""
        if seed.place is None or seed.node == ENTRY:
            return seed.content
        analysis = self.flows.analysis
        held = held_content(analysis, analysis.by_id(seed.function), seed.node, seed.place, side)
        if held is None:
            return seed.content
        return Content(seed.content.bits & held.bits, seed.content.format and held.format)

    def stored_content(self, seed: Seed) -> Content:
        """What the row of a seed declares, as far as all stores into its place do not say less."""
        if seed.place is None or not self.flows.analysis.values.is_mask_place(seed.place):
            return seed.content
        stored = self.flows.analysis.values.content(seed.place)
        return seed.content if stored.unknown else Content(seed.content.bits & stored.bits, seed.content.format)

    def surviving(self, mask: int, *, kernel_format: bool = False, unknown: bool = False) -> Surviving:
        """What arrives, with the names of its bits."""
        return Surviving(mask, self.bits.name_bits(mask), kernel_format, unknown)


class CrossingRule(NamedTuple):
    """A rule about crossings (or several that share their sources): the kinds of its sources, its metadata by
    crossing, its verdict and words.

    ``is_advised``: what to do depends on the sink, where the model says so.
    ``whole``: each flow is followed from its first source to its end, and all masks are evaluated; else a flow
    ends where it is stored into another source, whose reads are looked at anyway, or where ``is_spent`` says so.
    ``narrows``: features that are an operand or a local are no entry of a state, they narrow one copy.
    ``shared``: what makes crossings one entry.
    """  # noqa: D205

    kinds: frozenset[str]
    info: Callable[[Crossing], RuleInfo]
    judge: Callable[[Search, Crossing], Verdict | None]
    message: Callable[[Verdict, Crossing], str]
    whole: bool = False
    is_advised: bool = False
    narrows: bool = False
    is_spent: Callable[[Search, Seed, State], bool] = lambda _search, _seed, _state: False
    shared: Callable[[Crossing], Iterable[tuple[Hashable, ...]]] = handed_on

    def find(self, search: Search, seeds: Iterable[Seed]) -> list[Finding]:
        """The findings, one for each crossing statement, place, side and rule."""
        own = (seed for seed in seeds if seed.kind in self.kinds)
        return self.report(search, [pair for seed in own for pair in self._crossings(search, seed)])

    def report(self, search: Search, crossings: Iterable[tuple[Verdict, Crossing]]) -> list[Finding]:
        """The findings about some crossings."""
        groups: dict[tuple[object, ...], list[tuple[Verdict, Crossing]]] = {}
        for verdict, crossing in crossings:
            key = (
                self.info(crossing).id,
                *_statement(search.flows, crossing),
                crossing.hit.place,
                crossing.hit.side,
            )
            groups.setdefault(key, []).append((verdict, crossing))
        statements = [groups[key] for key in sorted(groups, key=repr)]
        verdicts = {id(way): verdict for members in statements for verdict, way in members}

        def about(ways: list[Crossing]) -> tuple[str, Severity]:
            return self.info(ways[0]).id, max(verdicts[id(way)].severity for way in ways)

        told = entries([[way for _, way in members] for members in statements], about, self.shared)
        return number(
            [self._finding(search, [(verdicts[id(way)], way) for way in entry.ways], entry.also) for entry in told]
        )

    def _crossings(self, search: Search, seed: Seed) -> list[tuple[Verdict, Crossing]]:
        """The crossings of one seed that are findings: a quick look, an exact one where something seems wrong, and a
        close one where values meet on a way that is wrong.
        """  # noqa: D205

        def stops(transfer: Transfer, state: State) -> bool:
            stored = transfer.move == "stay" and search.seeds.rows.is_source(state.definition.place)
            return stored or self.is_spent(search, seed, state)

        def look(*, quick: bool = False, closely: bool = False) -> list[tuple[Verdict, Crossing]]:
            until = None if self.whole else stops
            ways = find_crossings(
                search.flows, search.sinks, seed, until, quick=quick, closely=closely, narrows=self.narrows
            )
            return [(verdict, way) for way in ways if (verdict := self.judge(search, way)) is not None]

        found = look(quick=not self.whole)
        if not self.whole and any(verdict.severity > Severity.NOTE for verdict, _ in found):
            found = look()
        if any(verdict.severity is Severity.ERROR and way.has_meetings for verdict, way in found):
            found = look(closely=True)
        return found

    def _finding(self, search: Search, members: list[tuple[Verdict, Crossing]], also: list[Crossing]) -> Finding:
        flows = search.flows
        explainer = Explainer(flows.analysis)
        ordered = sorted(members, key=lambda item: _order(flows, item))
        verdict, crossing = ordered[0]
        verdict = _joined(search, verdict, [other for other, way in ordered if way.seed.name == crossing.seed.name])
        rule = self.info(crossing)
        location = explainer.location(crossing.transfer.function, crossing.transfer.instruction)
        reached = behind(flows, search.sinks, crossing)
        after = explainer.way_to_consumer(reached, _CONSUMER_ORDER[crossing.hit.side])
        return Finding(
            rule=rule.id,
            slug=rule.slug,
            severity=verdict.severity,
            message=self.message(verdict, crossing),
            fingerprint="",
            location=location,
            source=_source(explainer, crossing),
            sink=Place(crossing.hit.place, location, crossing.hit.sink.what),
            surviving=verdict.surviving,
            side=crossing.hit.side,
            trace=explainer.trace(crossing, after),
            fix=(flows.analysis.model.advice_for(crossing.hit.sink) if self.is_advised else "") or rule.how_to_fix,
            config=_config(crossing),
            other_sources=_other_sources(explainer, [way for _, way in ordered]),
            consumers=explainer.consumers(crossing, reached),
            related=tuple(Related("also", *_where(explainer, way)) for way in also),
            statement=explainer.text(crossing.transfer.function, crossing.transfer.instruction),
        )


def _statement(flows: Flows, crossing: Crossing) -> tuple[str, str, int]:
    """The statement of a crossing: file, function and offset; the same in all texts of a function."""
    unit = flows.analysis.program.units[crossing.transfer.function]
    start, source = unit.facts.code[crossing.transfer.instruction].start, unit.file.source
    return unit.path, unit.name, source.origin(start) if source.is_copy(start) else start


def _order(flows: Flows, item: tuple[Verdict, Crossing]) -> tuple[object, ...]:
    """The worst first, then what is passed on least often through memory; the same source however many locals and
    helpers stand on the way. Of its ways the shortest, then position.
    """  # noqa: D205
    verdict, crossing = item
    path = crossing.step.path()
    return (
        -verdict.severity,
        -verdict.surviving.mask.bit_count(),
        not verdict.surviving.kernel_format,
        _KINDS.get(crossing.seed.kind, 0),
        sum(step.transfer is not None and step.transfer.move.startswith("memory") for step in path),
        crossing.seed.name,
        len(path),
        flows.analysis.program.units[crossing.seed.function].path,
        crossing.seed.node,
    )


def _joined(search: Search, verdict: Verdict, others: list[Verdict]) -> Verdict:
    """What survives over all ways from one source: the bits of each."""
    mask = 0
    for other in others:
        mask |= other.surviving.mask
    surviving = search.surviving(
        mask,
        kernel_format=any(other.surviving.kernel_format for other in others),
        unknown=any(other.surviving.unknown for other in others),
    )
    return Verdict(verdict.severity, surviving)


def _where(explainer: Explainer, crossing: Crossing) -> tuple[Location, str]:
    return explainer.location(crossing.transfer.function, crossing.transfer.instruction), crossing.hit.place


def _source(explainer: Explainer, crossing: Crossing) -> Place:
    return Place(crossing.seed.name, explainer.location(crossing.seed.function, crossing.seed.node))


def _other_sources(explainer: Explainer, ordered: list[Crossing]) -> tuple[Place, ...]:
    """The other sources that cross here, each where it is read first."""
    first = ordered[0].seed.name
    others = {_source(explainer, crossing) for crossing in ordered[1:] if crossing.seed.name != first}
    nearest: dict[str, Place] = {}
    for place in sorted(others, key=lambda place: (place.place, place.location)):
        nearest.setdefault(place.place, place)
    return tuple(nearest.values())


def _config(crossing: Crossing) -> tuple[str, ...]:
    """The configuration options that the crossing needs."""
    names = {
        str(key[1])
        for key, _, value in crossing.transfer.guards
        if key[0] == "c" and str(key[1]).startswith("CONFIG_") and value is True
    }
    return tuple(sorted(names))


def forbidden(search: Search, crossing: Crossing, content: Content) -> Surviving:
    """What of a source's content arrives although no user ABI may show it: supervisor bits, the kernel's format."""
    mask = content.bits & crossing.label.bits & ~search.flows.analysis.values.user_mask
    return search.surviving(mask, kernel_format=content.format or crossing.label.format)


def leaking(surviving: Surviving, source: str) -> str:
    """What of a source survives and that it arrives, as the head of a sentence; "" where nothing survives."""
    parts = []
    if surviving.unknown:
        parts.append("a value that cannot be evaluated")
    if surviving.kernel_format:
        parts.append("a kernel-format size")
    if surviving.bits:
        parts.append(", ".join(surviving.bits))
    if not parts:
        return ""
    several = len(parts) > 1 or len(surviving.bits) > 1
    return f"{' and '.join(parts)} from {source} {'reach' if several else 'reaches'}"


def named(crossing: Crossing) -> str:
    """The sink in a sentence: a place as it is, an operand with what it is for."""
    sink, place = crossing.hit.sink, crossing.hit.place
    if sink.kind == "place":
        return place
    operand = "an operand of the asm statement" if sink.function == "asm" else place
    return f"{operand}, {sink.why.partition(':')[0]}"


def number(findings: list[Finding]) -> list[Finding]:
    """Give every finding its fingerprint: what leaks, where to, and where, without lines or text."""
    seen: dict[tuple[str, ...], int] = {}
    found = []
    for finding in sorted(findings, key=lambda each: (each.location, each.rule, each.sink.place, each.source.place)):
        key = (finding.rule, finding.source.place, finding.sink.place, finding.location.path, finding.location.function)
        ordinal = seen.get(key, 0)
        seen[key] = ordinal + 1
        digest = hashlib.sha256("\0".join((*key, str(ordinal))).encode()).hexdigest()[:16]
        found.append(replace(finding, fingerprint=digest))
    return found
