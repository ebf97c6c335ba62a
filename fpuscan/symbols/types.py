"""What ``x->y`` is a member of: the structs, typedefs, enums, globals and functions of a set of parsed files.

Everything is found by name when it is asked for: the declarations of a file
are indexed once, and read only where a name leads to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from fpuscan.symbols.cpp import Macro
from fpuscan.symbols.declarators import (
    CType,
    Declared,
    declarator_type,
    declared_in,
    parameters_of,
    parse_type,
    specifier_type,
)
from fpuscan.symbols.enums import EnumTable
from fpuscan.symbols.records import RecordTable

if TYPE_CHECKING:
    from fpuscan.parse.syntax import Node, ParsedFile

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


class GlobalVar(NamedTuple):
    """A variable at file level; ``start`` is the offset of its name, ``initialiser`` its node if it has one."""

    name: str
    type: CType
    path: str
    start: int
    initialiser: Node | None
    is_static: bool
    is_extern: bool


class FunctionDecl(NamedTuple):
    """A definition or prototype of a function; parameters are (name or "", type)."""

    name: str
    returns: CType
    params: tuple[tuple[str, CType], ...]
    path: str
    start: int
    is_definition: bool
    is_static: bool
    variadic: bool


@dataclass(slots=True, eq=False)
class _Declaration:
    # A declaration, typedef or function definition at the top level of a file; its names are read once.
    path: str
    data: bytes
    node: Node
    names: dict[str, list[Declared]] | None = None

    def declared(self, name: str) -> list[Declared]:
        if self.names is None:
            self.names = {}
            prefix = "" if self.node.type == "type_definition" else f"{self.path}:"
            for each in declared_in(self.node, self.data, prefix):
                self.names.setdefault(each.name, []).append(each)
        return self.names.get(name, [])


_DECLARED_NAME = re.compile(rb"(?<!\w)[A-Za-z_]\w*+(?=\s*+[;=,\[():])")
_MOST_TIMES = 2  # that one declaration declares one name; more is no C
_MOST_SPECIFIERS = 8  # words before a name: static inline const struct
_BRACE = re.compile(rb"[{}]")


class TypeTable:
    """The types of a set of files; where two files give a name different meanings, the first path counts.

    ``macros`` gives the macro of a name, for enum constants that are written with macros.
    """

    def __init__(self, macros: Callable[[str], Macro | None] | None = None) -> None:
        self._unindexed: list[ParsedFile] = []
        self._records = RecordTable()
        self._enums = EnumTable(macros)
        self._declarations: dict[str, list[_Declaration]] = {}
        self._definitions: dict[str, list[_Declaration]] = {}
        self._typedefs: dict[str, CType | None] = {}
        self._variables: dict[str, tuple[GlobalVar, ...]] = {}
        self._visible: dict[tuple[str, str], GlobalVar | None] = {}
        self._functions: dict[str, tuple[FunctionDecl, ...]] = {}
        self._returned: dict[str, CType | None] = {}

    def add_file(self, parsed: ParsedFile) -> None:
        """Add a file."""
        self._unindexed.append(parsed)
        self._records.add(parsed)
        self._enums.add(parsed.source.path, parsed.normalised.text)
        self._typedefs.clear()
        self._variables.clear()
        self._visible.clear()
        self._functions.clear()
        self._returned.clear()

    def add_struct(self, parsed: ParsedFile) -> None:
        """Add a file that holds one struct and nothing else."""
        self._records.add(parsed)

    # ------------------------------------------------------------ structs and unions

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members of ``struct x`` or ``union x`` by name, in order; None if no body is known.

        Members of anonymous structs and unions are among them. Where several
        bodies have one tag (arms of an ``#if``), the members of all.
        """
        return self._records.members(tag)

    def union_group(self, tag: str, member: str) -> str | None:
        """The name of the union that ``member`` of ``tag`` shares its bytes with; None if it shares them with none.

        All members of one union have one group; it is unique in the struct.
        """
        return self._records.union_group(tag, member)

    def union_view(self, tag: str, member: str) -> str | None:
        """The name of a union as one member sees it: its group, with the member where others are laid out otherwise."""
        group = self._records.union_group(tag, member)
        if group is None or self._records.is_uniform(tag, group):
            return group
        return f"{group}.{member}"

    def starts_union(self, tag: str, member: str) -> bool:
        """Whether ``member`` of ``tag`` lies in a union and starts where that does."""
        return self._records.starts_union(tag, member)

    def is_union_member(self, tag: str, member: str) -> bool:
        """True if other members of ``tag`` lie in the same bytes."""
        return self.union_group(tag, member) is not None

    def owners(self, member: str) -> tuple[str, ...]:
        """All tags of structs and unions with a member of that name, sorted."""
        return self._records.owners(member)

    def unique_owner(self, member: str) -> str | None:
        """The one tag that has a member of that name, None for none or several."""
        owners = self.owners(member)
        return owners[0] if len(owners) == 1 else None

    # ------------------------------------------------------------ declarators of any scope

    def declarator(self, specifier: Node, declarator: Node, data: bytes) -> tuple[str, CType]:
        """The name and type of one declarator of a declaration with that specifier."""
        name = declarator_type(CType(""), declarator, data).name
        base = specifier_type(specifier, data, f"{specifier.start_byte}:{name}")
        ctype = declarator_type(base, declarator, data).type
        self._records.remember(base, specifier, data)
        return name, ctype

    def signature(self, node: Node, data: bytes) -> tuple[CType, tuple[tuple[str, CType], ...], bool]:
        """The return type, parameters (name or "", type) and variadicity of a function definition node."""
        return _signature(node, node.child_by_field_name("declarator"), data)

    # ------------------------------------------------------------ typedefs and enums

    def typedef(self, name: str) -> CType | None:
        """What a typedef name stands for, None if no file defines it (``u64`` is one of the kernel's own)."""
        if name not in self._typedefs:
            found = (each for at, each in self._declared(name) if at.node.type == "type_definition")
            declared = next(found, None)
            self._typedefs[name] = declared.type if declared is not None else None
        return self._typedefs[name]

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

        Without a path, any. A definition is preferred to an ``extern``
        declaration, one with an initialiser to one without.
        """
        key = (name, path)
        if key not in self._visible:
            visible = [each for each in self._global_vars(name) if not path or each.path == path or not each.is_static]
            self._visible[key] = min(visible, key=lambda each: _preference(each, path), default=None)
        return self._visible[key]

    def _global_vars(self, name: str) -> tuple[GlobalVar, ...]:
        if name not in self._variables:
            self._variables[name] = tuple(
                _variable(at, each) for at, each in self._declared(name) if _is_variable(at.node, each)
            )
        return self._variables[name]

    def functions(self, name: str) -> tuple[FunctionDecl, ...]:
        """All definitions of a function, then all prototypes, each by path and position."""
        if name not in self._functions:
            self._functions[name] = tuple(_function(name, at, node) for at, node in self._declarators(name))
        return self._functions[name]

    def returned(self, name: str) -> CType | None:
        """The return type of a function, as its first definition or else its first prototype says; None without one."""
        if name not in self._returned:
            first = next(self._declarators(name), None)
            self._returned[name] = _returned(first[0].node, first[1], first[0].data) if first is not None else None
        return self._returned[name]

    def _declarators(self, name: str) -> Iterator[tuple[_Declaration, Node | None]]:
        # The definitions of a function, then its prototypes, each with the declarator of the name.
        self._index()
        for at in self._definitions.get(name, ()):
            yield at, at.node.child_by_field_name("declarator")
        for at, each in self._declared(name):
            if at.node.type == "declaration" and _is_function(each.type):
                yield at, _declarator_at(at.node, each.start)

    def _declared(self, name: str) -> Iterator[tuple[_Declaration, Declared]]:
        # The file-level declarations and typedefs of a name, by path and position.
        self._index()
        for at in self._declarations.get(name, ()):
            for declared in at.declared(name)[:_MOST_TIMES]:
                specifier = at.node.child_by_field_name("type")
                if specifier is not None:
                    self._records.remember(CType(_innermost(declared.type).base), specifier, at.data)
                yield at, declared

    def _index(self) -> None:
        if not self._unindexed:
            return
        for parsed in self._unindexed:
            path, data = parsed.source.path, parsed.source.data
            for node in chain.from_iterable(map(_top_level, parsed.roots)):
                self._index_names(_Declaration(path, data, node), parsed.normalised.text)
            for span in parsed.functions:
                self._definitions.setdefault(span.name, []).append(_Declaration(path, data, span.node))
        self._unindexed.clear()
        for table in (self._declarations, self._definitions):
            for rows in table.values():
                rows.sort(key=lambda row: (row.path, row.node.start_byte))

    def _index_names(self, declaration: _Declaration, text: bytes) -> None:
        # All names that the declaration may declare; reading it tells which of them it does.
        chunk = text[declaration.node.start_byte : declaration.node.end_byte]
        for name in set(_DECLARED_NAME.findall(_outside_braces(chunk) if b"{" in chunk else chunk)):
            self._declarations.setdefault(name.decode(), []).append(declaration)


def _top_level(root: Node) -> Iterator[Node]:
    # Declarations and typedefs at file level, also those that an error node has swallowed.
    wanted = {"declaration", "type_definition"}
    for node in root.named_children:
        if node.type in wanted:
            yield node
        elif node.type == "ERROR":
            yield from (child for child in node.named_children if child.type in wanted)


def _outside_braces(chunk: bytes) -> bytes:
    # What is left of a declaration without struct bodies and initialiser lists.
    kept, start, depth = [], 0, 0
    for found in _BRACE.finditer(chunk):
        if found[0] == b"{":
            if depth == 0:
                kept.append(chunk[start : found.start()])
            depth += 1
        elif depth:
            depth -= 1
            start = found.end()
    return b"".join([*kept, chunk[start:]])


def _innermost(ctype: CType) -> CType:
    # The type at the bottom of return types of function types.
    while ctype.result is not None:
        ctype = ctype.result
    return ctype


def _apply(target: CType, use: CType) -> CType:
    # ``use`` is built on a typedef name for ``target``: pointers to it, arrays of it.
    ctype = target
    for _ in range(use.pointers):
        ctype = ctype.pointer_to()
    for length in reversed(use.arrays):
        ctype = ctype.array_of(length)
    return ctype._replace(width=use.width) if use.width else ctype


def _storage(node: Node, data: bytes) -> frozenset[bytes]:
    # Storage classes stand before the first declarator.
    found = set()
    for index in range(min(node.child_count, _MOST_SPECIFIERS)):
        child = node.child(index)
        if child.type == "storage_class_specifier":
            found.add(data[child.start_byte : child.end_byte])
    return frozenset(found)


def _is_function(ctype: CType) -> bool:
    return ctype.function and not ctype.pointers and not ctype.arrays


def _is_variable(node: Node, declared: Declared) -> bool:
    return node.type == "declaration" and not _is_function(declared.type)


def _variable(at: _Declaration, declared: Declared) -> GlobalVar:
    storage = _storage(at.node, at.data)
    return GlobalVar(
        name=declared.name,
        type=declared.type,
        path=at.path,
        start=declared.start,
        initialiser=declared.value,
        is_static=b"static" in storage,
        is_extern=b"extern" in storage,
    )


def _preference(variable: GlobalVar, path: str) -> tuple[bool, bool, bool, str, int]:
    elsewhere = variable.path != path
    return elsewhere, variable.is_extern, variable.initialiser is None, variable.path, variable.start


def _declarator_at(node: Node, start: int) -> Node | None:
    found = (each for each in node.children_by_field_name("declarator") if each.start_byte <= start < each.end_byte)
    return next(found, None)


def _signature(node: Node, declarator: Node | None, data: bytes) -> tuple[CType, tuple[tuple[str, CType], ...], bool]:
    params, variadic = parameters_of(declarator, data) if declarator is not None else ((), False)
    return _returned(node, declarator, data), params, variadic


def _returned(node: Node, declarator: Node | None, data: bytes) -> CType:
    specifier = node.child_by_field_name("type")
    base = specifier_type(specifier, data) if specifier is not None else CType("int")
    return declarator_type(base, declarator, data).type.result or base


def _function(name: str, at: _Declaration, declarator: Node | None) -> FunctionDecl:
    returns, params, variadic = _signature(at.node, declarator, at.data)
    return FunctionDecl(
        name=name,
        returns=returns,
        params=params,
        path=at.path,
        start=declarator_type(CType(""), declarator, at.data).start,
        is_definition=at.node.type == "function_definition",
        is_static=b"static" in _storage(at.node, at.data),
        variadic=variadic,
    )
