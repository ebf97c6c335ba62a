"""The objects of a repository, by id."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from fpuscan.git.command import command, failure
from fpuscan.git.place import Place

__all__ = ["OBJECT_ID", "Object", "Objects"]

OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")  # SHA-1 or SHA-256
_REMEMBERED = 24 << 20  # bytes of blobs; those that a scan of a kernel reads have 13 MB


@dataclass(frozen=True, slots=True)
class Object:
    """One object: ``kind`` is blob, tree, commit or tag; ``data`` is None if it has more bytes than were wanted."""

    kind: str
    size: int
    data: bytes | None


class Objects:
    """Reads objects of one repository through a single ``git cat-file --batch``, started at the first use.

    ``grounds`` are the folders that belong to the repository; the first one is what all its work trees share.
    An id is answered with the object of that name, whatever ``refs/replace`` says: equal ids are equal bytes.
    Blobs are remembered, as most of what one commit is scanned for is in the next one, too.
    """

    def __init__(self, place: Place, grounds: tuple[Path, ...] = ()) -> None:
        self.grounds = grounds
        self._place = place
        self._blobs: dict[str, Object] = {}
        self._remembered = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._stop: weakref.finalize[..., Objects] | None = None

    def get(self, object_id: str, limit: int) -> Object | None:
        """Give an object, without its data if that has more than `limit` bytes; None if it is not in this clone.

        Raises GitError if git fails, ValueError for what is no full object id.
        """
        if not OBJECT_ID.match(object_id):
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
            self._process = subprocess.Popen(  # noqa: S603 - git alone, see command.py
                command(self._place.folder, "cat-file", "--batch"),
                env=self._place.environment(GIT_NO_REPLACE_OBJECTS="1"),
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
        raise failure(self._place.folder, "cat-file", text)


def _end(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, complaints):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
    process.wait()
