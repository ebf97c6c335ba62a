"""What the normaliser gives: the mended text and the side tables of what it took out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Arm", "Attributes", "Directive", "DroppedArm", "Group", "MacroCall", "Normalised"]


class Attributes(NamedTuple):
    """Names that stand for `__attribute__`s of the compiler: nothing that data could flow through.

    `loops`: names of macros that head a loop; `selectors`: of those that select the member an argument names.
    """

    plain: frozenset[bytes]  # __init, __user
    with_arguments: frozenset[bytes]  # __aligned(64)
    loops: frozenset[bytes] = frozenset()
    selectors: frozenset[bytes] = frozenset()


class Directive(NamedTuple):
    """One preprocessor line with its continuation lines.

    `kind` is the word behind the `#` (define, undef, if, ifdef, ifndef, elif, else, endif, include, ...;
    empty for a lone `#`), `start` and `end` its bytes in the file, `text` what follows the word, comments
    removed and continuation lines joined.
    """

    kind: str
    start: int
    end: int
    text: bytes


class Arm(NamedTuple):
    """One arm of an `#if` group: the bytes between its directives.

    `kind` is if, ifdef, ifndef, elif, elifdef, elifndef or else; `condition` the directive's own text, empty for else.
    `dead`: known to be compiled in no kernel (`#if 0`, assembler text), so blanked and without directives.
    """

    start: int
    end: int
    condition: str
    kind: str
    dead: bool = False


class Group(NamedTuple):
    """One `#if` ... `#endif`, from the `#` of the first to behind the last directive."""

    start: int
    end: int
    arms: tuple[Arm, ...]


class DroppedArm(NamedTuple):
    """An arm that is not in the text, because it and the kept one are two halves of one construct."""

    start: int
    end: int
    reason: str


class MacroCall(NamedTuple):
    """A macro call that was blanked (`EXPORT_SYMBOL_GPL(x);`) or turned into a declaration (`DEFINE_MUTEX(m);`).

    `arguments` is the original text between the parentheses, `start` and `end` the call's bytes in the file.
    """

    name: str
    arguments: str
    start: int
    end: int


class Normalised(NamedTuple):
    """A file that tree-sitter-c can read. `text` has the length, newlines and tabs of the file.

    `iterators`: offsets at which `while` (or `if`) stands for the name of an iterator macro or of a scoped guard; the
    name is in the file's own bytes. `goto_labels`: by offset of an `ASM` pseudo-call, the labels of an `asm goto`.
    `halves`: where the `#if` groups begin whose only arm is part of a construct; the arm is in the text. `applied`: the
    macro X of each `X(y)(z)` that became a call of y, by the offset of y.
    """

    text: bytes
    directives: tuple[Directive, ...]
    groups: tuple[Group, ...]
    macro_calls: tuple[MacroCall, ...]
    iterators: frozenset[int]
    dropped: tuple[DroppedArm, ...]
    goto_labels: Mapping[int, tuple[str, ...]]
    halves: tuple[int, ...] = ()
    applied: Mapping[int, str] = {}
