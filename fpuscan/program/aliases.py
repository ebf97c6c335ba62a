"""Which macros stand for a name: those whose body holds it, or pastes it together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fpuscan.parse.normalise.values import Directive

__all__ = ["AliasIndex"]

_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
# A macro without arguments that only gives a value or names a place: no store, no address, no statement.
_PLAIN = re.compile(rb"\w+\s(?:[\w\s().|~]|->)*")
_PART = 5  # characters of a name that a macro pastes; less would match everything


class AliasIndex:
    """The identifiers in the bodies of macros, read when somebody first asks."""

    def __init__(self, directives: Callable[[], Iterable[Directive]]) -> None:
        self._directives = directives
        self._users: dict[bytes, set[bytes]] | None = None
        self._pasting: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self._around: dict[bytes, list[tuple[bytes, bytes]]] = {}
        self._found: dict[str, frozenset[str]] = {}
        self._objects: set[bytes] = set()
        self._busy: set[bytes] = set()

    def of(self, name: str) -> frozenset[str]:
        """The macros in whose body an identifier stands, and the macros in whose body those stand."""
        found = self._found.get(name)
        if found is None:
            found = frozenset(macro.decode() for macro in self._find(name.encode())) - {name}
            self._found[name] = found
        return found

    def is_object(self, macro: str) -> bool:
        """Whether a macro has no arguments in one of its definitions: its name alone is a use."""
        self._read()
        return macro.encode() in self._objects

    def is_plain(self, macro: str) -> bool:
        """Whether a macro just stands for a value or a place: what is done to it, the text around its use does."""
        self._read()
        return macro.encode() not in self._busy

    def recursive(self, name: str) -> bool:
        """Whether a macro's body names the macro itself, directly or through others."""
        return name.encode() in self._find(name.encode())

    def _find(self, name: bytes) -> set[bytes]:
        users = self._read()
        known: set[bytes] = set()
        work = [name]
        while work:
            word = work.pop()
            for macro in (*users.get(word, ()), *self._pasted(word)):
                if macro not in known:
                    known.add(macro)
                    work.append(macro)
        return known

    def _pasted(self, name: bytes) -> list[bytes]:
        """The macros that may paste a name together from a part of it."""
        candidates = (*self._pasting.get(name[:_PART], ()), *self._pasting.get(name[-_PART:], ()))
        found = [macro for macro, part in candidates if part != name and (name.startswith(part) or name.endswith(part))]
        head = name[: name.find(b"_") + 1]
        return found + [macro for macro, tail in self._around.get(head, ()) if name.endswith(tail)]

    def _read(self) -> dict[bytes, set[bytes]]:
        """For each identifier, the macros whose body holds it."""
        if self._users is None:
            self._users = {}
            for directive in self._directives():
                if directive.kind == "define":
                    macro, *words = _IDENTIFIER.findall(directive.text) or [b""]
                    if not directive.text.startswith(macro + b"("):
                        self._objects.add(macro)
                    if not _PLAIN.fullmatch(directive.text):
                        self._busy.add(macro)
                    for word in words:
                        self._users.setdefault(word, set()).add(macro)
                    if b"##" in directive.text:
                        self._note_parts(macro, set(words))
        return self._users

    def _note_parts(self, macro: bytes, parts: set[bytes]) -> None:
        for part in sorted(parts):
            if len(part) >= _PART:
                self._pasting.setdefault(part[:_PART], []).append((macro, part))
                self._pasting.setdefault(part[-_PART:], []).append((macro, part))
        tails = [part for part in sorted(parts) if part.startswith(b"_")]
        for head in sorted(parts) if tails else ():  # fpu_##which##_cfg: short parts, but on both sides
            if head.endswith(b"_") and len(head) < _PART:
                self._around.setdefault(head, []).extend((macro, tail) for tail in tails if tail != head)
