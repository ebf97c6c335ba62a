"""What the bodies of macros do to their arguments, as far as the text tells."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from fpuscan.parse.normalise import selecting_macros

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fpuscan.parse.normalise.values import Directive
    from fpuscan.program.aliases import AliasIndex

__all__ = ["MacroBodies", "handed_to"]

_IDENTIFIER = re.compile(rb"[A-Za-z_]\w*")
_CALL = re.compile(rb"\b([A-Za-z_]\w*+)\s*+\(")
_HEAD = re.compile(rb"([A-Za-z_]\w*)\([^)]*\)")  # of a function-like macro
_STORE = re.compile(rb"(?<![=!<>])=(?!=)|<<=|>>=|\+\+|--")
_ADDRESS = re.compile(rb"(?<![&\w)])\s*&(?![&=])\s*\(?\s*[A-Za-z_]")


class MacroBodies:
    """The function-like macros that store, or take an address; ``effects`` names those of the model that store."""

    def __init__(
        self, directives: Callable[[], Iterable[Directive]], aliases: AliasIndex, effects: Iterable[str]
    ) -> None:
        self._directives = directives
        self._aliases = aliases
        self._effects = frozenset(name.encode() for name in effects)

    @cached_property
    def storing(self) -> frozenset[bytes]:
        """The macros whose body stores into something, maybe an argument; those of the model among them."""
        return self._doing(_STORE, self._effects) | self._effects

    @cached_property
    def assigning(self) -> frozenset[str]:
        """The macros of either kind whose body stores into something, or uses a macro that does."""
        defines = [directive.text for directive in self._directives() if directive.kind == "define"]
        heads = ((_IDENTIFIER.match(text), _STORE.search(text)) for text in defines)
        names = self.storing | {name[0] for name, stores in heads if name and stores}
        return frozenset(user for name in names for user in (name.decode(), *self._aliases.of(name.decode())))

    @cached_property
    def addressing(self) -> frozenset[bytes]:
        """The macros whose body takes an address, maybe that of an argument."""
        return self._doing(_ADDRESS, frozenset())

    @cached_property
    def selecting(self) -> frozenset[bytes]:
        """The macros whose body selects the member that an argument names: ``#define GET(s, m) ((s)->m)``."""
        found = selecting_macros(self._directives())
        users = (self._aliases.of(name.decode()) for name in found)
        return found.union(user.encode() for each in users for user in each)

    def _doing(self, pattern: re.Pattern[bytes], known: frozenset[bytes]) -> frozenset[bytes]:
        found: set[bytes] = set()
        for directive in self._directives():
            text = directive.text
            head = _HEAD.match(text) if directive.kind == "define" else None
            if head is not None and head[1] not in found:
                does = pattern.search(text, head.end())
                if does or not known.isdisjoint(_IDENTIFIER.findall(text, head.end())):
                    found.add(head[1])
        users = (self._aliases.of(name.decode()) for name in tuple(found))
        return frozenset(found).union(user.encode() for each in users for user in each)


def handed_to(text: bytes, start: int, offset: int, macros: frozenset[bytes]) -> bool:
    """Whether the name at ``offset`` stands behind one of some macros in its statement, not before ``start``."""
    statement = max(start, text.rfind(b";", start, offset) + 1)
    return not macros.isdisjoint(_CALL.findall(text, statement, offset))
