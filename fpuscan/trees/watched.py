"""A tree that remembers what was read of it.

A scan is a pure function of what it read and listed. So its result also holds
for any other tree in which all of that is the same: the next commit, the
next patch of a series, HEAD beside the index. No scan is needed to know it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from fpuscan.result import TreeInfo
from fpuscan.tree import KernelTree, UnreadableFile
from fpuscan.trees.nodes import GitTree
from fpuscan.trees.overlay import OverlayTree
from fpuscan.trees.state import TreeState

__all__ = ["WatchedTree"]


class WatchedTree(KernelTree):
    """Another tree, `base`, with every read and every listing noted."""

    def __init__(self, base: KernelTree) -> None:
        self.base = base
        self._contents: dict[str, bytes] = {}  # path -> what was found there, in short
        self._listings: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}
        self._unreadable: set[str] = set()

    @property
    def paths(self) -> frozenset[str]:
        """Every path that was asked for."""
        return frozenset(self._contents)

    def read(self, path: str) -> bytes | None:
        """Read, and note what there was."""
        try:
            data = self.base.read(path)
        except UnreadableFile as error:
            self._contents[path] = _digest(b"unreadable", error.reason.encode())
            self._unreadable.add(path)
            raise
        self._contents[path] = _of_content(data)
        return data

    def list(self, folder: str, suffixes: tuple[str, ...] = (".c", ".h")) -> tuple[str, ...]:
        """List, and note what there was."""
        listed = self.base.list(folder, suffixes)
        self._listings[folder, suffixes] = listed
        return listed

    def expect(self, folder: str) -> None:
        """Tell the base."""
        self.base.expect(folder)

    def info(self) -> TreeInfo:
        """Say what is scanned: the base."""
        return self.base.info()

    def differences(self, other: KernelTree) -> Iterator[str]:
        """Give every path that another tree would have answered for differently: the path of a file, read or listed."""
        for asked, found in self._listings.items():
            listed = other.list(*asked)
            if listed != found:
                yield from sorted(set(found).symmetric_difference(listed))
        yield from (path for path, found in self._contents.items() if not self._same(path, found, other))

    def state(self) -> TreeState | None:
        """What was read, by object id; None if the base has no such ids, or something could not be read."""
        if self._unreadable or not isinstance(self.base, GitTree):
            return None
        files = {path: self.base.content_id(path) for path in self._contents}
        return TreeState(files, tuple((*asked, found) for asked, found in self._listings.items()))

    # What neither of two series changes is the same file; equal object ids are equal bytes. Neither costs any reading.
    def _same(self, path: str, found: bytes, other: KernelTree) -> bool:
        here, there = (tree.below(path) if isinstance(tree, OverlayTree) else tree for tree in (self.base, other))
        if here is there:
            return True
        if isinstance(here, GitTree) and isinstance(there, GitTree):
            mine, theirs = here.blob_id(path), there.blob_id(path)
            if mine is not None and mine == theirs:
                return True
        try:
            return found == _of_content(other.read(path))
        except UnreadableFile as error:
            return found == _digest(b"unreadable", error.reason.encode())

    def _fetch(self, path: str) -> bytes | None:
        return self.read(path)

    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        return ((path, False) for path in self.list(folder, ("",)))


def _of_content(data: bytes | None) -> bytes:
    return b"" if data is None else _digest(b"content", data)


def _digest(kind: bytes, data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16, person=kind).digest()
