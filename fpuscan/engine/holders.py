"""Globals that point into a configuration: tables of ``&cfg.member``, and pointers that are set to it at boot.

Also pointers to compound literals, objects that only the pointer names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.places import plain_name

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.places import Place

__all__ = ["Holders"]

_NEAR = 8  # bytes behind a name
_LITERAL = re.compile(rb"\)\s*\{")


class Holders:
    """Which globals some statement sets to the address of a tracked global or of one of its members."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._literals: dict[str, bool] = {}

    def holds(self, place: Place) -> bool:
        """Whether a plain pointer in a global is one of them, or any pointer is set to a compound literal."""
        ctype = self.analysis.place_type(place)
        if place[0][0] != "g" or ctype is None or not ctype.is_pointer:
            return False
        if plain_name(self.analysis.variable(place[0])) in self.analysis.spread.names():
            return True
        return self.has_literal(place)

    def has_literal(self, place: Place) -> bool:
        """Whether the initialiser of a global holds a compound literal, as far as the text tells."""
        name = plain_name(self.analysis.variable(place[0]))
        found = self._literals.get(name)
        if found is None:
            units = self.analysis.program.units_mentioning(name)
            found = any(not unit.is_function and _LITERAL.search(unit.text()) for unit in units)
            self._literals[name] = found
        return found

    def is_told(self, place: Place) -> bool:
        """Whether the stores that name a global say all that is ever in its pointers: it is constant, or one file alone
        knows it (or the elements or members of it) and never gives its address away.
        """  # noqa: D205
        root, path = place
        if root[0] != "g":
            return False
        name, program = plain_name(self.analysis.variable(root)), self.analysis.program
        if self.is_constant(name):
            return True
        if ":" not in str(root[1]) or program.address_taken(name):
            return False
        members = [part[0] != "[" for part in path]
        if any(members) and (members != sorted(members) or program.member_address_taken(name)):
            return False
        return not path or all(self._names_part(file, offset, name) for file, offset in program.occurrences(name))

    def is_constant(self, name: str) -> bool:
        """Whether a global of that name is declared ``const`` with its value."""
        constant = re.compile(rb"(?:\*\s*const\s+|\bconst\b[^;={}*]*)\b" + name.encode() + rb"\b[^;]*=")
        units = self.analysis.program.units_mentioning(name)
        return any(not unit.is_function and constant.search(unit.text()) for unit in units)

    def _names_part(self, path: str, offset: int, name: str) -> bool:
        """Whether an occurrence of a global's name is of an element or member, of a type, or in the declaration."""
        text = self.analysis.program.files[path].normalised.text
        if text[offset + len(name) : offset + len(name) + _NEAR].lstrip()[:1] in {b"[", b"."}:
            return True
        if text[max(0, offset - _NEAR) : offset].rstrip().endswith((b"struct", b"union", b"enum")):
            return True
        unit = self.analysis.program.unit_at(path, offset)
        return unit is not None and not unit.is_function
