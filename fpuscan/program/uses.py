"""Who may touch a name, as far as the text tells: the questions that come before any fact is lowered.

Every answer names candidates; the facts of each say what it does. All answers
are in order of path and position, unless they say otherwise.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.program.accesses import AccessIndex, base_of
from fpuscan.program.aliases import AliasIndex
from fpuscan.program.bodies import MacroBodies, handed_to
from fpuscan.program.callgraph import CallGraph
from fpuscan.program.containers import contained_members
from fpuscan.program.indirect import PointerCalls
from fpuscan.program.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fpuscan.model.rows import Model
    from fpuscan.parse.normalise.values import Directive
    from fpuscan.parse.reuse import ParseCache
    from fpuscan.program.units import Unit
    from fpuscan.tree import KernelTree

__all__ = ["Uses"]

_DECLARED = re.compile(rb"[^;(){}]*")  # the names behind a type
_LAST = re.compile(rb"\b[A-Za-z_]\w*+(?!\s*(?:->|\.))")  # not `p` of `p->member`, which has another type
_PARAMETER = re.compile(rb"\s*\w+\s+(?:(?!__)\w|\*)")  # another one, with a type of its own
_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
_MEMBER = re.compile(rb"\s*(?:\.|\[)")
_VARIABLE = re.compile(rb"\s+\w+\s*[=;,\[]")  # behind the name of a type
_STRUCT = re.compile(rb"\nstruct\s+(\w+)\s*\{")
_COPY = re.compile(rb"\bmem(?:cpy|move)\b|=\s*\(?\s*\*|\breturn\s*\*")
_OVERWRITTEN = re.compile(rb"[;{}):]\s*\*\s*(\w+)\s*=(?!=)")  # *to = from;
_STATIC_CALL_WORDS = (b"DEFINE_STATIC_CALL", b"static_call_update")
_STATIC_CALL = re.compile(rb"\b(?:DEFINE_STATIC_CALL\w*|static_call_update)\s*\(\s*(\w+)\s*,\s*&?\s*(\w+)")
_CAST = re.compile(rb"\s*\*\s*\)")
_LINE = 200  # bytes before a name in which the macro stands that it is handed to
_MAX_NESTED = 4  # calls of one macro, each in the arguments of the next, that are expanded
_STORE_EFFECTS = frozenset({"store", "exchange", "load", "copy", "zero", "swap", "update"})


class Uses(Sources):
    """The files, with what their text says about names."""

    def __init__(self, tree: KernelTree, model: Model, parsed: ParseCache | None = None) -> None:
        super().__init__(tree, model, parsed)
        stores = (name for name, row in model.effects.items() if row.kind in _STORE_EFFECTS)
        self._alias_index = AliasIndex(self._directives)
        self._bodies = MacroBodies(self._directives, self._alias_index, stores)
        self._chains: dict[str, tuple[str, ...]] = {}
        for name, row in model.effects.items():
            if row.kind == "calls":
                member = row.member.rpartition(".")[2]
                self._chains[member] = (*self._chains.get(member, ()), name)
        pointers = PointerCalls(self, self._alias_index, self._bodies, tuple(model.static_calls), self._chains)
        self._call_graph = CallGraph(self.table, self._alias_index, self.names, pointers)
        self._access = AccessIndex(self.names, self.table, self._bodies, self._alias_index)
        self._address_taken: dict[str, bool] = {}
        self._accessing: dict[tuple[str, str], list[Unit]] = {}
        self._initialising: dict[str, list[Unit]] = {}
        self._copying: dict[str, list[Unit]] = {}
        self._member_address_taken: dict[str, bool] = {}
        self._variables: dict[str, list[tuple[str, int, Unit | None]]] = {}
        self._users: dict[tuple[tuple[str, str], ...], frozenset[int] | None] = {}
        self._inside_variables: dict[str, bool] = {"": False}
        self._holders: dict[str, frozenset[str]] = {}
        self._static_calls: dict[str, set[int]] | None = None
        self._contained: frozenset[str] | None = None

    def _directives(self) -> Iterator[Directive]:
        for parsed in self.files.values():
            yield from parsed.normalised.directives

    def asked(self) -> frozenset[bytes]:
        """Every identifier that somebody looked for in the text so far."""
        return frozenset(name.encode() for name in self.names.asked | self._call_graph.asked)

    # ------------------------------------------------------------ names

    def aliases(self, name: str) -> frozenset[str]:
        """The macros in whose body an identifier stands, and the macros in whose body those stand."""
        return self._alias_index.of(name)

    def storing_macros(self) -> frozenset[str]:
        """The macros whose body stores into something, or uses a macro that does; those of the model among them."""
        return self._bodies.assigning

    def macro_depth(self, name: str) -> int:
        """How often a macro may stand inside an expansion of itself: in its arguments, unless its body names it."""
        return 1 if self._alias_index.recursive(name) else _MAX_NESTED

    def units_mentioning(self, name: str) -> list[Unit]:
        """The units whose text holds an identifier, or a macro for it."""
        found: dict[int, Unit] = {}
        for word in (name, *sorted(self.aliases(name))):
            for path, offset in self.occurrences(word):
                unit = self.unit_at(path, offset)
                if unit is not None:
                    found[unit.id] = unit
        return _in_order(found.values())

    def units_naming(self, function: str) -> list[Unit]:
        """The units that name a function without calling it: its address goes somewhere. In no order."""
        found: dict[int, Unit] = {}
        for path, offset in self.occurrences(function):
            text = self.files[path].normalised.text
            if text[offset + len(function) : offset + len(function) + 8].lstrip().startswith(b"("):
                continue
            unit = self.unit_at(path, offset)
            if unit is not None:
                found[unit.id] = unit
        return list(found.values())

    def is_unused(self, unit: Unit) -> bool:
        """Whether a function can be called in its own file only, and nothing there but its definitions names it."""
        if not self.is_file_local(unit):
            return False
        defined = sum(each.path == unit.path for each in self.definitions(unit.name))
        named = re.findall(rb"\b%s\b" % re.escape(unit.name.encode()), unit.file.source.data)
        return len(named) == defined

    def parse_functions_naming(self, name: str) -> None:
        """Parse the bodies of the functions that name something, so that their errors are known."""
        for path, offset in self.occurrences(name):
            unit = self.table.function_at(path, offset)
            if unit is not None:
                unit.parse()

    def address_taken(self, name: str) -> bool:
        """Whether somebody takes the address of a global as a whole."""
        found = self._address_taken.get(name)
        if found is None:
            found = any(self._is_address(path, offset, len(name)) for path, offset in self.occurrences(name))
            self._address_taken[name] = found
        return found

    def member_address_taken(self, name: str) -> bool:
        """Whether somebody takes the address of a member of a global: ``&name.member``."""
        found = self._member_address_taken.get(name)
        if found is None:
            found = any(
                _MEMBER.match(self.files[path].normalised.text, offset + len(name)) is not None
                and self._follows_ampersand(path, offset)
                for path, offset in self.occurrences(name)
            )
            self._member_address_taken[name] = found
        return found

    def _follows_ampersand(self, path: str, offset: int) -> bool:
        before = self.files[path].normalised.text[max(0, offset - 8) : offset].rstrip()
        return before.endswith(b"&") and not before.endswith(b"&&")

    def _is_address(self, path: str, offset: int, size: int) -> bool:
        text = self.files[path].normalised.text
        before = text[max(0, offset - 8) : offset].rstrip()
        behind = text[offset + size : offset + size + 8].lstrip()
        if before.endswith((b"(", b",")) and behind.startswith((b",", b")")):
            return handed_to(text, max(0, offset - _LINE), offset, self._bodies.addressing)
        if not before.endswith(b"&") or before.endswith(b"&&"):
            return False
        return not behind.startswith((b".", b"[", b"->"))

    # ------------------------------------------------------------ calls

    def users_of(self, name: str) -> list[Unit]:
        """The functions that call a function by name, or use a macro that may. In no order."""
        return list(self._call_graph.callers(name))

    def callers_closure(self, units: Iterable[Unit], tags: Iterable[str] | None = None) -> frozenset[int]:
        """Some functions, and all that call them by name, directly or not: the numbers of the units.

        With ``tags`` also those that call them through a pointer and are given a pointer to one of those structs, or
        to anything; without any tag those that call them at all.
        """
        if tags is None:
            return self._call_graph.closure(units)
        names = [re.escape(tag.partition(" ")[2].strip("<>").encode()) for tag in tags if tag]
        head = rb"\b(?:" + b"|".join(names) + rb")\b|\bvoid\s*\*" if names else b""
        return self._call_graph.closure(units, re.compile(head))

    def static_calls(self) -> dict[str, set[int]]:
        """The functions (units) behind each static call that is defined or updated by name."""
        if self._static_calls is None:
            self._static_calls = {}
            for path, parsed in self.files.items():
                if not any(word in parsed.source.data for word in _STATIC_CALL_WORDS):  # far quicker than the pattern
                    continue
                for match in _STATIC_CALL.finditer(parsed.source.data):
                    targets = self._static_calls.setdefault(match.group(1).decode(), set())
                    targets.update(unit.id for unit in self.functions_named(match.group(2).decode(), path))
        return self._static_calls

    def chains_of(self, member: str) -> tuple[str, ...]:
        """The functions of other places that call what a member of registered objects holds."""
        return self._chains.get(member, ())

    def static_calls_of(self, unit: Unit) -> list[str]:
        """The static calls that may go to a function, by name."""
        return sorted(name for name, targets in self.static_calls().items() if unit.id in targets)

    # ------------------------------------------------------------ members

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

    def _find_accessing(self, tag: str, member: str) -> list[Unit]:
        if "<" in tag:  # no declaration names a struct without a tag
            tag = ""
        holders = {name.encode() for name in self.holders(tag)} if tag else set[bytes]()
        found: dict[int, Unit] = {}
        for path, offset in self.occurrences(member):
            unit = self.table.function_at(path, offset)
            if unit is None or unit.id in found:
                continue
            base = base_of(self.files[path].normalised.text, unit.start, offset) if tag else None
            if not tag or (base is not None and (base[1] or base[0] in holders)) or self._is_selected(unit, offset):
                found[unit.id] = unit
        for alias in self.aliases(member):
            for unit in self.units_mentioning(alias):
                found[unit.id] = unit
        return _in_order(found.values())

    def _is_selected(self, unit: Unit, offset: int) -> bool:
        """Whether a macro selects the member that its argument at ``offset`` names."""
        text = unit.file.normalised.text
        if not text[max(unit.start, offset - 8) : offset].rstrip().endswith((b"(", b",")):
            return False
        return handed_to(text, max(unit.start, offset - _LINE), offset, self._bodies.selecting)

    def storing(self, name: str) -> frozenset[int]:
        """The functions (numbers of the units) whose text may store into what a name stands for."""
        return self._access.storing(name)

    def reading(self, name: str) -> frozenset[int]:
        """The functions (numbers of the units) whose text may read what a name stands for."""
        return self._access.reading(name)

    def units_initialising(self, member: str) -> list[Unit]:
        """The units with a designated initialiser of a member. In no order."""
        found = self._initialising.get(member)
        if found is None:
            units: dict[int, Unit] = {}
            for path, offset in self.occurrences(member):
                unit = self.unit_at(path, offset) if self._is_designator(path, offset) else None
                if unit is not None:
                    units[unit.id] = unit
            found = list(units.values())
            self._initialising[member] = found
        return found

    def _is_designator(self, path: str, offset: int) -> bool:
        text = self.files[path].normalised.text
        before = text[max(0, offset - 24) : offset].rstrip()
        return before.endswith(b".") and before[:-1].rstrip()[-1:] in {b"{", b",", b""}

    # ------------------------------------------------------------ structs

    def is_cast_to(self, tag: str) -> bool:
        """Whether some text casts to a pointer to a struct."""
        keyword, _, name = tag.partition(" ")
        cast = re.compile(rb"\(\s*" + keyword.encode() + rb"\s+\Z")
        return any(
            cast.search(self.files[path].normalised.text, max(0, offset - _LINE), offset)
            and _CAST.match(self.files[path].normalised.text, offset + len(name))
            for path, offset in self.occurrences(name)
        )

    def is_contained(self, member: str) -> bool:
        """Whether some text may ask for the struct around a member of that name."""
        if self._contained is None:
            texts = [parsed.normalised.text for parsed in self.files.values()]
            texts += [directive.text for directive in self._directives() if directive.kind == "define"]
            rows = self.model.effects.items()
            self._contained = contained_members(texts, (name for name, row in rows if row.kind == "container_of"))
        self.names.asked.add(member)
        return member in self._contained

    def has_variables(self, tag: str) -> bool:
        """Whether some function has a variable of a struct type, and no pointer to one."""
        return any(unit is not None for _, _, unit in self._variables_of(tag))

    def lies_in_variables(self, tag: str) -> bool:
        """Whether some function has a variable of a struct type, or of a struct that has one as a member."""
        found = self._inside_variables.get(tag)
        if found is None:
            self._inside_variables[tag] = False
            found = any(
                unit is not None or self.lies_in_variables(self._struct_around(path, offset))
                for path, offset, unit in self._variables_of(tag)
            )
            self._inside_variables[tag] = found
        return found

    def _variables_of(self, tag: str) -> list[tuple[str, int, Unit | None]]:
        """The variables and members of a struct type: path, offset, and the function around it."""
        found = self._variables.get(tag)
        if found is None:
            name = tag.partition(" ")[2].strip("<>")
            found = [
                (path, offset, self.table.function_at(path, offset))
                for path, offset in self.occurrences(name)
                if _VARIABLE.match(self.files[path].normalised.text, offset + len(name)) is not None
            ]
            self._variables[tag] = found
        return found

    def _struct_around(self, path: str, offset: int) -> str:
        """The struct in whose definition a member stands; empty if it stands in none."""
        text = self.files[path].normalised.text
        start = text.rfind(b"\nstruct ", 0, offset)
        match = _STRUCT.match(text, start) if start >= 0 and text.find(b"\n}", start, offset) < 0 else None
        return f"struct {match[1].decode()}" if match is not None else ""

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
                    words.update(word.decode() for word in _declared(match.group()))
            found = frozenset(words)
            self._holders[tag] = found
        return found

    def globals_of(self, tag: str) -> list[str]:
        """The global variables of a struct type, by value and by name."""
        found = []
        for name in sorted(self.holders(tag)):
            variable = self.types.global_var(name)
            if variable is not None and variable.type.base == tag and not variable.type.pointers:
                found.append(name)
        return found

    def positional_initialisers(self, tag: str) -> list[Unit]:
        """The initialisers of globals of a struct type that name no member."""
        found: dict[int, Unit] = {}
        for name in self.globals_of(tag):
            variable = self.types.global_var(name)
            if variable is not None and variable.initialiser is not None:
                unit = self.unit_at(variable.path, variable.start)
                if unit is not None and b"." not in unit.text():
                    found[unit.id] = unit
        return _in_order(found.values())

    def copiers(self, tag: str) -> list[Unit]:
        """The functions that may copy a struct of a type as a whole."""
        found = self._copying.get(tag)
        if found is None:
            found = self._find_copiers(tag)
            self._copying[tag] = found
        return found

    def users_of_member(self, way: tuple[tuple[str, str], ...]) -> frozenset[int] | None:
        """The functions (numbers of the units) that may read a member of any struct, itself or in a copy of a struct
        around it; None: any may. ``way`` are the structs that it lies in, outermost first, each with its member.
        """  # noqa: D205
        if way not in self._users:
            self._users[way] = self._find_users(way)
        return self._users[way]

    def _find_users(self, way: tuple[tuple[str, str], ...]) -> frozenset[int] | None:
        found = {unit.id for unit in self.units_accessing("", way[-1][1])}
        for _, member in way[:-1]:
            found |= self._access.whole(member)
        for tag in {tag for tag, _ in way if tag}:
            kind, _, name = tag.partition(" ")
            variables = self.holders(tag)
            if name[:1] in {"", "<"} or any(self._is_typedef(each, tag) for each in variables):
                return None
            words = b"|".join(re.escape(each.encode()) for each in sorted(variables))
            pattern = re.compile(
                rb"(?:(?:=|\breturn|[(,])\s*\(?\s*\*|\*\s*\))\s*(?:" + words + rb")\b"  # = *p, sizeof(*p), (u64 *)p
                rb"(?!\s*(?:->|\.|\[|\())"
                rb"|\b" + kind.encode() + rb"\s+" + name.encode() + rb"\s*(?:\)|\w+\s*[=;,)])"  # sizeof(struct x)
            )
            users = [unit for unit in self.units_mentioning(name) if unit.is_function]
            found.update(unit.id for unit in users if pattern.search(unit.text()))
        return frozenset(found)

    def _is_typedef(self, name: str, tag: str) -> bool:
        ctype = self.types.typedef(name)
        return ctype is not None and ctype.base == tag

    def _find_copiers(self, tag: str) -> list[Unit]:
        kind, _, name = tag.partition(" ")
        variables = self.globals_of(tag)
        words = [_COPY.pattern, kind.encode() + rb"\s+" + re.escape(name.encode()) + rb"\s+\w+\s*[=;,)]"]
        for variable in variables:
            words += [rb"=\s*" + variable.encode() + rb"\s*;", rb"\b" + variable.encode() + rb"\s*=[^=]"]
        copy = re.compile(b"|".join(words))
        users = {unit.id: unit for word in (name, *variables) for unit in self.units_mentioning(word)}
        pointer = rb"\b" + kind.encode() + rb"\s+" + re.escape(name.encode()) + rb"\s*\*\s*"
        return [
            unit
            for unit in users.values()
            if unit.is_function and (copy.search(unit.text()) or _overwrites(unit.text(), pointer))
        ]


def _overwrites(text: bytes, pointer: bytes) -> bool:
    """Whether something is stored over the struct behind a name that is declared as such a ``pointer``."""
    return any(re.search(pointer + name + rb"\b", text) for name in set(_OVERWRITTEN.findall(text)))


def _declared(text: bytes) -> Iterator[bytes]:
    """The names that are declared behind a type, up to the next parameter, and those that give them a value."""
    for number, declarator in enumerate(text.split(b",")):
        if number and _PARAMETER.match(declarator):
            return
        yield from _LAST.findall(declarator)


def _in_order(units: Iterable[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: (unit.path, unit.start))
