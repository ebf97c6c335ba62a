"""Which functions may call a function through a pointer, as far as the text tells.

Follows the name of a function to where its address goes: a member, a variable, a
table, an argument, a result; and from there to the calls through a member or
variable of that name. It does not ask for types or objects, so it names too many
functions, and the facts of each say what it calls.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.parse.pieces import closing
from fpuscan.symbols.expansion import expand_call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.program.aliases import AliasIndex
    from fpuscan.program.bodies import MacroBodies
    from fpuscan.program.sources import Sources
    from fpuscan.program.units import Unit

__all__ = ["PointerCalls"]

_IN_FRONT = (b"=", b",", b"(", b"?", b":", b"{", b"return")  # of a name that stands for itself
_BEHIND = re.compile(rb"\s*[,;:)}]")
_MADE = re.compile(rb"\.\s*(\w+)\s*=\s*(\w+)\s*\(\s*(\w+)\s*\)\s*[,}]")  # .member = MACRO(name)
_CALLED = re.compile(rb"\s*(?:\[[^\]]*\]\s*)*\)*\s*\(")
_TARGET = re.compile(
    rb"""
      (?P<member> \. | -> )? \s* (?P<name> \w+ ) \s* (?: \[[^\]]*\] \s* )* \Z      # x.name[i]
    | \(\s*\*\s* (?:const\s+)? (?P<pointer> \w+ ) \s* (?: \[[^\]]*\] \s* )* \) \s* \([^=;{}]*\) \s* \Z  # (*name)(int)
    """,
    re.VERBOSE,
)
_OF_STRUCT = re.compile(rb"\b(struct|union)\s+(\w+)[\s*]+(?:\w+\s+)?\w+\s*(?:\[[^\]]*\]\s*)*=\s*\Z")
_SET = re.compile(rb"\s*=(?!=)")
_FIRST = re.compile(rb"[^,;]*?(\.|->)?\s*(\w+)\s*,")  # argument
_ARGUMENT = re.compile(rb"(\w+)\s*\([^();]*\Z")  # what a name is handed to
_MEMBER = re.compile(r"->|\.\s*\w|##")
_NEAR = 400  # bytes of a statement in front of a name
_COMMENT = 4000  # bytes that a comment between two words may have
_MAX_WORDS = 60  # that one function's address goes to
_MAX_OCCURRENCES = 300  # of a member that is followed to where it is copied


class _Word(NamedTuple):
    # A name that may stand for the function: everywhere, or inside one function; or a function that returns it.
    name: str
    inside: Unit | None = None
    returns: bool = False
    member: bool = False


class PointerCalls:
    """The calls through pointers, function by function."""

    def __init__(
        self,
        sources: Sources,
        aliases: AliasIndex,
        bodies: MacroBodies,
        prefixes: tuple[str, ...],
        chains: dict[str, tuple[str, ...]],
    ) -> None:
        """``prefixes``: what stands before the name of a member where it is called as a static call; ``chains``: the
        functions of other places that call what a member of registered objects holds.
        """  # noqa: D205
        self._names = sources.names
        self._table = sources.table
        self._macros = sources.macros
        self._types = sources.types
        self._aliases = aliases
        self._bodies = bodies
        self._prefixes = prefixes
        self._chains = chains
        self._made: dict[str, set[str]] = {}  # the members that a macro puts a function into
        self._files = 0

    def callers(self, name: str) -> frozenset[Unit]:
        """The functions that may call a function through a pointer."""
        self._index()
        if name not in self._made and not self._is_taken(name):
            return frozenset()
        found: set[Unit] = set()
        seen: set[_Word] = set()
        work = [_Word(name), *(_Word(each, member=True) for each in self._made.get(name, ()))]
        while work and len(seen) < _MAX_WORDS:
            word = work.pop()
            if word not in seen:
                seen.add(word)
                work += self._follow(word, found, itself=word.name == name)
        return frozenset(found)

    def _index(self) -> None:
        units = self._table.files()
        if self._files == len(units):
            return
        self._files = len(units)
        for path in units:
            for member, macro, argument in _MADE.findall(self._names.text(path)):
                for each in self._macros.definitions(macro.decode()):
                    made = expand_call(each, [argument.decode()]).strip()
                    self._made.setdefault(made, set()).add(member.decode())

    def _is_taken(self, name: str) -> bool:
        """Whether a name stands for itself somewhere, and for no call."""
        places = ((self._names.text(path), offset) for path, offset in self._names.occurrences(name))
        return any(_stands_for_itself(text, offset, offset + len(name)) for text, offset in places)

    def _follow(self, word: _Word, found: set[Unit], *, itself: bool) -> list[_Word]:
        """Note who calls through a word; gives the words that its value goes to."""
        further: list[_Word] = []
        places = [
            at
            for at in self._places(word)
            if word.member == _is_member(at[1], at[2]) or (word.member and self._is_pasted(at[1], at[2]))
        ]
        if not itself and word.inside is None:
            if word.member:
                further += [_Word(each + word.name) for each in self._prefixes]
                chains = (place for each in self._chains.get(word.name, ()) for place in self._places(_Word(each)))
                found.update(unit for unit, _, _ in chains if unit is not None)
            for alias in self._aliases.of(word.name):
                found.update(unit for unit, _, _ in self._places(_Word(alias)) if unit is not None)
        for unit, text, offset in places:
            end = offset + len(word.name)
            if word.returns:
                end = _behind_call(text, end)
                if end < 0:
                    continue
            if _CALLED.match(text, end):
                if unit is not None and not itself:
                    found.add(unit)
            elif len(places) <= _MAX_OCCURRENCES and not _SET.match(text, end):
                further += self._destinations(unit, text, offset, found)
        return further

    def _places(self, word: _Word) -> Iterator[tuple[Unit | None, bytes, int]]:
        if word.inside is None:
            for path, offset in self._names.occurrences(word.name):
                yield self._table.function_at(path, offset), self._names.text(path), offset
        else:
            text, inside = word.inside.file.normalised.text, word.inside.text()
            name = re.compile(rb"(?<!\w)" + word.name.encode() + rb"(?!\w)")
            for match in name.finditer(inside):
                yield word.inside, text, word.inside.start + match.start()

    def _is_pasted(self, text: bytes, offset: int) -> bool:
        """Whether a name is the argument of a macro that may make a member of it: ``kvm_x86_call(name)``."""
        callee = _ARGUMENT.search(text, max(0, offset - _NEAR), offset)
        if callee is None:
            return False
        macros = self._macros.definitions(callee[1].decode())
        return any(macro.params and _MEMBER.search(macro.body) for macro in macros)

    def _destinations(self, unit: Unit | None, text: bytes, offset: int, found: set[Unit]) -> Iterator[_Word]:
        """What the value at an offset is assigned to, handed to or returned by."""
        commas = 0
        first = max(0, offset - _NEAR)
        position = offset
        while (position := _outward(text, first, position - 1)) >= 0:
            match text[position : position + 1]:
                case b",":
                    commas += 1
                case b"=":
                    yield from _assigned(unit, text, position)
                    return
                case b"(":
                    callee = re.search(rb"(\w+)\s*\Z", text[first:position])
                    if callee is not None:
                        yield from self._handed(unit, callee[1].decode(), text, position, commas, found)
                        return
                    commas = 0
                case b"{" if text[first:position].rstrip().endswith((b"=", b",", b"{")):
                    before = text[first:position].rstrip()
                    if before.endswith(b"="):
                        yield from self._table_of(unit, text, len(text[:first]) + len(before) - 1)
                        return
                case _:
                    if text[position + 1 : offset].split()[:1] == [b"return"] and unit is not None:
                        yield _Word(unit.name, returns=True)
                    return

    def _handed(
        self, unit: Unit | None, callee: str, text: bytes, opening: int, index: int, found: set[Unit]
    ) -> Iterator[_Word]:
        """A function takes the value as an argument; a macro may call it or store it into its first argument."""
        definitions = self._table.definitions(callee)
        for each in definitions:
            if index < len(each.signature.params):
                yield _Word(each.signature.params[index].name, each)
        if not definitions and callee not in {"if", "while", "for", "switch", "sizeof"}:
            if unit is not None:
                found.add(unit)
            stores = "static_call" in callee.lower() or callee.encode() in self._bodies.storing
            target = _FIRST.match(text, opening + 1) if stores and index else None
            if target is not None:
                yield _Word(target[2].decode(), member=target[1] is not None)

    def _table_of(self, unit: Unit | None, text: bytes, position: int) -> Iterator[_Word]:
        """An element of an array, or of a struct, of which the members may be it."""
        yield from _assigned(unit, text, position)
        match = _OF_STRUCT.search(text[max(0, position - _NEAR) : position + 1])
        if match is not None:
            members = self._types.members(f"{match[1].decode()} {match[2].decode()}") or {}
            yield from (
                _Word(name, member=True) for name, ctype in members.items() if self._types.resolve(ctype).function
            )


def _stands_for_itself(text: bytes, start: int, end: int) -> bool:
    """Whether a name, or its address, is a value of its own: assigned, handed over, returned."""
    if _BEHIND.match(text, end) is None:
        return False
    return text[max(0, start - _COMMENT) : start].rstrip(b" \t\r\n&").endswith(_IN_FRONT)


def _outward(text: bytes, first: int, position: int) -> int:
    """The nearest bracket that is open, comma, assignment or end of a statement in front of a place; -1: none."""
    depth = 0
    while position >= first:
        byte = text[position : position + 1]
        if byte in {b")", b"]"}:
            depth += 1
        elif byte in {b"(", b"["} and depth:
            depth -= 1
        elif not depth and (
            byte in {b"(", b",", b";", b"{", b"}"}
            or (byte == b"=" and text[position - 1] not in b"=!<>" and text[position + 1 : position + 2] != b"=")
        ):
            return position
        position -= 1
    return -1


def _assigned(unit: Unit | None, text: bytes, position: int) -> Iterator[_Word]:
    """What stands to the left of an assignment."""
    match = _TARGET.search(text[max(0, position - _NEAR) : position])
    if match is None:
        return
    name = (match["name"] or match["pointer"]).decode()
    yield _Word(name, member=match["member"] is not None)
    if not match["member"] and unit is not None:
        yield _Word(name, unit)


def _behind_call(text: bytes, position: int) -> int:
    """The end of the arguments behind a name; -1 where there are none."""
    opening = text.find(b"(", position, position + 3)
    return closing(text, opening + 1, b"()", opening + _NEAR) + 1 or -1 if opening >= 0 else -1


def _is_member(text: bytes, position: int) -> bool:
    """Whether a member operator stands before a name."""
    return text[max(0, position - 8) : position].rstrip().endswith((b".", b"->"))
