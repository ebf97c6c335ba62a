"""What ``x->y`` is a member of: the structs, typedefs, enums, globals and functions of a set of parsed files.

Everything is found by name when it is asked for: files are indexed once with
regular expressions over the normalised text, and the syntax tree is read only
at the places that a name leads to.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fpuscan.cpp import Macro
from fpuscan.declarators import CType, Declared, declarator_type, declared_in, parameters_of, parse_type, specifier_type
from fpuscan.enums import EnumTable

if TYPE_CHECKING:
    from fpuscan.syntax import Node, ParsedFile

__all__ = [
    "CType",
    "Declared",
    "FunctionDecl",
    "GlobalVar",
    "TypeTable",
    "declarator_type",
    "declared_in",
    "parameters_of",
    "parse_type",
    "specifier_type",
]


@dataclass(frozen=True, slots=True)
class GlobalVar:
    """A variable at file level; ``start`` is the offset of its name, ``initialiser`` its node if it has one."""

    name: str
    ctype: CType
    path: str
    start: int
    initialiser: Node | None
    is_static: bool
    is_extern: bool


@dataclass(frozen=True, slots=True)
class FunctionDecl:
    """A definition or prototype of a function; parameters are (name or "", type)."""

    name: str
    returns: CType
    params: tuple[tuple[str, CType], ...]
    path: str
    start: int
    is_definition: bool
    is_static: bool
    variadic: bool


@dataclass(slots=True)
class _File:
    # One parsed file under its shorter names.
    parsed: ParsedFile

    @property
    def path(self) -> str:
        return self.parsed.source.path

    @property
    def data(self) -> bytes:
        return self.parsed.source.data

    @property
    def text(self) -> bytes:
        return self.parsed.normalised.text


@dataclass(slots=True)
class _Record:
    # A struct or union with a body: members in order, and for the members of a union the union's name.
    members: dict[str, CType] = field(default_factory=dict)
    unions: dict[str, str] = field(default_factory=dict)


# Literal first bytes keep these fast on megabytes; the byte before is checked by hand.
_TAG = (re.compile(rb"struct\s+(\w+)\s*\{"), re.compile(rb"union\s+(\w+)\s*\{"))
_DECLARED_NAME = re.compile(rb"[A-Za-z_]\w*(?=\s*[;=,\[():])")
_BRACED = re.compile(rb"\{[^{}]*\}")


class TypeTable:
    """The types of a set of files.

    ``macros`` gives the macro of a name, for enum constants that are written with macros.
    """

    def __init__(self, macros: Callable[[str], Macro | None] | None = None) -> None:
        self._files: dict[str, _File] = {}
        self._unindexed: list[_File] = []
        self._tags: dict[str, list[tuple[_File, int]]] = {}
        self._places: dict[str, list[tuple[int, str]]] = {}
        self._unnamed: dict[str, list[tuple[_File, Node]]] = {}
        self._names: dict[str, list[tuple[_File, Node]]] = {}
        self._definitions: dict[str, list[tuple[_File, Node]]] = {}
        self._records: dict[str, _Record | None] = {}
        self._enums = EnumTable(macros)

    def add_file(self, parsed: ParsedFile) -> None:
        """Add a file; a name that two files give different meanings is answered from the first path."""
        added = _File(parsed)
        self._files[added.path] = added
        self._unindexed.append(added)
        self._enums.add(added.path, added.text)
        self._records.clear()

    # ------------------------------------------------------------ structs and unions

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members of ``struct x`` or ``union x`` by name, in order; None if no body is known.

        Members of anonymous structs and unions are among them. Where several
        bodies have one tag (arms of an ``#if``), the members of all.
        """
        record = self._record(tag)
        return record.members if record is not None else None

    def union_group(self, tag: str, member: str) -> str | None:
        """The name of the union that ``member`` of ``tag`` shares its bytes with; None if it shares them with none.

        All members of one union have one group; it is unique in the struct.
        """
        record = self._record(tag)
        return record.unions.get(member) if record is not None else None

    def is_union_member(self, tag: str, member: str) -> bool:
        """True if other members of ``tag`` lie in the same bytes."""
        return self.union_group(tag, member) is not None

    def owners(self, member: str) -> tuple[str, ...]:
        """All tags of structs and unions with a member of that name, sorted."""
        self._index()
        name = member.encode()
        found: set[str] = set()
        for path, places in self._places.items():
            for at in _occurrences(self._files[path].text, name):
                found.update(tag for tag in self._tags_before(places, at) if tag not in found)
        return tuple(sorted(tag for tag in found if member in (self.members(tag) or ())))

    def unique_owner(self, member: str) -> str | None:
        """The one tag that has a member of that name, None for none or several."""
        owners = self.owners(member)
        return owners[0] if len(owners) == 1 else None

    def _tags_before(self, places: list[tuple[int, str]], at: int) -> Iterator[str]:
        # Tags whose body may hold the offset: the nearest ones before it, outwards past nested ones.
        index = bisect.bisect_right(places, (at, "")) - 1
        for _, tag in reversed(places[max(index - 30, 0) : index + 1]):
            yield tag

    def _record(self, tag: str) -> _Record | None:
        if tag not in self._records:
            self._index()
            self._records[tag] = None  # a struct that holds itself ends here
            nodes = [*self._unnamed.get(tag, ())]
            for file, start in self._tags.get(tag, ()):
                node = _specifier_at(file, start)
                if node is not None:
                    nodes.append((file, node))
            if nodes:
                record = _Record()
                for file, node in nodes:
                    self._read_body(record, tag, file, node, "")
                self._records[tag] = record
        return self._records[tag]

    def _read_body(self, record: _Record, tag: str, file: _File, node: Node, union: str) -> None:
        # Members of one body; ``union`` is the group of the union that it lies in.
        body = node.child_by_field_name("body")
        if body is None:
            return
        is_union = node.type == "union_specifier"
        for child in body.named_children:
            if child.type != "field_declaration":
                continue
            if child.child_by_field_name("declarator") is None:
                union = self._read_unnamed(record, tag, file, child, (is_union, union))
                continue
            for declared in declared_in(child, file.data, f"{tag.partition(' ')[2]}."):
                self._remember_unnamed(declared.ctype.base, file, child)
                if is_union and not union:
                    union = f"<union {declared.name}>"
                record.members.setdefault(declared.name, declared.ctype)
                if union:
                    record.unions.setdefault(declared.name, union)

    def _read_unnamed(self, record: _Record, tag: str, file: _File, child: Node, place: tuple[bool, str]) -> str:
        # ``struct { ... };`` and ``struct tag;`` inside a body: their members are members of the outer one.
        # Gives the group of the surrounding union, which may have got its name here.
        is_union, union = place
        inner = child.child_by_field_name("type")
        if inner is None or inner.type not in {"struct_specifier", "union_specifier"}:
            return union
        known = set(record.members)
        if inner.child_by_field_name("body") is not None:
            self._read_body(record, tag, file, inner, union)
        else:
            embedded = self._record(specifier_type(inner, file.data).base)
            for name, ctype in embedded.members.items() if embedded is not None else ():
                record.members.setdefault(name, ctype)
        added = [name for name in record.members if name not in known]
        if is_union and not union and added:
            union = f"<union {added[0]}>"
        if union:
            record.unions.update(dict.fromkeys(added, union))
        return union

    def _remember_unnamed(self, base: str, file: _File, node: Node) -> None:
        if base.endswith(">") and base.startswith(("struct <", "union <")):
            specifier = node.child_by_field_name("type")
            if specifier is not None:
                known = self._unnamed.setdefault(base, [])
                if all(other.start_byte != specifier.start_byte or at is not file for at, other in known):
                    known.append((file, specifier))
                    self._records.pop(base, None)

    # ------------------------------------------------------------ typedefs and enums

    def typedef(self, name: str) -> CType | None:
        """What a typedef name stands for, None if no file defines it (``u64`` is one of the kernel's own)."""
        for file, node, declared in self._declared(name):
            if node.type == "type_definition":
                self._remember_unnamed(declared.ctype.base, file, node)
                return declared.ctype
        return None

    def resolve(self, ctype: CType) -> CType:
        """The same type with typedefs followed to the end."""
        for _ in range(10):  # a cycle of typedefs is no C
            if ctype.function or " " in ctype.base:
                return ctype
            target = self.typedef(ctype.base)
            if target is None or target == ctype:
                return ctype
            ctype = _apply(target, ctype)
        return ctype

    def enum_constant(self, name: str) -> int | None:
        """The value of an enum constant, None if it is none or cannot be evaluated."""
        return self._enums.value(name)

    def enum_constants(self, tag: str) -> tuple[tuple[str, int], ...]:
        """The constants of ``enum x`` in order, those that can be evaluated."""
        return self._enums.constants(tag)

    # ------------------------------------------------------------ variables and functions

    def global_var(self, name: str, path: str = "") -> GlobalVar | None:
        """The file-level variable that ``name`` is in ``path``: its own, else one that is not static.

        A definition is preferred to an ``extern`` declaration, one with an initialiser to one without.
        """
        found = []
        for file, node, declared in self._declared(name):
            if node.type != "declaration" or (declared.ctype.function and not declared.ctype.pointers):
                continue
            self._remember_unnamed(declared.ctype.base, file, node)
            storage = _storage(node, file.data)
            variable = GlobalVar(
                name=name,
                ctype=declared.ctype,
                path=file.path,
                start=declared.start,
                initialiser=declared.value,
                is_static="static" in storage,
                is_extern="extern" in storage,
            )
            if file.path == path or not variable.is_static or not path:
                found.append(variable)
        return min(found, key=lambda var: _variable_preference(var, path), default=None)

    def functions(self, name: str) -> tuple[FunctionDecl, ...]:
        """All definitions of a function, then all prototypes, each by path and position."""
        self._index()
        definitions = [
            _function(name, file, node, node.child_by_field_name("declarator"))
            for file, node in self._definitions.get(name, ())
        ]
        prototypes = []
        for file, node, declared in self._declared(name):
            if node.type == "declaration" and declared.ctype.function and not declared.ctype.pointers:
                declarator = next(
                    child
                    for child in node.children_by_field_name("declarator")
                    if child.start_byte <= declared.start < child.end_byte
                )
                prototypes.append(_function(name, file, node, declarator))
        return tuple(definitions + prototypes)

    def _declared(self, name: str) -> Iterator[tuple[_File, Node, Declared]]:
        # The file-level declarations and typedefs of a name, by path and position.
        self._index()
        for file, node in self._names.get(name, ()):
            prefix = "" if node.type == "type_definition" else f"{file.path}:"
            for declared in declared_in(node, file.data, prefix):
                if declared.name == name:
                    yield file, node, declared

    # ------------------------------------------------------------ the index

    def _index(self) -> None:
        if not self._unindexed:
            return
        for file in self._unindexed:
            self._index_tags(file)
            self._index_names(file)
            for span in file.parsed.functions:
                self._definitions.setdefault(span.name, []).append((file, span.node))
        self._unindexed.clear()
        for table in (self._names, self._definitions):
            for rows in table.values():
                rows.sort(key=lambda row: (row[0].path, row[1].start_byte))
        for places in self._tags.values():
            places.sort(key=lambda row: (row[0].path, row[1]))

    def _index_tags(self, file: _File) -> None:
        text = file.text
        places = []
        for keyword, pattern in zip(("struct", "union"), _TAG, strict=True):
            for found in pattern.finditer(text):
                start = found.start()
                if _starts_word(text, start):
                    tag = f"{keyword} {found[1].decode('ascii', 'replace')}"
                    self._tags.setdefault(tag, []).append((file, start))
                    places.append((start, tag))
        self._places[file.path] = sorted(places)

    def _index_names(self, file: _File) -> None:
        text = file.text
        names = self._names
        for node in _toplevel(file.parsed.root):
            chunk = text[node.start_byte : node.end_byte]
            while b"{" in chunk and (inner := _BRACED.sub(b"", chunk)) != chunk:
                chunk = inner
            row = (file, node)
            for name in set(_DECLARED_NAME.findall(chunk)):
                names.setdefault(name.decode(), []).append(row)


