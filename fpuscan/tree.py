"""Where the bytes of a kernel tree come from.

Takes a folder on disk, gives files as bytes and sorted listings; it never
writes. `KernelTree` is the one interface that the pipeline sees. A subclass
brings two primitives, `_fetch` and `_walk`; path rules, limits, filtering,
sorting and the kernel version are done once, here, so that a git revision,
the index, or patches laid over either of them behave exactly like a folder.

A tree may come from anyone: nothing of it is executed, paths that leave it
are refused, and what cannot be read is an `UnreadableFile` with a reason, so
that the caller can go on with the other files.
"""

from __future__ import annotations

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from fpuscan.errors import FpuscanError, NotApplicableError, UsageError
from fpuscan.result import TreeInfo

__all__ = ["SIZE_LIMIT", "FolderTree", "KernelTree", "UnreadableFile", "enclosing_tree", "open_folder"]

_ODD_PARTS = frozenset({"", ".", ".."})  # of a path, which only pathlib reads
SIZE_LIMIT = 8 * 1024 * 1024
"""Largest file that is read, in bytes; the largest file of the scope has about half a megabyte."""

FPU_FOLDER = "arch/x86/kernel/fpu"

# The version lines of the top Makefile, e.g. "EXTRAVERSION = -rc7".
_VERSION_LINE = re.compile(rb"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(\S*)[ \t]*\r?$", re.MULTILINE)


class UnreadableFile(FpuscanError):  # noqa: N818 - a fact about one file, which the scan survives and reports
    """One file of the tree exists and cannot be used; ``path`` is relative to the tree, ``reason`` is a phrase."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class KernelTree(ABC):
    """A kernel source tree: relative paths with ``/`` in, original bytes out."""

    def read(self, path: str) -> bytes | None:
        """Give the bytes of a file, or None if there is none.

        Raises UnreadableFile for a file that is too large, binary, outside of
        the tree, no regular file, or that the system refuses to read.
        """
        data = self._fetch(_checked(path))
        if data is not None and b"\0" in data:
            raise UnreadableFile(path, "is binary (it holds a NUL byte)")
        return data

    def list(self, folder: str, suffixes: tuple[str, ...] = (".c", ".h")) -> tuple[str, ...]:
        """List the files below a folder with one of the suffixes, recursively and sorted.

        A folder that does not exist gives nothing. A subfolder that cannot be
        followed is listed under its own name, whatever the suffix: reading it
        raises UnreadableFile with the reason, so that nothing is left out in silence.
        """
        walk = self._walk(_checked(folder))
        return tuple(sorted(path for path, blocked in walk if blocked or path.endswith(suffixes)))

    def kernel_version(self) -> str:
        """Read the kernel version from the top Makefile, like ``7.3.0-rc7``; empty if there is none."""
        try:
            makefile = self.read("Makefile") or b""
        except UnreadableFile:
            return ""
        found: dict[bytes, str] = {}
        for name, value in _VERSION_LINE.findall(makefile):
            found.setdefault(name, value.decode("ascii", "replace"))
        if not found.get(b"VERSION"):
            return ""
        numbers = [found.get(name) or "0" for name in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL")]
        return ".".join(numbers) + found.get(b"EXTRAVERSION", "")

    def expect(self, folder: str) -> None:  # noqa: B027 - most trees need no such word
        """Hear that the C files below a folder will be read soon; nothing depends on it."""

    def info(self) -> TreeInfo:
        """Say what is scanned, for the report."""
        return TreeInfo(kernel_version=self.kernel_version())

    @abstractmethod
    def _fetch(self, path: str) -> bytes | None:
        """Give the raw bytes of a checked path; None if it does not exist; raise UnreadableFile over SIZE_LIMIT."""

    @abstractmethod
    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Give every file below a checked folder, and True for a subfolder that cannot be followed."""


