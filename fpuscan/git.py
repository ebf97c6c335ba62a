"""The one place that runs git, and the one safe way to do it.

Takes a folder that lies in a repository (bare and linked worktrees included),
gives commit ids, raw objects and the staged entries. Only plumbing that reads
is called, and nothing that a repository's own configuration names is ever
run: hooks, fsmonitor, pagers, external diffs, text conversion, filters,
credential helpers and every network protocol are off, variables like GIT_DIR
are not handed on, and a name that somebody typed is validated before git sees it.

git itself refuses a repository that belongs to somebody else; that, and a
missing git, become one line that says what to do.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import weakref
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fpuscan.errors import UsageError

__all__ = ["GitError", "Object", "Objects", "Repository", "Staged", "StagedEntry", "open_repository"]

# What a repository's configuration may say and must not get. Names of filters and text converters
# are free and cannot be listed; no command that is called here applies them.
_OFF = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=false",
    "core.askPass=false",
    "core.gitProxy=",
    "core.sshCommand=false",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",  # none: a missing object of a partial clone is not fetched
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # messages are looked into
    "LANGUAGE": "C",
}
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")  # SHA-1 or SHA-256
_REMEMBERED = 24 << 20  # bytes of blobs; those that a scan of a kernel reads have 13 MB
_COMMIT_LIMIT = 1 << 24  # bytes of a commit object; a long message has some ten thousand
_STAGED = re.compile(rb"(\d{6}) ([0-9a-f]{40,64}) (\d)\t")


class GitError(UsageError):
    """git is missing, refuses, or does not know what it was asked for (exit 2)."""


@dataclass(frozen=True, slots=True)
class Object:
    """One object: ``kind`` is blob, tree, commit or tag; ``data`` is None if it has more bytes than were wanted."""

    kind: str
    size: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class StagedEntry:
    """One entry of the index: ``mode`` as git prints it (0o100644), ``object_id`` of its blob."""

    path: bytes
    mode: int
    object_id: str


class Objects:
    """Reads objects of one repository through a single ``git cat-file --batch``, started at the first use.

    ``grounds`` are the folders that belong to the repository; the first one is what all its work trees share.
    An id is answered with the object of that name, whatever ``refs/replace`` says: equal ids are equal bytes.
    Blobs are remembered, as most of what one commit is scanned for is in the next one, too.
    """

    def __init__(self, folder: Path, grounds: tuple[Path, ...] = ()) -> None:
        self.grounds = grounds
        self._folder = folder
        self._blobs: dict[str, Object] = {}
        self._remembered = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._stop: weakref.finalize[..., Objects] | None = None

    def get(self, object_id: str, limit: int) -> Object | None:
        """Give an object, without its data if that has more than `limit` bytes; None if it is not in this clone.

        Raises GitError if git fails, ValueError for what is no full object id.
        """
        if not _OBJECT_ID.match(object_id):
            raise ValueError(object_id)
        known = self._blobs.get(object_id)
        if known is None or known.size > limit:
            known = self._ask(object_id, limit)
            self._remember(object_id, known)
        return known

    # The blobs that were asked for first make place.
    def _remember(self, object_id: str, found: Object | None) -> None:
        if found is None or found.kind != "blob" or found.data is None or object_id in self._blobs:
            return
        self._blobs[object_id] = found
        self._remembered += found.size
        while self._remembered > _REMEMBERED:
            self._remembered -= self._blobs.pop(next(iter(self._blobs))).size

    def _ask(self, object_id: str, limit: int) -> Object | None:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(object_id.encode() + b"\n")
            process.stdin.flush()
            header = process.stdout.readline()
        except BrokenPipeError:
            header = b""
        if not header:
            self._died()
            return None
        if header.endswith(b" missing\n"):
            return None
        _, kind, digits = header.split()
        size = int(digits)
        if size > limit:
            self.close()  # cheaper than to read what nobody wants
            return Object(kind.decode(), size, None)
        data = process.stdout.read(size + 1)[:size]
        if len(data) != size:
            self._died()
            return None
        return Object(kind.decode(), size, data)

    def close(self) -> None:
        """End the process; the next use starts another."""
        if self._stop is not None:
            self._stop()
        self._process = self._stop = self._complaints = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by _end
            self._process = subprocess.Popen(  # noqa: S603 - the one place that runs git
                _command(self._folder, "cat-file", "--batch"),
                env={**_environment(), "GIT_NO_REPLACE_OBJECTS": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
            self._complaints = complaints
            self._stop = weakref.finalize(self, _end, self._process, complaints)
        return self._process

    # A partial clone that may not fetch ends with a complaint; so does a damaged object.
    def _died(self) -> None:
        assert self._process is not None
        assert self._complaints is not None
        self._process.wait()
        self._complaints.seek(0)
        text = self._complaints.read().decode("utf-8", "replace")
        self.close()
        if "promisor" in text or "transport" in text:
            return
        raise _failure(self._folder, "cat-file", text)


class Repository:
    """A git repository, found from a folder in it.

    ``folder`` is that folder, ``git_dir`` the repository's own, ``prefix`` the
    way from the top of the working tree to the folder, with ``/`` and without
    one at the end; empty at the top and in a bare repository. ``shared`` is the
    folder that all work trees of the repository share.
    """

    def __init__(self, folder: Path, git_dir: Path, prefix: str, shared: Path | None = None) -> None:
        self.folder = folder
        self.git_dir = git_dir
        self.prefix = prefix
        top = folder.resolve().parents[prefix.count("/")] if prefix else folder.resolve()
        self.objects = Objects(folder, (shared or git_dir, git_dir, top))
        self._remote: str | None = None

    def commit_id(self, revision: str) -> str:
        """Find the full id of the commit that a revision names; raises GitError if there is none."""
        if not revision or revision.startswith("-") or not revision.isprintable():
            raise GitError(f"{revision!r}: is no revision; give a commit id, a branch or a tag")
        if (
            _OBJECT_ID.match(revision)
            and (known := self.objects.get(revision, _COMMIT_LIMIT))
            and known.kind == "commit"
        ):
            return revision  # no process for each commit of a history
        found = self._ask("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        text = (found or b"").decode("ascii", "replace").strip()
        if not _OBJECT_ID.match(text):
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
        extra = {"GIT_INDEX_FILE": str(index)} if index else {}
        listing = self.call("ls-files", "--stage", "-z", "--full-name", "--", ":/", environment=extra)
        if not listing and self._ask("rev-parse", "--is-bare-repository") == b"true\n":
            raise GitError(f"{self.folder}: the repository is bare and has no index; name a commit with --rev")
        return Staged(listing)

    # `git commit FILE` and `git commit -a` hand their hooks an index of their own, which is what is committed.
    # The variable counts only where it names a file of this very repository.
    def _index_of_the_commit(self) -> Path | None:
        named = os.environ.get("GIT_INDEX_FILE", "")
        path = Path(named).resolve() if named else None
        return path if path and path.is_file() and path.is_relative_to(self.git_dir.resolve()) else None

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
        if not _OBJECT_ID.match(commit):
            raise ValueError(commit)
        lines = [part for first, last in ranges for part in ("-L", f"{first},{last}")]
        return self.call("blame", "--porcelain", "--no-textconv", "-w", *lines, commit, "--", path)

    def commits(self, start: str, end: str, folders: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """List the commits after `start` up to `end` (full ids) that touch folders, the oldest first, with parents.

        Folders are relative to the top; a parent is the nearest ancestor that
        touches them or lies at the end of the range.
        """
        if not (_OBJECT_ID.match(start) and _OBJECT_ID.match(end)):
            raise ValueError(f"{start}..{end}")
        paths = [f":(top,literal){folder}" for folder in folders]
        order = ("--reverse", "--topo-order", "--full-history", "--parents")
        listing = self.call("rev-list", *order, end, f"^{start}", "--", *paths).decode("ascii")
        rows = [line.split() for line in listing.splitlines()]
        return [(commit, tuple(parents)) for commit, *parents in rows]

    def descends(self, commit: str, ancestor: str) -> bool:
        """Whether a commit (both full ids) is another or comes after it."""
        if not (_OBJECT_ID.match(commit) and _OBJECT_ID.match(ancestor)):
            raise ValueError(f"{ancestor}..{commit}")
        return self._ask("merge-base", "--is-ancestor", ancestor, commit) is not None

    def subject(self, commit: str) -> str:
        """Read the first line of a commit's message; empty if it has none."""
        found = self.objects.get(commit, _COMMIT_LIMIT)
        _, _, message = (found.data or b"").partition(b"\n\n") if found else (b"", b"", b"")
        return message.strip().partition(b"\n")[0].decode("utf-8", "replace")

    def call(self, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
        """Run one git command and give its output; raises GitError with git's own reason."""
        done = self._run(arguments, environment or {})
        if done.returncode:
            raise _failure(self.folder, arguments[0], done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def _ask(self, *arguments: str) -> bytes | None:
        done = self._run(arguments, {})
        return None if done.returncode else done.stdout

    def _run(self, arguments: tuple[str, ...], environment: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - as above
            _command(self.folder, *arguments),
            env={**_environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def _why_not(self) -> str:
        if self.is_shallow():
            return "; the clone is shallow, git fetch --unshallow gets the rest"
        return ""


def open_repository(folder: str | Path) -> Repository:
    """Find the repository that a folder lies in; raises GitError if there is none or git refuses it."""
    start = Path(folder).absolute()
    if not start.is_dir():
        raise GitError(f"{folder}: is no folder; give a folder of a git repository")
    probe = Repository(start, start, "")
    asked = probe.call("rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-prefix")
    lines = os.fsdecode(asked).split("\n")
    if len(lines) != 4:
        raise GitError(f"{folder}: has a line break in its path")
    return Repository(start, Path(lines[0]), lines[2].rstrip("/"), (start / lines[1]).resolve())


class Staged:
    """The entries of an index, sorted by path. A kernel's has ninety thousand: one is looked into when it is needed."""

    def __init__(self, listing: bytes) -> None:
        self._records = listing.split(b"\0")[:-1]
        if listing.count(b" 0\t") != len(self._records):
            for number in range(len(self._records)):
                self[number]  # raises for the one that is not merged

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, number: int) -> StagedEntry:
        record = self._records[number]
        match = _STAGED.match(record)
        assert match, record
        path = record[match.end() :]
        if match[3] != b"0":
            raise GitError(f"{os.fsdecode(path)}: is not merged; resolve it and git add it first")
        return StagedEntry(path, int(match[1], 8), match[2].decode())

    def find(self, path: bytes, start: int = 0) -> int:
        """The number of the first entry from `start` on whose path is not in front of a path."""
        return bisect_left(self._records, path, start, key=_path_of)

    def path(self, number: int) -> bytes:
        """The path of an entry."""
        return _path_of(self._records[number])


def _path_of(record: bytes) -> bytes:
    return record[record.index(b"\t") + 1 :]


def _command(folder: Path, *arguments: str) -> list[str]:
    settings = [part for setting in _OFF for part in ("-c", setting)]
    return [_program(), "--no-pager", *settings, "-C", str(folder), *arguments]


# git by its full path: a relative entry of PATH could name one that a tree brings along.
def _program() -> str:
    folders = [name for name in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(name).is_absolute()]
    found = shutil.which("git", path=os.pathsep.join(folders))
    if found is None:
        raise GitError("git was not found in PATH; install it, or scan a folder without it")
    return found


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **_ENVIRONMENT}


def _failure(folder: Path, command: str, complaint: str) -> GitError:
    if "not a git repository" in complaint:
        return GitError(f"{folder}: is in no git repository")
    if "dubious ownership" in complaint:
        return GitError(
            f"{folder}: the repository belongs to somebody else, and git refuses to read it; "
            f"if you trust it: git config --global --add safe.directory {folder}"
        )
    if "promisor" in complaint:
        return GitError(
            f"{folder}: git {command} needs objects that this partial clone lacks; git fetch --refetch gets them"
        )
    lines = [line for line in complaint.splitlines() if line.startswith(("fatal:", "error:"))] or [complaint]
    return GitError(f"{folder}: git {command} failed: {' '.join(lines[0].split())}")


def _end(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, complaints):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()
