"""FPU101, FPU102, FPU103: a guest-specific value reaches the user ABI.

The rule follows the sink row: signal frame and sigaltstack FPU103, else a size
FPU101 and a feature mask FPU102. Severity as in the design: what survives, and
whether a mask stands between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.result import Severity
from fpuscan.rules.crossing_rule import CrossingRule, Search, Verdict, leaking, named
from fpuscan.rules.info import FPU101, FPU102, FPU103
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.engine.search.crossings import Crossing
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.values.contents import Content
    from fpuscan.rules.info import RuleInfo

__all__ = ["GUEST_DEFAULT"]

_RULES = {"size": FPU101, "features": FPU102, "sigframe": FPU103}
_PLACES = {
    "size": "the size of the user ABI",
    "features": "a feature mask of the user ABI",
    "sigframe": "the signal frame",
}


def _info(crossing: Crossing) -> RuleInfo:
    return _RULES[crossing.hit.sink.what]


def _content(search: Search, seed: Seed) -> Content:
    """What a source may hold: run-time state, at this very read, no more bits than the function has just put there."""
    if seed.kind != "runtime":
        return seed.content
    held = search.content_at(seed)
    return seed.content._replace(bits=held.bits, unknown=held.unknown)


def _judge(search: Search, crossing: Crossing) -> Verdict | None:
    """What survives at a crossing and how bad that is; None if it is no finding at all."""
    values = search.flows.analysis.values
    content, label = _content(search, crossing.seed), crossing.label
    allowed = values.user_mask
    if crossing.hit.side == "host" and not crossing.hit.sink.opted:
        allowed &= ~values.dynamic_mask
    universe = 0
    for bit in search.bits.names:
        universe |= 1 << bit
    known = content.bits if not content.unknown else content.bits | universe
    mask = known & label.bits & ~allowed & (universe if content.unknown else WORD)
    result = search.surviving(
        mask, kernel_format=content.format or label.format, unknown=content.unknown and not label.masked
    )
    if crossing.hit.sink.informational:
        return Verdict(Severity.NOTE, result)
    if result.mask or result.kernel_format or result.unknown:
        return Verdict(Severity.ERROR, result)
    if crossing.seed.kind == "constant":
        return None
    if not label.masked and crossing.seed.kind == "config":
        return Verdict(Severity.WARNING, result)
    return Verdict(Severity.NOTE, result)


def _message(verdict: Verdict, crossing: Crossing) -> str:
    source, sink, side = crossing.seed.name, named(crossing), crossing.hit.side
    if crossing.hit.sink.kind == "place":
        sink = f"{sink}, {_PLACES[crossing.hit.sink.what]}"
    if verdict.severity is Severity.ERROR:
        return f"{leaking(verdict.surviving, source)} {sink} ({side} side)"
    if verdict.severity is Severity.WARNING:
        return f"{source} is a second source of truth for {sink} ({side} side): no mask stands between"
    return f"{source} reaches {sink} ({side} side): only user features are left"


GUEST_DEFAULT = CrossingRule(
    frozenset({"config", "runtime", "constant"}), _info, _judge, _message, whole=True, is_advised=True
)
