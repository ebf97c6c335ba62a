"""FPU201: a value of one vCPU, or of KVM, becomes part of the state that every copy of an fpstate shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.result import Severity, Surviving
from fpuscan.rules.crossing_rule import CrossingRule, Search, Verdict, forbidden, leaking, named
from fpuscan.rules.info import FPU201

if TYPE_CHECKING:
    from fpuscan.engine.search.crossings import Crossing

__all__ = ["VCPU_VALUE"]


def _judge(search: Search, crossing: Crossing) -> Verdict | None:
    sink = crossing.hit.sink
    if sink.informational:
        return Verdict(Severity.NOTE, Surviving())
    surviving = forbidden(search, crossing, crossing.seed.content)
    if surviving.mask:
        surviving = forbidden(search, crossing, search.stored_content(crossing.seed))
    stored = sink.kind == "place" or crossing.hit.side == "host"
    length = sink.kind == "argument" and sink.what == "size"
    if stored or length or surviving.mask or surviving.kernel_format:
        return Verdict(Severity.ERROR, surviving)
    return Verdict(Severity.NOTE, surviving)


def _message(verdict: Verdict, crossing: Crossing) -> str:
    source, sink, side = crossing.seed.name, named(crossing), crossing.hit.side
    if verdict.severity is Severity.NOTE:
        if crossing.hit.sink.informational:
            return f"{source} is reported in {sink}"
        return f"{source} reaches {sink} ({side} side): only user features, and no state that others share"
    what = leaking(verdict.surviving, source)
    if what:
        return f"{what} {sink} ({side} side)"
    if crossing.hit.sink.kind == "place":
        return f"{source} is stored in {sink}, which every copy of the state shares ({side} side)"
    return f"{source} sets {sink} ({side} side): that is uabi_size for all copies"


VCPU_VALUE = CrossingRule(frozenset({"vcpu"}), lambda _: FPU201, _judge, _message, narrows=True)
