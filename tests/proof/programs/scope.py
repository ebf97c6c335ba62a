"""What the statements of a function can name."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Protocol

from tests.proof.programs.program import Node

__all__ = ["Helper", "Scope", "Usable"]


@dataclass(slots=True)
class Scope:
    """What a function can name: expressions of each kind."""

    words: list[str] = field(default_factory=list)  # u64 lvalues
    narrow: list[str] = field(default_factory=list)  # u32 lvalues
    inner: list[str] = field(default_factory=list)  # struct in lvalues
    outer: list[str] = field(default_factory=list)  # struct out lvalues
    to_word: list[str] = field(default_factory=list)  # u64 * variables
    to_inner: list[str] = field(default_factory=list)  # struct in * variables
    to_outer: list[str] = field(default_factory=list)  # struct out * variables
    flags: list[str] = field(default_factory=list)  # conditions
    reads: list[str] = field(default_factory=list)  # u64 values that must not be written
    lasting: list[str] = field(default_factory=list)  # struct in lvalues that outlive the function
    own: Scope | None = None  # what may be written, in a function without effects

    @property
    def targets(self) -> Scope:
        """What may be written."""
        return self.own or self

    def child(self) -> Scope:
        """A scope inside of this one: what is added to it is not added here."""
        own = self.own.child() if self.own else None
        kept = {each.name: list(getattr(self, each.name)) for each in fields(self) if each.name != "own"}
        return Scope(**kept, own=own)

    def add(self, kind: str, name: str) -> None:
        """Declare a local variable."""
        for scope in {id(each): each for each in (self, self.targets)}.values():
            getattr(scope, kind).append(name)


@dataclass(frozen=True, slots=True)
class Helper:
    kind: str
    name: str


class Usable(Protocol):
    """An idiom that the program has declared."""

    @property
    def pure(self) -> bool:
        """Whether its statements write only what the scope may write."""

    def value(self, scope: Scope, depth: int, /) -> str:
        """A u64 expression without effects; empty if it has none."""

    def statements(self, scope: Scope, /) -> list[Node]:
        """Statements, which may stand in a block of their own; none if it has none."""
