"""Which files a scan reads in any case: the one row of the model that others ask, who need no other."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Scope"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which files a scan reads at once, and which globals it accounts for."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    required: tuple[str, ...]
    tracked: tuple[str, ...]
    tracked_types: tuple[str, ...]
    boot: tuple[str, ...] = ()  # what marks a function that runs only while the kernel boots
    objects: tuple[str, ...] = ()  # globals that rows name, each behind its type: found by it under another name

    def holds(self, path: str) -> bool:
        """Whether a C file at a path is read in any case."""
        if path.startswith(tuple(f"{folder}/" for folder in self.folders)):
            return True
        parent = path.rpartition("/")[0]
        return any(pattern.rpartition("/")[0] == parent and fnmatchcase(path, pattern) for pattern in self.files)
