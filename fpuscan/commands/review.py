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
from fpuscan.result import BaselineEntry, Finding, Related, ScanResult
from fpuscan.tree import KernelTree, UnreadableFile
from fpuscan.trees import WatchedTree
from fpuscan.triage.baseline import entry_of
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

    `memory` is where the scan leaves its footprint. `plain` is a scan for findings alone, where the other one asks
    for more. `answers` are those of earlier runs, to plain scans.
    """

    def __init__(
        self,
        scan: Scan,
        memory: Memory | None = None,
        *,
        plain: Scan | None = None,
        answers: Answers | None = None,
    ) -> None:
        self._scan = scan
        self._plain = plain or scan
        self._memory = memory
        self._answers = answers
        self._done: deque[_Done] = deque(maxlen=_REMEMBERED)
        self.scans = 0

    def __call__(self, tree: KernelTree) -> ScanResult:
        """Give the result for a tree; raises what the scan raises."""
        return self._result(tree, self._scan)

    def findings(self, tree: KernelTree) -> ScanResult:
        """Give the findings of a tree, and nothing that only the whole report is asked for."""
        return self._result(tree, self._plain)

    def compared(self, tree: KernelTree) -> ScanResult:
        """Give the findings of a tree that another is compared with: of their lines nobody reads.

        The tree may differ from the one that was scanned in what that scan's footprint is indifferent to. The
        findings are then the same by fingerprint; their lines are those of the earlier tree.
        """
        known = self.known(tree)
        return self._result(tree, self._plain, loosely=True) if known is None else known

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

    def _result(self, tree: KernelTree, scan: Scan, *, loosely: bool = False) -> ScanResult:
        asked = (each for each in reversed(self._done) if each.scan in {scan, self._scan})
        done = next((each for each in asked if each.holds_in(tree, loosely=loosely)), None)
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
        self._done.append(_Done(scan, watched, outcome, footprint))
        return outcome


@dataclass(frozen=True, slots=True)
class _Done:
    """A scan: which one, what it read, what it found, and what that hangs on, if that matters."""

    scan: Scan
    watched: WatchedTree
    outcome: ScanResult | NotApplicableError
    footprint: Footprint | None

    def holds_in(self, tree: KernelTree, *, loosely: bool) -> bool:
        return all(loosely and self._indifferent(path, tree) for path in self.watched.differences(tree))

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
    """Scan what a series makes of a tree; `findings` are those that it adds, `gone` those that it removes.

    Each names the patch that does it. `states` are the trees after each patch,
    one at least. With `each`, findings that a later patch takes away again are
    reported too: every commit of a series may be where a bisection stops.
    `before` is what to compare with instead of the base.
    """
    series = _Series(base, states, scan)
    last = series.at(len(states))
    compared = against(last, before if before is not None else series.like(0))
    compared = replace(compared, gone=tuple(map(series.without, compared.gone)))
    found = [*map(series.attributed, compared.findings)]
    if each:
        found += series.passing()
        incomplete = {item for number in range(1, len(states) + 1) for item in series.like(number).health.incomplete}
        compared = replace(compared, health=replace(compared.health, incomplete=tuple(sorted(incomplete))))
    return replace(compared, findings=tuple(sorted(found, key=_order)))


class _Series:
    """The results after 0, 1, ... patches, each scanned when it is first asked for, and only if a patch matters."""

    def __init__(self, base: KernelTree, states: Sequence[Applied], scan: Scanner) -> None:
        self._trees: list[KernelTree] = [base, *(state.tree for state in states)]
        self._names = ["", *(state.name for state in states)]
        self._last = len(states)
        self._scan = scan
        self._exact: dict[int, ScanResult] = {}
        self._alike: dict[int, ScanResult] = {}

    def at(self, number: int) -> ScanResult:
        """The result after that many patches."""
        if number not in self._exact:
            scan = self._scan if number == self._last else self._scan.findings
            self._exact[number] = scan(self._trees[number])
        return self._exact[number]

    def like(self, number: int) -> ScanResult:
        """The findings after that many patches; their lines may be those of another state."""
        if number in self._exact:
            return self._exact[number]
        if number not in self._alike:
            self._alike[number] = self._scan.compared(self._trees[number])
        return self._alike[number]

    def attributed(self, finding: Finding) -> Finding:
        """Name the patch that brings a finding of the last state; the last one, if others took it away in between."""
        patch = self._since(lambda number: not self._has(number, finding, self._last))
        return _with(finding, "added by", patch) if patch else finding

    def without(self, entry: BaselineEntry) -> BaselineEntry:
        """Name the patch that takes away a finding of the base; none, if the base did not have it."""
        found = next((each for each in self.like(0).findings if entry_of(each) == entry), None)
        if found is None:
            return entry
        return replace(entry, removed_by=self._since(lambda number: self._has(number, found, 0)))

    def passing(self) -> Iterator[Finding]:
        """Give the findings that one patch adds and a later one takes away."""
        for number in range(1, self._last):
            if any(self._passing(number, self.like(number))):
                yield from self._passing(number, self.at(number))  # for the lines of this very state

    def _passing(self, number: int, result: ScanResult) -> Iterator[Finding]:
        for finding in against(result, self.like(number - 1)).findings:
            without = [later for later in range(number + 1, self._last + 1) if not self._has(later, finding, number)]
            if self._last in without:
                yield _with(_with(finding, "added by", self._names[number]), "removed by", self._names[without[0]])

    # The patch behind the last state that is as it was before the series; empty if no state is, or the last one is.
    def _since(self, is_former: Callable[[int], bool]) -> str:
        number = next((number for number in range(self._last, -1, -1) if is_former(number)), self._last)
        return self._names[number + 1] if number < self._last else ""

    # Whether a finding of one state is in another.
    def _has(self, number: int, finding: Finding, state: int) -> bool:
        return has(self.like(number), finding, self.like(state))


def _with(finding: Finding, kind: str, patch: str) -> Finding:
    return replace(finding, related=(*finding.related, Related(kind, finding.location, patch)))


def _order(finding: Finding) -> tuple[object, ...]:
    return finding.location, finding.rule, finding.fingerprint
