"""FPU101, FPU102, FPU103: a guest-specific value reaches the user ABI.

The rule follows the sink row: signal frame and sigaltstack FPU103, else a size
FPU101 and a feature mask FPU102. Severity as in the design: what survives, and
whether a mask stands between.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.engine.crossings import Crossing, behind, find_crossings
from fpuscan.engine.explain import Explainer
from fpuscan.engine.seeds import Seeds
from fpuscan.result import Finding, Place, Severity, Surviving
from fpuscan.rules.info import FPU101, FPU102, FPU103
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.flows import Flows
    from fpuscan.engine.sinks import Sinks
    from fpuscan.rules.info import RuleInfo
    from fpuscan.xfeatures import FeatureBits

__all__ = ["GUEST_KINDS", "find"]

GUEST_KINDS = frozenset({"config", "runtime", "constant"})
_RULES = {"size": FPU101, "features": FPU102, "sigframe": FPU103}
_CONSUMER_ORDER = {
    "guest": ("kvm", "uabi-copy", "prctl", "sigframe", "ptrace", "coredump"),
    "host": ("sigframe", "ptrace", "prctl", "uabi-copy", "coredump", "kvm"),
}


@dataclass(frozen=True, slots=True)
class _Verdict:
    severity: Severity
    surviving: Surviving


def find(flows: Flows, sinks: Sinks, bits: FeatureBits) -> tuple[list[Finding], frozenset[str]]:
    """The findings of the three rules, and the ids of the source rows that matched something."""
    seeds = Seeds(flows, GUEST_KINDS)
    groups: dict[tuple[object, ...], list[tuple[_Verdict, Crossing]]] = {}
    for seed in seeds.find():
        for crossing in find_crossings(flows, sinks, seed):
            verdict = judge(flows, crossing, bits)
            if verdict is None:
                continue
            key = (
                _RULES[crossing.hit.sink.what].id,
                crossing.transfer.function,
                _start(flows, crossing),
                crossing.hit.place,
                crossing.hit.side,
            )
            groups.setdefault(key, []).append((verdict, crossing))
    findings = [
        _finding(flows, sinks, members, bits) for _, members in sorted(groups.items(), key=lambda item: repr(item[0]))
    ]
    return number(findings), frozenset(seeds.used)


def _start(flows: Flows, crossing: Crossing) -> int:
    unit = flows.analysis.program.units[crossing.transfer.function]
    return unit.facts.code[crossing.transfer.instruction].start


def judge(flows: Flows, crossing: Crossing, bits: FeatureBits) -> _Verdict | None:
    """What survives at a crossing and how bad that is; None if it is no finding at all."""
    values = flows.analysis.values
    content, label = crossing.seed.content, crossing.label
    allowed = values.user_mask
    if crossing.hit.side == "host":
        allowed &= ~values.dynamic_mask
    universe = 0
    for bit in bits.names:
        universe |= 1 << bit
    known = content.bits if not content.unknown else content.bits | universe
    surviving = known & label.bits & ~allowed & (universe if content.unknown else WORD)
    kernel = content.format or label.format
    unknown = content.unknown and not label.masked
    result = Surviving(surviving, bits.name_bits(surviving), kernel, unknown)
    if crossing.hit.sink.informational:
        return _Verdict(Severity.NOTE, result)
    if surviving or kernel or unknown:
        return _Verdict(Severity.ERROR, result)
    if crossing.seed.kind == "constant":
        return None
    if not label.masked and crossing.seed.kind == "config":
        return _Verdict(Severity.WARNING, result)
    return _Verdict(Severity.NOTE, result)


def _order(flows: Flows, item: tuple[_Verdict, Crossing]) -> tuple[object, ...]:
    """The worst first; then the shortest way, then position."""
    verdict, crossing = item
    kinds = {"config": 0, "runtime": 1, "constant": 2}
    return (
        -verdict.severity,
        -verdict.surviving.mask.bit_count(),
        not verdict.surviving.kernel_format,
        kinds[crossing.seed.kind],
        len(crossing.step.path()),
        crossing.seed.name,
        flows.analysis.program.units[crossing.seed.function].path,
        crossing.seed.node,
    )


def _finding(flows: Flows, sinks: Sinks, members: list[tuple[_Verdict, Crossing]], bits: FeatureBits) -> Finding:
    explainer = Explainer(flows.analysis)
    ordered = sorted(members, key=lambda item: _order(flows, item))
    verdict, crossing = ordered[0]
    verdict = _joined(verdict, [other for other, way in ordered if way.seed.name == crossing.seed.name], bits)
    rule = _RULES[crossing.hit.sink.what]
    location = explainer.location(crossing.transfer.function, crossing.transfer.instruction)
    reached = behind(flows, sinks, crossing)
    after = explainer.way_to_consumer(reached, _CONSUMER_ORDER[crossing.hit.side])
    source = Place(crossing.seed.name, explainer.location(crossing.seed.function, crossing.seed.node))
    others = {
        Place(other.seed.name, explainer.location(other.seed.function, other.seed.node)) for _, other in ordered[1:]
    }
    others = {place for place in others if place.place != source.place}
    nearest: dict[str, Place] = {}
    for place in sorted(others, key=lambda place: (place.place, place.location)):
        nearest.setdefault(place.place, place)
    config = sorted(
        {
            str(key[1])
            for key, _, value in crossing.transfer.guards
            if key[0] == "c" and str(key[1]).startswith("CONFIG_") and value is True
        }
    )
    return Finding(
        rule=rule.id,
        slug=rule.slug,
        severity=verdict.severity,
        message=_message(verdict, crossing),
        fingerprint="",
        location=location,
        source=source,
        sink=Place(crossing.hit.place, location, crossing.hit.sink.what),
        surviving=verdict.surviving,
        side=crossing.hit.side,
        trace=explainer.trace(crossing, after),
        fix=_fix(rule, crossing),
        config=tuple(config),
        other_sources=tuple(nearest.values()),
        consumers=explainer.consumers(reached),
        statement=explainer.text(crossing.transfer.function, crossing.transfer.instruction),
    )


def _joined(verdict: _Verdict, others: list[_Verdict], bits: FeatureBits) -> _Verdict:
    """What survives over all ways from one source: the bits of each."""
    mask = 0
    for other in others:
        mask |= other.surviving.mask
    surviving = Surviving(
        mask,
        bits.name_bits(mask),
        any(other.surviving.kernel_format for other in others),
        any(other.surviving.unknown for other in others),
    )
    return _Verdict(verdict.severity, surviving)


def _message(verdict: _Verdict, crossing: Crossing) -> str:
    source, sink, side = crossing.seed.name, crossing.hit.place, crossing.hit.side
    what = {
        "size": "the size of the user ABI",
        "features": "a feature mask of the user ABI",
        "sigframe": "the signal frame",
    }[crossing.hit.sink.what]
    if verdict.severity is Severity.ERROR:
        parts = []
        if verdict.surviving.unknown:
            parts.append("a value that cannot be evaluated")
        if verdict.surviving.kernel_format:
            parts.append("a kernel-format size")
        if verdict.surviving.bits:
            parts.append(", ".join(verdict.surviving.bits))
        return f"{' and '.join(parts)} from {source} reaches {sink}, {what} ({side} side)"
    if verdict.severity is Severity.WARNING:
        return f"{source} is a second source of truth for {sink}, {what} ({side} side): no mask stands between"
    return f"{source} reaches {sink}, {what} ({side} side): only user features are left"


def _fix(rule: RuleInfo, crossing: Crossing) -> str:
    del crossing
    return rule.how_to_fix


def number(findings: list[Finding]) -> list[Finding]:
    """Give every finding its fingerprint: what leaks, where to, and where, without lines or text."""
    from dataclasses import replace  # noqa: PLC0415

    seen: dict[tuple[str, ...], int] = {}
    found = []
    for finding in sorted(findings, key=lambda each: (each.location, each.rule, each.sink.place, each.source.place)):
        key = (finding.rule, finding.source.place, finding.sink.place, finding.location.path, finding.location.function)
        ordinal = seen.get(key, 0)
        seen[key] = ordinal + 1
        digest = hashlib.sha256("\0".join((*key, str(ordinal))).encode()).hexdigest()[:16]
        found.append(replace(finding, fingerprint=digest))
    return found
