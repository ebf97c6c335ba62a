"""Between scan and report: ignore comments, the baseline, and the source lines that the reports quote.

Pure functions of a result, the bytes of the tree and the known findings. The
findings of the result that they give are the active ones, which decide the
exit status.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from fpuscan.result import BaselineEntry, Location, Provenance, ScanResult
from fpuscan.triage.baseline import compare
from fpuscan.triage.excerpts import excerpts
from fpuscan.triage.suppress import suppress

__all__ = ["compare_with", "set_aside"]


def set_aside(
    result: ScanResult, read: Callable[[str], bytes | None], checked: frozenset[str] | None = None
) -> ScanResult:
    """Part the findings by the ignore comments of the tree that was scanned, and quote the source around all of them.

    ``checked`` are the ids of the rules that ran (None: all).
    """
    parted = suppress(result.findings, read, files=result.files, checked=checked)
    return replace(
        result,
        findings=parted.active,
        suppressed=parted.suppressed,
        ignore_problems=parted.problems,
        excerpts=excerpts(result.findings, read, _ways(result.provenance)),
    )


def _ways(found: Provenance | None) -> Iterator[Location]:
    """The places on the ways of all roots."""
    for place in found.places if found is not None else ():
        for root in place.roots:
            yield from (step.location for step in root.trace)


def compare_with(
    result: ScanResult, known: tuple[BaselineEntry, ...], checked: frozenset[str] | None = None
) -> ScanResult:
    """Part the active findings by a baseline; ``checked`` are the ids of the rules that ran (None: all)."""
    aside = (*(item.finding for item in result.suppressed), *result.baselined)
    compared = compare(result.findings, known, aside=aside, checked=checked)
    return replace(
        result,
        findings=compared.new,
        baselined=(*result.baselined, *compared.known),
        gone=(*result.gone, *compared.gone),
        compared=True,
    )
