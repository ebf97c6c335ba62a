"""Lvalues, and pointers to them."""

from __future__ import annotations

from tests.proof.programs.choices import Choices
from tests.proof.programs.scope import Scope

__all__ = ["Pointers"]


class Pointers(Choices):
    """Places that statements of a scope may write, by name and by address."""

    def lvalue(self, scope: Scope) -> str:
        """A u64 lvalue that may be written."""
        options: list[str] = [self.rng.choice(scope.words)] * 3
        if self.has("members"):
            options += [f"{name}.{self.rng.choice('ab')}" for name in scope.inner]
            options += [f"{name}.{self.rng.choice(('x', 'in.a', 'in.b'))}" for name in scope.outer]
        if self.has("pointers"):
            options += [f"*{name}" for name in scope.to_word]
            options += [f"{name}->{self.rng.choice('ab')}" for name in scope.to_inner]
            options += [f"{name}->{self.rng.choice(('x', 'in.a', 'in.b'))}" for name in scope.to_outer]
        if self.has("arrays"):
            index = self.rng.choice(("0", "1", "2", f"{self.rng.choice(scope.flags)} & 1"))
            options += [f"{name}.arr[{index}]" for name in scope.outer]
            options += [f"{name}->arr[{index}]" for name in scope.to_outer] if self.has("pointers") else []
        if self.has("link"):
            options += [f"{name}.link->{self.rng.choice('ab')}" for name in scope.outer]
            options += [f"{name}->link->{self.rng.choice('ab')}" for name in scope.to_outer]
        if self.has("union"):
            options += [f"{name}.{self.rng.choice(('first', 'second'))}" for name in scope.outer]
        return self.rng.choice(options)

    def word_pointer(self, scope: Scope) -> str:
        """A pointer to a u64 that lives long enough to be used in this function."""
        options = [f"&{self.rng.choice(scope.words)}", *scope.to_word]
        if self.has("members"):
            options += [f"&{name}.{self.rng.choice('ab')}" for name in scope.inner]
            options += [f"&{name}.in.{self.rng.choice('ab')}" for name in scope.outer]
        options += [f"&{name}->{self.rng.choice('ab')}" for name in scope.to_inner]
        if self.has("arrays"):
            options += [f"&{name}.arr[{self.rng.randrange(3)}]" for name in scope.outer]
        return self.rng.choice(options)

    def inner_pointers(self, scope: Scope) -> list[str]:
        """Pointers to struct in."""
        found = [*(f"&{name}" for name in scope.inner), *scope.to_inner, *(f"&{name}.in" for name in scope.outer)]
        found += [f"&{name}->in" for name in scope.to_outer]
        if self.has("link"):
            found += [f"{name}.link" for name in scope.outer] + [f"{name}->link" for name in scope.to_outer]
        return found

    def own_inner_pointer(self, scope: Scope) -> str:
        """A pointer to a struct in that the scope may write; empty if there is none."""
        pointers = self.inner_pointers(scope.targets)
        return self.rng.choice(pointers) if pointers else "" if scope.own else f"&{self.p}_spare"

    def inner_pointer(self, scope: Scope) -> str:
        return self.rng.choice(self.inner_pointers(scope) or [f"&{self.p}_spare"])

    def outer_pointer(self, scope: Scope) -> str:
        return self.rng.choice([*(f"&{name}" for name in scope.outer), *scope.to_outer] or [f"&{self.p}_shared"])

    def inners(self, scope: Scope) -> list[str]:
        """Lvalues of struct in."""
        inner = [*scope.inner, *(f"{name}.in" for name in scope.outer), *(f"{name}->in" for name in scope.to_outer)]
        return inner + [f"*{name}" for name in scope.to_inner]
