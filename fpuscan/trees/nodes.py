"""A kernel tree over git's own nodes: blobs, trees, links and submodules.

Links are followed inside the tree only, as a file system would; a submodule
is a folder that cannot be followed, since its files are in another repository.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fpuscan.git import Objects
from fpuscan.tree import FPU_FOLDER, SIZE_LIMIT, KernelTree, UnreadableFile

__all__ = ["GitTree", "Node", "what_is_missing"]

_FOLDER, _LINK, _SUBMODULE = 0o040000, 0o120000, 0o160000
_LINK_HOPS = 40  # as Linux does
_MOST_FILES = 1_000_000  # a kernel has about 90,000; trees of trees of trees can pretend to have any number
_DEEPEST = 200


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a git tree: its mode, and the id of its object (in an index, a folder's id is its path)."""

    mode: int
    id: str

    @property
    def kind(self) -> int:
        """The mode without permissions."""
        return self.mode & 0o170000


class GitTree(KernelTree):
    """A kernel tree read from git objects. A subclass brings the top node and the entries of a folder."""

    def __init__(self, objects: Objects, top: Node) -> None:
        self._objects = objects
        self._top = top
        self._folders: dict[str, Mapping[str, Node]] = {}  # those without a link on the way

    @property
    def grounds(self) -> tuple[Path, ...]:
        """The folders that belong to the repository; the first is what all its work trees share."""
        return self._objects.grounds

    def expect(self, folder: str) -> None:
        """Have git read the files of a folder while others are looked into."""
        ids = (self.blob_id(path) for path in self.list(folder))
        self._objects.expect(filter(None, ids), SIZE_LIMIT)

    def blob_id(self, path: str) -> str | None:
        """Give the object id of a file's content, links followed; None where there is no file to read.

        Equal ids are equal bytes, whatever the path and the commit: work on a file can be shared by it.
        """
        try:
            return self.content_id(path) or None
        except UnreadableFile:
            return None

    def content_id(self, path: str) -> str:
        """As `blob_id`, but empty where there is nothing; raises UnreadableFile for what is no file."""
        node = self._resolve(path)
        if node is not None and node.kind in {_FOLDER, _SUBMODULE}:
            raise UnreadableFile(path, "is no regular file")
        return node.id if node is not None else ""

    def content(self, object_id: str) -> bytes | None:
        """Give the bytes of a blob of the repository; None if it is not in this clone, or no file that can be read."""
        found = self._objects.get(object_id, SIZE_LIMIT)
        return found.data if found is not None and found.kind == "blob" else None

    def is_plain(self, path: str) -> bool:
        """Whether a path leads through no symbolic link and no submodule, up to where it exists."""
        node: Node | None = self._top
        for name in reversed(_names(path)):
            node = self._entries(node).get(name) if node is not None and node.kind == _FOLDER else None
            if node is not None and node.kind in {_LINK, _SUBMODULE}:
                return False
        return True

    @abstractmethod
    def _entries(self, folder: Node) -> Mapping[str, Node]:
        """Give what a folder holds, by name."""

    def _fetch(self, path: str) -> bytes | None:
        node = self._resolve(path)
        if node is None:
            return None
        if node.kind == _SUBMODULE:
            raise UnreadableFile(path, "is a submodule, whose files are in another repository")
        if node.kind == _FOLDER:
            raise UnreadableFile(path, "is no regular file")
        return self._blob(path, node)

    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        top = self._resolve(folder)
        if top is None:
            return
        if top.kind != _FOLDER:
            yield folder, True
            return
        waiting, seen = [(f"{folder}/" if folder else "", top)], 0
        while waiting:
            prefix, node = waiting.pop()
            entries = self._entries(node)
            seen += len(entries)
            if seen > _MOST_FILES or prefix.count("/") > _DEEPEST:
                raise UnreadableFile(folder or ".", f"is too large (over {_MOST_FILES} files or {_DEEPEST} levels)")
            for name, entry in entries.items():
                if entry.kind == _FOLDER:
                    waiting.append((f"{prefix}{name}/", entry))
                else:
                    yield from self._leaf(prefix + name, entry)

    # As in a folder: a link to a file counts as a file, a link to a folder of the tree is not walked again.
    def _leaf(self, path: str, entry: Node) -> Iterator[tuple[str, bool]]:
        if entry.kind == _LINK:
            try:
                target = self._resolve(path)
            except _LeadsOut:
                yield path, True
                return
            except UnreadableFile:
                target = None
            if target is not None and target.kind == _FOLDER:
                return
        yield path, entry.kind == _SUBMODULE

    # The node at a path, every link on the way followed; None if there is none.
    def _resolve(self, path: str) -> Node | None:
        folder, _, name = path.rpartition("/")
        if folder not in self._folders:
            self._folders[folder] = self._plain(folder)
        node = self._folders[folder].get(name)
        return node if node is not None and node.kind != _LINK else self._followed(path)

    # The entries of a folder; none where the way to it is not one name after the other.
    def _plain(self, folder: str) -> Mapping[str, Node]:
        node: Node | None = self._top
        for name in folder.split("/") if folder else ():
            node = self._entries(node).get(name) if node is not None and node.kind == _FOLDER else None
        return self._entries(node) if node is not None and node.kind == _FOLDER else {}

    def _followed(self, path: str) -> Node | None:
        way, todo, hops = [self._top], _names(path), 0
        while todo:
            name = todo.pop()
            if way[-1].kind != _FOLDER:
                return None
            if name == "..":
                if len(way) == 1:
                    raise _LeadsOut(path)
                way.pop()
                continue
            node = self._entries(way[-1]).get(name)
            if node is None and hops:
                raise UnreadableFile(path, "no such file or directory")
            if node is None:
                return None
            if node.kind == _LINK:
                hops += 1
                todo += _names(self._link(path, node, hops))
            else:
                way.append(node)
        return way[-1]

    def _link(self, path: str, node: Node, hops: int) -> str:
        if hops > _LINK_HOPS:
            raise UnreadableFile(path, "too many levels of symbolic links")
        target = os.fsdecode(self._blob(path, node))
        if target.startswith("/"):
            raise _LeadsOut(path)
        return target

    def _blob(self, path: str, node: Node) -> bytes:
        found = self._objects.get(node.id, SIZE_LIMIT)
        if found is None:
            raise UnreadableFile(path, "is not in this clone (a partial one?); git checkout gets it")
        if found.kind != "blob":
            raise UnreadableFile(path, f"is a {found.kind} object under the mode of a file")
        if found.data is None:
            raise UnreadableFile(path, f"is too large ({found.size} bytes; the limit is {SIZE_LIMIT})")
        return found.data


class _LeadsOut(UnreadableFile):
    """A link of the tree names something outside of it."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is a symbolic link that leads out of the tree")


def what_is_missing(tree: KernelTree) -> str:
    """Say why a tree is no Linux tree with an x86 FPU; empty if it is one.

    Raises UnreadableFile where that cannot be known: a partial clone may lack the Makefile.
    """
    tree.read("Makefile")
    if not tree.kernel_version():
        return "no Makefile with VERSION ="
    return "" if tree.list(FPU_FOLDER) else f"no {FPU_FOLDER}"


def _names(path: str) -> list[str]:
    return [name for name in reversed(path.split("/")) if name not in {"", "."}]
