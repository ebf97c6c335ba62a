"""FPU202: a kernel-format size or supervisor features reach the user ABI from the kernel's own side.

Only what survives is a finding: the kernel's masks hold the user's features, too,
and cutting them is how the user's are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.result import Severity
from fpuscan.rules.crossing_rule import CrossingRule, Search, Verdict, forbidden, leaking, named
from fpuscan.rules.info import FPU202

if TYPE_CHECKING:
    from fpuscan.engine.search.crossings import Crossing
    from fpuscan.engine.search.sources import Seed
    from fpuscan.engine.search.states import State

__all__ = ["KERNEL_FORMAT"]


def _judge(search: Search, crossing: Crossing) -> Verdict | None:
    if crossing.hit.sink.informational:
        return None
    surviving = forbidden(search, crossing, crossing.seed.content)
    if surviving.mask or surviving.kernel_format:
        held = search.content_at(crossing.seed, crossing.hit.side)
        stored = search.stored_content(crossing.seed)
        surviving = forbidden(search, crossing, held._replace(bits=held.bits & stored.bits))
    if not surviving.mask and not surviving.kernel_format:
        return None
    return Verdict(Severity.ERROR, surviving)


def _message(verdict: Verdict, crossing: Crossing) -> str:
    return f"{leaking(verdict.surviving, crossing.seed.name)} {named(crossing)} ({crossing.hit.side} side)"


def _is_spent(search: Search, seed: Seed, state: State) -> bool:
    """Whether only what the user ABI may show is left of a value; that a helper makes a size of it is a source anew."""
    content, label = seed.content, state.label
    return not (content.bits & label.bits & ~search.flows.analysis.values.user_mask or content.format or label.format)


KERNEL_FORMAT = CrossingRule(
    frozenset({"kernel"}), lambda _: FPU202, _judge, _message, is_advised=True, is_spent=_is_spent
)
