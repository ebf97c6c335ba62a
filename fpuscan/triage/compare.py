"""What is new in a result compared with that of another tree.

As with a baseline (and by the same rules) findings are told apart by rule and
fingerprint, each counts once, and one that got worse is new: where a patch
takes a mask away the place stays the same, and the verdict does not.

Findings of one function, source and sink are numbered from above. Where one
more is in front of another, the side and the statement say which of them is
new: two results know what no baseline does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from fpuscan.result import Finding, ScanResult
from fpuscan.triage.aside import compare_with
from fpuscan.triage.baseline import covers, entry_of

__all__ = ["against", "has"]

_Kin = tuple[str, ...]


def against(result: ScanResult, before: ScanResult) -> ScanResult:
    """Set aside what was there before: `findings` are the new ones, `baselined` the known, `gone` the former."""
    return compare_with(_numbered_as(result, before), tuple(map(entry_of, before.findings)))


def has(result: ScanResult, finding: Finding, among: ScanResult) -> bool:
    """Whether a result holds a finding of another result, ``among`` all of that, and at least as bad."""
    there, here = _by_kin(result.findings)[_kin(finding)], _by_kin(among.findings)[_kin(finding)]
    if len(there) == len(here):
        return any(covers(other, finding) for other in there)
    before = sum(_told(other) == _told(finding) and other.location < finding.location for other in here)
    return sum(_told(other) == _told(finding) and other.severity >= finding.severity for other in there) > before


# The result, with the numbers that its findings had before where there are more of a kin now.
def _numbered_as(result: ScanResult, before: ScanResult) -> ScanResult:
    known, numbers = _by_kin(before.findings), dict[int, str]()
    for kin, found in _by_kin(result.findings).items():
        if 0 < len(known[kin]) < len(found):
            numbers.update(_numbers(found, known[kin]))
    renamed = (replace(each, fingerprint=numbers.get(id(each), each.fingerprint)) for each in result.findings)
    return replace(result, findings=tuple(renamed)) if numbers else result


def _numbers(found: list[Finding], known: list[Finding]) -> dict[int, str]:
    free = {each.fingerprint: None for each in found}
    numbers: dict[int, str] = {}
    for former in known:
        same = (each for each in found if id(each) not in numbers and _told(each) == _told(former))
        if former.fingerprint in free and (each := next(same, None)) is not None:
            numbers[id(each)] = former.fingerprint
            del free[former.fingerprint]
    rest = (each for each in found if id(each) not in numbers)
    numbers.update((id(each), number) for each, number in zip(rest, [*free], strict=True))
    return numbers


def _by_kin(findings: Iterable[Finding]) -> defaultdict[_Kin, list[Finding]]:
    groups: defaultdict[_Kin, list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[_kin(finding)].append(finding)
    return groups


# What a fingerprint is made of, but for the number.
def _kin(finding: Finding) -> _Kin:
    at = finding.location
    return finding.rule, finding.source.place, finding.sink.place, at.path, at.function


def _told(finding: Finding) -> tuple[str, str]:
    return finding.side, finding.statement
