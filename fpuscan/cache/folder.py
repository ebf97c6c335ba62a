"""The cache folder: named pieces of bytes that may vanish at any time.

It is ``$XDG_CACHE_HOME/fpuscan``, else ``~/.cache/fpuscan`` (XDG Base
Directory Specification). Only a folder that belongs to the user and that
nobody else can write is read or written, and so is only such a file in it:
what somebody else has put there is no answer. A piece appears as a whole or
not at all, and carries a digest of itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["CacheFolder", "cache_folder"]

_MOST_PIECES = 32
_MOST_BYTES = 32 << 20  # of all pieces; an answer about a kernel has some 0.3 MB
_LARGEST = 8 << 20  # bytes of a piece
_HEAD = b"fpuscan-cache 1 "
_NAME = re.compile(r"[0-9a-f]{64}\.answer(?P<part>\.[0-9a-f]+\.part)?\Z")
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_POSIX = all(hasattr(os, name) for name in ("geteuid", "O_NOFOLLOW", "O_DIRECTORY"))


def cache_folder() -> Path | None:
    """The folder of this user's environment; None if it names none, or the system cannot say whose a file is."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):  # to be ignored, says the specification
        base = os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base, "fpuscan") if os.path.isabs(base) and _POSIX else None


class CacheFolder:
    """A folder of pieces, each under 64 hexadecimal digits. Whatever goes wrong, there is no such piece."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """The names of all pieces, the one that was used last in front."""
        with contextlib.suppress(OSError), self._opened() as folder:
            return [name[:64] for name, _ in reversed(_files(folder)) if not _is_part(name)]
        return []

    def read(self, name: str) -> bytes | None:
        """Give a piece; None if there is none, or it is not what was written."""
        with contextlib.suppress(OSError), self._opened() as folder:
            return _read(folder, f"{name}.answer")
        return None

    def use(self, name: str) -> None:
        """Count a piece as used now."""
        with contextlib.suppress(OSError), self._opened() as folder:
            os.utime(f"{name}.answer", dir_fd=folder, follow_symlinks=False)

    def write(self, name: str, body: bytes) -> None:
        """Put a piece there, if that can be done; the ones that were not used for longest make place."""
        with contextlib.suppress(OSError):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._opened() as folder:
                _write(folder, f"{name}.answer", _HEAD + _digest(body) + b"\n" + body)
                _make_place(folder)

    # Held open, so that nobody can put another in its place behind the check.
    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if not _is_ours(os.fstat(folder)):
                raise PermissionError(str(self.path))
            yield folder
        finally:
            os.close(folder)


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS


def _is_part(name: str) -> bool:
    match = _NAME.match(name)
    return match is None or match["part"] is not None


def _read(folder: int, name: str) -> bytes | None:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with open(file, "rb", buffering=0) as opened:
        status = os.fstat(file)
        if not (_is_ours(status) and stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST):
            return None
        head, _, body = opened.readall().partition(b"\n")
    return body if head == _HEAD + _digest(body) else None


# Under a name of its own first: a reader sees the old piece or the new one.
def _write(folder: int, name: str, data: bytes) -> None:
    if len(data) > _LARGEST:
        return
    part = f"{name}.{os.urandom(8).hex()}.part"
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        with open(file, "wb") as opened:
            opened.write(data)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(part, dir_fd=folder)
        raise


def _make_place(folder: int) -> None:
    files = _files(folder)
    total = sum(status.st_size for _, status in files)
    for number, (name, status) in enumerate(files):
        if len(files) - number <= _MOST_PIECES and total <= _MOST_BYTES:
            break
        total -= status.st_size
        with contextlib.suppress(FileNotFoundError):  # another hook was faster
            os.unlink(name, dir_fd=folder)


# Our files, unfinished ones too, the one that was not used for longest in front.
def _files(folder: int) -> list[tuple[str, os.stat_result]]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.match(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat(follow_symlinks=False)))
    return sorted(found, key=lambda file: (file[1].st_mtime_ns, file[0]))


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).hexdigest().encode()
