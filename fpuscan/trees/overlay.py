"""Changed files laid over any kernel tree, in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from fpuscan.result import TreeInfo
from fpuscan.tree import SIZE_LIMIT, FolderTree, KernelTree, UnreadableFile
from fpuscan.trees.nodes import GitTree

__all__ = ["Blocked", "OverlayTree"]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A file whose new content cannot be known, and why (a phrase): reading it is an error."""

    reason: str


class OverlayTree(KernelTree):
    """A tree with some files replaced, added (bytes), removed (None) or made unreadable (Blocked)."""

    def __init__(
        self, base: KernelTree, changes: Mapping[str, bytes | Blocked | None], patches: tuple[str, ...] = ()
    ) -> None:
        self.base = base
        self.changes = changes
        self.patches = patches

    def expect(self, folder: str) -> None:
        """Tell the base."""
        self.base.expect(folder)

    def info(self) -> TreeInfo:
        """Say what is scanned: the base, with the names of the patches laid over it."""
        base = self.base.info()
        return replace(base, kernel_version=self.kernel_version(), patches=base.patches + self.patches)

    def below(self, path: str) -> KernelTree:
        """Give the tree that a file comes from: the base, unless the file is changed."""
        if path in self.changes:
            return self
        return self.base.below(path) if isinstance(self.base, OverlayTree) else self.base

    def is_plain(self, path: str) -> bool:
        """Whether a path leads through no symbolic link, so that a file written there is that file and no other."""
        if path in self.changes:
            return True
        if isinstance(self.base, FolderTree):
            return os.path.realpath(self.base.root / path) == os.path.join(self.base.root, path)  # noqa: PTH118
        return not isinstance(self.base, OverlayTree | GitTree) or self.base.is_plain(path)

    def _fetch(self, path: str) -> bytes | None:
        if path not in self.changes:
            return self.base._fetch(path)  # noqa: SLF001 - one tree laid over another
        data = self.changes[path]
        if isinstance(data, Blocked):
            raise UnreadableFile(path, data.reason)
        if data is not None and len(data) > SIZE_LIMIT:
            raise UnreadableFile(path, f"is too large ({len(data)} bytes; the limit is {SIZE_LIMIT})")
        return data

    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        for path, blocked in self.base._walk(folder):  # noqa: SLF001 - as above
            if path not in self.changes:
                yield path, blocked
        inside = f"{folder}/" if folder else ""
        for path, data in self.changes.items():
            if data is not None and path.startswith(inside):
                yield path, False
