"""All rules about crossings, over seeds that are looked for once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.engine.search.seeds import Seeds
from fpuscan.result import Severity
from fpuscan.rules import raw_copy, uabi_for_kernel
from fpuscan.rules.crossing_rule import Search
from fpuscan.rules.guest_default import GUEST_DEFAULT
from fpuscan.rules.kernel_format import KERNEL_FORMAT
from fpuscan.rules.vcpu_value import VCPU_VALUE

if TYPE_CHECKING:
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sinks import Sinks
    from fpuscan.result import Finding
    from fpuscan.xfeatures import FeatureBits

__all__ = ["find"]

# A place that several of them know is a source of the first.
_RULES = (GUEST_DEFAULT, VCPU_VALUE, KERNEL_FORMAT)


def find(flows: Flows, sinks: Sinks, bits: FeatureBits) -> tuple[list[Finding], frozenset[str]]:
    """The findings of these rules, and the ids of the source rows that matched something."""
    seeds = Seeds(flows, tuple(rule.kinds for rule in _RULES))
    begun = seeds.find()
    search = Search(flows, seeds, sinks, bits)
    guest, vcpu, kernel = (rule.find(search, begun) for rule in _RULES)
    backward = [*raw_copy.find(search), *uabi_for_kernel.find(search)]
    return [*guest, *vcpu, *_without(kernel, guest), *backward], frozenset(seeds.rows.used)


def _without(findings: list[Finding], others: list[Finding]) -> list[Finding]:
    """The findings about statements and places that are not called an error already."""
    known = {(each.location, each.sink.place, each.side) for each in others if each.severity is Severity.ERROR}
    return [each for each in findings if (each.location, each.sink.place, each.side) not in known]
