"""Calls of helpers for their value."""

from __future__ import annotations

from tests.proof.programs.expressions import Expressions
from tests.proof.programs.scope import Scope

__all__ = ["Calls"]


class Calls(Expressions):
    """Calls of helpers, by name and through the ops struct."""

    def call(self, scope: Scope, depth: int) -> str:
        helper = self.rng.choice(self.values())
        word = self.word(scope, depth + 1)
        match helper.kind:
            case "value" | "recursive":
                second = str(self.rng.randrange(4)) if helper.kind == "recursive" else self.word(scope, depth + 1)
                return self._value_call(helper.name, word, second)
            case "viafnptr":
                values = [each.name for each in self.of("value")]
                return f"{helper.name}({self.rng.choice(values)}, {word})"
            case "source":
                return f"{helper.name}(&{self.p}_src, {word})"
            case "flagged":
                return f"{helper.name}({word}, {self.flag(scope)})"
            case "reader":
                return f"{helper.name}({self.outer_pointer(scope)}, {self.flag(scope)})"
            case _:
                structs = [*scope.inner, *(f"*{name}" for name in scope.to_inner), *(f"{n}.in" for n in scope.outer)]
                given = self.rng.choice(structs or [f"{self.p}_spare"])
                return f"{helper.name}({given}, {word}).{self.rng.choice('ab')}"

    def _value_call(self, name: str, first: str, second: str) -> str:
        if self.has("ops") and self.in_entry and self.chance(40):
            return f"{self.p}_ops.get({first}, {second})"
        return f"{name}({first}, {second})"

    def flag(self, scope: Scope) -> str:
        options = [self.rng.choice(scope.flags)]
        if self.has("fixedcall"):
            options += ["0", "1", f"!{self.rng.choice(scope.flags)}"]
        return self.rng.choice(options)
