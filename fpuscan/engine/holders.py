"""Globals that point into a configuration: tables of ``&cfg.member``, and pointers that are set to it at boot.

Also pointers to compound literals, objects that only the pointer names.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.engine.functions.variables import base_variable
from fpuscan.ir import Addr, Assign, uncast

if TYPE_CHECKING:
    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.places import Place
    from fpuscan.program import Unit

__all__ = ["Holders"]

_LITERAL = re.compile(rb"\)\s*\{")


class Holders:
    """Which globals some statement sets to the address of a tracked global or of one of its members."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self._names: frozenset[str] | None = None
        self._literals: dict[str, bool] = {}

    def names(self) -> frozenset[str]:
        """The names of those globals, found once."""
        if self._names is None:
            self._names = frozenset()  # cut cycles
            self._names = frozenset(
                name for unit in self._taking_addresses() for name in self._set_in(self.analysis.of(unit))
            )
        return self._names

    def holds(self, place: Place) -> bool:
        """Whether a plain pointer in a global is one of them, or any pointer is set to a compound literal."""
        ctype = self.analysis.place_type(place)
        if place[0][0] != "g" or ctype is None or not ctype.is_pointer:
            return False
        followed = not ctype.is_record or ctype.base in self.analysis.model.scope.tracked_types
        if followed and _plain(self.analysis.variable(place[0])) in self.names():
            return True
        return self.has_literal(place)

    def has_literal(self, place: Place) -> bool:
        """Whether the initialiser of a global holds a compound literal, as far as the text tells."""
        name = _plain(self.analysis.variable(place[0]))
        found = self._literals.get(name)
        if found is None:
            units = self.analysis.program.units_mentioning(name)
            found = any(not unit.is_function and _LITERAL.search(unit.text()) for unit in units)
            self._literals[name] = found
        return found

    def is_told(self, place: Place) -> bool:
        """Whether the stores that name a global say all that is ever in its pointers: it is constant, or one file alone
        knows it (or the elements of it) and never gives its address away.
        """  # noqa: D205
        root, path = place
        if root[0] != "g":
            return False
        name, program = _plain(self.analysis.variable(root)), self.analysis.program
        constant = re.compile(rb"(?:\*\s*const\s+|\bconst\b[^;={}*]*)\b" + name.encode() + rb"\b[^;]*=")
        if any(not unit.is_function and constant.search(unit.text()) for unit in program.units_mentioning(name)):
            return True
        if ":" not in str(root[1]) or program.address_taken(name) or any(part[0] != "[" for part in path):
            return False
        return not path or all(
            program.files[file].normalised.text[offset + len(name) :].lstrip()[:1] == b"["
            for file, offset in program.occurrences(name)
        )

    def _taking_addresses(self) -> list[Unit]:
        program, scope = self.analysis.program, self.analysis.model.scope
        names = {name for tag in scope.tracked_types for name in program.globals_of(tag)}
        units: dict[int, Unit] = {}
        for name in sorted(names | set(scope.tracked)):
            taken = re.compile(rb"&\s*" + name.encode() + rb"\b")
            units.update((unit.id, unit) for unit in program.units_mentioning(name) if taken.search(unit.text()))
        return list(units.values())

    def _set_in(self, function: FunctionAnalysis) -> list[str]:
        return [
            _plain(self.analysis.variable(root))
            for number, instruction in enumerate(function.code)
            if isinstance(instruction, Assign) and self._is_tracked_address(instruction.value)
            for root, _, _ in function.resolve(number, instruction.target)
            if root[0] == "g"
        ]

    def _is_tracked_address(self, value: Expr) -> bool:
        value = uncast(value)
        variable = base_variable(value.place) if isinstance(value, Addr) else None
        if variable is None or variable.kind != "global" or variable.type is None:
            return False
        return variable.type.base in self.analysis.model.scope.tracked_types


def _plain(variable: str) -> str:
    """The name of a global without the file of a static one."""
    return variable.rpartition(":")[2].rpartition(".")[2]
