"""The baseline: findings that are known, so that only new ones fail a run.

A text file for version control, one line per finding, sorted, without line
numbers, so that it changes only when the findings do::

    fpuscan-baseline 1
    # ...
    FPU101 error 0123456789abcdef arch/x86/kernel/fpu/core.c f(): guest_default_cfg.size -> struct fpu_guest.uabi_size

Rule and fingerprint identify a finding, and each line stands for one: the
baseline is a multiset. The severity is the worst that is known, so a finding
that got worse is new. A fingerprint may name the parts of a finding behind its
first digits; one with a part more got worse, one with a part less did not. What follows is for readers. Nothing but
--write-baseline ever writes the file.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fpuscan.errors import UsageError
from fpuscan.result import BaselineEntry, Finding, Severity

__all__ = ["VERSION", "Comparison", "compare", "covers", "dump", "entry_of", "load", "parse", "write"]

VERSION = 1

_IDENTITY, _PART = 16, 4  # digits of a fingerprint that say what and where, and of each part behind them

_HEADER = re.compile(r"fpuscan-baseline (?P<version>[0-9]{1,9})")
_ENTRY = re.compile(
    r"(?P<rule>FPU[0-9]{3}) (?P<severity>error|warning|note) (?P<fingerprint>[0-9a-f]{8,64})(?: (?P<text>.*))?"
)
_COMMENT = """\
# Known findings, for fpuscan --baseline: rule, severity, fingerprint, and what it is, for readers.
# --write-baseline writes this file anew.
"""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Findings in the order given, parted into new and known, and the entries that no finding matches."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    gone: tuple[BaselineEntry, ...]


def entry_of(finding: Finding) -> BaselineEntry:
    """The line of a finding."""
    at = finding.location
    function = f" {at.function}()" if at.function else ""
    text = f"{at.path}{function}: {finding.source.place} -> {finding.sink.place}"
    return BaselineEntry(finding.rule, finding.severity, finding.fingerprint, _plain(text))


def dump(findings: Iterable[Finding]) -> str:
    """The text of a baseline that knows these findings."""
    entries = sorted((entry_of(finding) for finding in findings), key=_order)
    lines = (f"{entry.rule} {entry.severity.label} {entry.fingerprint} {entry.text}\n" for entry in entries)
    return f"fpuscan-baseline {VERSION}\n{_COMMENT}{''.join(lines)}"


def parse(text: str, name: str) -> tuple[BaselineEntry, ...]:
    """Read the text of a baseline; `name` is the file in messages.

    Raises UsageError for text that is no baseline, a damaged line, and a version of the future.
    """
    rows = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    rows = [(number, line) for number, line in rows if line and not line.startswith("#")]
    header = _HEADER.fullmatch(rows[0][1]) if rows else None
    if not header:
        raise UsageError(f"{name}: is no baseline of fpuscan; --write-baseline {name} makes one")
    if int(header["version"]) != VERSION:
        raise UsageError(
            f"{name}: is a baseline of version {header['version']}, and this fpuscan reads version {VERSION}; "
            "use the fpuscan that wrote it, or write it anew"
        )
    return tuple(_entry(line, number, name) for number, line in rows[1:])


def load(path: Path) -> tuple[BaselineEntry, ...]:
    """Read a baseline from disk; raises UsageError like `parse`, and where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no baseline of fpuscan (not UTF-8); restore it, or write it anew") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot read the baseline ({reason}); --write-baseline FILE makes one") from error
    return parse(text, str(path))


def write(path: Path, findings: Iterable[Finding]) -> None:
    """Write a baseline that knows these findings; raises UsageError where the file cannot be written."""
    try:
        path.write_bytes(dump(findings).encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot write the baseline ({reason}); name another file") from error


def compare(
    findings: Iterable[Finding],
    entries: Iterable[BaselineEntry],
    *,
    aside: Iterable[Finding] = (),
    checked: frozenset[str] | None = None,
) -> Comparison:
    """Tell new findings from known ones.

    ``aside`` are findings that an ignore comment takes back: they are neither,
    but they are still there. ``checked`` are the ids of the rules that ran
    (None: all), as what another rule found cannot be called gone.
    """
    findings, left, present = tuple(findings), _by_key(entries), _count((*findings, *aside))
    known: set[int] = set()
    for index in sorted(range(len(findings)), key=lambda index: -findings[index].severity):
        candidates = left.get(_key(findings[index]), [])
        fitting = next((entry for entry in reversed(candidates) if covers(entry, findings[index])), None)
        if fitting is not None:
            candidates.remove(fitting)
            known.add(index)
            present[_key(findings[index])] -= 1
    # What is left over may belong to findings that got worse or stand aside; only the rest is gone.
    gone = [entry for key, rest in left.items() for entry in rest[: max(0, len(rest) - present[key])]]
    return Comparison(
        new=tuple(finding for index, finding in enumerate(findings) if index not in known),
        known=tuple(finding for index, finding in enumerate(findings) if index in known),
        gone=tuple(sorted((entry for entry in gone if checked is None or entry.rule in checked), key=_order)),
    )


def covers(known: Finding | BaselineEntry, finding: Finding | BaselineEntry) -> bool:
    """Whether what is known says all that a finding says, and at least as bad."""
    return (
        _key(known) == _key(finding)
        and _parts(finding.fingerprint) <= _parts(known.fingerprint)
        and known.severity >= finding.severity
    )


def _key(item: Finding | BaselineEntry) -> tuple[str, str]:
    return item.rule, item.fingerprint[:_IDENTITY]


def _parts(fingerprint: str) -> frozenset[str]:
    behind = fingerprint[_IDENTITY:]
    return frozenset(behind[start : start + _PART] for start in range(0, len(behind), _PART))


def _by_key(entries: Iterable[BaselineEntry]) -> dict[tuple[str, str], list[BaselineEntry]]:
    groups: dict[tuple[str, str], list[BaselineEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: (entry.severity, entry.text)):
        groups[_key(entry)].append(entry)
    return groups


def _count(findings: Iterable[Finding]) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for finding in findings:
        counts[_key(finding)] += 1
    return counts


# By what a reader sees, so that the lines of one file stand together.
def _order(entry: BaselineEntry) -> tuple[str, str, int, str]:
    return entry.text, entry.rule, -entry.severity, entry.fingerprint


def _entry(line: str, number: int, name: str) -> BaselineEntry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise UsageError(f"{name}:{number}: is no line of a baseline; restore the file, or write it anew")
    return BaselineEntry(match["rule"], Severity[match["severity"].upper()], match["fingerprint"], match["text"] or "")


# One line of printable characters, whatever the names of the tree hold.
def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text).strip()
