"""Lay one patch over a tree, in memory, as git apply and patch(1) would.

A name is taken with its first folder stripped (``a/arch/...``), as it is, or
with all stripped that its ``arch`` or ``include`` lies in, whichever exists. A
name that leads out of the tree, a file behind a symbolic link and a hunk that
fits nowhere are errors that say where.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from fpuscan.patch.diff import FileDiff, Hunk, PatchError, lines_of
from fpuscan.patch.mail import Patch
from fpuscan.patch.match import Image, Misfit
from fpuscan.tree import UnreadableFile
from fpuscan.trees.overlay import Blocked, OverlayTree

__all__ = ["Applied", "apply_patch"]

_NAMED_AS_IS = ("arch/", "include/")  # a new file of a diff without prefixes is known by its folder
_READ = ("arch/x86/", "include/")  # what is never left out in silence
_FOR_DISPLAY = 70


@dataclass(frozen=True, slots=True)
class Applied:
    """A tree with a patch laid over it, and what a reviewer may want to know about how it fitted, one line each.

    ``name`` is the patch's, ``paths`` are the files that it touches, sorted.
    """

    name: str
    tree: OverlayTree
    paths: tuple[str, ...]
    notes: tuple[str, ...]


def apply_patch(patch: Patch, tree: OverlayTree) -> Applied:
    """Apply a patch to a tree; raises PatchError if it does not apply or names what it must not."""
    work = _Work(patch.name, tree)
    for file in patch.files:
        try:
            work.change(file)
        except _UnsafeNameError as error:
            raise PatchError(f"{patch.name}: {error}") from error
    changes = {**tree.changes, **dict.fromkeys(work.removed), **work.written}
    paths = tuple(sorted({*work.removed, *work.written}))
    after = OverlayTree(tree.base, changes, (*tree.patches, patch.name))
    return Applied(patch.name, after, paths, tuple(work.notes))


class _UnsafeNameError(PatchError):
    """A file that no patch may name."""


@dataclass(slots=True)
class _Work:
    """One patch while it is applied; renames see the files as they were before it."""

    name: str
    tree: OverlayTree
    written: dict[str, bytes | Blocked] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def change(self, file: FileDiff) -> None:
        source, path = self._names(file)
        if not self.tree.is_plain(path):
            raise self._error(path, "is, or lies behind, a symbolic link; a patch may not write through one")
        before = self._old(source) if file.source else self._now(path)
        created = file.created or (before is None and file.hunks and not any(hunk.old for hunk in file.hunks))
        if before is None and not created:
            self._leave_out(source)
            return
        if file.created and before:
            raise self._error(path, "is to be created and exists already")
        after = self._after(path, before or b"", file)
        if file.deleted:
            if after and file.hunks:
                raise self._error(path, "is to be removed, but holds more than the patch removes")
            self.removed.add(path)
            self.written.pop(path, None)
            return
        if file.source and not file.copied:
            self.removed.add(source)
        self.written[path] = after

    def _after(self, path: str, before: bytes | Blocked, file: FileDiff) -> bytes | Blocked:
        kind = file.mode & 0o170000
        if file.deleted and (file.binary or isinstance(before, Blocked)):
            return b""
        if file.binary:
            return Blocked("is changed by a binary patch, which is not applied")
        if isinstance(before, Blocked):
            return before if not file.hunks else Blocked(f"{before.reason}, and a patch changes it")
        if kind in {0o120000, 0o160000}:
            return b"" if file.deleted else Blocked("is made a symbolic link or a submodule by a patch")
        return b"".join(self._with_hunks(path, lines_of(before), file.hunks))

    def _with_hunks(self, path: str, lines: list[bytes], hunks: tuple[Hunk, ...]) -> list[bytes]:
        if not hunks:
            return lines
        try:
            return self._fitted(path, lines, hunks)
        except PatchError as error:
            other = _with_other_endings(lines, hunks)
            if other is not None:
                return self._fitted(path, lines, other)
            if _is_applied(lines, hunks):
                raise PatchError(f"{error}; it seems to be applied already") from None
            raise

    def _fitted(self, path: str, lines: list[bytes], hunks: tuple[Hunk, ...]) -> list[bytes]:
        image, result, done, drift, notes = Image(lines), list[bytes](), 0, 0, []
        for number, hunk in enumerate(hunks, start=1):
            expected = (hunk.start - 1 if hunk.old else hunk.start) + drift
            fit = image.find(hunk, expected, done)
            if isinstance(fit, Misfit):
                raise self._misfit(path, number, hunk, fit, lines)
            start = fit.at - fit.skip
            drift += start - expected
            result += lines[done : fit.at]
            result += hunk.new[fit.skip : len(hunk.new) - fit.cut]
            done = fit.at + len(hunk.old) - fit.skip - fit.cut
            if fit.fuzz:
                notes.append(f"{self.name}: {path}, hunk {number} fits only with fuzz {fit.fuzz} (at line {start + 1})")
        self.notes += notes
        return result + lines[done:]

    def _misfit(self, path: str, number: int, hunk: Hunk, misfit: Misfit, lines: list[bytes]) -> PatchError:
        wanted, there = hunk.old[misfit.index], lines[misfit.at] if misfit.at < len(lines) else None
        where = f"hunk {number} (line {hunk.start}), line {misfit.at + 1}"
        return self._error(path, f"{where}: {_differ(wanted, there)}")

    def _now(self, path: str) -> bytes | Blocked | None:
        if path in self.written:
            return self.written[path]
        return None if path in self.removed else self._old(path)

    def _old(self, path: str) -> bytes | Blocked | None:
        try:
            return self.tree.read(path)
        except UnreadableFile as error:
            return Blocked(error.reason)

    # A tree that holds less than a whole kernel takes a series that also changes what it does not hold.
    def _leave_out(self, path: str) -> None:
        folder = str(PurePosixPath(path).parent)
        below = next((known for known in self.tree.list(_READ[0], (path,)) if known.endswith(f"/{path}")), None)
        if below is not None:
            raise self._error(path, f"is not in the tree, but {below} is; make the patch without --relative")
        if path.startswith(_READ) or self.tree.list(folder, ("",)):
            raise self._error(path, "is not in the tree")
        self.notes.append(f"{self.name}: {path}: the tree has no such folder; left out")

    # The old and the new name of a file in the tree.
    def _names(self, file: FileDiff) -> tuple[str, str]:
        if not (file.source and file.target):
            path = self._path(file)
            return path, path
        names = _checked(file.source), _checked(file.target)
        deeper = tuple(self._deeper(name) for name in names)
        return (deeper[0], deeper[1]) if all(deeper) and self._old(names[0]) is None else names

    def _path(self, file: FileDiff) -> str:
        names = [name for name in (file.new, file.old) if name is not None]
        if not names:
            raise PatchError(f"{self.name}: line {file.line}: the diff names no file")
        candidates = list(dict.fromkeys(path for name in names for path in _stripped(name)))
        for path in candidates:
            _checked(path)
        if file.created:
            return _checked(self._new_path(candidates))
        there = (path for path in candidates if self._now(path) is not None)
        return _checked(next(there, self._deeper(candidates[0]) or candidates[0]))

    # A new file: its folder says how much of the name stands for nothing.
    def _new_path(self, candidates: list[str]) -> str:
        if candidates[-1].startswith(_NAMED_AS_IS):
            return candidates[-1]
        return self._deeper(candidates[0]) or candidates[0]

    # A name without the folders that its arch or include lies in, if the tree has no such; empty if there is none.
    # What lies in tools are copies of the kernel's headers, which are never meant.
    def _deeper(self, path: str) -> str:
        above, below = _parted(path)
        if not above or "tools" in above.split("/") or self.tree.list(above.partition("/")[0], ("",)):
            return ""
        return below

    def _error(self, path: str, reason: str) -> PatchError:
        return PatchError(f"{self.name}: does not apply: {path}: {reason}")


# A name without its first folder, then as it is.
def _stripped(name: str) -> Iterator[str]:
    if name.startswith("/"):
        raise _UnsafeNameError(f"{name!r}: a patch must not name a file by an absolute path")
    _, slash, rest = name.partition("/")
    if slash and rest:
        yield rest
    yield name


# A path cut in front of the first folder of the kernel in it; all of it stands behind the cut if there is none.
def _parted(path: str) -> tuple[str, str]:
    parts = path.split("/")
    at = next((number for number, name in enumerate(parts[:-1]) if f"{name}/" in _NAMED_AS_IS), 0)
    return "/".join(parts[:at]), "/".join(parts[at:])


def _checked(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts or ".git" in parts:
        raise _UnsafeNameError(f"{path!r}: a patch must not name a file outside of the tree")
    if not path or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in path):
        raise _UnsafeNameError(f"{path!r}: a patch must not name a file by control characters")
    return str(PurePosixPath(path))


# Whether a file holds what all hunks would make of it.
def _is_applied(lines: list[bytes], hunks: tuple[Hunk, ...]) -> bool:
    image = Image(lines)
    made = [Hunk(each.start, each.new, each.old, each.before, each.after, each.line) for each in hunks if each.new]
    return bool(made) and not any(isinstance(image.find(each, each.start - 1, 0), Misfit) for each in made)


# The hunks with the line endings of the file, if these are not the patch's own.
def _with_other_endings(lines: list[bytes], hunks: tuple[Hunk, ...]) -> tuple[Hunk, ...] | None:
    file_has = any(line.endswith(b"\r\n") for line in lines)
    patch_has = any(line.endswith(b"\r\n") for hunk in hunks for line in (*hunk.old, *hunk.new))
    if file_has == patch_has:
        return None

    def turned(line: bytes) -> bytes:
        if not line.endswith(b"\n"):
            return line
        return line.removesuffix(b"\n") + b"\r\n" if file_has else line.removesuffix(b"\r\n") + b"\n"

    return tuple(
        Hunk(hunk.start, tuple(map(turned, hunk.old)), tuple(map(turned, hunk.new)), hunk.before, hunk.after, hunk.line)
        for hunk in hunks
    )


# What a hunk and a file have at one line (None: the end of the file), with blanks where nothing else differs.
def _differ(wanted: bytes, there: bytes | None) -> str:
    if there is None:
        return f"the patch expects {_shown(wanted.strip())}, the tree has the end of the file"
    if wanted.split() == there.split():
        return f"the patch expects {_shown(wanted)}, the tree has {_shown(there)}, which differs in white space"
    return f"the patch expects {_shown(wanted.strip())}, the tree has {_shown(there.strip())}"


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    return repr(text if len(text) <= _FOR_DISPLAY else text[:_FOR_DISPLAY] + "...")
