"""A commit as a kernel tree, straight from git's objects."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from fpuscan.errors import NotApplicableError
from fpuscan.git import GitError, Objects, Repository
from fpuscan.result import TreeInfo
from fpuscan.tree import UnreadableFile
from fpuscan.trees.address import address
from fpuscan.trees.nodes import GitTree, Node, what_is_missing

__all__ = ["RevisionTree", "open_revision"]

_TREE_LIMIT = 64 * 1024 * 1024  # bytes of one tree object; the largest of a kernel has some 30 kB
_MOST_KNOWN = 2_000  # folders that are kept parsed; arch/x86 and include have about 500
_FOLDER = 0o040000


class RevisionTree(GitTree):
    """The content of a commit, or of one folder of it (``prefix``); ``commit`` is its full id.

    ``repository`` is the URI where the commit can be found, safe to be shown.
    """

    def __init__(
        self,
        objects: Objects,
        commit: str,
        top: Node,
        prefix: str = "",
        known: dict[str, Mapping[str, Node]] | None = None,
        repository: str = "",
    ) -> None:
        super().__init__(objects, top)
        self.repository = repository
        self.commit = commit
        self.prefix = prefix
        self._known = {} if known is None else known

    def info(self) -> TreeInfo:
        """Say what is scanned, with the commit."""
        return TreeInfo(self.kernel_version(), self.commit, repository=self.repository)

    def below(self, folder: str) -> RevisionTree | None:
        """Give the tree whose top is a folder of this one; None if there is no such folder."""
        node = self._resolve(folder)
        if node is None or node.kind != _FOLDER:
            return None
        return RevisionTree(self._objects, self.commit, node, folder, self._known, self.repository)

    def _entries(self, folder: Node) -> Mapping[str, Node]:
        entries = self._known.get(folder.id)
        if entries is None:
            found = self._objects.get(folder.id, _TREE_LIMIT)
            if found is None or found.data is None or found.kind != "tree":
                raise UnreadableFile("tree " + folder.id, "cannot be read (a partial clone?)")
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            entries = self._known[folder.id] = dict(_parse(found.data, len(folder.id) // 2))
        return entries


def open_revision(
    repository: Repository,
    revision: str,
    *,
    enclosing: bool = False,
    folder: str | None = None,
    known: dict[str, Mapping[str, Node]] | None = None,
    commit: str | None = None,
) -> RevisionTree:
    """Open the kernel tree that a commit holds at the repository's folder, or at `folder` below its top.

    With `enclosing`, the first folder from there upwards that is a kernel tree
    counts, as for a tree that nobody named. `known` are folders by object id,
    for the commits of one repository to share; `commit` is the revision's full
    id, where it is known already. Raises GitError if there is no such commit,
    NotApplicableError if it holds no Linux tree with an x86 FPU.
    """
    commit = commit or repository.commit_id(revision)
    where = address(repository.remote_url(), repository.git_dir)
    top = Node(_FOLDER, repository.tree_id(commit))
    whole = RevisionTree(repository.objects, commit, top, known=known, repository=where)
    folders = [repository.prefix if folder is None else folder]
    if enclosing and repository.prefix:
        folders += [str(parent) for parent in PurePosixPath(repository.prefix).parents]
    missing = ""
    for name in folders:
        tree = whole.below("" if name == "." else name)
        why = what_is_missing(tree) if tree is not None else f"no folder {name}"
        if tree is not None and not why:
            return tree
        missing = missing or why
    raise NotApplicableError(f"{revision}: is no Linux tree ({missing}); the repository is that of {repository.folder}")


# "<mode> <name>\0<raw id>" again and again.
def _parse(data: bytes, id_length: int) -> Iterator[tuple[str, Node]]:
    start = 0
    while start < len(data):
        blank, end = data.find(b" ", start), data.find(b"\0", start)
        stop = end + 1 + id_length
        if not start < blank < end or stop > len(data):
            raise GitError("a tree object of the repository is damaged; git fsck says more")
        yield os.fsdecode(data[blank + 1 : end]), Node(int(data[start:blank], 8), data[end + 1 : stop].hex())
        start = stop