class FolderTree(KernelTree):
    """A kernel tree in a folder on disk; ``root`` is the folder, made absolute."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._prefix = os.path.join(self.root, "")
        self._folders: dict[str, bool] = {}

    def _fetch(self, path: str) -> bytes | None:
        full = self._prefix + path
        try:
            status = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise UnreadableFile(path, _reason(error)) from error
        try:
            real = full
            if stat.S_ISLNK(status.st_mode):
                real = self._inside(full, path)
                status = os.stat(real)
            elif not self._folder_holds(os.path.dirname(full)):
                raise UnreadableFile(path, "is a symbolic link that leads out of the tree")
            return _read_regular(real, path, status)
        except OSError as error:
            raise UnreadableFile(path, _reason(error)) from error

    def _walk(self, folder: str) -> Iterator[tuple[str, bool]]:
        full = self._prefix + folder
        if not os.path.lexists(full):
            return
        self._inside(full, folder)
        blocked: list[str] = []
        for base, folders, names in os.walk(full, onerror=lambda error: blocked.append(error.filename)):
            inside = os.path.join(base, "")[len(self._prefix) :]
            yield from ((inside + name, False) for name in names)
            for name in folders:
                link = os.path.join(base, name)
                if os.path.islink(link) and not self._holds(link):
                    yield inside + name, True
        yield from ((name[len(self._prefix) :], True) for name in blocked)

    # The real path of a file, which must lie in the tree wherever the links on the way lead.
    def _inside(self, full: str, path: str) -> str:
        if not self._holds(full):
            raise UnreadableFile(path, "is a symbolic link that leads out of the tree")
        return os.path.realpath(full)

    # A thousand files of one folder ask once where the folder's links lead.
    def _folder_holds(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._holds(folder)
        return known

    def _holds(self, full: str) -> bool:
        return (os.path.realpath(full) + os.sep).startswith(self._prefix)


def open_folder(path: str | Path) -> FolderTree:
    """Open the top folder of a kernel tree.

    Raises UsageError if it is no readable folder, NotApplicableError if it is
    no Linux tree with an x86 FPU.
    """
    folder = Path(path)
    try:
        status = folder.stat()
        if not stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{path}: is not a folder; give the top folder of a kernel source tree")
        os.scandir(folder).close()
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: {_reason(error)}; give the top folder of a kernel source tree") from error
    tree = FolderTree(folder)
    missing = _what_is_missing(tree)
    if missing:
        above = _first_tree_above(tree.root)
        advice = f"the tree that encloses it is {above}" if above else "give the top folder of a kernel source tree"
        if (tree.root / "HEAD").is_file() and (tree.root / "objects").is_dir():
            advice = "it is a bare git repository; name a commit with --rev"
        raise NotApplicableError(f"{path}: is no Linux tree ({missing}); {advice}")
    return tree


def enclosing_tree(start: Path = Path()) -> FolderTree:
    """Open the kernel tree that a folder lies in, by default the current one.

    Raises NotApplicableError if there is none, UsageError if the folder is gone.
    """
    try:
        root = start.resolve(strict=True)
    except OSError as error:
        raise UsageError(f"{start}: {_reason(error)}; name the top folder of a kernel source tree") from error
    above = root if not _what_is_missing(FolderTree(root)) else _first_tree_above(root)
    if above is None:
        raise NotApplicableError(f"{root}: no kernel tree encloses this folder; run fpuscan in one or name one")
    return FolderTree(above)


def _first_tree_above(folder: Path) -> Path | None:
    return next((parent for parent in folder.parents if not _what_is_missing(FolderTree(parent))), None)


# Why a folder is no Linux tree with an x86 FPU; empty if it is one.
def _what_is_missing(tree: FolderTree) -> str:
    if not tree.kernel_version():
        return "no Makefile with VERSION ="
    return "" if (tree.root / FPU_FOLDER).is_dir() else f"no {FPU_FOLDER}"


# A path that stays in the tree by its spelling alone; the links on it are the subclass's matter.
def _checked(path: str) -> str:
    if "\0" not in path and _ODD_PARTS.isdisjoint(path.split("/")):
        return path
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts or "\0" in path:
        raise UnreadableFile(path, "leads out of the tree")
    return "" if path in {"", "."} else str(parts)


def _read_regular(real: str, path: str, status: os.stat_result) -> bytes:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile(path, "is no regular file")
    if status.st_size > SIZE_LIMIT:
        raise UnreadableFile(path, f"is too large ({status.st_size} bytes; the limit is {SIZE_LIMIT})")
    with open(real, "rb", buffering=0) as file:  # in one piece: a buffer would only be one copy more
        return file.readall()[:SIZE_LIMIT]


def _reason(error: OSError | ValueError) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]
