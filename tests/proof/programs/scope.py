"""What the statements of a function can name."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Helper", "Scope"]


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

    def add(self, kind: str, name: str) -> None:
        """Declare a local variable."""
        for scope in {id(each): each for each in (self, self.targets)}.values():
            getattr(scope, kind).append(name)


@dataclass(frozen=True, slots=True)
class Helper:
    kind: str
    name: str
