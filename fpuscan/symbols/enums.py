"""The enum constants of a set of files, found by regular expression and evaluated when asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from fpuscan.symbols.constexpr import Evaluator
from fpuscan.symbols.cpp import Macro

__all__ = ["EnumTable"]

_ENUM = re.compile(rb"enum\b[^{};()=,]{0,200}\{")


class EnumTable:
    """Enum constants by name; ``macros`` gives the macros that their values may be written with."""

    def __init__(self, macros: Callable[[str], Macro | None] | None = None) -> None:
        self._macros = macros
        self._texts: dict[str, bytes] = {}
        self._rows: dict[str, tuple[str, int]] | None = None
        self._tags: dict[str, list[str]] = {}
        self._values: dict[str, int | None] = {}
        self._evaluator = Evaluator(self._lookup)

    def add(self, path: str, text: bytes) -> None:
        """Add a file by its normalised text."""
        self._texts[path] = text
        self._rows = None
        self._values.clear()
        self._evaluator = Evaluator(self._lookup)

    def value(self, name: str) -> int | None:
        """The (signed) value of a constant, None if there is none of that name or it cannot be evaluated."""
        if self._rows is None:
            self._rows = self._read()
        if name not in self._values and name in self._rows:
            self._values[name] = None  # a constant that is defined by itself ends here
            expression, distance = self._rows[name]
            word = self._evaluator.evaluate(expression)
            if word is not None:
                self._values[name] = (word - (1 << 64) if word >> 63 else word) + distance
        return self._values.get(name)

    def constants(self, tag: str) -> tuple[tuple[str, int], ...]:
        """The constants of ``enum x`` in order, those that can be evaluated."""
        self.value("")
        values = ((name, self.value(name)) for name in self._tags.get(tag.removeprefix("enum "), ()))
        return tuple((name, value) for name, value in values if value is not None)

    def _lookup(self, name: str) -> Macro | int | None:
        value = self.value(name)
        if value is not None or self._macros is None:
            return value
        return self._macros(name)

    def _read(self) -> dict[str, tuple[str, int]]:
        # Each constant as the last expression that was given before it, and its distance from that.
        rows: dict[str, tuple[str, int]] = {}
        self._tags.clear()
        for tag, body in self._bodies():
            expression, distance = "0", -1
            for item in _split(body):
                name, given, value = (part.strip() for part in item.partition("="))
                expression, distance = (value, 0) if given else (expression, distance + 1)
                rows.setdefault(name, (expression, distance))
                if tag:
                    self._tags.setdefault(tag, []).append(name)
        return rows

    def _bodies(self) -> Iterator[tuple[str, str]]:
        # The tag ("" if none) and body of each enum, by path and position.
        for path in sorted(self._texts):
            text = self._texts[path]
            for found in _ENUM.finditer(text):
                end = text.find(b"}", found.end())
                before = text[found.start() - 1 : found.start()]
                if end > 0 and not (before.isalnum() or before == b"_"):
                    words = found[0][4:-1].split()
                    yield (words[0].decode() if words else ""), text[found.end() : end].decode("utf-8", "replace")


def _split(body: str) -> list[str]:
    items, depth, start = [], 0, 0
    for at, char in enumerate(body):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            items.append(body[start:at])
            start = at + 1
    items.append(body[start:])
    return [item.strip() for item in items if item.strip()]
