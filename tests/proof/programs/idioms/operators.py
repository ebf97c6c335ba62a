"""Operators beyond the usual ones, and masks that are correlated with what they cut."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom
from tests.proof.programs.program import Node
from tests.proof.programs.scope import Scope

__all__ = ["Assignments", "Commas", "Correlated", "Elvis", "Steps"]


class Elvis(Idiom):
    """``x ?: y``."""

    name = "elvis"

    def value(self, scope: Scope, depth: int) -> str:
        return f"({self.g.word(scope, depth + 1)} ?: {self.g.word(scope, depth + 1)})"


class Commas(Idiom):
    """Comma operators, in values and in loops."""

    name = "commas"

    def value(self, scope: Scope, depth: int) -> str:
        return f"((void){self.g.lvalue(scope)}, {self.g.word(scope, depth + 1)})"

    def statements(self, scope: Scope) -> list[Node]:
        i, name = self.g.fresh("i"), self.g.fresh("c")
        loop = f"for (int {i} = 0; {i} < 2; {i}++, {name} ^= {self.word(scope)})"
        return [
            f"u64 {name} = 0;",
            f"{loop}\n\t{self.target(scope)} = {name};",
            f"{self.target(scope)} = {name}, {self.target(scope)} |= {name};",
        ]


class Correlated(Idiom):
    """Masks out of the value that they cut: ``m ^ (m & ~k)``, ``m & ~(m & k)``."""

    name = "correlated"

    def value(self, scope: Scope, _depth: int) -> str:
        m, k = self.g.lvalue(scope), self.pick(self.g.mask(), self.g.lvalue(scope))
        if scope.reads and self.g.chance(60):
            m = self.g.rng.choice(scope.reads)
        return self.pick(
            f"({m} ^ ({m} & ~{k}))",
            f"({m} & ~({m} & ~{k}))",
            f"({m} - ({m} & {k}))",
            f"({m} & ({m} ^ {k}))",
            f"(({m} | {k}) & ~{k})",
            f"(({m} | {k}) ^ {k})",
        )

    def statements(self, scope: Scope) -> list[Node]:
        name, part = self.g.fresh("m"), self.g.fresh("part")
        return [
            f"u64 {name} = {self.word(scope)};",
            f"u64 {part} = {name} & {self.g.mask()};",
            f"{self.target(scope)} = {self.pick(f'{name} ^ {part}', f'{name} & ~{part}', f'{name} - {part}')};",
        ]


class Assignments(Idiom):
    """Every compound assignment."""

    name = "assignments"

    def statements(self, scope: Scope) -> list[Node]:
        number = self.g.rng.randrange(1, 9)
        return [
            self.pick(
                f"{self.target(scope)} {self.pick('-=', '*=', '+=')} {self.word(scope)};",
                f"{self.target(scope)} {self.pick('<<=', '>>=', '/=', '%=')} {number};",
                f"{self.target(scope)} {self.pick('&=', '|=', '^=')} ~{self.word(scope)};",
            )
        ]


class Steps(Idiom):
    """``++`` and ``--``, before and behind, for their value."""

    name = "steps"

    def statements(self, scope: Scope) -> list[Node]:
        place, name = self.target(scope), self.g.fresh("step")
        step = self.pick(f"({place})++", f"++({place})", f"({place})--", f"--({place})")
        if self.g.chance(40):
            return [f"{step};"]
        return [f"u64 {name} = {step};", f"{self.target(scope)} = {name};"]
