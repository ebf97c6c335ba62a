"""Many objects at once: git reads them while this process looks into the first.

One question after another costs a change of process each, a thousand for a scan.
"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fpuscan.git.command import command
from fpuscan.git.place import Place

__all__ = ["Ahead", "Object"]

_BUFFER = 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Object:
    """One object: ``kind`` is blob, tree, commit or tag; ``data`` is None if it has more bytes than were wanted."""

    kind: str
    size: int
    data: bytes | None


class Ahead:
    """The objects of some full ids, in their order, none of more than `limit` bytes.

    What git has no answer to, or one that is too large, ends it: nothing more is known of the rest.
    """

    def __init__(self, place: Place, ids: Sequence[str], limit: int) -> None:
        self._waiting = dict.fromkeys(ids)
        self._limit = limit
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{object_id}\n" for object_id in self._waiting).encode("ascii"))
            asked.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - git alone, see command.py
                command(place.folder, "cat-file", "--batch", "--buffer"),
                env=place.environment(GIT_NO_REPLACE_OBJECTS="1"),
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=_BUFFER,
            )
        self._stop = weakref.finalize(self, _end, self._process)

    def __contains__(self, object_id: str) -> bool:
        return object_id in self._waiting

    def until(self, object_id: str) -> Iterator[tuple[str, Object]]:
        """Give all up to an object, with their ids."""
        while object_id in self._waiting:
            name = next(iter(self._waiting))
            found = self._next()
            if found is None:
                self.close()
                return
            del self._waiting[name]
            yield name, found
        if not self._waiting:
            self.close()

    def close(self) -> None:
        """End the process; nothing is waited for any more."""
        self._waiting.clear()
        self._stop()

    def _next(self) -> Object | None:
        assert self._process.stdout is not None
        fields = self._process.stdout.readline().split()
        if len(fields) != 3 or int(fields[2]) > self._limit:
            return None
        size = int(fields[2])
        data = self._process.stdout.read(size + 1)
        return Object(fields[1].decode("ascii"), size, data[:size]) if len(data) == size + 1 else None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with contextlib.suppress(BrokenPipeError):
        if process.stdout is not None:
            process.stdout.close()
    process.wait()
