"""What an idiom is: one way to write C that a random program may use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tests.proof.programs.program import Node
from tests.proof.programs.scope import Scope
from tests.proof.programs.statements import Statements

__all__ = ["Idiom", "function", "prototypes"]


class Idiom:
    """What it declares, and how statements and expressions use it.

    Every method may choose at random; ``header`` and ``definitions`` are asked
    once, the others whenever a program wants to use it.
    """

    name: ClassVar[str]  # the feature that brings it
    pure: ClassVar[bool] = True  # its statements write only what the scope may write

    def __init__(self, g: Statements) -> None:
        self.g = g
        self.p = g.p
        self.P = g.p.upper()

    def header(self) -> list[Node]:
        """Types, macros and declarations of objects."""
        return []

    def functions(self) -> list[str]:
        """Functions, made by `function`; the header gets the prototypes of those that are not static."""
        return []

    def definitions(self) -> list[Node]:
        """Objects, behind the functions, and functions that need other prototypes."""
        return []

    def value(self, _scope: Scope, _depth: int) -> str:
        """A u64 expression without effects; empty if it has none."""
        return ""

    def statements(self, _scope: Scope) -> list[Node]:
        """Statements, which may stand in a block of their own; none if it has none."""
        return []

    def files(self) -> dict[str, list[Node]]:
        """More files, by path."""
        return {}

    # ------------------------------------------------------------ what most of them need

    def scoped(self, words: str = "", *, source: bool = False) -> Scope:
        """What a pure function of the idiom can name: its u64 parameters, and maybe the source."""
        scope = Scope(flags=["(v & 1)"], words=words.split(), lasting=[f"{self.p}_spare"])
        scope.own = Scope(flags=["(v & 1)"], words=words.split(), lasting=[f"{self.p}_spare"])
        if source:
            scope.reads.append(f"{self.p}_src.word")
        return scope

    def word(self, scope: Scope) -> str:
        """A u64 expression."""
        return self.g.word(scope, self.g.level + 1)

    def target(self, scope: Scope) -> str:
        """A u64 lvalue that may be written."""
        return self.g.lvalue(scope.targets)

    def member(self) -> str:
        """A member of struct in."""
        return self.pick("a", "b")

    def inner(self, name: str, scope: Scope) -> str:
        """The declaration of a struct in with a word in it."""
        return f"struct {self.p}_in {name} = {{ .{self.member()} = {self.word(scope)} }};"

    def pick(self, *options: str) -> str:
        """One of some texts."""
        return self.g.rng.choice(options)


def function(head: str, *body: str) -> str:
    """A function definition."""
    return "\n".join([head, "{", *(f"\t{line}" for line in body), "}"])


def prototypes(functions: Iterable[str]) -> list[Node]:
    """The prototypes of the functions that other files may call."""
    heads = [text.partition("\n")[0] for text in functions]
    return [f"{head};" for head in heads if not head.startswith("static ")]
