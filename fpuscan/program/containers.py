"""Which members some text asks for the struct around: the last arguments of ``container_of()`` and its kin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fpuscan.parse.pieces import closing

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["contained_members"]

_LAST_NAME = re.compile(rb"(\w+)\s*\Z")


def contained_members(texts: Iterable[bytes], names: Iterable[str]) -> frozenset[str]:
    """The names of the members, over some texts and the functions and macros that lead from a member to its struct."""
    heads = [re.compile(rb"(?<!\w)" + name.encode() + rb"\s*\(") for name in sorted(names)]
    found = set()
    for text in texts:
        for head in heads:
            for match in head.finditer(text):
                end = closing(text, match.end(), b"()")
                last = _LAST_NAME.search(text, match.end(), end if end >= 0 else len(text))
                if last is not None:
                    found.add(last[1].decode())
    return frozenset(found)
