"""What a scan read of a git tree, by object id: enough to know another tree in which it would read the same.

Nothing of it is content, so it can be kept for longer than the repository's
objects are at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fpuscan.tree import UnreadableFile
from fpuscan.trees.nodes import GitTree

__all__ = ["TreeState", "TreeView"]


class TreeView:
    """A git tree that is compared with several states: what it was asked once is known."""

    def __init__(self, tree: GitTree) -> None:
        self.tree = tree
        self._ids: dict[str, str | None] = {}
        self._listings: dict[tuple[str, tuple[str, ...]], tuple[str, ...]] = {}

    def list(self, folder: str, suffixes: tuple[str, ...]) -> tuple[str, ...]:
        """List as the tree does; raises UnreadableFile."""
        if (folder, suffixes) not in self._listings:
            self._listings[folder, suffixes] = self.tree.list(folder, suffixes)
        return self._listings[folder, suffixes]

    def content_id(self, path: str) -> str | None:
        """The object id of a file's content, empty where there is nothing, None for what is no file."""
        if path not in self._ids:
            try:
                self._ids[path] = self.tree.content_id(path)
            except UnreadableFile:
                self._ids[path] = None
        return self._ids[path]


@dataclass(frozen=True, slots=True)
class TreeState:
    """``files``: path -> id of what was read there, empty if nothing was; ``listings``: folder, suffixes, paths."""

    files: Mapping[str, str]
    listings: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]

    def differences(self, tree: TreeView) -> Iterator[str]:
        """Give every path for which a tree would have answered differently, each once."""
        told: set[str] = set()
        for folder, suffixes, found in self.listings:
            listed = tree.list(folder, suffixes)
            if listed != found:
                told.update(set(found).symmetric_difference(listed))
        yield from sorted(told)
        yield from (path for path, known in self.files.items() if path not in told and tree.content_id(path) != known)

    def content_id(self, path: str) -> str:
        """The id of what was read at a path, empty if nothing was there; raises KeyError for what was not read."""
        if path not in self.files and any(path in found for _, _, found in self.listings):
            raise KeyError(path)
        return self.files.get(path, "")

    def record(self) -> dict[str, Any]:
        """The state as JSON has it."""
        return {"files": dict(self.files), "listings": self.listings}

    @classmethod
    def restored(cls, record: dict[str, Any]) -> TreeState:
        """The state that a record is of."""
        listings = ((folder, tuple(suffixes), tuple(found)) for folder, suffixes, found in record["listings"])
        return cls(record["files"], tuple(listings))
