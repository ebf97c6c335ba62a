"""Between scan and report: ignore comments, the baseline, and the source lines that the reports quote.

A pure function of a result, the bytes of the tree and the known findings; the
findings of the result that it gives are the active ones, which decide the exit
status.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fpuscan.baseline import compare
from fpuscan.excerpts import excerpts
from fpuscan.result import BaselineEntry, ScanResult
from fpuscan.suppress import suppress

__all__ = ["triage"]


def triage(
    result: ScanResult,
    read: Callable[[str], bytes | None],
    *,
    known: tuple[BaselineEntry, ...] | None = None,
    checked: frozenset[str] | None = None,
) -> ScanResult:
    """Set aside what comments and the baseline know, and quote the source around the findings.

    ``known`` is None where no baseline was given; ``checked`` are the ids of
    the rules that ran (None: all).
    """
    parted = suppress(result.findings, read, files=result.files, checked=checked)
    result = replace(
        result,
        findings=parted.active,
        suppressed=parted.suppressed,
        ignore_problems=parted.problems,
        excerpts=excerpts(result.findings, read),
    )
    if known is None:
        return result
    aside = tuple(item.finding for item in parted.suppressed)
    compared = compare(parted.active, known, aside=aside, checked=checked)
    return replace(result, findings=compared.new, baselined=compared.known, gone=compared.gone, compared=True)
