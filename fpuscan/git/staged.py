"""The entries of an index, as ``git ls-files --stage`` lists them."""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from fpuscan.git.command import GitError

__all__ = ["Staged", "StagedEntry"]

_EMPTY = frozenset(digest(b"blob 0\0").hexdigest() for digest in (hashlib.sha1, hashlib.sha256))
_STAGED = re.compile(rb"(\d{6}) ([0-9a-f]{40,64}) (\d)\t")


@dataclass(frozen=True, slots=True)
class StagedEntry:
    """One entry of the index: ``mode`` as git prints it (0o100644), ``object_id`` of its blob."""

    path: bytes
    mode: int
    object_id: str


class Staged:
    """The entries of an index, sorted by path. A kernel's has ninety thousand: one is looked into when it is needed.

    `recorded` gives the paths that a commit would hold, for those that are listed and may be only meant to be added.
    """

    def __init__(self, listing: bytes, recorded: Callable[[], frozenset[bytes]]) -> None:
        self._records = listing.split(b"\0")[:-1]
        self._ask = recorded
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

    def is_recorded(self, entry: StagedEntry) -> bool:
        """Whether a commit would hold an entry: one of ``git add --intent-to-add`` shows as an empty file."""
        return entry.object_id not in _EMPTY or entry.path in self._recorded

    @cached_property
    def _recorded(self) -> frozenset[bytes]:
        return self._ask()

    def find(self, path: bytes, start: int = 0) -> int:
        """The number of the first entry from `start` on whose path is not in front of a path."""
        return bisect_left(self._records, path, start, key=_path_of)

    def path(self, number: int) -> bytes:
        """The path of an entry."""
        return _path_of(self._records[number])


def _path_of(record: bytes) -> bytes:
    return record[record.index(b"\t") + 1 :]
