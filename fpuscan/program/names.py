"""Where each identifier stands: an inverted index of the words of all files.

Takes the normalised text of each file, in which comments, strings and
directives are blank. The words of each piece of a file are collected when
somebody first asks; the offsets of a word are found in the pieces that hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NameIndex", "Occurrence"]

Occurrence = tuple[str, int]  # path, offset
_Piece = tuple[str, int, int]  # path, start, end

_WORD_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_BLANK = 0x20
_WORDS_ONLY = bytes(byte if byte in _WORD_BYTES else _BLANK for byte in range(256))
_PIECE = 4000  # bytes, and the rest of a word: what is searched for a word that stands in it


class NameIndex:
    """The words of a growing set of files."""

    def __init__(self) -> None:
        self._texts: dict[str, bytes] = {}
        self._words: dict[str, bytes] = {}  # the texts with a blank for all else, and one more at each end
        self._unread: list[str] = []
        self._pieces: dict[bytes, list[_Piece]] = {}  # of a word
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
            found = tuple(self._find(name.encode()))
            self._found[name] = found
        return found

    def _find(self, word: bytes) -> Iterator[Occurrence]:
        self._read()
        for path, start, end in sorted(self._pieces.get(word, ())):
            words = self._words[path]
            position = words.find(word, start, end)
            while position >= 0:
                behind = position + len(word)
                if words[position - 1] == words[behind] == _BLANK:
                    yield path, position - 1
                position = words.find(word, behind, end)

    def _read(self) -> None:
        for path in self._unread:
            words = self._words[path] = b" %s " % self._texts[path].translate(_WORDS_ONLY)
            start = 0
            while start < len(words):
                end = words.find(b" ", start + _PIECE) + 1 or len(words)
                piece = (path, start, end)
                for word in set(words[start:end].split()):
                    self._pieces.setdefault(word, []).append(piece)
                start = end
        self._unread.clear()
