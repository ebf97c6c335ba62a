"""How the text of a function touches a name: stores into it, reads it, goes through a variable to it.

The words around an occurrence tell; so an answer may name too many functions,
and the facts of each say what it does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.program.bodies import handed_to

if TYPE_CHECKING:
    from fpuscan.program.aliases import AliasIndex
    from fpuscan.program.bodies import MacroBodies
    from fpuscan.program.names import NameIndex
    from fpuscan.program.units import Unit, UnitTable

__all__ = ["AccessIndex", "base_of"]

_NEAR = 160  # bytes before a member in which its object is named
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_OBJECT = re.compile(rb"(\w+)\s*(?:\[[^\]]*\]\s*)*([)]?)\s*\Z")
# Behind a name that is stored into: `[i] |= x`, `= x`, `++`.
_STORED = re.compile(rb"\s*(?:(?:\[[^\]]*\]\s*)*(?:[-+|&^*]|<<|>>)?=(?!=)|\+\+|--)")
_ADDRESS = re.compile(rb"&[^&;{}(),=]*\Z")
_PART = re.compile(rb"\s*(?:\.|->|\[)")
_SET = re.compile(rb"\s*=(?!=)")
# `(char *)p + OFFSETOF(struct x, a.b`: what is stored there, or read, only the facts tell.
_OFFSET = re.compile(rb"\bOFFSETOF\s*\([^()]*\Z")


class AccessIndex:
    """The functions that store into a name or read it, by the text around its occurrences."""

    def __init__(self, names: NameIndex, table: UnitTable, bodies: MacroBodies, aliases: AliasIndex) -> None:
        """``bodies`` knows the macros that store through an argument, ``aliases`` those that stand for a name."""
        self._names = names
        self._aliases = aliases
        self._table = table
        self._bodies = bodies
        self._storing: dict[str, frozenset[int]] = {}
        self._reading: dict[str, frozenset[int]] = {}

    def storing(self, name: str) -> frozenset[int]:
        """The functions in which a name is assigned to, handed to a macro that stores, or its address taken."""
        found = self._storing.get(name)
        if found is None:
            aliases = self._aliases.of(name)
            plain = all(map(self._aliases.is_plain, aliases))
            found = frozenset(
                unit.id
                for word in (name, *aliases)
                for unit, offset in self._inside(word)
                if self._stores(unit, offset, len(word)) or (word != name and not plain)
            )
            self._storing[name] = found
        return found

    def reading(self, name: str) -> frozenset[int]:
        """The functions in which a name, or a macro for it, stands where it is not just set."""
        found = self._reading.get(name)
        if found is None:
            found = frozenset(
                unit.id
                for word in (name, *self._aliases.of(name))
                for unit, offset in self._inside(word)
                if word != name or not _SET.match(unit.file.normalised.text, offset + len(name), unit.end)
            )
            self._reading[name] = found
        return found

    def whole(self, name: str) -> frozenset[int]:
        """The functions in which a name stands without a member or element behind it, and not for its address."""
        return frozenset(
            unit.id
            for unit, offset in self._inside(name)
            if not _PART.match(unit.file.normalised.text, offset + len(name), unit.end)
            and not _ADDRESS.search(unit.file.normalised.text, max(unit.start, offset - _NEAR), offset)
        )

    def _inside(self, name: str) -> list[tuple[Unit, int]]:
        places = [(self._table.function_at(path, offset), offset) for path, offset in self._names.occurrences(name)]
        return [(unit, offset) for unit, offset in places if unit is not None]

    def _stores(self, unit: Unit, offset: int, size: int) -> bool:
        text, start = unit.file.normalised.text, unit.start
        if _STORED.match(text, offset + size, unit.end):
            return True
        statement = max(start, text.rfind(b";", start, offset) + 1)
        if b"OFFSETOF" in text[statement:offset] and _OFFSET.search(text, statement, offset):
            return True
        address = text.rfind(b"&", statement, offset)
        if address >= 0 and text.find(b",", address, offset) < 0:
            return True
        bodies = self._bodies
        return any(handed_to(text, statement, offset, macros) for macros in (bodies.storing, bodies.selecting))


def base_of(text: bytes, start: int, offset: int) -> tuple[bytes, bool] | None:
    """The variable through which the member at ``offset`` is accessed, and whether a parenthesis closes behind it.

    None if no member operator stands before the offset, or no word before that.
    """
    before = text[max(start, offset - _NEAR) : offset].rstrip()
    if b"OFFSETOF" in before and _OFFSET.search(before):
        return b"", True
    if before.endswith(b"->"):
        before = before[:-2].rstrip()
    elif before.endswith(b"."):
        before = before[:-1].rstrip()
    else:
        return None
    begin = len(before)
    while begin and before[begin - 1] in _WORD_BYTES:
        begin -= 1
    if begin < len(before):
        return before[begin:], False
    match = _OBJECT.search(before)
    if match is None and before.endswith((b")", b"]")):  # f()->member
        return b"", True
    return (match[1], bool(match[2])) if match else None
