"""What each commit of a range did: the findings that it brought and those that it took away.

Takes ``A..B``, goes through the commits that touch the scope from the oldest
on, gives one row for each. A commit in which nothing differs that the scan of
a neighbour read is not scanned; the rows of a range that was interrupted can
be gone on with from the last commit that was shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fpuscan.commands.review import Memory, Scan, Scanner
from fpuscan.errors import NotApplicableError, UsageError
from fpuscan.git import Repository, open_repository
from fpuscan.result import BaselineEntry, Finding, Health, ScanResult, Severity, TreeInfo
from fpuscan.trees import Node, open_revision
from fpuscan.triage.baseline import entry_of
from fpuscan.triage.compare import against

__all__ = ["Row", "history", "what_is_left"]

_SCOPE = ("arch/x86", "include")
_TRIED = 100  # commits of side branches, from the last one back
_NOTHING = ScanResult(TreeInfo(), Health())


@dataclass(frozen=True, slots=True)
class Row:
    """One commit: what is new against its first parent, and what is gone.

    ``number`` of ``total`` commits are done with it, ``scans`` is how many
    scans that took; ``incomplete`` says that its scan, or its parent's, could
    not read everything.
    """

    commit: str
    subject: str
    new: tuple[Finding, ...]
    gone: tuple[BaselineEntry, ...]
    incomplete: bool
    number: int
    total: int
    scans: int

    def without_notes(self) -> Row:
        """The row with warnings and errors alone."""
        new = tuple(finding for finding in self.new if finding.severity > Severity.NOTE)
        return replace(self, new=new, gone=tuple(entry for entry in self.gone if entry.severity > Severity.NOTE))

    def lines(self) -> Iterator[str]:
        """Give the row of a table, and below it a line for each finding."""
        incomplete = "  (incomplete)" if self.incomplete else ""
        yield f"{self.commit[:12]}  {len(self.new):3d} new  {len(self.gone):3d} gone  {self.subject}{incomplete}"
        for sign, entries in (("+", map(entry_of, self.new)), ("-", self.gone)):
            told = Counter(f"  {sign} {entry.rule} {entry.severity.label} {entry.text}" for entry in entries)
            yield from (text if count == 1 else f"{text} ({count} times)" for text, count in told.items())


def history(folder: str | None, commits: str, scan: Scan, memory: Memory | None = None) -> Iterator[Row]:
    """Go through the commits of ``A..B`` (no B: HEAD) at a folder; raises FpuscanError with one line.

    `memory` is where the scan leaves its footprint, so that commits that it is indifferent to need no scan.
    """
    first, last = _ends(commits)
    repository = open_repository("." if folder is None else folder)
    start, end = repository.commit_id(first), repository.commit_id(last)
    prefix = open_revision(repository, end, enclosing=folder is None).prefix
    scope = tuple(f"{prefix}/{name}" if prefix else name for name in _SCOPE)
    return _rows(repository.commits(start, end, scope), _States(repository, prefix, Scanner(scan, memory)))


def what_is_left(folder: str | None, commits: str, done: Sequence[str]) -> str:
    """A range that holds all commits of another but those that are ``done``, in their order, and nothing older.

    What was done last on a branch that began before the range is in it again.
    """
    first, last = _ends(commits)
    repository = open_repository("." if folder is None else folder)
    start = repository.commit_id(first)
    after = (commit[:12] for commit in reversed(done[-_TRIED:]) if repository.descends(commit, start))
    return f"{next(after, first)}..{last}"


def _ends(commits: str) -> tuple[str, str]:
    first, dots, last = commits.partition("..")
    if not dots or not first or last.startswith("."):
        raise UsageError(f"--history {commits}: is no range; write A..B for what came after A up to B")
    return first, last or "HEAD"


def _rows(commits: list[tuple[str, tuple[str, ...]]], states: _States) -> Iterator[Row]:
    pending = Counter(parents[0] for _, parents in commits if parents)
    for number, (commit, parents) in enumerate(commits, start=1):
        before = states.at(parents[0]) if parents else _NOTHING
        after = states.at(commit)
        compared = against(after, before)
        yield Row(
            commit,
            states.repository.subject(commit),
            compared.findings,
            compared.gone,
            bool(after.health.incomplete or before.health.incomplete),
            number,
            len(commits),
            states.scanner.scans,
        )
        # A result is kept as long as a child will ask for it: a long range takes no more memory than a short one.
        pending.subtract(parents[:1])
        for done in (commit, *parents[:1]):
            if pending[done] <= 0:
                states.forget(done)


class _States:
    """The results of commits, by id."""

    def __init__(self, repository: Repository, prefix: str, scanner: Scanner) -> None:
        self.repository = repository
        self.scanner = scanner
        self._folder = prefix
        self._results: dict[str, ScanResult] = {}
        self._known: dict[str, Mapping[str, Node]] = {}

    def at(self, commit: str) -> ScanResult:
        """The result of a commit; one in which there is nothing to scan yet has no findings."""
        if commit not in self._results:
            try:
                tree = open_revision(self.repository, commit, folder=self._folder, known=self._known)
                self._results[commit] = self.scanner.compared(tree)
            except NotApplicableError:
                self._results[commit] = _NOTHING
        return self._results[commit]

    def forget(self, commit: str) -> None:
        """Drop a result that nobody will ask for again."""
        self._results.pop(commit, None)
