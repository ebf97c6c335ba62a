"""What the answer of a scan hangs on: so that a commit beside it needs no scan of its own.

A scan reads files, cuts them into functions, lowers some of these, and asks of
the text of the others only where certain names stand. A :class:`Footprint` is
the record of all that. Its question: is the answer for another tree the same?
It says yes only where no difference between the two trees can be seen through
what the scan asked:

- the same files, except others of the architecture that were merely searched;
- outside of functions the same text, comments and blank space aside;
- the same functions in the same order; those that were lowered, or looked at as a whole, have the same text;
- in the others, the statements that differ hold no name that the scan looked for.

Lines may have moved: the findings are the same by fingerprint, not by line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from fpuscan.parse.normalise import Attributes
from fpuscan.parse.source import SourceFile
from fpuscan.scope import Scope

if TYPE_CHECKING:
    from fpuscan.parse.reuse import ParseCache
    from fpuscan.parse.syntax import ParsedFile
    from fpuscan.program import Program

__all__ = ["Footprint"]

_WORD = re.compile(rb"[A-Za-z_]\w*")
_COMMENT = re.compile(rb"""/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""", re.DOTALL)
_LINES = re.compile(rb"\s*\n\s*")
_BLANK = re.compile(rb"[^\S\n]+")
_DIRECTIVE = re.compile(rb"^\s*#", re.MULTILINE)
# What a search over all functions, whatever their names, may take for something.
_TELLING = re.compile(
    rb"""
      \b(?:DEFINE_STATIC_CALL\w*|static_call_update)\b                            # the function behind a static call
    | \.\s*\w+\s*=\s*\w+\s*\(\s*\w+\s*\)                                        # one that a macro makes the name of
    | \bmem(?:cpy|move)\b | =\s*\(?\s*\* | \breturn\s*\*                         # the copy of a whole struct
    | =\s*(?:\([\w\s]*\*\s*\)\s*)?& | \b(?:WRITE_ONCE|rcu_assign_pointer)\b     # an address that goes somewhere
    | \b(?:struct|union|enum)\b\s*\w*\s*\{ | \bstatic\b | \btypedef\b            # a declaration
    """,
    re.VERBOSE,
)
_IGNORE = b"fpuscan"  # a comment that takes a finding back, or means to, is part of the answer


@dataclass(frozen=True, slots=True)
class Footprint:
    """The record of one scan.

    ``files`` are the paths of the parsed files, ``read`` the starts, by path, of the functions whose facts were
    used or whose text was looked at as a whole, ``asked`` the identifiers whose occurrences were asked for,
    ``outside`` the words, and the patterns behind them, that files outside the scope were searched for; ``in_part``
    the headers of which only some facts were taken.
    """

    files: frozenset[str]
    read: dict[str, frozenset[int]]
    asked: frozenset[bytes]
    outside: tuple[tuple[bytes, re.Pattern[bytes] | None], ...]
    in_part: frozenset[str]
    scope: Scope
    attributes: Attributes
    cache: ParseCache

    @classmethod
    def of(cls, program: Program, cache: ParseCache) -> Footprint:
        """The record of the scan that a program was made for."""
        read: dict[str, set[int]] = {}
        for unit in program.units:
            if unit.lowered or unit.read:
                read.setdefault(unit.path, set()).add(unit.start)
        return cls(
            frozenset(program.files),
            {path: frozenset(starts) for path, starts in read.items()},
            program.asked(),
            program.searched_outside(),
            frozenset(program.read_in_part),
            program.model.scope,
            program.attributes,
            cache,
        )

    def record(self) -> dict[str, Any]:
        """The footprint as JSON has it."""
        return {
            "files": sorted(self.files),
            "read": {path: sorted(starts) for path, starts in sorted(self.read.items())},
            "asked": _texts(self.asked),
            "outside": [
                [_text(word), pattern and _text(pattern.pattern), pattern.flags if pattern else 0]
                for word, pattern in self.outside
            ],
            "in_part": sorted(self.in_part),
            "scope": [getattr(self.scope, each.name) for each in fields(self.scope)],
            "attributes": [*map(_texts, self.attributes)],
        }

    @classmethod
    def restored(cls, record: dict[str, Any], cache: ParseCache) -> Footprint:
        """The footprint that a record is of."""
        return cls(
            frozenset(record["files"]),
            {path: frozenset(starts) for path, starts in record["read"].items()},
            _words(record["asked"]),
            tuple(
                (word.encode("latin-1"), None if pattern is None else re.compile(pattern.encode("latin-1"), flags))
                for word, pattern, flags in record["outside"]
            ),
            frozenset(record["in_part"]),
            Scope(*map(tuple, record["scope"])),
            Attributes(*map(_words, record["attributes"])),
            cache,
        )

    def indifferent(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        """Whether a file may change like this, or come or go, and the answer stays the same."""
        if path not in self.files:
            if path in self.in_part or self.scope.holds(path):
                return False
            return not any(self._matters(data) for data in (before, after) if data is not None)
        if after is None or before is None or any(_IGNORE in data.lower() for data in (before, after)):
            return False
        # As they stand in the tree, without what a scan appends: that comes from directives and from between functions.
        old, new = (self.cache.parse(SourceFile(path, data), self.attributes) for data in (before, after))
        return self._alike(old, new)

    def _matters(self, data: bytes) -> bool:
        return any(word in data and (pattern is None or pattern.search(data)) for word, pattern in self.outside)

    def _alike(self, old: ParsedFile, new: ParsedFile) -> bool:
        if [each.name for each in old.functions] != [each.name for each in new.functions]:
            return False
        if old.errors or new.errors:
            return False
        if not all(_same(was, now) for was, now in zip(_around(old), _around(new), strict=True)):
            return False
        read = self.read.get(old.source.path, frozenset())
        return all(
            _same(old.source.data[was.start : was.body_start], new.source.data[now.start : now.body_start])
            and self._same_body(
                old.source.data[was.body_start : was.end],
                new.source.data[now.body_start : now.end],
                exact=was.start in read,
            )
            for was, now in zip(old.functions, new.functions, strict=True)
        )

    def _same_body(self, old: bytes, new: bytes, *, exact: bool) -> bool:
        if old == new:
            return True
        was, now = _code(old), _code(new)
        if was == now:
            return True
        if exact or _DIRECTIVE.search(was) or _DIRECTIVE.search(now):
            return False
        return not any(
            _TELLING.search(part) or not self.asked.isdisjoint(_WORD.findall(part)) for part in _difference(was, now)
        )


# Bytes as JSON has them: each is a character.
def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _texts(words: frozenset[bytes]) -> list[str]:
    return sorted(map(_text, words))


def _words(texts: list[str]) -> frozenset[bytes]:
    return frozenset(text.encode("latin-1") for text in texts)


# Whether the bytes of a function, or between two, mean the same: comments and the amount of blank space aside.
def _same(was: bytes, now: bytes) -> bool:
    return was == now or _code(was) == _code(now)


# Line breaks stay, as they end directives.
def _code(data: bytes) -> bytes:
    text = _COMMENT.sub(lambda match: match.group(1) or b" ", data)
    return _BLANK.sub(b" ", _LINES.sub(b"\n", text)).strip()


# The bytes in front of the first function, between each and the next, and behind the last.
def _around(parsed: ParsedFile) -> list[bytes]:
    parts, position = [], 0
    for each in parsed.functions:
        parts.append(parsed.source.data[position : each.start])
        position = max(position, each.end)
    return [*parts, parsed.source.data[position:]]


# The statements in which two texts differ: what is alike at both ends is taken off, up to a semicolon.
def _difference(was: bytes, now: bytes) -> tuple[bytes, bytes]:
    head = 0
    shortest = min(len(was), len(now))
    while head < shortest and was[head] == now[head]:
        head += 1
    tail = 0
    while tail < shortest - head and was[-1 - tail] == now[-1 - tail]:
        tail += 1
    start = was.rfind(b";", 0, head) + 1
    end = was.find(b";", len(was) - tail)
    tail = len(was) - end if end >= 0 else 0
    return was[start : len(was) - tail], now[start : len(now) - tail]
