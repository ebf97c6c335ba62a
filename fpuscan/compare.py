"""What is new in a result compared with another one: two multisets of fingerprints.

A finding that got worse is new: where a mask was taken away, the place and so
the fingerprint stay the same, and the verdict does not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from fpuscan.result import BaselineEntry, Finding, ScanResult

__all__ = ["against", "has"]


def against(result: ScanResult, before: ScanResult) -> ScanResult:
    """Set aside what was there before: `findings` are the new ones, `baselined` the known, `gone` the former."""
    known: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(before.findings, key=lambda finding: finding.severity):
        known[finding.fingerprint].append(finding)
    old: set[int] = set()
    for finding in sorted(result.findings, key=lambda finding: finding.severity, reverse=True):
        rest = known[finding.fingerprint]
        if rest and rest.pop().severity >= finding.severity:
            old.add(id(finding))
    for suppressed in result.suppressed:  # an ignore comment hides a finding; it does not make it go away
        if rest := known[suppressed.finding.fingerprint]:
            rest.pop()
    gone = sorted(
        (item for rest in known.values() for item in rest), key=lambda item: (item.location, item.fingerprint)
    )
    return replace(
        result,
        findings=tuple(finding for finding in result.findings if id(finding) not in old),
        baselined=(*result.baselined, *(finding for finding in result.findings if id(finding) in old)),
        gone=(*result.gone, *map(_entry, gone)),
        compared=True,
    )


def has(result: ScanResult, finding: Finding) -> bool:
    """Whether a result holds a finding, at least as bad."""
    return any(
        other.fingerprint == finding.fingerprint and other.severity >= finding.severity for other in result.findings
    )


def _entry(finding: Finding) -> BaselineEntry:
    at = finding.location
    text = f"{at.path}: {at.function}: {finding.message}" if at.function else f"{at.path}: {finding.message}"
    return BaselineEntry(finding.rule, finding.severity, finding.fingerprint, text)
