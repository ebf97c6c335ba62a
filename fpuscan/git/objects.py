"""The objects of a repository, by id."""

from __future__ import annotations

import contextlib
import re
import subprocess
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from fpuscan.git.ahead import Ahead, Object
from fpuscan.git.command import command, failure
from fpuscan.git.place import Place

__all__ = ["OBJECT_ID", "Object", "Objects"]

OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")  # SHA-1 or SHA-256
_MANY = 100  # objects from which on a process of their own is worth it
_REMEMBERED = 24 << 20  # bytes of blobs; those that a scan of a kernel reads have 13 MB


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
        self._ahead: Ahead | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._stop: weakref.finalize[..., Objects] | None = None

    def get(self, object_id: str, limit: int) -> Object | None:
        """Give an object, without its data if that has more than `limit` bytes; None if it is not in this clone.

        Raises GitError if git fails, ValueError for what is no full object id.
        """
        if not OBJECT_ID.match(object_id):
            raise ValueError(object_id)
        if self._ahead is not None and object_id in self._ahead:
            for name, found in self._ahead.until(object_id):
                self._remember(name, found)
        known = self._blobs.get(object_id)
        if known is None or known.size > limit:
            known = self._ask(object_id, limit)
            self._remember(object_id, known)
        return known

    def expect(self, ids: Iterable[str], limit: int) -> None:
        """Have git read blobs of at most `limit` bytes ahead: most of them will be asked for soon, about in order."""
        new = [object_id for object_id in ids if object_id not in self._blobs]
        if len(new) >= _MANY:
            self._give_up()
            self._ahead = Ahead(self._place, new, limit)

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
            self._end()  # cheaper than to read what nobody wants
            return Object(kind.decode(), size, None)
        data = process.stdout.read(size + 1)[:size]
        if len(data) != size:
            self._died()
            return None
        return Object(kind.decode(), size, data)

    def close(self) -> None:
        """End the processes; the next use starts another."""
        self._give_up()
        self._end()

    def _give_up(self) -> None:
        if self._ahead is not None:
            self._ahead.close()
        self._ahead = None

    def _end(self) -> None:
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
