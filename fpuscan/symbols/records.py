"""The members of structs and unions, by tag.

Bodies are found by regular expression over the normalised text; the syntax
tree is read at the ones whose tag somebody asks for.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from fpuscan.parse.pieces import closing
from fpuscan.parse.syntax import Node, ParsedFile, parse_snippet
from fpuscan.symbols.declarators import CType, declared_in, specifier_type

__all__ = ["RecordTable"]

# A literal first byte keeps these fast on megabytes; the byte before it is checked by hand.
_BODY = {"struct": re.compile(rb"struct\s+(\w+)\s*\{"), "union": re.compile(rb"union\s+(\w+)\s*\{")}
_SPECIFIERS = frozenset({"struct_specifier", "union_specifier"})
_DEEPEST = 40  # nesting of bodies; deeper is no kernel
_MOST_BODIES = 50  # of one tag, in different arms or files; the others are left out
_MOST_ALONE = 8_000_000  # bytes of bodies that are parsed once more because their file did not parse there
_NEAREST = 30  # bodies before an offset that may hold it: nested ones that ended, then the one around


@dataclass(slots=True)
class _Record:
    # The members in order, and for the members of a union the name of the outermost one.
    members: dict[str, CType] = field(default_factory=dict)
    unions: dict[str, str] = field(default_factory=dict)
    displaced: set[str] = field(default_factory=set)  # unions with a struct inside: not all members start where it does
    inner: set[str] = field(default_factory=set)  # members of such structs, but for the first of each


class _Body(NamedTuple):
    # A specifier node with a body, the bytes it was read from, and the unnamed union that it lies in.
    node: Node
    data: bytes
    union: str = ""
    depth: int = 0


class RecordTable:
    """All structs and unions of a set of files."""

    def __init__(self) -> None:
        self._files: dict[str, ParsedFile] = {}
        self._unindexed: list[ParsedFile] = []
        self._tags: dict[str, list[tuple[str, int]]] = {}
        self._places: dict[str, list[tuple[int, str]]] = {}
        self._unnamed: dict[str, list[_Body]] = {}
        self._records: dict[str, _Record | None] = {}
        self._alone = _MOST_ALONE

    def add(self, parsed: ParsedFile) -> None:
        """Add a file."""
        self._files[parsed.source.path] = parsed
        self._unindexed.append(parsed)
        self._records.clear()

    def remember(self, ctype: CType, specifier: Node, data: bytes) -> None:
        """Note where the body of a struct without a name is: it declares something of that type."""
        if specifier.type not in _SPECIFIERS or "<" not in ctype.base:
            return
        known = self._unnamed.setdefault(ctype.base, [])
        if all(body.node.start_byte != specifier.start_byte or body.data is not data for body in known):
            known.append(_Body(specifier, data))
            self._records.pop(ctype.base, None)

    def members(self, tag: str) -> dict[str, CType] | None:
        """The members by name, in order; None if no body is known."""
        record = self._record(tag)
        return record.members if record is not None else None

    def union_group(self, tag: str, member: str) -> str | None:
        """A name for the union that ``member`` shares its bytes with, None if it shares them with none."""
        record = self._record(tag)
        return record.unions.get(member) if record is not None else None

    def is_uniform(self, tag: str, group: str) -> bool:
        """Whether all members of a union have one type and start where it does."""
        record = self._record(tag)
        if record is None or group in record.displaced:
            return False
        return len({record.members.get(name) for name, union in record.unions.items() if union == group}) == 1

    def starts_union(self, tag: str, member: str) -> bool:
        """Whether a member of a union starts where the union does."""
        record = self._record(tag)
        return record is not None and member in record.unions and member not in record.inner

    def owners(self, member: str) -> tuple[str, ...]:
        """All tags with a member of that name, sorted."""
        self._index()
        name = member.encode()
        found: set[str] = set()
        for path, places in self._places.items():
            for at in _occurrences(self._files[path].normalised.text, name):
                last = bisect.bisect_right(places, (at, "")) - 1
                found.update(tag for _, tag in places[max(last + 1 - _NEAREST, 0) : last + 1])
        return tuple(sorted(tag for tag in found if member in (self.members(tag) or ())))

    # ------------------------------------------------------------ bodies

    def _record(self, tag: str) -> _Record | None:
        if tag not in self._records:
            self._index()
            self._records[tag] = None  # a struct that embeds itself ends here
            found = (self._body_at(self._files[path], start) for path, start in self._tags.get(tag, ())[:_MOST_BODIES])
            bodies = [*self._unnamed.get(tag, ()), *(body for body in found if body is not None)]
            if bodies:
                record = _Record()
                for body in bodies:
                    self._read(record, tag, body)
                self._records[tag] = record
        return self._records[tag]

    def _body_at(self, parsed: ParsedFile, start: int) -> _Body | None:
        # The specifier that begins at the offset; where the file did not parse there, from the specifier's text alone.
        text = parsed.normalised.text
        brace = text.find(b"{", start) + 1
        node = parsed.node_at(start, brace)
        if node is not None and node.type in _SPECIFIERS and node.start_byte == start:
            return _Body(node, parsed.source.data)
        end = closing(text, brace, b"{}") + 1 or len(text)
        self._alone -= end - start
        if self._alone < 0:
            return None
        alone = parse_snippet(text[start:end] + b";").named_children
        if not alone or alone[0].type not in _SPECIFIERS:
            return None
        return _Body(alone[0], parsed.source.data[start:end])

    def _read(self, record: _Record, tag: str, body: _Body) -> list[str]:
        # Puts the members of a body into the record; gives their names.
        fields = body.node.child_by_field_name("body")
        union = body.union
        names: list[str] = []
        for child in fields.named_children if fields is not None and body.depth < _DEEPEST else ():
            specifier = child.child_by_field_name("type")
            if child.type != "field_declaration" or specifier is None:
                continue
            if child.child_by_field_name("declarator") is None:
                added = self._read_unnamed(record, tag, _Body(specifier, body.data, union, body.depth + 1))
            else:
                added = self._read_named(record, tag, child, body.data)
            if body.node.type == "union_specifier" and not union and added:
                union = f"<union {added[0]}>"
            if union:
                record.unions.update(dict.fromkeys(added, union))
                if child.child_by_field_name("declarator") is None:
                    record.displaced.add(union)
                    record.inner.update(added[1:])
            names += added
        return names

    def _read_named(self, record: _Record, tag: str, child: Node, data: bytes) -> list[str]:
        specifier = child.child_by_field_name("type")
        added = []
        for declared in declared_in(child, data, f"{_unbracketed(tag)}."):
            if specifier is not None:
                self.remember(declared.type, specifier, data)
            known = record.members.get(declared.name)
            if known is None or _is_wider(declared.type, known):  # of two arms, that which cuts no bits off
                record.members[declared.name] = declared.type
            added.append(declared.name)
        return added

    def _read_unnamed(self, record: _Record, tag: str, body: _Body) -> list[str]:
        # ``struct { ... };`` and, with -fms-extensions, ``struct tag;``: the members are the outer struct's.
        if body.node.type not in _SPECIFIERS:
            return []
        if body.node.child_by_field_name("body") is not None:
            return self._read(record, tag, body)
        embedded = self._record(specifier_type(body.node, body.data).base)
        if embedded is None:
            return []
        record.members.update({k: v for k, v in embedded.members.items() if k not in record.members})
        record.unions.update({k: v for k, v in embedded.unions.items() if k not in record.unions})
        record.displaced |= embedded.displaced
        record.inner |= embedded.inner
        return list(embedded.members)

    # ------------------------------------------------------------ the index

    def _index(self) -> None:
        for parsed in self._unindexed:
            path, text = parsed.source.path, parsed.normalised.text
            places = []
            for keyword, pattern in _BODY.items():
                for found in pattern.finditer(text):
                    if _starts_word(text, found.start()):
                        tag = f"{keyword} {found[1].decode('ascii', 'replace')}"
                        places.append((found.start(), tag))
                        self._tags.setdefault(tag, []).append((path, found.start()))
            self._places[path] = sorted(places)
        if self._unindexed:
            for rows in self._tags.values():
                rows.sort()
            self._unindexed.clear()


def _is_wider(one: CType, other: CType) -> bool:
    # Whether an integer type has all values of another, and more: more bits, or a sign besides.
    return one.integer is not None and other.integer is not None and one.integer > other.integer


def _unbracketed(tag: str) -> str:
    # "struct fpu" -> "fpu"; "struct <kvm_vcpu_arch.st>" -> "kvm_vcpu_arch.st".
    return tag.partition(" ")[2].strip("<>")


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