def _toplevel(root: Node) -> Iterator[Node]:
    # Declarations and typedefs at file level, also those that an error node has swallowed.
    for node in root.named_children:
        if node.type in {"declaration", "type_definition"}:
            yield node
        elif node.type == "ERROR":
            yield from (child for child in node.named_children if child.type in {"declaration", "type_definition"})


def _occurrences(text: bytes, name: bytes) -> Iterator[int]:
    # Offsets of a whole word; find() is much faster than a regular expression.
    at = text.find(name)
    while at >= 0:
        end = at + len(name)
        if _starts_word(text, at) and not _is_word(text[end : end + 1]):
            yield at
        at = text.find(name, end)


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


def _starts_word(text: bytes, start: int) -> bool:
    return start == 0 or not _is_word(text[start - 1 : start])


def _specifier_at(file: _File, start: int) -> Node | None:
    # The struct or union specifier that begins at the offset.
    brace = file.text.find(b"{", start)
    node = file.parsed.root.descendant_for_byte_range(start, brace + 1)
    if node is None or node.type not in {"struct_specifier", "union_specifier"} or node.start_byte != start:
        return None
    return node


def _apply(target: CType, use: CType) -> CType:
    # ``use`` is built on a typedef name for ``target``: pointers to it, arrays of it.
    ctype = target
    for _ in range(use.pointers):
        ctype = ctype.pointer_to()
    for length in reversed(use.arrays):
        ctype = ctype.array_of(length)
    return ctype


def _storage(node: Node, data: bytes) -> frozenset[str]:
    return frozenset(
        data[child.start_byte : child.end_byte].decode("ascii", "replace")
        for child in node.named_children
        if child.type == "storage_class_specifier"
    )


def _variable_preference(variable: GlobalVar, path: str) -> tuple[bool, bool, bool, str, int]:
    elsewhere = variable.path != path
    return elsewhere, variable.is_extern, variable.initialiser is None, variable.path, variable.start


def _function(name: str, file: _File, node: Node, declarator: Node | None) -> FunctionDecl:
    specifier = node.child_by_field_name("type")
    base = specifier_type(specifier, file.data) if specifier is not None else CType("int")
    declared = declarator_type(base, declarator, file.data)
    params, variadic = parameters_of(declarator, file.data) if declarator is not None else ((), False)
    return FunctionDecl(
        name=name,
        returns=declared.ctype.result or base,
        params=params,
        path=file.path,
        start=declared.start,
        is_definition=node.type == "function_definition",
        is_static="static" in _storage(node, file.data),
        variadic=variadic,
    )
