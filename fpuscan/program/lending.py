"""Which globals and members some function puts the address of a variable into, as far as the text tells.

A local whose address is there can be read and written by whoever names the
global or the member. Few functions do that, so that the rest of the program
need not be asked.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fpuscan.program.sources import Sources
    from fpuscan.program.units import Unit

__all__ = ["Lending"]

_ADDRESS = re.compile(rb"=[ \t]*+(?:\([\w\s]*\*\s*\)[ \t]*+)?&[ \t]*+\w++[ \t]*+[;,\[.]")  # = &x;
_PUBLISHED = (  # WRITE_ONCE(global, &x)
    re.compile(rb"WRITE_ONCE\(([^;,]*),[ \t]*&[ \t]*\w++[ \t]*\)"),
    re.compile(rb"rcu_assign_pointer\(([^;,]*),[ \t]*&[ \t]*\w++[ \t]*\)"),
)
_COPIED = re.compile(rb"\n[ \t]*+(\w++)[ \t]*+=[ \t]*+(\w++)[ \t]*+;")  # name = name;
_TARGET = re.compile(rb"(->\s*|\.\s*)?(\w+)\s*(?:\[[^\]]*\]\s*)*\Z")
_NEAR = 80  # bytes in front of an assignment in which its target stands


class Lending:
    """Addresses in one index of all functions, made when somebody first asks; copies are looked for on demand."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._kept: dict[str, dict[int, str]] = {}

    def units(self, name: str) -> list[Unit]:
        """The functions that put the address of a variable, or a pointer that may be one, into what has that name."""
        self._sources.names.asked.add(name)
        return [*self._addressing.get(name, ()), *self._copying(name)]

    def kept(self, function: str) -> dict[int, str]:
        """The parameters of a function that it stores in globals: their numbers, and the names of the globals."""
        if function not in self._kept:
            self._kept[function] = {
                number: match[1].decode()
                for unit in self._sources.table.definitions(function)
                for match in _COPIED.finditer(unit.text())
                for number, variable in enumerate(unit.signature.params)
                if variable.name == match[2].decode() and self._is_global(match[1].decode(), pointer=True)
            }
        return self._kept[function]

    @cached_property
    def _addressing(self) -> dict[str, list[Unit]]:
        units: dict[str, list[Unit]] = {}
        table = self._sources.table
        for path in table.files():
            for name, offset in self._holders(self._sources.files[path].normalised.text):
                unit = table.function_at(path, offset)
                if unit is not None:
                    units.setdefault(name, []).append(unit)
        return units

    def _copying(self, name: str) -> Iterator[Unit]:
        """The functions that store a parameter or an array of theirs in a global pointer."""
        for path, offset in self._sources.occurrences(name) if self._is_global(name, pointer=True) else ():
            text = self._sources.files[path].normalised.text
            match = _COPIED.match(text, text.rfind(b"\n", 0, offset))
            unit = self._sources.table.function_at(path, offset)
            if unit is not None and match and match.start(1) == offset and _may_point(unit, match[2]):
                yield unit

    def _holders(self, text: bytes) -> Iterator[tuple[str, int]]:
        for match in _ADDRESS.finditer(text):
            target = _TARGET.search(text, max(0, match.start() - _NEAR), match.start())
            if target is not None and (target[1] or self._is_global(target[2].decode())):
                yield target[2].decode(), match.start()
            elif target is not None:  # by way of a local pointer
                yield from self._copied_to(text, target[2], match.end())
        for match in (match for pattern in _PUBLISHED for match in pattern.finditer(text)):
            target = _TARGET.search(match[1])
            if target is not None:
                yield target[2].decode(), match.start()

    def _copied_to(self, text: bytes, pointer: bytes, position: int) -> Iterator[tuple[str, int]]:
        """Where a local pointer is copied to, behind the place at which it is set."""
        end = text.find(b"\n}", position)
        word = b"= " + pointer + b";"
        while (position := text.find(word, position, end)) >= 0:
            target = _TARGET.search(text, max(0, position - _NEAR), position)
            if target is not None and (target[1] or self._is_global(target[2].decode())):
                yield target[2].decode(), position
            position += len(word)

    def _is_global(self, name: str, *, pointer: bool = False) -> bool:
        variable = self._sources.types.global_var(name)
        return variable is not None and (not pointer or (variable.type.is_pointer and not variable.type.function))


def _may_point(unit: Unit, name: bytes) -> bool:
    """Whether a name may be a parameter of a function or an array in it."""
    text, head = unit.text(), unit.heading()
    return name in head or text.find(name + b"[", len(head)) >= 0
