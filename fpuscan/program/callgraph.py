"""The call graph as the text shows it: which functions name which, followed by a parenthesis.

A macro that may stand for a function, or for a call of it, is taken for its caller;
so it has every direct call, and some that are none. Calls through pointers are
followed on request.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from re import Pattern

    from fpuscan.program.aliases import AliasIndex
    from fpuscan.program.indirect import PointerCalls
    from fpuscan.program.names import NameIndex
    from fpuscan.program.units import Unit, UnitTable

__all__ = ["CallGraph"]

_CALL = re.compile(rb"\b(\w++)\s*+\(")


class CallGraph:
    """Who calls a name; indexed when somebody first asks, and again when files were added."""

    def __init__(self, table: UnitTable, aliases: AliasIndex, words: NameIndex, pointers: PointerCalls) -> None:
        self._table = table
        self._words = words
        self._pointers = pointers
        self._aliases = aliases
        self._calls: dict[bytes, list[Unit]] = {}
        self._callers: dict[str, tuple[Unit, ...]] = {}
        self._levels: dict[str, tuple[frozenset[int], frozenset[str]]] = {}
        self._closures: dict[tuple[frozenset[str], Pattern[bytes] | None], frozenset[int]] = {}
        self._files = 0
        self.asked: set[str] = set()  # every name whose callers somebody looked for

    def callers(self, name: str) -> tuple[Unit, ...]:
        """The functions that call a function by name, or use a macro that may."""
        self._index()
        found = self._callers.get(name)
        if found is None:
            names = (name, *self._aliases.of(name))
            self.asked.update(names)
            found = tuple(dict.fromkeys(unit for word in names for unit in self._users(word)))
            self._callers[name] = found
        return found

    def _users(self, word: str) -> Iterator[Unit]:
        yield from self._calls.get(word.encode(), ())
        if self._aliases.is_object(word):  # `#define MASK (mask())`
            places = (self._table.function_at(path, offset) for path, offset in self._words.occurrences(word))
            yield from (unit for unit in places if unit is not None)

    def closure(self, units: Iterable[Unit], pointers: Pattern[bytes] | None = None) -> frozenset[int]:
        """Some functions, and all that call them by name, directly or not (their numbers).

        With ``pointers`` also the calls through pointers, between functions in whose head the pattern is.
        """
        self._index()
        known = {unit.id: unit.name for unit in units}
        key = frozenset(known.values()), pointers
        if key not in self._closures:
            self._closures[key] = self._all_above(*key)
        return self._closures[key].union(known)

    def _all_above(self, names: frozenset[str], pointers: Pattern[bytes] | None) -> frozenset[int]:
        """The functions that call some names, directly or not."""
        known: set[int] = set()
        seen, work = set(names), [*names]
        levels = self._levels
        while work:
            name = work.pop()
            numbers, callers = levels.get(name) or self._above(name)
            if pointers is not None:
                more, others = self._through_pointers(name, pointers)
                numbers, callers = numbers | more, callers | others
            if not callers <= seen:
                new = callers - seen
                seen |= new
                work += new
            known |= numbers
        return frozenset(known)

    def _above(self, name: str) -> tuple[frozenset[int], frozenset[str]]:
        """The callers of a name by number and by name."""
        found = self._levels.get(name)
        if found is None:
            callers = self.callers(name)
            found = frozenset(unit.id for unit in callers), frozenset(unit.name for unit in callers)
            self._levels[name] = found
        return found

    def _through_pointers(self, name: str, pointers: Pattern[bytes]) -> tuple[frozenset[int], frozenset[str]]:
        """The functions that may call a name through a pointer, if a pattern is in its head and in theirs."""
        if not any(pointers.search(unit.heading()) for unit in self._table.definitions(name)):
            return frozenset(), frozenset()
        found = [unit for unit in self._pointers.callers(name) if pointers.search(unit.heading())]
        return frozenset(unit.id for unit in found), frozenset(unit.name for unit in found)

    def _index(self) -> None:
        if self._files == len(self._table.files()):
            return
        self._files = len(self._table.files())
        self._calls.clear()
        self._callers.clear()
        self._levels.clear()
        self._closures.clear()
        for path, units in self._table.files().items():
            for offset, name in units[0].file.normalised.applied.items() if units else ():
                unit = self._table.function_at(path, offset)
                if unit is not None:
                    self._calls.setdefault(name.encode(), []).append(unit)
            for unit in units:
                text = unit.file.normalised.text
                for name in set(_CALL.findall(text, unit.start, unit.end)):
                    self._calls.setdefault(name, []).append(unit)
