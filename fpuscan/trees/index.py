"""The index of a repository as a kernel tree: what `git commit` would record."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePosixPath

from fpuscan.errors import NotApplicableError
from fpuscan.git import Objects, Repository, Staged
from fpuscan.trees.nodes import GitTree, Node, what_is_missing

__all__ = ["IndexTree", "open_index"]

_FOLDER = 0o040000


class IndexTree(GitTree):
    """The staged content below one folder of the repository."""

    def __init__(self, objects: Objects, entries: Staged, prefix: str = "") -> None:
        super().__init__(objects, Node(_FOLDER, f"{prefix}/" if prefix else ""))
        self.prefix = prefix
        self._staged = entries
        self._read: dict[str, Mapping[str, Node]] = {}

    # An index lists files only, sorted by path: a folder is the range of the paths that begin with it.
    def _entries(self, folder: Node) -> Mapping[str, Node]:
        known = self._read.get(folder.id)
        if known is None:
            known = self._read[folder.id] = self._range(folder.id)
        return known

    def _range(self, folder: str) -> dict[str, Node]:
        prefix, found = os.fsencode(folder), {}
        at = self._staged.find(prefix)
        while at < len(self._staged) and (path := self._staged.path(at)).startswith(prefix):
            name, slash, _ = path[len(prefix) :].partition(b"/")
            if slash:
                found[os.fsdecode(name)] = Node(_FOLDER, os.fsdecode(prefix + name + b"/"))
                at = self._staged.find(prefix + name + b"0", at)  # "0" comes next after "/"
            else:
                entry = self._staged[at]
                if self._staged.is_recorded(entry):
                    found[os.fsdecode(name)] = Node(entry.mode, entry.object_id)
                at += 1
        return found


def open_index(repository: Repository, *, enclosing: bool = False) -> IndexTree:
    """Open the staged kernel tree at the repository's folder.

    With `enclosing`, the first folder from there upwards that is a kernel tree
    counts. Raises GitError if there is no index or a merge is not resolved,
    NotApplicableError if it holds no Linux tree with an x86 FPU.
    """
    entries = repository.staged()
    folders = [repository.prefix]
    if enclosing and repository.prefix:
        folders += [str(parent) for parent in PurePosixPath(repository.prefix).parents]
    missing = ""
    for folder in folders:
        tree = IndexTree(repository.objects, entries, "" if folder == "." else folder)
        why = what_is_missing(tree)
        if not why:
            return tree
        missing = missing or why
    raise NotApplicableError(f"{repository.folder}: no Linux tree is staged there ({missing})")
