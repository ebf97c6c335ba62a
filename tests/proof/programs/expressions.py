"""Conditions and u64 expressions."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from tests.proof.programs.pointers import Pointers
from tests.proof.programs.scope import Scope

__all__ = ["Expressions"]

_INT_MASKS = ("(1 << 31)", "~0x7U", "-16", "(int)0x80000000", "(u32)-256", "~(u64)0xffU")


class Expressions(Pointers):
    """Conditions and u64 expressions over what a scope can name."""

    @abstractmethod
    def call(self, scope: Scope, depth: int) -> str:
        """A u64 expression that calls a helper."""

    def condition(self, scope: Scope) -> str:
        flag = self.rng.choice(scope.flags)
        choice = self.rng.randrange(9 if self.has("bits") else 7)
        if choice == 0:
            return f"!{flag}"
        if choice >= 7:
            bit = self.rng.randrange(1, 4)
            tests = (
                f"({flag}) & {bit}",
                f"!(({flag}) & {bit})",
                f"(u8)({flag})",
                f"!(u8)({flag})",
                f"(({flag}) & {bit}) == {bit}",
            )
            return self.rng.choice(tests)
        if choice == 1:
            return f"{flag} == {self.rng.randrange(3)}"
        if choice == 2:
            return f"{flag} && {self.rng.choice(scope.flags)} != 1"
        if choice == 3:
            other = self.rng.choice(scope.flags)
            return flag if other == flag else f"{flag} || !{other}"
        if choice == 4 and scope.words:
            return f"{self.rng.choice(scope.words)} & {self.mask()}"
        return flag

    def word(self, scope: Scope, depth: int = 0) -> str:
        """A u64 expression."""
        makers: list[Callable[[Scope, int], str]] = [self._leaf, self._leaf, self._leaf]
        if depth < 3:
            makers += [self._binary, self._binary]
            makers += [self._ternary] if self.has("ternary") else []
            makers += [self._macro] if self.has("macros") else []
            makers += [self.call, self.call] if self.values() else []
            makers += [self._odd]
            makers += [self._idiom, self._idiom] if self.idioms else []
        return self.rng.choice(makers)(scope, depth)

    def _leaf(self, scope: Scope, _depth: int) -> str:
        if self.chance(8):
            return self.constant()
        if scope.reads and self.chance(50):
            return self.rng.choice(scope.reads)
        text = self.lvalue(scope)
        if self.has("once") and self.chance(20):
            return f"READ_ONCE({text})"
        return text

    def _binary(self, scope: Scope, depth: int) -> str:
        left = self.word(scope, depth + 1)
        options = [f"({left} {self.rng.choice('|^&')} {self.word(scope, depth + 1)})"]
        if self.has("masks"):
            options += [f"({left} & {self.mask()})"] * 2 + [f"({left} | {self.mask()})", f"~{left}"]
            options += [f"({left} & ~{self.word(scope, depth + 1)})"]
        if self.has("shifts"):
            options += [f"({left} {self.rng.choice(('<<', '>>'))} {self.rng.randrange(1, 40)})"]
        if self.has("arith"):
            options += [f"({left} {self.rng.choice('+-*')} {self.word(scope, depth + 1)})"]
            options += [f"({left} / {self.rng.randrange(2, 9)})", f"min({left}, {self.word(scope, depth + 1)})"]
            options += [f"ALIGN({left}, 64)", f"max_t(u64, {left}, {self.word(scope, depth + 1)})"]
        if self.has("narrow"):
            options += [
                f"(u64)(u32)({left})",
                f"((u64){self.rng.choice(scope.narrow)} << 32)" if scope.narrow else left,
            ]
            options += [f"(u64)(u16)({left})"]
        if self.has("signed"):
            kind = self.rng.choice(("int", "short", "signed char"))
            options += [f"(u64)({kind})({left})", f"({left} & {self.rng.choice(_INT_MASKS)})"]
        if self.has("meetings"):  # a value and what was computed from it, or from another one
            other = left if self.chance(60) else self._leaf(scope, depth)
            part = f"({other} & {self.rng.choice((self.mask(), '~' + self.word(scope, depth + 1)))})"
            options += [f"({left} ^ {part})", f"({left} & ~{part})", f"({left} - {part})"] * 2
            options += [f"(({left} | {self.mask()}) ^ {self.mask()})"]
        return self.rng.choice(options)

    def _ternary(self, scope: Scope, depth: int) -> str:
        return f"({self.condition(scope)} ? {self.word(scope, depth + 1)} : {self.lvalue(scope)})"

    def _macro(self, scope: Scope, depth: int) -> str:
        name = self.p.upper()
        options = [f"{name}_MIX({self.word(scope, depth + 1)}, {self.word(scope, depth + 1)})"]
        options += [f"{name}_CUT({self.word(scope, depth + 1)})"]
        options += [f"{name}_GET({pointer})" for pointer in self.inner_pointers(scope)]
        return self.rng.choice(options)

    def _idiom(self, scope: Scope, depth: int) -> str:
        outer, self.level = self.level, depth
        found = self.rng.choice(self.idioms).value(scope, depth)
        self.level = outer
        return found or self._leaf(scope, depth)

    def _odd(self, scope: Scope, depth: int) -> str:
        options = [self._leaf(scope, depth)]
        if self.has("stmtexpr"):
            inner, name = self.word(scope, depth + 1), self.fresh("t")
            options += [f"({{ u64 {name} = {inner}; {name} & {self.mask()}; }})", f"({{ {inner}; }})"]
        if self.has("initialiser"):
            options += [f"((struct {self.p}_in){{ .b = {self.word(scope, depth + 1)} }}).b"]
        if self.has("container"):
            options += [f"container_of(&{name}.in, struct {self.p}_out, in)->x" for name in scope.outer]
        return self.rng.choice(options)
