"""The answers themselves: found again by what a scan read, and told whether they still hold.

An answer belongs to the repository whose objects it was made from. Another
one, which anybody may have sent, can hold other bytes under the same ids.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from fpuscan.cache.folder import CacheFolder
from fpuscan.cache.values import decode, encode
from fpuscan.errors import FpuscanError
from fpuscan.result import ScanResult
from fpuscan.tree import KernelTree
from fpuscan.trees import GitTree, TreeState, TreeView, WatchedTree

__all__ = ["Alike", "Answers", "Footprint"]

_CANDIDATES = 8  # answers about a repository, those that were used last
_TRIED = 2  # answers, the most alike, that are asked whether the differences matter
_MOST = 60  # files; to look into more of them is as slow as a scan
_UNUSABLE = (
    FpuscanError, OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, re.error
)  # fmt: skip


class Footprint(Protocol):
    """What the answer of a scan hangs on."""

    def indifferent(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        """Whether a file may change like this (None: no such file), and the findings stay the same but for lines."""

    def record(self) -> dict[str, Any]:
        """The footprint as JSON has it."""


@dataclass(frozen=True, slots=True)
class Alike:
    """The answer about another tree, and the files that differ from it in what no finding depends on, sorted."""

    result: ScanResult
    differing: tuple[str, ...]


class Answers:
    """The kept answers to one question.

    `key` digests it, see :func:`fpuscan.cache.key.question_key`, and raises OSError where that cannot be done;
    `restored` makes a footprint of its record. Whatever cannot be used is as if it were not there.
    """

    def __init__(self, folder: Path, key: Callable[[], str], restored: Callable[[dict[str, Any]], Footprint]) -> None:
        self._folder = CacheFolder(folder)
        self._digested = key
        self._key = key()
        self._restored = restored
        self._known: dict[str, _Entry | None] = {}
        self._view: TreeView | None = None  # of the tree that was asked about last

    def exact(self, tree: KernelTree) -> ScanResult | None:
        """The answer of a scan that read the very same: all of it holds for the tree."""
        started = time.perf_counter()
        try:
            for view, entry in self._about(tree):
                if next(entry.state.differences(view), None) is None:
                    return self._told(entry, started)
        except _UNUSABLE:
            pass
        return None

    def alike(self, tree: KernelTree) -> Alike | None:
        """The answer about a tree that differs in nothing that a finding depends on; its lines may be others."""
        started = time.perf_counter()
        try:
            compared = [
                (tuple(islice(entry.state.differences(view), _MOST + 1)), view.tree, entry)
                for view, entry in self._about(tree)
            ]
            for differing, source, entry in sorted(compared, key=lambda each: len(each[0]))[:_TRIED]:
                if len(differing) <= _MOST and self._indifferent(entry, differing, source):
                    return Alike(self._told(entry, started), tuple(sorted(differing)))
        except _UNUSABLE:
            pass
        return None

    def keep(self, watched: WatchedTree, result: ScanResult, footprint: Footprint | None) -> None:
        """Keep the answer of a scan that could read all that it asked for."""
        tree = watched.base
        if footprint is None or result.health.incomplete or not isinstance(tree, GitTree) or self._is_inside(tree):
            return
        try:
            state = watched.state()
            if state is None or self._digested() != self._key:  # a file of the model was changed under the scan
                return
            head = {"state": state.record(), "footprint": footprint.record()}
            plain = replace(result, timings=(), graph=None, provenance=None, lock=None)
            text = f"{json.dumps(head, separators=(',', ':'))}\n{json.dumps(encode(plain), separators=(',', ':'))}"
        except _UNUSABLE:
            return
        about = self._prefix(tree)
        self._folder.write(about + _digest(json.dumps(head["state"], sort_keys=True)), text.encode("ascii"))

    # What is kept about a tree's repository, the one that was used last in front.
    def _about(self, tree: KernelTree) -> Iterator[tuple[TreeView, _Entry]]:
        if not isinstance(tree, GitTree) or self._is_inside(tree):
            return
        prefix = self._prefix(tree)
        if self._view is None or self._view.tree is not tree:
            self._view = TreeView(tree)
        for name in [name for name in self._folder.names() if name.startswith(prefix)][:_CANDIDATES]:
            if name not in self._known:
                self._known[name] = _entry(name, self._folder.read(name))
            if (entry := self._known[name]) is not None:
                yield self._view, entry

    def _told(self, entry: _Entry, started: float) -> ScanResult:
        self._folder.use(entry.name)
        return replace(entry.result(), timings=(("cache", time.perf_counter() - started),))

    def _prefix(self, tree: GitTree) -> str:
        return _digest(f"{self._key} {tree.grounds[0]}")

    # The cache may be anywhere but where the user's work is.
    def _is_inside(self, tree: GitTree) -> bool:
        path = self._folder.path.resolve()
        return any(path.is_relative_to(ground.resolve()) for ground in tree.grounds)

    def _indifferent(self, entry: _Entry, differing: Sequence[str], tree: GitTree) -> bool:
        if not differing:
            return True
        footprint = self._restored(entry.footprint)
        return all(
            footprint.indifferent(path, _content(tree, entry.state.content_id(path)), tree.read(path))
            for path in differing
        )


@dataclass(frozen=True, slots=True)
class _Entry:
    """One kept answer; `footprint` is its record, `answer` the text of the result."""

    name: str
    state: TreeState
    footprint: dict[str, Any]
    answer: bytes

    def result(self) -> ScanResult:
        found = decode(json.loads(self.answer))
        if not isinstance(found, ScanResult):
            raise TypeError(found)
        return found


def _entry(name: str, piece: bytes | None) -> _Entry | None:
    if piece is None:
        return None
    head, _, answer = piece.partition(b"\n")
    try:
        record = json.loads(head)
        return _Entry(name, TreeState.restored(record["state"]), record["footprint"], answer)
    except _UNUSABLE:
        return None


# What was read under an id; None for the empty one. Raises KeyError if the clone has lost it.
def _content(tree: GitTree, object_id: str) -> bytes | None:
    data = tree.content(object_id) if object_id else None
    if object_id and data is None:
        raise KeyError(object_id)
    return data


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
