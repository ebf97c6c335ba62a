"""Ways that nest: a switch in a loop, jumps into the tail of another branch, effects in conditions."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom
from tests.proof.programs.program import Block, Node, single
from tests.proof.programs.scope import Scope

__all__ = ["Effects", "Machines", "Tails"]


class Machines(Idiom):
    """A switch in a loop that goes on, leaves, or changes what it switches on; and a switch in a switch."""

    name = "machines"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        state, i, name = g.fresh("state"), g.fresh("i"), g.fresh("w")
        inner = scope.child()
        inner.add("words", name)
        nested = Block(
            f"switch ({g.rng.choice(scope.flags)}) {{",
            ["case 0:", g.assignment(inner), self.pick("break;", "fallthrough;"), "default:", g.assignment(inner)],
            open=False,
        )
        leave = self.pick("continue;", "break;")
        first: list[Node] = [f"{name} = {self.word(inner)};", f"{state} = {self.pick('1', '2')};", leave]
        onward = self.pick(f"{state}++;", f"{state} = 0;")
        second: list[Node] = [nested if g.chance(50) else g.assignment(inner), onward, "break;"]
        body: list[Node] = ["case 0:", *first, "case 1:", *second, "default:", f"{self.target(inner)} ^= {name};"]
        switch = Block(f"switch ({state}) {{", body, open=False)
        end = f"{self.target(inner)} {self.pick('=', '|=')} {name};"
        return [
            f"u64 {name} = {self.word(scope)};",
            f"int {state} = {self.pick('0', '1', f'({g.rng.choice(scope.flags)}) & 1')};",
            Block(f"for (int {i} = 0; {i} < {g.rng.randrange(1, 5)}; {i}++) {{", [switch, end]),
            f"{self.target(inner)} = {name};",
        ]


class Tails(Idiom):
    """Jumps into the middle of another branch, and backward, a bounded number of times."""

    name = "tails"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        tail, again, end, name, left = (g.fresh(kind) for kind in ("tail", "again", "end", "w", "left"))
        inner = scope.child()
        inner.add("words", name)
        other = Block("} else {", [g.assignment(inner), f"goto {end};"], "", open=False)
        body: list[Node] = [f"{name} = {self.word(inner)};", f"{tail}:", f"{self.target(inner)} = {name};", other]
        return [
            f"u64 {name} = {self.word(scope)};",
            f"int {left} = {g.rng.randrange(3)};",
            f"{again}:",
            single(f"if ({g.condition(scope)})", f"goto {tail};"),
            g.assignment(inner),
            Block(f"if ({g.condition(scope)}) {{", body, open=False),
            single(f"if ({left}-- > 0)", f"goto {again};"),
            f"{end}:",
            f"{self.target(inner)} ^= {name};",
        ]


class Effects(Idiom):
    """Assignments inside of conditions and arguments."""

    name = "effects"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        name, i = g.fresh("w"), g.fresh("i")
        inner = scope.child()
        inner.add("words", name)
        flag = g.rng.choice(scope.flags)
        first, second = f"{name} = {self.word(inner)}", f"{name} ^= {self.word(inner)}"
        goes_on = f"if ({flag})\n\t\tcontinue;"
        loop = f"do {{\n\t{second};\n\t{goes_on}\n\t{g.assignment(inner)}\n}} while ({i}-- > 0);"
        uses: list[Node] = [
            single(f"if (({flag}) && ({first}, 1))", g.assignment(inner)),
            single(f"if (({flag}) || ({first}, 0))", g.assignment(inner)),
            f"{self.target(inner)} = ({flag}) ? ({first}) : ({second});",
            Block("{", [f"int {i} = 2;", loop]),
        ]
        return [f"u64 {name} = {self.word(scope)};", g.rng.choice(uses), f"{self.target(inner)} = {name};"]
