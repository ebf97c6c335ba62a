"""The files of a program, and what stands in them: macros, types, functions, and where each name is.

Takes a tree and the model; reads and parses the files of the scope, and any
other file that holds a tracked global or that a flow calls into.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.parse.normalise import learn_attributes, loop_macros, selecting_macros
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import outline
from fpuscan.program.appended import Unread, statement_macros, with_additions
from fpuscan.program.names import NameIndex
from fpuscan.program.scope import Outside, read_quietly, scope_paths
from fpuscan.program.units import UnitTable
from fpuscan.result import Incomplete
from fpuscan.symbols.cpp import MacroTable
from fpuscan.symbols.types import TypeTable
from fpuscan.tree import UnreadableFile

if TYPE_CHECKING:
    from fpuscan.ir import FunctionFacts, Signature
    from fpuscan.model.rows import Model
    from fpuscan.parse.arms import ConfigLiteral
    from fpuscan.parse.normalise import Directive, DroppedArm
    from fpuscan.parse.reuse import ParseCache
    from fpuscan.parse.syntax import ParsedFile
    from fpuscan.program.appended import Choices
    from fpuscan.program.names import Occurrence
    from fpuscan.program.units import Unit
    from fpuscan.tree import KernelTree

__all__ = ["Sources"]

_ATTRIBUTE_HEADERS = ("include/linux/compiler_types.h", "include/linux/compiler_attributes.h", "include/linux/init.h",
                      "include/linux/cache.h", "include/linux/linkage.h", "arch/x86/include/asm/linkage.h",
                      "include/linux/compiler.h", "include/linux/cleanup.h")  # fmt: skip
_ANGLED = re.compile(rb"<([\w./-]+)>")


class Sources(ABC):
    """All files that were read so far; ``units`` are numbered by their place in the list."""

    def __init__(self, tree: KernelTree, model: Model, parsed: ParseCache | None = None) -> None:
        self.tree = tree
        self.parse = outline if parsed is None else parsed.parse
        self.model = model
        self.files: dict[str, ParsedFile] = {}
        self.scope_files: tuple[str, ...] = ()
        self.incomplete: list[Incomplete] = []
        self.read_in_part: set[str] = set()
        self.macros = MacroTable()
        self.types = TypeTable(self.macros.lookup)
        self.names = NameIndex()
        self.table = UnitTable(self)
        self.units: list[Unit] = self.table.all
        self._outside = Outside(tree, ())
        self._searched: set[str] = set()
        self._choices: dict[str, list[Choices]] = {}
        self.left_out: dict[str, tuple[DroppedArm, ...]] = {}
        self.unread: dict[str, tuple[Unread, ...]] = {}

    @abstractmethod
    def read_signature(self, unit: Unit) -> Signature:
        """What the head of a unit says."""

    @abstractmethod
    def lower(self, unit: Unit) -> FunctionFacts:
        """The facts of a unit."""

    def load(self) -> None:
        """Read and parse the scope, and every other file that holds a tracked name."""
        known = map(self.read_part, _ATTRIBUTE_HEADERS)
        self.attributes = learn_attributes(data for data in known if data)
        self.scope_files = tuple(scope_paths(self.tree, self.model.scope))
        self._outside = Outside(self.tree, self.scope_files)
        paths = (*self.scope_files, *self._outside.naming(self.model.scope.tracked))
        headers = [parsed for path in paths if path.endswith(".h") and (parsed := self._read(path)) is not None]
        directives = [directive for parsed in headers for directive in parsed.normalised.directives]
        self.attributes = self.attributes._replace(
            loops=loop_macros(directives), selectors=selecting_macros(directives)
        )
        for path in paths:
            self._read(path)
        for path in self._outside.headers_naming(self._included(), self.model.scope.tracked):
            self._read(path)
        for path in self.files:  # now that all macros are known
            self._enter(path)

    def _included(self) -> list[str]:
        """The headers outside the architecture that the files so far include by name."""
        names = {
            match.group(1).decode("ascii", "replace")
            for parsed in self.files.values()
            for directive in parsed.normalised.directives
            if directive.kind == "include" and (match := _ANGLED.match(directive.text.strip()))
        }
        return [f"include/{name}" for name in sorted(names) if ".." not in name]

    def headers_defining(self, tag: str) -> list[str]:
        """The headers outside the scope that define a struct: the architecture's, and those included by name."""
        return self._outside.defining_struct(tag, self._included())

    def read_part(self, path: str) -> bytes | None:
        """A header of which only some facts are taken; it may be missing."""
        self.read_in_part.add(path)
        return read_quietly(self.tree, path)

    def searched_outside(self) -> tuple[tuple[bytes, re.Pattern[bytes] | None], ...]:
        """What the files outside the scope were searched for: words, and the pattern that has to match, too."""
        return self._outside.searched

    def add_file(self, path: str) -> ParsedFile | None:
        """Parse one more file; what cannot be read is noted as incomplete."""
        if path not in self.files and self._read(path) is not None:
            self._enter(path)
        return self.files.get(path)

    def _read(self, path: str) -> ParsedFile | None:
        # A file that was read before is given as it is.
        if path in self.files:
            return self.files[path]
        try:
            data = self.tree.read(path)
        except UnreadableFile as error:
            self.incomplete.append(Incomplete(path, 1, error.reason))
            return None
        if data is None:
            return None
        parsed = self.parse(SourceFile(path, data), self.attributes)
        self.files[path] = parsed
        self.macros.add(path, parsed.normalised)
        return parsed

    @cached_property
    def _telling(self) -> re.Pattern[bytes]:
        sinks = {sink.function for sink in self.model.sinks if sink.kind == "argument"} - {"asm"}
        names = (re.escape(name.encode()) for name in (*self.model.scope.tracked, *sorted(sinks)))
        return re.compile(rb"\b(?:%s)\b" % b"|".join(names))

    def _statements_for_others(self, path: str) -> list[Directive]:
        # The macros of a header that name a tracked global or call a sink, and that no file of the program uses.
        if not path.endswith(".h"):
            return []
        found = []
        for macro in statement_macros(self.files[path], self._telling):
            word = macro.text.split()[0]
            name = re.compile(rb"\b" + word + rb"\b")
            texts = (parsed.normalised.text for parsed in self.files.values())
            if not any(word in text and name.search(text) for text in texts):
                found.append(macro)
        return found

    def _enter(self, path: str) -> None:
        # The file with what it defines beside its own text, and all names in it.
        complete = with_additions(self.files[path], self.macros, self.attributes, self._statements_for_others(path))
        parsed, self.left_out[path], self.unread[path] = complete.parsed, complete.left_out, complete.unread
        if complete.choices:
            self._choices[path] = complete.choices
        self.files[path] = parsed
        self.types.add_file(parsed)
        self.names.add(path, parsed.normalised.text)
        self.table.add_file(parsed)

    def choice(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must hold for all of the construct at an offset, if an `#if` splits it or a macro makes it."""
        found = (each.conditions for each in self._choices.get(path, ()) if each.start <= offset < each.end)
        return next(found, ())

    def look_up_outside(self, name: str) -> list[Unit]:
        """Definitions of a function outside the scope, in the architecture's other files."""
        if name not in self._searched:
            self._searched.add(name)
            for path in self._outside.defining(name):
                self.add_file(path)
        return self.functions_named(name)

    def occurrences(self, name: str) -> tuple[Occurrence, ...]:
        """Every place (path, offset) where an identifier stands in the files, comments and strings aside."""
        return self.names.occurrences(name)

    def unit_at(self, path: str, offset: int) -> Unit | None:
        """The function, or else the initialised global, that an offset lies in."""
        return self.table.at(path, offset)

    def defines(self, name: str) -> bool:
        """Whether some file defines a function of that name."""
        return self.table.defines(name)

    def functions_named(self, name: str, path: str = "") -> list[Unit]:
        """The definitions that a call of ``name`` in ``path`` can mean: one in an ``#if`` leaves those of headers."""
        found = self.table.named(name, path)
        if not path.endswith(".c") or not found or found[0].path != path:
            return found
        others = [unit for unit in self.table.definitions(name) if unit.path.endswith(".h")]
        return [*found, *others] if others and all(map(self._is_in_arm, found)) else found

    def _is_in_arm(self, unit: Unit) -> bool:
        at = unit.file.source.origin(unit.start)
        return any(group.start < at < group.end for group in unit.file.normalised.groups)

    def definitions(self, name: str) -> list[Unit]:
        """Every definition of a function of that name, static ones too."""
        return self.table.definitions(name)

    def is_file_local(self, unit: Unit) -> bool:
        """Whether all callers of a function are in its own file."""
        return self.table.is_file_local(unit)
