"""What has facts: function definitions, and the initialisers of globals, by name and by place.

Takes parsed files; gives each definition a :class:`Unit`, whose facts are
lowered when somebody first asks for them.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

from fpuscan.parse.syntax import FunctionSpan

if TYPE_CHECKING:
    from fpuscan.ir import FunctionFacts, Signature
    from fpuscan.parse.syntax import Node, ParsedFile

__all__ = ["Lowering", "Unit", "UnitTable"]


class Lowering(Protocol):
    """Who makes facts of a unit's syntax."""

    def read_signature(self, unit: Unit) -> Signature:
        """What the head of the unit says."""

    def lower(self, unit: Unit) -> FunctionFacts:
        """All of its facts."""


class Unit:
    """Something with facts: a function definition, or the initialiser of a global (its name is empty)."""

    __slots__ = (
        "_facts",
        "_lowering",
        "_signature",
        "_what",
        "end",
        "file",
        "id",
        "is_function",
        "name",
        "path",
        "read",
        "start",
    )

    def __init__(self, number: int, file: ParsedFile, what: FunctionSpan | Node, lowering: Lowering) -> None:
        self.id = number
        self.file = file
        self.path = file.source.path
        if isinstance(what, FunctionSpan):
            self.name, self.start, self.end, self.is_function = what.name, what.start, what.end, True
        else:
            self.name, self.start, self.end, self.is_function = "", what.start_byte, what.end_byte, False
        self.read = False  # whether somebody looked at its text as a whole
        self._what = what
        self._lowering = lowering
        self._signature: Signature | None = None
        self._facts: FunctionFacts | None = None

    @property
    def head(self) -> Node:
        """The node of the definition or declaration; the body of a function may be missing."""
        return self._what.node if isinstance(self._what, FunctionSpan) else self._what

    @property
    def signature(self) -> Signature:
        """The parameters and the result, which most questions about a call need and no more: read at the first use."""
        if self._signature is None:
            self._signature = self._lowering.read_signature(self)
        return self._signature

    @property
    def node(self) -> Node:
        """The node of the definition or declaration; the body of a function is parsed at the first use."""
        return self.file.definition(self._what) if isinstance(self._what, FunctionSpan) else self._what

    def parse(self) -> None:
        """Parse the body now, so that its errors are known."""
        _ = self.node

    @property
    def facts(self) -> FunctionFacts:
        """The facts, lowered at the first use."""
        if self._facts is None:
            self._facts = self._lowering.lower(self)
        return self._facts

    @property
    def lowered(self) -> bool:
        """Whether somebody has asked for the facts."""
        return self._facts is not None

    def text(self) -> bytes:
        """The normalised text; whoever looks at it may depend on every word."""
        self.read = True
        return self.file.normalised.text[self.start : self.end]

    def heading(self) -> bytes:
        """The normalised text in front of the body."""
        brace = self.file.normalised.text.find(b"{", self.start, self.end)
        return self.file.normalised.text[self.start : brace if brace >= 0 else self.end]

    def __repr__(self) -> str:
        return f"<Unit {self.id} {self.name} {self.path}>"


class UnitTable:
    """The units of a growing set of files; ``all`` has each at its number."""

    def __init__(self, lowering: Lowering) -> None:
        self.all: list[Unit] = []
        self._lowering = lowering
        self._files: dict[str, ParsedFile] = {}
        self._by_name: dict[str, list[Unit]] = {}
        self._by_file: dict[str, list[Unit]] = {}
        self._starts: dict[str, list[int]] = {}
        self._initialisers: dict[tuple[str, int], Unit | None] = {}

    def add_file(self, parsed: ParsedFile) -> None:
        """The functions of one more file."""
        path = parsed.source.path
        units = []
        for function in parsed.functions:
            unit = Unit(len(self.all), parsed, function, self._lowering)
            self.all.append(unit)
            units.append(unit)
            self._by_name.setdefault(function.name, []).append(unit)
        self._files[path] = parsed
        self._by_file[path] = units
        self._starts[path] = [unit.start for unit in units]

    def files(self) -> dict[str, list[Unit]]:
        """The functions of each file, in order of position."""
        return self._by_file

    def at(self, path: str, offset: int) -> Unit | None:
        """The function, or else the initialised global, that an offset lies in."""
        return self.function_at(path, offset) or self._initialiser_at(path, offset)

    def function_at(self, path: str, offset: int) -> Unit | None:
        """The function that an offset lies in."""
        number = bisect_right(self._starts[path], offset) - 1
        if number < 0:
            return None
        unit = self._by_file[path][number]
        return unit if offset < unit.end else None

    def _initialiser_at(self, path: str, offset: int) -> Unit | None:
        node = self._declaration_at(path, offset)
        if node is None:
            return None
        key = (path, node.start_byte)
        if key not in self._initialisers:
            unit = Unit(len(self.all), self._files[path], node, self._lowering)
            self.all.append(unit)
            self._initialisers[key] = unit
        return self._initialisers[key]

    def _declaration_at(self, path: str, offset: int) -> Node | None:
        node = self._files[path].node_at(offset, offset + 1)
        while node is not None and node.type != "declaration":
            node = node.parent
        if node is None or not any(child.type == "init_declarator" for child in node.children):
            return None
        return node

    def defines(self, name: str) -> bool:
        """Whether some file defines a function of that name."""
        return name in self._by_name

    def named(self, name: str, path: str = "") -> list[Unit]:
        """The definitions that a call of ``name`` in ``path`` can mean."""
        units = self._by_name.get(name, [])
        if not units:
            return []
        local = [unit for unit in units if unit.path == path]
        if local:
            return local
        return [unit for unit in units if unit.path.endswith(".h") or not self._is_static(unit)]

    def definitions(self, name: str) -> list[Unit]:
        """Every definition of a function of that name, static ones too."""
        return self._by_name.get(name, [])

    def is_file_local(self, unit: Unit) -> bool:
        """Whether all callers of a function are in its own file."""
        return unit.path.endswith(".c") and self._is_static(unit)

    def _is_static(self, unit: Unit) -> bool:
        return unit.file.normalised.text.startswith(b"static", unit.start)
