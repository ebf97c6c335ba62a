"""Mutants: every relevant token of an unmodified 7.x tree, changed one at a time.

A mutant is a place in the masked text of a file and other words for it. The
kinds are the slips that a backport makes: the guest's configuration in place of
the user's or the kernel's, the kernel's in place of the user's, a permission of the other side, a mask that is gone,
a flag or a condition turned around.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.realtree.edits import TreeCopy, masked_text

__all__ = ["Mutant", "mutants"]

_FPU = "arch/x86/kernel/fpu"
_PATHS = (*(f"{_FPU}/{name}" for name in ("core.c", "init.c", "regset.c", "signal.c", "xstate.c", "xstate.h")),
          "arch/x86/kernel/signal.c")  # fmt: skip
# A definition or declaration at column 0; the name in front of the parenthesis.
_HEAD = re.compile(r"^(?!static_|EXPORT|#|/|\s|\})[^\n;=]*?(\w+)\s*\(", re.MULTILINE)
_STORE = re.compile(r"\s*(?:=(?!=)|[|&]=)")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How one kind of token is found and changed."""

    name: str
    token: re.Pattern[str]
    change: Callable[[re.Match[str]], str]
    stores: bool = False  # whether tokens that are stored into count, too


def _guest_member(match: re.Match[str]) -> str:
    return f"guest_default_cfg.{'size' if match[1].endswith('size') else 'features'}"


def _kernel_member(match: re.Match[str]) -> str:
    return f"fpu_kernel_cfg.{match[1]}"


def _inverted(match: re.Match[str]) -> str:
    return match[0][1:] if match[0][0] == "!" else f"!{match[0]}"


def _turned(match: re.Match[str]) -> str:
    return "false" if match[0] == "true" else "true"


_KINDS = (
    _Kind("user configuration", re.compile(r"\bfpu_user_cfg\.(\w+)"), _guest_member),
    _Kind("user configuration by the kernel's", re.compile(r"\bfpu_user_cfg\.(\w+)"), _kernel_member),
    _Kind("kernel configuration", re.compile(r"\bfpu_kernel_cfg\.(\w+)"), _guest_member),
    _Kind("user mask", re.compile(r"\s*&\s*XFEATURE_MASK_USER_SUPPORTED"), lambda match: " " * len(match[0])),
    _Kind("user mask", re.compile(r"[\w.>-]+\s*&=\s*XFEATURE_MASK_USER_SUPPORTED(?=\s*;)"), lambda _: "(void)0"),
    _Kind("guest permission", re.compile(r"(?<=->)guest_perm\b"), lambda _: "perm", stores=True),
    _Kind("host permission", re.compile(r"(?<=->)perm\b(?!->)"), lambda _: "guest_perm", stores=True),
    _Kind("condition", re.compile(r"!guest\b(?!_)|\bguest(?:_fpu)?(?= \?)|\bguest(?= &&)"), _inverted),
    _Kind("flag", re.compile(r"(?<=[(, ])(?:true|false)(?=\))"), _turned),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed token: the ``number``-th of its words in the function, from 1."""

    kind: str
    path: str
    function: str
    words: str
    number: int
    start: int
    end: int
    new: str

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What the table of expectations knows it by."""
        return self.kind, self.function, self.words, self.number

    def __str__(self) -> str:
        return f"{self.kind}: {self.function}() {self.words} #{self.number}"


def mutants(tree: TreeCopy) -> Iterator[Mutant]:
    """All mutants of a tree, by kind, path and place."""
    for kind in _KINDS:
        for path in _PATHS:
            masked = masked_text(tree.text(path))
            heads = [(head.start(), head[1]) for head in _HEAD.finditer(masked)]
            counts: dict[tuple[str, str], int] = {}
            for match in kind.token.finditer(masked):
                if not kind.stores and _STORE.match(masked, match.end()):
                    continue
                function = next((name for start, name in reversed(heads) if start < match.start()), "")
                words = " ".join(match[0].split())
                counts[function, words] = counts.get((function, words), 0) + 1
                yield Mutant(
                    kind.name,
                    path,
                    function,
                    words,
                    counts[function, words],
                    match.start(),
                    match.end(),
                    kind.change(match),
                )
