"""Judge a series of patches: what it adds, and which patch brings it.

Takes the tree without the patches and the tree after each of them, scans as
few of these as the question needs, and gives one result: that of the last
state, with what was there before set aside.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from fpuscan.cache import Answers, Footprint
from fpuscan.errors import NotApplicableError
from fpuscan.result import Finding, Related, ScanResult
from fpuscan.tree import KernelTree, UnreadableFile
from fpuscan.trees import WatchedTree
from fpuscan.triage.compare import against, has

if TYPE_CHECKING:
    from fpuscan.patch import Applied  # slow to import, and only --patch brings one

__all__ = ["Memory", "Scan", "Scanner", "review"]

Scan = Callable[[KernelTree], ScanResult]

_REMEMBERED = 4  # scans; neighbours in a series or a history are what is alike


class Memory(Protocol):
    """Where a scan leaves its footprint; None if it gave no answer."""

    @property
    def footprint(self) -> Footprint | None:
        """That of the last scan."""


class Scanner:
    """Scans trees, and gives the result of an earlier scan for a tree in which nothing that it hangs on differs.

    `memory` is where the scan leaves its footprint. With `loosely`, a tree may differ in what the footprint of the
    earlier scan is indifferent to. The result is then the same by fingerprint; its lines are those of the earlier
    tree. `plain` is a scan for findings alone, where the other one asks for more. `answers` are those of earlier
    runs, to plain scans.
    """

    def __init__(
        self,
        scan: Scan,
        memory: Memory | None = None,
        *,
        loosely: bool = False,
        plain: Scan | None = None,
        answers: Answers | None = None,
    ) -> None:
        self._scan = scan
        self._plain = plain or scan
        self._memory = memory
        self._loosely = loosely
        self._answers = answers
        self._done: deque[_Done] = deque(maxlen=_REMEMBERED)
        self.scans = 0

    def __call__(self, tree: KernelTree) -> ScanResult:
        """Give the result for a tree; raises what the scan raises."""
        return self._result(tree, self._scan)

    def compared(self, tree: KernelTree) -> ScanResult:
        """Give the findings of a tree that another is compared with: of their lines nobody reads."""
        known = self.known(tree)
        return self._result(tree, self._plain) if known is None else known

    def known(self, tree: KernelTree) -> ScanResult | None:
        """As `compared`, but None if that takes a scan."""
        if self._answers is None:
            return None
        found = self._answers.exact(tree)
        if found is None and (alike := self._answers.alike(tree)) is not None:
            found = alike.result
        return None if found is None else replace(found, tree=tree.info())

    def unchanged(self, tree: KernelTree, before: ScanResult) -> ScanResult | None:
        """Give the result for a tree that differs from one that was scanned in what no finding depends on.

        None if there is none, or it has findings that `before` has not: their lines can only be known from a scan.
        """
        if self._answers is None or self._plain is not self._scan:
            return None
        alike = self._answers.alike(tree)
        if alike is None or against(alike.result, before).findings or alike.result.health.unaccounted:
            return None
        return replace(alike.result, tree=tree.info(), unscanned=alike.differing)

    def _result(self, tree: KernelTree, scan: Scan) -> ScanResult:
        fitting = (each for each in reversed(self._done) if each.scan in {scan, self._scan} and each.holds_in(tree))
        done = next(fitting, None)
        if done is not None:
            outcome = done.outcome
        else:
            kept = self._answers.exact(tree) if self._answers is not None and scan is self._plain else None
            outcome = self._scanned(WatchedTree(tree), scan) if kept is None else kept
        if isinstance(outcome, NotApplicableError):
            raise outcome
        return replace(outcome, tree=tree.info())

    def _scanned(self, watched: WatchedTree, scan: Scan) -> ScanResult | NotApplicableError:
        self.scans += 1
        outcome: ScanResult | NotApplicableError
        footprint = None
        try:
            outcome = scan(watched)
            footprint = self._memory.footprint if self._memory is not None else None
            if self._answers is not None and scan is self._plain:
                self._answers.keep(watched, outcome, footprint)
        except NotApplicableError as error:
            outcome = error
        self._done.append(_Done(scan, watched, outcome, footprint if self._loosely else None))
        return outcome


@dataclass(frozen=True, slots=True)
class _Done:
    """A scan: which one, what it read, what it found, and what that hangs on, if that matters."""

    scan: Scan
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
    base: KernelTree, states: Sequence[Applied], scan: Scanner, *, each: bool = False, before: ScanResult | None = None
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
    found = [series.attributed(finding, each=each) for finding in compared.findings]
    if each:
        found += series.passing()
        incomplete = {item for number in range(1, len(states) + 1) for item in series.at(number).health.incomplete}
        compared = replace(compared, health=replace(compared.health, incomplete=tuple(sorted(incomplete))))
    return replace(compared, findings=tuple(sorted(found, key=_order)))


class _Series:
    """The results after 0, 1, ... patches, each scanned when it is first asked for."""

    def __init__(self, base: KernelTree, states: Sequence[Applied], scan: Scanner) -> None:
        self._trees: list[KernelTree] = [base, *(state.tree for state in states)]
        self._names = ["", *(state.name for state in states)]
        self._last = len(states)
        self._scan = scan
        self._results: dict[int, ScanResult] = {}

    def at(self, number: int) -> ScanResult:
        """The result after that many patches."""
        if number not in self._results:
            scan = self._scan if number == self._last else self._scan.compared
            self._results[number] = scan(self._trees[number])
        return self._results[number]

    def attributed(self, finding: Finding, *, each: bool) -> Finding:
        """Name the patch behind which a finding of the last state is there, and in front of which it is not.

        Of several, with `each` it is the last one.
        """
        without, having = 0, self._last
        if self._has(0, finding, having):
            return finding
        while having - without > 1:
            middle = having - 1 if each else (without + having) // 2
            if self._has(middle, finding, self._last):
                having = middle
            else:
                without = middle
        return _with(finding, "added by", self._names[having])

    def passing(self) -> Iterator[Finding]:
        """Give the findings that one patch adds and a later one takes away."""
        for number in range(1, self._last):
            for finding in against(self.at(number), self.at(number - 1)).findings:
                without = [
                    later for later in range(number + 1, self._last + 1) if not self._has(later, finding, number)
                ]
                if self._last in without:
                    yield _with(_with(finding, "added by", self._names[number]), "removed by", self._names[without[0]])

    # Whether a finding of one state is in another.
    def _has(self, number: int, finding: Finding, state: int) -> bool:
        return has(self.at(number), finding, self.at(state))


def _with(finding: Finding, kind: str, patch: str) -> Finding:
    return replace(finding, related=(*finding.related, Related(kind, finding.location, patch)))


def _order(finding: Finding) -> tuple[object, ...]:
    return finding.location, finding.rule, finding.fingerprint
