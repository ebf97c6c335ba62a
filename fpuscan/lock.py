"""The lock: what controls the user ABI, so that a review sees when something else starts to.

A text file for version control, one line per place and root, sorted, without
line numbers, so that it changes only when the roots do::

    fpuscan-lock 1
    # ...
    struct fpu_guest.uabi_size (guest) <- config fpu_user_cfg.default_size

Nothing but --write-lock ever writes the file.
"""

from __future__ import annotations

import re
from pathlib import Path

from fpuscan.errors import UsageError
from fpuscan.result import LockComparison, LockEntry, Provenance, Root

__all__ = ["VERSION", "compare_lock", "dump_lock", "load_lock", "parse_lock", "write_lock"]

VERSION = 1

_HEADER = re.compile(r"fpuscan-lock (?P<version>[0-9]{1,9})")
_ENTRY = re.compile(r"(?P<place>.+?) \((?P<side>guest|host)\) <- (?P<kind>[a-z]+) (?P<root>.+)")
_COMMENT = """\
# What controls the user ABI, for fpuscan --lock: place, side, kind of root, root.
# fpuscan --provenance PLACE shows the way of each. --write-lock writes this file anew.
"""


def dump_lock(provenance: Provenance) -> str:
    """The text of a lock that holds for these places."""
    lines = (f"{_line(entry)}\n" for entry in sorted(_entries(provenance)))
    return f"fpuscan-lock {VERSION}\n{_COMMENT}{''.join(lines)}"


def parse_lock(text: str, name: str) -> frozenset[LockEntry]:
    """Read the text of a lock; `name` is the file in messages.

    Raises UsageError for text that is no lock, a damaged line, and a version of the future.
    """
    rows = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1)]
    rows = [(number, line) for number, line in rows if line and not line.startswith("#")]
    header = _HEADER.fullmatch(rows[0][1]) if rows else None
    if not header:
        raise UsageError(f"{name}: is no lock of fpuscan; --write-lock {name} makes one")
    if int(header["version"]) != VERSION:
        raise UsageError(
            f"{name}: is a lock of version {header['version']}, and this fpuscan reads version {VERSION}; "
            "use the fpuscan that wrote it, or write it anew"
        )
    return frozenset(_entry(line, number, name) for number, line in rows[1:])


def load_lock(path: Path) -> frozenset[LockEntry]:
    """Read a lock from disk; raises UsageError like `parse_lock`, and where the file cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no lock of fpuscan (not UTF-8); restore it, or write it anew") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot read the lock ({reason}); --write-lock FILE makes one") from error
    return parse_lock(text, str(path))


def write_lock(path: Path, provenance: Provenance) -> None:
    """Write a lock that holds for these places; raises UsageError where the file cannot be written."""
    try:
        path.write_bytes(dump_lock(provenance).encode("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot write the lock ({reason}); name another file") from error


def compare_lock(provenance: Provenance, locked: frozenset[LockEntry]) -> LockComparison:
    """What the places gained and lost since the lock was written."""
    now = _entries(provenance)
    gained = tuple(sorted(set(now) - locked))
    return LockComparison(gained, tuple(sorted(locked - set(now))), tuple((entry, now[entry]) for entry in gained))


def _entries(provenance: Provenance) -> dict[LockEntry, Root]:
    return {
        LockEntry(_plain(place.place), place.side, root.kind, _plain(root.name)): root
        for place in provenance.places
        for root in place.roots
    }


def _line(entry: LockEntry) -> str:
    return f"{entry.place} ({entry.side}) <- {entry.kind} {entry.root}"


def _entry(line: str, number: int, name: str) -> LockEntry:
    match = _ENTRY.fullmatch(line)
    if not match:
        raise UsageError(f"{name}:{number}: is no line of a lock; restore the file, or write it anew")
    return LockEntry(match["place"], match["side"], match["kind"], match["root"])


# One line of printable characters, whatever the names of the tree hold.
def _plain(text: str) -> str:
    text = " ".join(text.split())
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
