"""Edits that share a scan of a real tree: they touch other functions and other places, so each finding belongs to one.

An edit is a list of operations in the words of :class:`~tests.realtree.edits.TreeCopy`. What it has to itself is its
:class:`Reach`: the functions that it changes and those in which it may be reported, the names that it brings, the
members that it leaks into (nobody else may name them), and the words of its code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tests.realtree.edits import TreeCopy

__all__ = ["LARGEST", "Operations", "Pack", "Packable", "Reach", "apply", "choose", "packs", "record"]

Operations = tuple[tuple[Any, ...], ...]  # the name of a method, a path, its arguments, and perhaps its words

_INSIDE = frozenset({"assign", "replace", "drop_mask", "insert", "insert_at_top", "rewrite", "redefine"})
_NEW = frozenset({"insert_above", "append", "redefine"})
# Every function sees what they change.
_EVERYWHERE = frozenset({"add_member", "extend_macro", "include", "rename"})
# What they change is read everywhere.
_SHARED = frozenset({"xstate_get_group_perm", "xstate_get_host_group_perm", "host_default_mask", "guest_default_mask"})
_NEW_NAME = re.compile(r"^(?!\s)[^\n(]*?(\w+)\s*(?:\(|\[|=|;|\{)|\b(?:struct|enum)\s+(\w+)\s*\{", re.MULTILINE)
_ATTRIBUTES = frozenset({"__ro_after_init", "__init"})
# A permission is copied as a whole, and decides about each buffer that grows: what leaks there goes far.
_PERMISSION = frozenset({"perm", "guest_perm", "__state_perm", "__state_size", "__user_state_size"})
_GRANTS = frozenset(
    {"__xstate_request_perm", "fpu_inherit_perms", "fpstate_reset", "__xfd_enable_feature", "fpstate_realloc"}
)
_ASKS = frozenset({"xstate_request_perm", "fpu_xstate_prctl"})
LARGEST = 16  # edits that share a scan, so that a failure can be read


@dataclass(frozen=True, slots=True)
class Reach:
    """What other edits of the same scan must leave alone."""

    names: frozenset[str]
    sinks: frozenset[str]
    words: frozenset[str]
    leaks: bool = False
    grants: bool = False
    alone: bool = False

    @classmethod
    def of(cls, operations: Operations, leaks: Collection[tuple[str, str]], also: Iterable[str]) -> Reach:
        """Of an edit that leaks in functions into members ("": not said), and has consequences in others."""
        reported = {function for function, _ in leaks}
        sinks = {sink for _, sink in leaks if sink}
        names = reported | set(also)
        for operation, path, *arguments in operations:
            if operation in _INSIDE:
                names.add(arguments[0])
            if operation in _NEW:
                found = {word for match in _NEW_NAME.finditer(arguments[-1]) for word in match.groups() if word}
                names.update(f"new {word}" for word in found - _ATTRIBUTES)
            if operation == "append":
                names.add(path)
        alone = bool(names & _SHARED) or any(operation in _EVERYWHERE for operation, *_ in operations)
        grants = bool(sinks & _PERMISSION or reported & _GRANTS)
        return cls(frozenset(names), frozenset(sinks), _words(operations), bool(reported), grants, alone)

    def clear_of(self, other: Reach) -> bool:
        """Whether two edits cannot get in each other's way."""
        if self.alone or other.alone or self.names & other.names:
            return False
        return not (self.sinks & other.sinks or self._reaches(other) or other._reaches(self))

    def _reaches(self, other: Reach) -> bool:
        if self.grants and (other.leaks or other.names & _ASKS or other.words & _PERMISSION):
            return True
        if self.names & _GRANTS and other.leaks and other.words & _PERMISSION:  # what it holds is part of what leaks
            return True
        return bool(self.sinks & other.words)

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            self.names | other.names,
            self.sinks | other.sinks,
            self.words | other.words,
            self.leaks or other.leaks,
            self.grants or other.grants,
            self.alone or other.alone,
        )


def _words(operations: Operations) -> frozenset[str]:
    texts = [each for _, _, *arguments in operations for one in arguments for each in _texts(one)]
    return frozenset(re.findall(r"\w+", " ".join(texts)))


def _texts(argument: str | dict[str, str]) -> Iterable[str]:
    return argument.values() if isinstance(argument, dict) else (argument,)


class Packable(Protocol):
    """An edit of one release, with its reach."""

    @property
    def name(self) -> str:
        """How a failing test names it."""

    @property
    def release(self) -> str:
        """Which tree it edits."""

    @property
    def reach(self) -> Reach:
        """What it has to itself."""


_P = TypeVar("_P", bound=Packable)
_T = TypeVar("_T")


@dataclass(slots=True)
class Pack(Generic[_P]):
    """Edits of one release that share a scan."""

    release: str
    members: list[_P] = field(default_factory=list)
    reach: Reach = Reach(frozenset(), frozenset(), frozenset())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its edits: each selects the pack (``pytest -k``)."""
        return tuple(member.name for member in self.members)

    def takes(self, member: _P) -> bool:
        """Whether an edit and those here leave each other alone."""
        if self.release != member.release:
            return False
        return not self.members or self.reach.clear_of(member.reach)

    def add(self, member: _P) -> None:
        """Take one more."""
        self.reach |= member.reach
        self.members.append(member)


def packs(members: Iterable[_P], largest: int = LARGEST) -> list[Pack[_P]]:
    """Edits in few scans, at most ``largest`` in one."""
    found: list[Pack[_P]] = []
    for member in members:
        pack = next((pack for pack in found if len(pack.members) < largest and pack.takes(member)), None)
        if pack is None:
            pack = Pack(member.release)
            found.append(pack)
        pack.add(member)
    return found


def choose(found: Sequence[_T], size: Callable[[_T], int], *, full: int, every: int) -> list[_T]:
    """What a wide run takes: all packs of at least ``full`` edits, and each ``every``-th of the smaller ones."""
    small = (number for number, pack in enumerate(found) if size(pack) < full)
    chosen = set(islice(small, every - 1, None, every))
    return [pack for number, pack in enumerate(found) if size(pack) >= full or number in chosen]


def apply(operations: Operations, tree: TreeCopy, files: dict[str, str]) -> None:
    """Make an edit; ``files``: short names of paths."""
    for operation, path, *arguments in operations:
        words: dict[str, str] = arguments.pop() if isinstance(arguments[-1], dict) else {}
        getattr(tree, operation)(files.get(path, path), *arguments, **words)


class _Recorder(TreeCopy):
    """Takes the operations of an edit, and makes none of them."""

    operations: list[tuple[Any, ...]]

    def __getattribute__(self, name: str) -> Any:
        if name not in _INSIDE | _NEW | _EVERYWHERE:
            return super().__getattribute__(name)

        def note(*arguments: str, **words: str) -> None:
            self.operations.append((name, *arguments, *([words] if words else [])))

        return note

    def write(self, path: str, text: str) -> None:
        raise AssertionError(f"{path}: an edit of {len(text)} characters is none of the operations")


def record(edit: Callable[[TreeCopy], None], tree: Path = Path()) -> Operations:
    """The operations of an edit; ``tree`` for one that asks for the version."""
    recorder = _Recorder(tree, tree)
    recorder.operations = []
    edit(recorder)
    return tuple(recorder.operations)
