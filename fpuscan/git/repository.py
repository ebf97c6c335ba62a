"""A repository, and the questions that are put to it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from fpuscan.git.command import GitError
from fpuscan.git.objects import OBJECT_ID, Objects
from fpuscan.git.place import Place
from fpuscan.git.staged import Staged

__all__ = ["Repository", "open_repository"]

_COMMIT_LIMIT = 1 << 24  # bytes of a commit object; a long message has some ten thousand


class Repository:
    """A git repository, found from a folder in it.

    ``folder`` is that folder, ``git_dir`` the repository's own, ``prefix`` the
    way from the top of the working tree to the folder, with ``/`` and without
    one at the end; empty at the top and in a bare repository. ``shared`` is the
    folder that all work trees of the repository share.
    """

    def __init__(self, place: Place, git_dir: Path, prefix: str, shared: Path | None = None) -> None:
        self.folder = folder = place.folder
        self.git_dir = git_dir
        self.prefix = prefix
        top = folder.resolve().parents[prefix.count("/")] if prefix else folder.resolve()
        self.objects = Objects(place, (shared or git_dir, git_dir, top))
        self._place = place
        self._remote: str | None = None

    def commit_id(self, revision: str) -> str:
        """Find the full id of the commit that a revision names; raises GitError if there is none."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise GitError(f"{revision!r}: is no revision; give a commit id, a branch or a tag")
        if (
            OBJECT_ID.match(revision)
            and (known := self.objects.get(revision, _COMMIT_LIMIT))
            and known.kind == "commit"
        ):
            return revision  # no process for each commit of a history
        found = self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        text = (found or b"").decode("ascii", "replace").strip()
        if not OBJECT_ID.match(text):
            raise GitError(f"{revision}: there is no such commit in the repository of {self.folder}{self._why_not()}")
        return text

    def has_commits(self) -> bool:
        """Whether HEAD names a commit; it does not before the first one."""
        return self._ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is not None

    def tree_id(self, commit: str) -> str:
        """Find the id of a commit's tree; raises GitError if the clone does not hold it."""
        found = self.objects.get(commit, _COMMIT_LIMIT)
        match = re.match(rb"tree ([0-9a-f]{40,64})\n", found.data or b"") if found else None
        if match is None:
            raise GitError(f"{commit[:12]}: is no readable commit of the repository of {self.folder}{self._why_not()}")
        return match[1].decode()

    def staged(self) -> Staged:
        """List the index, sorted by path; raises GitError if there is none or a merge is not resolved."""
        index = self._index_of_the_commit()
        variables = {"GIT_INDEX_FILE": str(index)} if index else {}
        listing = self._place.call("ls-files", "--stage", "-z", "--full-name", "--", ":/", **variables)
        if not listing and self._ask("rev-parse", "--is-bare-repository") == b"true\n":
            raise GitError(f"{self.folder}: the repository is bare and has no index; name a commit with --rev")
        return Staged(listing, lambda: self._recorded(variables))

    # The paths that a commit would record: all but those of `git add --intent-to-add`. No tree holds them less than
    # the empty one, which git knows in every repository; nothing is read of the working tree.
    def _recorded(self, variables: dict[str, str]) -> frozenset[bytes]:
        empty = self._place.call("hash-object", "-t", "tree", "--stdin").decode("ascii").strip()
        options = ("--cached", "--ita-invisible-in-index", "--no-renames", "--name-only", "-z")
        return frozenset(self._place.call("diff-index", *options, empty, **variables).split(b"\0"))

    # `git commit FILE` and `git commit -a` hand their hooks an index of their own, which is what is committed.
    # The variable leads to no other repository: an index that lies in that one's folder is not looked at.
    def _index_of_the_commit(self) -> Path | None:
        named = os.environ.get("GIT_INDEX_FILE", "")
        path = Path(named).resolve() if named else None
        if path is None or not path.is_file():
            return None
        own = path.is_relative_to(self.git_dir.resolve())
        return path if own or not any((folder / "HEAD").is_file() for folder in path.parents) else None

    def remote_url(self) -> str:
        """The URL of the remote "origin", else of the only remote, as the configuration has it; empty if unknown.

        It may hold a password.
        """
        if self._remote is None:
            self._remote = self._configured_remote()
        return self._remote

    def _configured_remote(self) -> str:
        listing = self._ask("config", "--null", "--get-regexp", r"^remote\..*\.url$") or b""
        rows = (row.partition(b"\n") for row in listing.split(b"\0") if row)
        urls = {name: os.fsdecode(url) for name, _, url in reversed([*rows])}  # of several, git fetches the first
        only = next(iter(urls.values())) if len(urls) == 1 else ""
        return urls.get(b"remote.origin.url", only)

    def is_shallow(self) -> bool:
        """Whether the history is cut off somewhere."""
        return self._ask("rev-parse", "--is-shallow-repository") == b"true\n"

    def blame(self, commit: str, path: str, ranges: Sequence[tuple[int, int]]) -> bytes:
        """Ask who wrote lines of a file (1-based, both ends included), as ``git blame --porcelain`` answers.

        `path` is relative to the repository's folder, `commit` a full id.
        Changes of white space alone count for nothing. Raises GitError.
        """
        if not OBJECT_ID.match(commit):
            raise ValueError(commit)
        lines = [part for first, last in ranges for part in ("-L", f"{first},{last}")]
        return self._place.call("blame", "--porcelain", "--no-textconv", "-w", *lines, commit, "--", path)

    def commits(self, start: str, end: str, folders: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """List the commits after `start` up to `end` (full ids) that touch folders, the oldest first, with parents.

        Folders are relative to the top; a parent is the nearest ancestor that
        touches them or lies at the end of the range.
        """
        if not (OBJECT_ID.match(start) and OBJECT_ID.match(end)):
            raise ValueError(f"{start}..{end}")
        paths = [f":(top,literal){folder}" for folder in folders]
        order = ("--reverse", "--topo-order", "--full-history", "--parents")
        listing = self._place.call("rev-list", *order, end, f"^{start}", "--", *paths).decode("ascii")
        rows = [line.split() for line in listing.splitlines()]
        return [(commit, tuple(parents)) for commit, *parents in rows]

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether a commit (both full ids) is another or comes after it."""
        if not (OBJECT_ID.match(commit) and OBJECT_ID.match(ancestor)):
            raise ValueError(f"{ancestor}..{commit}")
        return self._ask("merge-base", "--is-ancestor", ancestor, commit) is not None

    def subject(self, commit: str) -> str:
        """Read the first line of a commit's message; empty if it has none."""
        found = self.objects.get(commit, _COMMIT_LIMIT)
        _, _, message = (found.data or b"").partition(b"\n\n") if found else (b"", b"", b"")
        return message.strip().partition(b"\n")[0].decode("utf-8", "replace")

    def _ask(self, *arguments: str) -> bytes | None:
        done = self._place.run(*arguments)
        return None if done.returncode else done.stdout

    def _why_not(self) -> str:
        if self.is_shallow():
            return "; the clone is shallow, git fetch --unshallow gets the rest"
        return ""


def open_repository(folder: str | Path) -> Repository:
    """Find the repository that a folder lies in; raises GitError if there is none or git refuses it."""
    start = Path(folder).absolute()
    if not start.is_dir():
        raise GitError(f"{folder}: is no folder; give a folder of a git repository")
    around = Place(start)
    place = around.named() or around
    asked = place.call("rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-prefix")
    lines = os.fsdecode(asked).split("\n")
    if len(lines) != 4:
        raise GitError(f"{folder}: has a line break in its path")
    return Repository(place, Path(lines[0]), lines[2].rstrip("/"), (start / lines[1]).resolve())
