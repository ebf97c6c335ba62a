"""What is new in a result compared with that of another tree.

As with a baseline (and by the same rules) findings are told apart by rule and
fingerprint, each counts once, and one that got worse is new: where a patch
takes a mask away the place stays the same, and the verdict does not.
"""

from __future__ import annotations

from fpuscan.baseline import covers, entry_of
from fpuscan.result import Finding, ScanResult
from fpuscan.triage import compare_with

__all__ = ["against", "has"]


def against(result: ScanResult, before: ScanResult) -> ScanResult:
    """Set aside what was there before: `findings` are the new ones, `baselined` the known, `gone` the former."""
    return compare_with(result, tuple(map(entry_of, before.findings)))


def has(result: ScanResult, finding: Finding) -> bool:
    """Whether a result holds a finding, at least as bad."""
    return any(covers(other, finding) for other in result.findings)
