"""Judge a series of patches: what it adds, and which patch brings it.

Takes the tree without the patches and the tree after each of them, scans as
few of these as the question needs, and gives one result: that of the last
state, with what was there before set aside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from fpuscan.compare import against, has
from fpuscan.errors import NotApplicableError
from fpuscan.patch import Applied
from fpuscan.result import Finding, Related, ScanResult
from fpuscan.tree import KernelTree, UnreadableFile
from fpuscan.trees import WatchedTree

__all__ = ["Footprint", "Memory", "Scan", "Scanner", "review"]

Scan = Callable[[KernelTree], ScanResult]

_REMEMBERED = 4  # scans; neighbours in a series or a history are what is alike


class Footprint(Protocol):
    """What the answer of a scan hangs on."""

    def indifferent(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        """Whether a file may change like this (None: no such file), and the findings stay the same but for lines."""


class Memory(Protocol):
    """Where a scan leaves its footprint; None if it gave no answer."""

    @property
    def footprint(self) -> Footprint | None:
        """That of the last scan."""


class Scanner:
    """Scans trees, and gives the result of an earlier scan for a tree in which nothing that it hangs on differs.

    With a `memory`, a tree may differ in what the footprint of the earlier scan is indifferent to. The result is
    then the same by fingerprint; its lines are those of the earlier tree.
    """

    def __init__(self, scan: Scan, memory: Memory | None = None) -> None:
        self._scan = scan
        self._memory = memory
        self._done: deque[_Done] = deque(maxlen=_REMEMBERED)
        self.scans = 0

    def __call__(self, tree: KernelTree) -> ScanResult:
        """Give the result for a tree; raises what the scan raises."""
        done = next((each for each in reversed(self._done) if each.holds_in(tree)), None)
        outcome = self._scanned(WatchedTree(tree)) if done is None else done.outcome
        if isinstance(outcome, NotApplicableError):
            raise outcome
        return replace(outcome, tree=tree.info())

    def _scanned(self, watched: WatchedTree) -> ScanResult | NotApplicableError:
        self.scans += 1
        outcome: ScanResult | NotApplicableError
        footprint = None
        try:
            outcome = self._scan(watched)
            footprint = self._memory.footprint if self._memory is not None else None
        except NotApplicableError as error:
            outcome = error
        self._done.append(_Done(watched, outcome, footprint))
        return outcome


@dataclass(frozen=True, slots=True)
class _Done:
    """A scan: what it read, what it found, and what that hangs on."""

    watched: WatchedTree
    outcome: ScanResult | NotApplicableError
    footprint: Footprint | None

    def holds_in(self, tree: KernelTree) -> bool:
        return all(self._indifferent(path, tree) for path in self.watched.differences(tree))

    def _indifferent(self, path: str, tree: KernelTree) -> bool:
        if self.footprint is None:
            return False
        try:
            return self.footprint.indifferent(path, self.watched.base.read(path), tree.read(path))
        except UnreadableFile:
            return False


def review(
    base: KernelTree, states: Sequence[Applied], scan: Scan, *, each: bool = False, before: ScanResult | None = None
) -> ScanResult:
    """Scan what a series makes of a tree; `findings` are those that it adds, with the patch that brings each.

    `states` are the trees after each patch, one at least. With `each`, findings
    that a later patch takes away again are reported too: every commit of a
    series may be where a bisection stops. `before` is what to compare with
    instead of the base.
    """
    series = _Series(base, states, scan)
    last = series.at(len(states))
    compared = against(last, before if before is not None else series.at(0))
    found = [series.attributed(finding) for finding in compared.findings]
    if each:
        found += series.passing()
        incomplete = {item for number in range(1, len(states) + 1) for item in series.at(number).health.incomplete}
        compared = replace(compared, health=replace(compared.health, incomplete=tuple(sorted(incomplete))))
    return replace(compared, findings=tuple(sorted(found, key=_order)))


class _Series:
    """The results after 0, 1, ... patches, each scanned when it is first asked for."""

    def __init__(self, base: KernelTree, states: Sequence[Applied], scan: Scan) -> None:
        self._trees: list[KernelTree] = [base, *(state.tree for state in states)]
        self._names = ["", *(state.name for state in states)]
        self._scan = scan
        self._results: dict[int, ScanResult] = {}

    def at(self, number: int) -> ScanResult:
        """The result after that many patches."""
        if number not in self._results:
            self._results[number] = self._scan(self._trees[number])
        return self._results[number]

    def attributed(self, finding: Finding) -> Finding:
        """Name the patch behind which a finding of the last state is there, and in front of which it is not."""
        without, having = 0, len(self._trees) - 1
        if has(self.at(0), finding):
            return finding
        while having - without > 1:
            middle = (without + having) // 2
            if has(self.at(middle), finding):
                having = middle
            else:
                without = middle
        return _with(finding, "added by", self._names[having])

    def passing(self) -> Iterator[Finding]:
        """Give the findings that one patch adds and a later one takes away."""
        last = len(self._trees) - 1
        for number in range(1, last):
            for finding in against(self.at(number), self.at(number - 1)).findings:
                end = next((later for later in range(number + 1, last + 1) if not has(self.at(later), finding)), None)
                if end is not None and not has(self.at(last), finding):
                    yield _with(_with(finding, "added by", self._names[number]), "removed by", self._names[end])


def _with(finding: Finding, kind: str, patch: str) -> Finding:
    return replace(finding, related=(*finding.related, Related(kind, finding.location, patch)))


def _order(finding: Finding) -> tuple[object, ...]:
    return finding.location, finding.rule, finding.fingerprint
