"""The program under analysis: files, text index, functions, and facts lowered on demand.

Takes a tree and the model; reads and parses the files of the scope, and any
other file that holds a tracked global or that a flow calls into. Everything
else is lazy: a function is lowered when somebody first asks for its facts.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fpuscan.arms import ArmIndex
from fpuscan.constexpr import Evaluator
from fpuscan.cpp import MacroTable, expand_call, split_arguments
from fpuscan.declarators import CType, parse_type
from fpuscan.lower.function import lower_function, lower_initialiser
from fpuscan.normalise import learn_attributes
from fpuscan.result import Incomplete
from fpuscan.source import SourceFile
from fpuscan.syntax import parse
from fpuscan.tree import UnreadableFile
from fpuscan.types import TypeTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from fpuscan.arms import ConfigLiteral
    from fpuscan.cpp import Macro
    from fpuscan.ir import Expr, FunctionFacts, Var
    from fpuscan.lower.context import Initialises
    from fpuscan.model import Contract, Model, Sink, Source
    from fpuscan.normalise import Group
    from fpuscan.syntax import Node, ParsedFile
    from fpuscan.tree import KernelTree

__all__ = ["Program", "Unit"]

_ATTRIBUTE_HEADERS = ("include/linux/compiler_types.h", "include/linux/compiler_attributes.h", "include/linux/init.h",
                      "include/linux/cache.h", "include/linux/linkage.h", "arch/x86/include/asm/linkage.h",
                      "include/linux/compiler.h", "include/linux/cleanup.h")  # fmt: skip
_CALL = re.compile(rb"([A-Za-z_]\w*)\s*\(")
_DECLARED = re.compile(rb"[^;(){}]*")  # the names behind a type
_PART = 5  # characters of a name that a macro pastes; less would match everything
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
# What stands before a member access: the name (or a closing parenthesis) that the member belongs to.
_BASE = re.compile(rb"(\w+)\s*(?:\[[^\]]*\]\s*)*([)]?)\s*(?:->|\.)\s*$|^\s*()()\.\s*$")
_COPY = re.compile(rb"\bmem(?:cpy|move)\b|=\s*\(?\s*\*|\breturn\s*\*")
_STATIC_CALL = re.compile(rb"\b(?:DEFINE_STATIC_CALL\w*|static_call_update)\s*\(\s*(\w+)\s*,\s*&?\s*(\w+)")
_WORD_BYTES = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


class Unit:
    """Something with facts: a function definition, or the initialiser of a global."""

    __slots__ = ("_facts", "end", "id", "is_function", "name", "node", "path", "program", "start")

    def __init__(
        self,
        program: Program,
        number: int,
        path: str,
        name: str,
        span: tuple[int, int],
        node: Node,
        *,
        is_function: bool,
    ) -> None:
        self.program = program
        self.id = number
        self.path = path
        self.name = name
        self.start, self.end = span
        self.node = node
        self.is_function = is_function
        self._facts: FunctionFacts | None = None

    @property
    def facts(self) -> FunctionFacts:
        """The facts, lowered at the first use."""
        if self._facts is None:
            lower = lower_function if self.is_function else lower_initialiser
            self._facts = lower(self.program, self.program.files[self.path], self)
        return self._facts

    @property
    def lowered(self) -> bool:
        """Whether somebody has asked for the facts."""
        return self._facts is not None

    def text(self) -> bytes:
        """The normalised text."""
        return self.program.files[self.path].normalised.text[self.start : self.end]

    def __repr__(self) -> str:
        return f"<Unit {self.id} {self.name} {self.path}>"


class Program:
    """All files, with an index of names; the context that lowering asks for names and types."""

    def __init__(self, tree: KernelTree, model: Model, progress: Callable[[str], None] | None = None) -> None:
        self.tree = tree
        self.model = model
        self.progress = progress or (lambda _: None)
        self.files: dict[str, ParsedFile] = {}
        self.incomplete: list[Incomplete] = []
        self.macros = MacroTable()
        self.types = TypeTable(self.macros.lookup)
        self.units: list[Unit] = []
        self._by_name: dict[str, list[Unit]] = {}
        self._by_file: dict[str, list[Unit]] = {}
        self._starts: dict[str, list[int]] = {}
        self._initialisers: dict[tuple[str, int], Unit | None] = {}
        self._arms: dict[str, ArmIndex] = {}
        self._blob = b""
        self._blob_starts: list[int] = []
        self._blob_paths: list[str] = []
        self._occurrences: dict[str, tuple[tuple[str, int], ...]] = {}
        self._expansions: dict[tuple[str, int, str, str], tuple[Node, bytes, bytes] | None] = {}
        self._constants: dict[str, tuple[int | None, tuple[str, ...]]] = {}
        self._members: dict[str, dict[str, CType] | None] = {}
        self._outside: dict[str, bytes] | None = None
        self._searched: set[str] = set()
        self._aliases: dict[str, frozenset[str]] = {}
        self._calls: dict[bytes, list[Unit]] | None = None
        self._users: dict[str, set[str]] | None = None
        self._pasting: dict[str, list[tuple[str, str]]] = {}
        self._address_taken: dict[str, bool] = {}
        self._accessing: dict[tuple[str, str], list[Unit]] = {}
        self._copying: dict[str, list[Unit]] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._static_calls: dict[str, set[int]] | None = None
        self.static_types: dict[str, CType | None] = {}
        self._evaluator = Evaluator(self._constant_lookup)
        self.scope_files: tuple[str, ...] = ()
        rows: tuple[Source | Sink | Contract, ...] = (*model.sources, *model.sinks, *model.contracts)
        self._model_members = {
            row.member.partition(".")[0]: row.type
            for row in rows
            if row.type and row.member and "*" not in row.member and "_" in row.member
        }

    # ------------------------------------------------------------ reading

    def load(self) -> None:
        """Read and parse the scope, and every other file that holds a tracked name."""
        self.attributes = learn_attributes(data for data in map(self._read_quietly, _ATTRIBUTE_HEADERS) if data)
        paths = self._scope_paths()
        self.scope_files = tuple(paths)
        for path in paths:
            self.add_file(path)
        for path in self._tracked_elsewhere(set(paths)):
            self.add_file(path)
        self._index()

    def _scope_paths(self) -> list[str]:
        scope = self.model.scope
        found: set[str] = set()
        for folder in scope.folders:
            found.update(self.tree.list(folder))
        parents = sorted({pattern.rpartition("/")[0] for pattern in scope.files})
        for parent in parents:
            names = [path for path in self.tree.list(parent) if path.rpartition("/")[0] == parent]
            found.update(path for path in names if any(fnmatchcase(path, pattern) for pattern in scope.files))
        return sorted(found)

    def _read_quietly(self, path: str) -> bytes | None:
        try:
            return self.tree.read(path)
        except UnreadableFile:
            return None

    def add_file(self, path: str) -> ParsedFile | None:
        """Parse one more file; what cannot be read is noted as incomplete."""
        if path in self.files:
            return self.files[path]
        try:
            data = self.tree.read(path)
        except UnreadableFile as error:
            self.incomplete.append(Incomplete(path, 1, error.reason))
            return None
        if data is None:
            return None
        parsed = parse(SourceFile(path, data), self.attributes)
        self.files[path] = parsed
        self.macros.add(path, parsed.normalised)
        self.types.add_file(parsed)
        units = []
        for function in parsed.functions:
            unit = Unit(
                self,
                len(self.units),
                path,
                function.name,
                (function.start, function.end),
                function.node,
                is_function=True,
            )
            self.units.append(unit)
            units.append(unit)
            self._by_name.setdefault(function.name, []).append(unit)
        self._by_file[path] = units
        self._starts[path] = [unit.start for unit in units]
        return parsed

    def _tracked_elsewhere(self, known: set[str]) -> list[str]:
        """Other files of the architecture that mention a tracked global."""
        words = [name.encode() for name in self.model.scope.tracked]
        found = []
        for path, data in self._architecture(known).items():
            if any(word in data for word in words):
                found.append(path)
        return sorted(found)

    def _architecture(self, known: set[str]) -> dict[str, bytes]:
        if self._outside is None:
            self._outside = {}
            for path in self.tree.list("arch/x86"):
                if path in known:
                    continue
                data = self._read_quietly(path)
                if data:
                    self._outside[path] = data
        return self._outside

    def _index(self) -> None:
        self._blob_paths = sorted(self.files)
        texts = [self.files[path].normalised.text for path in self._blob_paths]
        self._blob_starts = []
        position = 0
        for text in texts:
            self._blob_starts.append(position)
            position += len(text) + 1
        self._blob = b"\0".join(texts)
        self._occurrences.clear()
        self._calls = None

    # ------------------------------------------------------------ searching

    def occurrences(self, name: str) -> tuple[tuple[str, int], ...]:
        """Every place (path, offset) where an identifier stands in the files, comments and strings aside."""
        found = self._occurrences.get(name)
        if found is None:
            found = tuple(self._locate(position) for position in self._find(name.encode()))
            self._occurrences[name] = found
        return found

    def _locate(self, position: int) -> tuple[str, int]:
        number = bisect_right(self._blob_starts, position) - 1
        return self._blob_paths[number], position - self._blob_starts[number]

    def _find(self, word: bytes) -> list[int]:
        assert word
        blob, found = self._blob, []
        position = blob.find(word)
        size = len(word)
        while position >= 0:
            end = position + size
            ends = end >= len(blob) or blob[end] not in _WORD_BYTES
            if ends and (position == 0 or blob[position - 1] not in _WORD_BYTES):
                found.append(position)
            position = blob.find(word, end)
        return found

    def matches(self, pattern: re.Pattern[bytes]) -> list[tuple[str, int, re.Match[bytes]]]:
        """Every match of a pattern in the normalised text of all files."""
        return [(*self._locate(match.start()), match) for match in pattern.finditer(self._blob)]

    def unit_at(self, path: str, offset: int) -> Unit | None:
        """The function, or else the initialised global, that an offset lies in."""
        starts = self._starts[path]
        number = bisect_right(starts, offset) - 1
        if number >= 0:
            unit = self._by_file[path][number]
            if offset < unit.end:
                return unit
        return self._initialiser_at(path, offset)

    def _initialiser_at(self, path: str, offset: int) -> Unit | None:
        node = self._declaration_at(path, offset)
        if node is None:
            return None
        key = (path, node.start_byte)
        if key not in self._initialisers:
            unit = Unit(self, len(self.units), path, "", (node.start_byte, node.end_byte), node, is_function=False)
            self.units.append(unit)
            self._initialisers[key] = unit
        return self._initialisers[key]

    def _declaration_at(self, path: str, offset: int) -> Node | None:
        node = self.files[path].root.descendant_for_byte_range(offset, offset + 1)
        while node is not None and node.type != "declaration":
            node = node.parent
        if node is None or not any(child.type == "init_declarator" for child in node.children):
            return None
        return node

    def units_mentioning(self, name: str) -> list[Unit]:
        """The units whose text holds an identifier, in order of path and position."""
        found: dict[int, Unit] = {}
        for word in (name, *sorted(self.aliases(name))):
            for path, offset in self.occurrences(word):
                unit = self.unit_at(path, offset)
                if unit is not None:
                    found[unit.id] = unit
        return sorted(found.values(), key=lambda unit: (unit.path, unit.start))

    def units_naming(self, function: str) -> list[Unit]:
        """The units that name a function without calling it: its address goes somewhere."""
        found: dict[int, Unit] = {}
        for path, offset in self.occurrences(function):
            text = self.files[path].normalised.text
            if text[offset + len(function) : offset + len(function) + 8].lstrip().startswith(b"("):
                continue
            unit = self.unit_at(path, offset)
            if unit is not None:
                found[unit.id] = unit
        return list(found.values())

    def users_of(self, name: str) -> list[Unit]:
        """The functions that call a function by name, or use a macro that may."""
        index = self._call_index()
        found = {unit.id: unit for unit in index.get(name.encode(), ())}
        for macro in self.aliases(name):
            for unit in index.get(macro.encode(), ()):
                found[unit.id] = unit
        return list(found.values())

    def _call_index(self) -> dict[bytes, list[Unit]]:
        """For each name that is followed by a parenthesis, the functions in whose text that is."""
        if self._calls is None:
            self._calls = {}
            for path, units in self._by_file.items():
                text = self.files[path].normalised.text
                for unit in units:
                    for name in set(_CALL.findall(text, unit.start, unit.end)):
                        self._calls.setdefault(name, []).append(unit)
        return self._calls

    def aliases(self, name: str) -> frozenset[str]:
        """The macros in whose body an identifier stands, and the macros in whose body those stand."""
        found = self._aliases.get(name)
        if found is None:
            known: set[str] = set()
            work = [name]
            while work:
                word = work.pop()
                for macro in (*self._macro_users().get(word, ()), *self._pasted(word)):
                    if macro not in known and macro != name:
                        known.add(macro)
                        work.append(macro)
            found = frozenset(known)
            self._aliases[name] = found
        return found

    def _pasted(self, name: str) -> list[str]:
        """The macros that may paste a name together from a part of it."""
        self._macro_users()
        candidates = (*self._pasting.get(name[:_PART], ()), *self._pasting.get(name[-_PART:], ()))
        return [macro for macro, part in candidates if part != name and (name.startswith(part) or name.endswith(part))]

    def _note_parts(self, macro: str, parts: set[str]) -> None:
        for part in sorted(parts):
            if len(part) >= _PART:
                self._pasting.setdefault(part[:_PART], []).append((macro, part))
                self._pasting.setdefault(part[-_PART:], []).append((macro, part))

    def _macro_users(self) -> dict[str, set[str]]:
        """For each identifier, the macros whose body holds it."""
        if self._users is None:
            self._users = {}
            for parsed in self.files.values():
                for directive in parsed.normalised.directives:
                    if directive.kind == "define":
                        words = _IDENTIFIER.findall(directive.text)
                        for word in words[1:]:
                            self._users.setdefault(word.decode(), set()).add(words[0].decode())
                        if b"##" in directive.text:
                            self._note_parts(words[0].decode(), {word.decode() for word in words[1:]})
        return self._users

    def address_taken(self, name: str) -> bool:
        """Whether somebody takes the address of a global as a whole."""
        found = self._address_taken.get(name)
        if found is None:
            found = False
            for path, offset in self.occurrences(name):
                text = self.files[path].normalised.text
                before = text[max(0, offset - 8) : offset].rstrip()
                after = text[offset + len(name) : offset + len(name) + 8].lstrip()
                if before.endswith(b"&") and not before.endswith(b"&&") and not after.startswith((b".", b"[", b"->")):
                    found = True
                    break
            self._address_taken[name] = found
        return found

    def units_accessing(self, tag: str, member: str) -> list[Unit]:
        """The functions that may access a member of a struct, by the types that the text shows.

        Without a member there is none (:meth:`copiers` has those that copy the struct as a whole); of a struct whose
        type is unknown (an empty tag) every function that names the member may be one.
        """
        key = (tag, member)
        found = self._accessing.get(key)
        if found is None:
            found = self._find_accessing(tag, member) if member else []
            self._accessing[key] = found
        return found

    def units_initialising(self, member: str) -> list[Unit]:
        """The units with a designated initialiser of a member."""
        found: dict[int, Unit] = {}
        for path, offset in self.occurrences(member):
            text = self.files[path].normalised.text
            before = text[max(0, offset - 24) : offset].rstrip()
            if before.endswith(b".") and before[:-1].rstrip()[-1:] in {b"{", b",", b""}:
                unit = self.unit_at(path, offset)
                if unit is not None:
                    found[unit.id] = unit
        return list(found.values())

    def _find_accessing(self, tag: str, member: str) -> list[Unit]:
        holders = self.holders(tag) if tag else frozenset[str]()
        found: dict[int, Unit] = {}
        for path, offset in self.occurrences(member):
            text = self.files[path].normalised.text
            unit = self.unit_at(path, offset)
            if unit is None or unit.id in found or not unit.is_function:
                continue
            if not tag:
                found[unit.id] = unit
                continue
            base = _BASE.search(text, max(unit.start, offset - 160), offset)
            if base is None or base.end() != offset:
                continue
            word = base.group(1).decode()
            if base.group(2) or word in holders:
                found[unit.id] = unit
        for alias in self.aliases(member):
            for unit in self.units_mentioning(alias):
                found[unit.id] = unit
        return sorted(found.values(), key=lambda unit: (unit.path, unit.start))

    def holders(self, tag: str) -> frozenset[str]:
        """Every name that some file declares with a struct type or a pointer to it."""
        found = self._holders.get(tag)
        if found is None:
            kind, _, name = tag.partition(" ")
            words: set[str] = set()
            for path, offset in self.occurrences(name):
                text = self.files[path].normalised.text
                if text[max(0, offset - 16) : offset].rstrip().endswith(kind.encode()):
                    match = _DECLARED.match(text, offset + len(name))
                    assert match is not None
                    words.update(word.decode() for word in _IDENTIFIER.findall(match.group()))
            found = frozenset(words)
            self._holders[tag] = found
        return found

    def globals_of(self, tag: str) -> list[str]:
        """The global variables of a struct type, by value."""
        found = []
        for name in sorted(self.holders(tag)):
            variable = self.types.global_var(name)
            if variable is not None and variable.type.base == tag and not variable.type.pointers:
                found.append(name)
        return found

    def copiers(self, tag: str) -> list[Unit]:
        """The functions that may copy a struct of a type as a whole."""
        found = self._copying.get(tag)
        if found is None:
            kind, _, name = tag.partition(" ")
            by_value = re.compile(kind.encode() + rb"\s+" + re.escape(name.encode()) + rb"\s+\w+\s*[=;,)]")
            variables = self.globals_of(tag)
            users = {unit.id: unit for unit in self.units_mentioning(name)}
            for variable in variables:
                users.update((unit.id, unit) for unit in self.units_mentioning(variable))
            found = []
            for unit in users.values():
                text = unit.text()
                if unit.is_function and (_COPY.search(text) or by_value.search(text) or self._assigns(text, variables)):
                    found.append(unit)
            self._copying[tag] = found
        return found

    def _assigns(self, text: bytes, variables: list[str]) -> bool:
        return any(
            re.search(rb"=\s*" + name.encode() + rb"\s*;|\b" + name.encode() + rb"\s*=[^=]", text) for name in variables
        )

    def static_calls(self) -> dict[str, set[int]]:
        """The functions (units) behind each static call that is defined or updated by name."""
        if self._static_calls is None:
            self._static_calls = {}
            for path in self.files:
                for match in _STATIC_CALL.finditer(self.files[path].source.data):
                    targets = self._static_calls.setdefault(match.group(1).decode(), set())
                    targets.update(unit.id for unit in self.functions_named(match.group(2).decode(), path))
        return self._static_calls

    def static_calls_of(self, unit: Unit) -> list[str]:
        """The static calls that may go to a function."""
        return sorted(name for name, targets in self.static_calls().items() if unit.id in targets)

    def functions_named(self, name: str, path: str = "") -> list[Unit]:
        """The definitions that a call of ``name`` in ``path`` can mean."""
        units = self._by_name.get(name, [])
        if not units:
            return []
        local = [unit for unit in units if unit.path == path]
        if local:
            return local
        return [unit for unit in units if unit.path.endswith(".h") or not self._is_static(unit)]

    def is_file_local(self, unit: Unit) -> bool:
        """Whether all callers of a function are in its own file."""
        return unit.path.endswith(".c") and self._is_static(unit)

    def _is_static(self, unit: Unit) -> bool:
        head = self.files[unit.path].normalised.text[unit.start : unit.start + 40]
        return head.startswith(b"static")

    def look_up_outside(self, name: str) -> list[Unit]:
        """Definitions of a function outside the scope, in the architecture's other files."""
        if name not in self._searched:
            self._searched.add(name)
            pattern = re.compile(rb"^[\w*\s]*\b" + re.escape(name.encode()) + rb"\s*\([^;{}]*\)\s*\{", re.MULTILINE)
            added = False
            for path, data in self._architecture(set(self.files)).items():
                if path not in self.files and name.encode() in data and pattern.search(data):
                    added = self.add_file(path) is not None or added
            if added:
                self._index()
        return self.functions_named(name)

    # ------------------------------------------------------------ what lowering asks

    def defines(self, name: str) -> bool:
        """Whether some file defines a function of that name."""
        return name in self._by_name

    def is_callable(self, name: str, path: str) -> bool:
        """Whether a name is a function or a macro with parameters."""
        macro = self.macros.lookup(name, path)
        return self.is_function(name) or (macro is not None and macro.params is not None)

    def is_function(self, name: str) -> bool:
        """Whether the name is a function that some file defines or declares."""
        return name in self._by_name or bool(self.types.functions(name))

    def return_type(self, name: str) -> CType | None:
        """The return type of a function, typedefs followed."""
        declared = self.model.returns.get(name)
        if declared is not None:
            return parse_type(declared)
        for function in self.types.functions(name):
            return self.types.resolve(function.returns)
        return None

    def indirect_return_type(self, _callee: Expr) -> CType | None:
        """The return type of a call through a pointer; not known."""
        return None

    def global_type(self, name: str, path: str) -> CType | None:
        """The type of a global variable."""
        variable = self.types.global_var(name, path)
        if variable is not None:
            return self.types.resolve(variable.type)
        declared = self.model.types.get(name)
        return parse_type(declared) if declared is not None else None

    def global_key(self, name: str, path: str) -> str:
        """The identity of a global: its name, with the file for a static one."""
        variable = self.types.global_var(name, path)
        return f"{variable.path}:{name}" if variable is not None and variable.is_static else name

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members of a struct or union; a struct outside the scope is looked up in the tree."""
        if tag not in self._members:
            found = self.types.members(tag)
            header = self.model.headers.get(tag) if found is None else None
            if header is not None and self._add_struct(tag, header):
                found = self.types.members(tag)
            self._members[tag] = found
        return self._members[tag]

    def _add_struct(self, tag: str, header: str) -> bool:
        """Read one struct from a header outside the scope."""
        data = self._read_quietly(header)
        if data is None:
            return False
        match = re.search(
            rb"^" + tag.encode().replace(b" ", rb"\s+") + rb"\s*\{.*?^\}[^;]*;", data, re.MULTILINE | re.DOTALL
        )
        if match is None:
            return False
        self.types.add_file(
            parse(SourceFile(header, b"\n" * data.count(b"\n", 0, match.start()) + match.group()), self.attributes)
        )
        return True

    def likely_owner(self, member: str) -> str | None:
        """The struct of the model that a member belongs to, where the type of the object is not known."""
        return self._model_members.get(member)

    def parse_type(self, text: str) -> CType:
        """The type that a type name stands for."""
        return self.types.resolve(parse_type(text))

    def evaluate(self, text: str) -> int | None:
        """The 64-bit word of a constant expression."""
        return self._evaluator.evaluate(text)

    def _constant_lookup(self, name: str) -> Macro | int | None:
        value = self.types.enum_constant(name)
        return value if value is not None else self.macros.lookup(name)

    def constant(self, name: str, _path: str) -> tuple[int | None, tuple[str, ...]]:
        """The word of a named constant, with the macro names it stands for (aliases followed)."""
        found = self._constants.get(name)
        if found is None:
            found = self._constant(name)
            self._constants[name] = found
        return found

    def _constant(self, name: str) -> tuple[int | None, tuple[str, ...]]:
        value = self.types.enum_constant(name)
        if value is not None:
            return value, ()
        names: list[str] = []
        current = name
        while len(names) < 8:  # aliases of aliases
            macro = self.macros.lookup(current)
            if macro is None or macro.params is not None:
                break
            names.append(current)
            body = macro.body.strip().strip("()")
            if not body.isidentifier():
                break
            current = body
        if not names:
            return None, ()
        return self._evaluator.evaluate(name), tuple(names)

    def macro(self, name: str, path: str, offset: int) -> Macro | None:
        """The macro in force at a place, unless the name is a function."""
        macro = self.macros.lookup(name, path, offset)
        if macro is not None and macro.params is not None and name in self._by_name and macro.path != path:
            return None
        return macro

    def split_arguments(self, text: str) -> list[str]:
        """The arguments of a macro call, as text."""
        return split_arguments(text)

    def expansion(self, macro: Macro, arguments: str) -> tuple[Node, bytes, bytes] | None:
        """The body of a macro with its arguments put in, parsed: a compound statement and its text."""
        key = (macro.path, macro.start, macro.name, arguments)
        if key not in self._expansions:
            self._expansions[key] = self._expand(macro, arguments)
        return self._expansions[key]

    def _expand(self, macro: Macro, arguments: str) -> tuple[Node, bytes, bytes] | None:
        body = macro.body
        if macro.params is not None:
            body = expand_call(macro, split_arguments(arguments) if arguments.strip() or macro.params else [])
        return self.snippet(body)

    def snippet(self, body: str) -> tuple[Node, bytes, bytes] | None:
        """A piece of C, parsed: a compound statement, its text, and the text as parsed; None if it is none."""
        text = f"void __expansion(void) {{ {body} ; }}".encode()
        parsed = parse(SourceFile("", text), self.attributes)
        if parsed.root.has_error:
            return None
        for child in parsed.root.children:
            block = child.child_by_field_name("body")
            if block is not None:
                return block, text, parsed.normalised.text
        return None

    def arms(self, path: str) -> ArmIndex:
        """The conditional arms of a file."""
        index = self._arms.get(path)
        if index is None:
            index = ArmIndex(self.files[path].normalised, path)
            self._arms[path] = index
        return index

    def conditions(self, path: str, offset: int) -> tuple[ConfigLiteral, ...]:
        """What must be configured for an offset to be compiled."""
        return self.arms(path).at(offset)

    def groups_inside(self, path: str, start: int, end: int) -> tuple[Group, ...]:
        """The ``#if`` groups that lie wholly inside a span, outermost first."""
        groups = self.files[path].normalised.groups
        return tuple(group for group in groups if start < group.start and group.end <= end) if groups else ()

    def conditional(self, path: str, start: int, end: int) -> bool:
        """Whether a span holds any ``#if``."""
        return bool(self.groups_inside(path, start, end))

    def arm_path(self, groups: tuple[Group, ...], offset: int) -> tuple[tuple[int, int, bool], ...]:
        """The arms an offset lies in, outermost first: (group, arm, whether the group's arms are exhaustive)."""
        found = []
        for group in groups:
            if group.start <= offset < group.end:
                exhaustive = any(arm.kind == "else" for arm in group.arms)
                for number, arm in enumerate(group.arms):
                    if arm.start <= offset < arm.end:
                        found.append((group.start, number, exhaustive))
        return tuple(sorted(found))

    def goto_labels(self, path: str, offset: int) -> tuple[str, ...]:
        """The labels that an ``asm goto`` at an offset may jump to."""
        return self.files[path].normalised.goto_labels.get(offset, ())

    def is_iterator(self, path: str, offset: int) -> bool:
        """Whether the ``while`` at an offset was an iterator macro."""
        return offset in self.files[path].normalised.iterators

    def declared(self, type_node: Node, declarator: Node, data: bytes) -> tuple[str, CType]:
        """Name and type of one declarator."""
        return self.types.declarator(type_node, declarator, data)

    def static_local(self, lowering: Initialises, variable: Var, value: Node) -> None:
        """The initialiser of a function-static variable is a store like that of a global."""
        self.static_types[str(variable.key)] = variable.type
        lowering.initialise(variable, value)
