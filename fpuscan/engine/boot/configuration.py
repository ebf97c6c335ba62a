"""The configuration objects of a tree: which globals they are, and which members of them a store denotes.

What a configuration object is says the model (rows ``configuration``); here it
meets the globals and struct types of one tree.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.ir import Addr, Assign, Call, Load, uncast
from fpuscan.places import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.engine.analysis import Analysis
    from fpuscan.engine.functions.function import FunctionAnalysis
    from fpuscan.ir import Expr
    from fpuscan.model.rows import Configuration
    from fpuscan.places import Guarded, Place, Root
    from fpuscan.program import Unit

__all__ = ["Configurations", "pointed_at"]

_NESTED = 4  # structs inside structs


class Configurations:
    """The model's configuration rows over the globals of one program."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.rows = analysis.model.configurations
        self._row: dict[Place, Configuration | None] = {}
        self._through: dict[tuple[int, int, Place], bool] = {}
        self.variables = tuple(dict.fromkeys(name for row in self.rows for name in self._variables(row)))

    def _variables(self, row: Configuration) -> list[str]:
        """The globals of a row, by name."""
        program = self.analysis.program
        if row.variable and "*" not in row.variable:
            return [row.variable] if program.types.global_var(row.variable) is not None else []
        names = program.holders(row.type)
        return [
            name
            for name in sorted(names)
            if fnmatchcase(name, row.variable or "*")
            and (variable := program.types.global_var(name)) is not None
            and variable.type.base == row.type
            and not variable.type.pointers
        ]

    def holds(self, place: Place) -> bool:
        """Whether a place is a configuration object, or lies in one."""
        return place[0][0] == "g" and self.analysis.variable(place[0]) in self.variables

    def row(self, place: Place) -> Configuration | None:
        """The row of a member of a configuration object; None for other places."""
        if place[0][0] != "g":
            return None
        if place not in self._row:
            matching = (row for row in self.rows if self.analysis.matches(row.pattern, place))
            self._row[place] = next(matching, None)
        return self._row[place]

    def is_size(self, place: Place) -> bool:
        """Whether a member is one that gets a size when the object is set up."""
        row = self.row(place)
        return row is not None and bool(row.sizes) and fnmatchcase(place[1][-1], row.sizes)

    def written(self, place: Place, known: Iterable[Place]) -> list[Place]:
        """The members that a store to ``place`` writes; ``known`` are those that were written before."""
        if place[0][0] != "g":
            return []
        if self.row(place) is not None:
            found = {place: None}
        else:
            found = {inner: None for inner in self._below(place, 0) if self.row(inner) is not None}
        found.update((other, None) for other in known if overlap(place, other))
        return list(found)

    def stores_through(self, unit: Unit, index: int, place: Place) -> bool:
        """Whether a function, or one that it calls, stores into a member of the object that its parameter points to."""
        key = (unit.id, index, place)
        if key not in self._through:
            self._through[key] = False  # recursion
            self._through[key] = self._stores_through(self.analysis.of(unit), index, place)
        return self._through[key]

    def _stores_through(self, function: FunctionAnalysis, index: int, place: Place) -> bool:
        object_ = ("d", function.id, index)
        for node, instruction in enumerate(function.code):
            if isinstance(instruction, Assign):
                if any(
                    root == object_ and self.written((place[0], (*place[1], *path)), ())
                    for root, path, _ in function.resolve(node, instruction.target)
                ):
                    return True
            elif isinstance(instruction, Call) and isinstance(instruction.callee, str):
                for number, argument in enumerate(instruction.arguments):
                    for root, path, _ in pointed_at(function, node, argument):
                        if root == object_ and any(
                            self.stores_through(unit, number, (place[0], (*place[1], *path)))
                            for unit in self.analysis.calls.callees(function, node)
                        ):
                            return True
        return False

    def _below(self, place: Place, depth: int) -> Iterator[Place]:
        """The members of a struct by value, and of the structs in it."""
        ctype = self.analysis.place_type(place)
        if ctype is None or not ctype.is_struct or depth > _NESTED:
            return
        for name in self.analysis.program.members(ctype.base) or {}:
            inner = (place[0], (*place[1], name))
            yield inner
            yield from self._below(inner, depth + 1)

    def sizes(self) -> list[Place]:
        """The size members of all configuration objects, in the order of rows, globals and members."""
        found: list[Place] = []
        for variable in self.variables:
            declared = self.analysis.program.types.global_var(variable)
            assert declared is not None
            root: Root = ("g", self.analysis.program.global_key(variable, declared.path))
            found += [place for place in self._below((root, ()), 0) if self.is_size(place)]
        return found

    def units(self) -> list[Unit]:
        """The functions that may store into a configuration object, or hand out its address, by their text."""
        program = self.analysis.program
        found: dict[int, Unit] = {}
        for variable in self.variables:
            writes = _writing(variable)
            found.update(
                (unit.id, unit) for unit in program.units_mentioning(variable) if self._writes(unit, writes, variable)
            )
            if program.address_taken(variable):
                found.update((unit.id, unit) for unit in self._through_pointers(variable))
        return sorted((unit for unit in found.values() if unit.is_function), key=lambda unit: (unit.path, unit.start))

    def _writes(self, unit: Unit, writes: re.Pattern[bytes], variable: str) -> bool:
        return bool(writes.search(unit.text()) or self.analysis.program.aliases(variable))

    def _through_pointers(self, variable: str) -> Iterator[Unit]:
        """The functions that store into a member of a variable's type, whatever object they name."""
        program = self.analysis.program
        declared = program.types.global_var(variable)
        assert declared is not None
        for name in program.members(declared.type.base) or {}:
            if any(row.type == declared.type.base and fnmatchcase(name, row.member) for row in self.rows):
                stores = re.compile(rb"\b" + name.encode() + rb"\b\s*(?:[-+|&^]|<<|>>)?=(?!=)")
                units = program.units_accessing(declared.type.base, name)
                yield from (unit for unit in units if stores.search(unit.text()))


def _writing(variable: str) -> re.Pattern[bytes]:
    """What the text of a store into a global looks like, or of a call or pointer that is given its address."""
    name = rb"\b" + re.escape(variable.encode()) + rb"\b"
    member = rb"(?:\s*(?:\.\s*\w+|\[[^\]]*\]))*"
    return re.compile(
        name + member + rb"\s*(?:(?:[-+|&^]|<<|>>)?=(?!=)|\+\+|--)"  # cfg.size = ...
        rb"|&\s*" + name + rb"|[(,=]\s*" + name + rb"\s*[,);]"  # f(&cfg), p = regsets;
        rb"|\(\s*" + name + member + rb"\s*,"  # WRITE_ONCE(cfg.size, ...)
    )


def pointed_at(function: FunctionAnalysis, node: int, argument: Expr) -> list[Guarded]:
    """What an argument of a call points to, as far as the function shows it."""
    argument = uncast(argument)
    if isinstance(argument, Addr):
        return list(function.resolve(node, argument.place))
    if isinstance(argument, Load) and argument.place.type is not None and argument.place.type.pointers:
        return list(function.targets(node, argument)[0])
    return []
