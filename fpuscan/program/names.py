"""Where each identifier stands: an inverted index of the words of all files.

Takes the normalised text of each file, in which comments, strings and
directives are blank. A file's words are collected when somebody first asks;
the offsets of a word are found in the files that hold it.
"""

from __future__ import annotations

__all__ = ["NameIndex", "Occurrence"]

Occurrence = tuple[str, int]  # path, offset

_WORD_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_IN_WORDS = frozenset(_WORD_BYTES)
_WORDS_ONLY = bytes(byte if byte in _IN_WORDS else 0x20 for byte in range(256))


class NameIndex:
    """The words of a growing set of files."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._unread: list[str] = []
        self._files: dict[bytes, list[str]] = {}  # of a word
        self._found: dict[str, tuple[Occurrence, ...]] = {}
        self.asked: set[str] = set()  # every name that somebody looked for

    def add(self, path: str, text: bytes) -> None:
        """One more file."""
        self._texts[path] = text
        self._unread.append(path)
        self._found.clear()

    def text(self, path: str) -> bytes:
        """The text of a file as it was added."""
        return self._texts[path]

    def occurrences(self, name: str) -> tuple[Occurrence, ...]:
        """Every place (path, offset) where an identifier stands, in order."""
        found = self._found.get(name)
        if found is None:
            self.asked.add(name)
            found = tuple(
                (path, offset) for path in self.files(name) for offset in _offsets(self._texts[path], name.encode())
            )
            self._found[name] = found
        return found

    def files(self, name: str) -> list[str]:
        """The files in which an identifier stands, sorted."""
        for path in self._unread:
            for word in set(self._texts[path].translate(_WORDS_ONLY).split()):
                self._files.setdefault(word, []).append(path)
        self._unread.clear()
        return sorted(self._files.get(name.encode(), ()))


def _offsets(text: bytes, word: bytes) -> list[int]:
    """The offsets of a word: of the bytes where no other byte of a word stands next to them."""
    found = []
    size = len(word)
    position = text.find(word)
    while position >= 0:
        end = position + size
        before, behind = text[position - 1 : position], text[end : end + 1]
        if not (before and before[0] in _IN_WORDS) and not (behind and behind[0] in _IN_WORDS):
            found.append(position)
        position = text.find(word, end)
    return found
