"""Which files are read: the scope, whatever else names a tracked global, and what a flow calls into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.tree import UnreadableFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fpuscan.model.rows import Scope
    from fpuscan.tree import KernelTree

__all__ = ["Outside", "read_quietly", "scope_paths"]

_ARCHITECTURE = "arch/x86"


def scope_paths(tree: KernelTree, scope: Scope) -> list[str]:
    """The files of the model's scope, sorted."""
    tree.expect(_ARCHITECTURE)
    found: set[str] = set()
    for folder in scope.folders:
        found.update(tree.list(folder))
    parents = sorted({pattern.rpartition("/")[0] for pattern in scope.files})
    for parent in parents:
        names = [path for path in tree.list(parent) if path.rpartition("/")[0] == parent]
        found.update(path for path in names if scope.holds(path))
    return sorted(found)


def read_quietly(tree: KernelTree, path: str) -> bytes | None:
    """A file that may be missing or unreadable; nobody needs it."""
    try:
        return tree.read(path)
    except UnreadableFile:
        return None


class Outside:
    """The architecture's files outside the scope, searched as they are."""

    def __init__(self, tree: KernelTree, known: Iterable[str]) -> None:
        self._tree = tree
        self._known = frozenset(known)
        self._files: dict[str, bytes] | None = None
        self._words: dict[bytes, re.Pattern[bytes] | None] = {}

    @property
    def searched(self) -> tuple[tuple[bytes, re.Pattern[bytes] | None], ...]:
        """What was looked for so far: words, and the pattern that has to match, too."""
        return tuple(self._words.items())

    def naming(self, names: Iterable[str]) -> list[str]:
        """The files that mention one of some names."""
        words = [name.encode() for name in names]
        self._words.update(dict.fromkeys(words))
        return sorted(path for path, data in self._read().items() if any(word in data for word in words))

    def headers_naming(self, headers: Iterable[str], names: Iterable[str]) -> list[str]:
        """Which of some headers mention one of some names."""
        words = [name.encode() for name in names]
        texts = ((path, read_quietly(self._tree, path) or b"") for path in headers if path not in self._known)
        return sorted(path for path, data in texts if any(word in data for word in words))

    def defining(self, function: str) -> list[str]:
        """The files that define a function."""
        word = function.encode()
        pattern = re.compile(rb"^[\w*\s]*\b" + re.escape(word) + rb"\s*\([^;{}]*\)\s*\{", re.MULTILINE)
        self._words.setdefault(word, pattern)
        body = re.compile(re.escape(word) + rb"\s*\([^;{}]*\)\s*\{")  # far quicker than the pattern
        texts = ((path, data) for path, data in self._read().items() if word in data)
        return [path for path, data in texts if body.search(data) and pattern.search(data)]

    def defining_struct(self, tag: str, included: Iterable[str]) -> list[str]:
        """The headers, of the architecture and some others, that define a struct or union."""
        pattern = re.compile(rb"^" + tag.encode().replace(b" ", rb"\s+") + rb"\s*\{", re.MULTILINE)
        word = tag.rpartition(" ")[2].encode()
        self._words.setdefault(word, pattern)
        others = ((path, read_quietly(self._tree, path) or b"") for path in included if path not in self._known)
        headers = [(path, data) for path, data in self._read().items() if path.endswith(".h")]
        return [path for path, data in (*headers, *others) if word in data and pattern.search(data)]

    def _read(self) -> dict[str, bytes]:
        if self._files is None:
            self._files = {}
            for path in self._tree.list(_ARCHITECTURE):
                data = read_quietly(self._tree, path) if path not in self._known else None
                if data:
                    self._files[path] = data
        return self._files
