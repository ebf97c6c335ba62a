"""Which commit introduced the statement at which a value crosses into the user ABI.

Takes a result and the tree that it is about, asks git for the lines of the
crossings, and adds the answer to each finding. What is scanned need not be
what is committed: lines are found in HEAD by their text, and a line that is
not there is of nobody yet.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from difflib import SequenceMatcher

from fpuscan.errors import FpuscanError
from fpuscan.git import GitError, Repository, open_repository
from fpuscan.result import Finding, Related, ScanResult
from fpuscan.tree import FolderTree, KernelTree, UnreadableFile
from fpuscan.trees import IndexTree, OverlayTree, RevisionTree, open_revision

__all__ = ["Commit", "blame", "parse_blame"]

_HEADER = re.compile(rb"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?\Z")


@dataclass(frozen=True, slots=True)
class Commit:
    """Who wrote a line: ``time`` in seconds since 1970, ``zone`` like ``+0200``; ``boundary``: at or before it."""

    id: str
    author: str = ""
    time: int = 0
    zone: str = "+0000"
    subject: str = ""
    boundary: bool = False

    def __str__(self) -> str:
        return f'{self.id[:12]} ("{self.subject}") by {self.author}, {self._day()}'

    # The author's own day, as git log shows it; a commit may claim any time and any zone.
    def _day(self) -> str:
        try:
            minutes = int(self.zone[1:3]) * 60 + int(self.zone[3:5])
            zone = timezone(timedelta(minutes=-minutes if self.zone.startswith("-") else minutes))
            return f"{datetime.fromtimestamp(self.time, UTC).astimezone(zone):%Y-%m-%d}"
        except (OverflowError, OSError, ValueError):
            return f"{self.time} s"


def blame(result: ScanResult, tree: KernelTree, folder: str | None) -> tuple[ScanResult, tuple[str, ...]]:
    """Add to every finding the commit that introduced its statement; also gives what could not be asked, one line each.

    `folder` is the tree as the user named it (None: what encloses the current folder).
    """
    committed = tree.base if isinstance(tree, OverlayTree) else tree
    start = str(committed.root) if isinstance(committed, FolderTree) else folder or "."
    try:
        asked = _Blame(open_repository(start), committed)
    except FpuscanError as error:
        return result, (f"nobody to blame: {error}",)
    by_path: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in result.findings:
        by_path[finding.location.path].append(finding)
    found: dict[int, Related] = {}
    notes = []
    for path, findings in sorted(by_path.items()):
        try:
            found.update(asked.of(path, findings, tree.read(path) or b""))
        except (GitError, UnreadableFile) as error:
            notes.append(f"nobody to blame: {error}")
    named = tuple(
        replace(finding, related=(*finding.related, found[id(finding)])) if id(finding) in found else finding
        for finding in result.findings
    )
    return replace(result, findings=named), tuple(notes)


def parse_blame(porcelain: bytes) -> dict[int, Commit]:
    """Read ``git blame --porcelain``: 1-based line of the file -> its commit."""
    commits: dict[str, Commit] = {}
    lines: dict[int, Commit] = {}
    current, number = Commit(""), 0
    for line in porcelain.split(b"\n"):
        if line.startswith(b"\t"):
            commits[current.id] = lines[number] = current
        elif match := _HEADER.match(line):
            name, number = match[1].decode(), int(match[2])
            current = commits.get(name, Commit(name))
        else:
            current = _with(current, line.decode("utf-8", "replace"))
    return lines


class _Blame:
    """Asks about one tree: the commit that it is, or HEAD for what is not committed."""

    def __init__(self, repository: Repository, tree: KernelTree) -> None:
        self._repository = repository
        self._shallow = repository.is_shallow()
        if isinstance(tree, RevisionTree):
            self._at = tree
        else:
            prefix = tree.prefix if isinstance(tree, IndexTree) else repository.prefix
            whole = open_revision(repository, "HEAD", enclosing=True)
            self._at = whole if whole.prefix == prefix else open_revision(repository, "HEAD")

    def of(self, path: str, findings: Sequence[Finding], text: bytes) -> Iterator[tuple[int, Related]]:
        """Give for each finding, by identity, what to add to it."""
        there = _places(text.split(b"\n"), (self._at.read(path) or b"").split(b"\n"))
        wanted = {
            id(finding): [there[line - 1] + 1 for line in _lines(finding) if line - 1 in there] for finding in findings
        }
        ranges = sorted({(line, line) for lines in wanted.values() for line in lines})
        name = os.path.relpath(f"/{self._at.prefix}/{path}", f"/{self._repository.prefix}")
        commits = parse_blame(self._repository.blame(self._at.commit, name, ranges)) if ranges else {}
        for finding in findings:
            lines = wanted[id(finding)]
            if len(lines) < len(_lines(finding)):
                yield id(finding), Related("not committed", finding.location)
            elif authors := [commits[line] for line in lines if line in commits]:
                newest = max(authors, key=lambda commit: (commit.time, commit.id))
                kind = "in or before" if newest.boundary and self._shallow else "introduced by"
                yield id(finding), Related(kind, finding.location, str(newest))


def _lines(finding: Finding) -> range:
    return range(finding.location.line, finding.location.end_line + 1)


# 0-based line of the one text -> the same line of the other; what is alike at both ends needs no search.
def _places(text: list[bytes], other: list[bytes]) -> dict[int, int]:
    front = _alike(text, other)
    back = min(_alike(text[::-1], other[::-1]), min(len(text), len(other)) - front)
    places = {line: line for line in range(front)}
    places.update((len(text) - line, len(other) - line) for line in range(1, back + 1))
    middle = SequenceMatcher(None, text[front : len(text) - back], other[front : len(other) - back])
    for block in middle.get_matching_blocks():
        places.update((front + block.a + step, front + block.b + step) for step in range(block.size))
    return places


def _alike(text: list[bytes], other: list[bytes]) -> int:
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (line, same) in pairs if line != same), min(len(text), len(other)))


def _with(commit: Commit, line: str) -> Commit:
    key, _, value = line.partition(" ")
    match key:
        case "author":
            return replace(commit, author=value)
        case "author-time":
            return replace(commit, time=int(value) if value.isdecimal() else 0)
        case "author-tz":
            return replace(commit, zone=value)
        case "summary":
            return replace(commit, subject=value)
        case "boundary":
            return replace(commit, boundary=True)
        case _:
            return commit
