"""Ways through a function, and what names mean on them."""

from __future__ import annotations

import re

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record, single
from tests.proof.programs.scope import Scope

__all__ = ["Blocks", "Cleanup", "FallThrough", "Mutual", "Returned", "Shadows", "StaticLocals"]


class Cleanup(Idiom):
    """Early exits to labels that undo step by step."""

    name = "cleanup"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        first, second, out, name = g.fresh("undo"), g.fresh("undo"), g.fresh("out"), g.fresh("ret")
        inner = scope.child()
        inner.add("words", name)
        return [
            f"u64 {name} = {self.word(scope)};",
            single(f"if ({g.condition(scope)})", f"goto {second};"),
            g.assignment(inner),
            single(f"if ({g.condition(scope)})", f"goto {first};"),
            f"{name} = {self.word(inner)};",
            f"goto {out};",
            f"{first}:",
            g.assignment(inner),
            f"{second}:",
            f"{name} {self.pick('=', '&=', '^=')} {self.word(inner)};",
            f"{out}:",
            f"{self.target(inner)} = {name};",
        ]


class FallThrough(Idiom):
    """Cases that run into the next one, a default in the middle, ranges."""

    name = "fallthrough"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        body: list[Node] = ["case 1 ... 2:", g.assignment(scope), self.pick("break;", "fallthrough;")]
        body += ["default:", g.assignment(scope), self.pick("break;", "fallthrough;")]
        body += ["case 0:", g.assignment(scope), "break;"]
        return [Block(f"switch ({g.rng.choice(scope.flags)}) {{", body, open=False)]


class Mutual(Idiom):
    """Two functions that call each other."""

    name = "mutual"

    def functions(self) -> list[str]:
        p = self.p
        even, odd = (self.pick("w, v", "v, w", f"v {self.pick('&', '^')} {self.g.constant()}, w") for _ in range(2))
        return [
            function(f"u64 {p}_even(int n, u64 v, u64 w)", f"return n <= 0 ? v : {p}_odd(n - 1, {even});"),
            function(f"u64 {p}_odd(int n, u64 v, u64 w)", f"return n <= 0 ? w : {p}_even(n - 1, {odd});"),
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_{self.pick('even', 'odd')}({self.g.rng.randrange(4)}, {self.word(scope)}, {self.word(scope)})"


class Shadows(Idiom):
    """A local that hides one of the same name, or a parameter, or a global."""

    name = "shadows"

    def statements(self, scope: Scope) -> list[Node]:
        names = [name for name in scope.targets.words if re.fullmatch(r"\w+", name) and not name.startswith("st")]
        if not names:
            return []
        name, kept = self.g.rng.choice(names), self.g.fresh("kept")
        body: list[Node] = [f"u64 {name} = {kept};", self.g.assignment(scope), f"{self.target(scope)} ^= {name};"]
        return [f"u64 {kept} = {self.word(scope)};", Block("{", body), f"{self.target(scope)} |= {name};"]


class StaticLocals(Idiom):
    """A local that keeps its value from call to call."""

    name = "staticlocals"
    pure = False

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(
                f"u64 {p}_previous(u64 v)",
                "static u64 last;",
                "u64 old = last;",
                f"last {self.pick('=', '|=')} v;",
                "return old;",
            ),
            function(f"u64 *{p}_slot(void)", "static u64 slot;", "return &slot;"),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        return [
            self.pick(
                f"{self.target(scope)} = {self.p}_previous({self.word(scope)});",
                f"*{self.p}_slot() = {self.word(scope)};",
                f"{self.target(scope)} = *{self.p}_slot();",
            )
        ]


class Blocks(Idiom):
    """Statement expressions with declarations, branches and loops in them."""

    name = "blocks"

    def value(self, scope: Scope, depth: int) -> str:
        g = self.g
        if depth > 1:
            return ""
        name, i = g.fresh("t"), g.fresh("i")
        struct = f"struct {self.p}_in {name} = {{ .a = {self.word(scope)} }}"
        return self.pick(
            f"({{ u64 {name} = {self.word(scope)}; if ({g.condition(scope)}) {name} = {self.word(scope)}; {name}; }})",
            f"({{ {struct}; {name}.b = {name}.a & {g.mask()}; {name}.b; }})",
            f"({{ u64 {name} = 0; for (int {i} = 0; {i} < 2; {i}++) {name} ^= {self.word(scope)} >> {i}; {name}; }})",
        )


class Returned(Idiom):
    """Structs by value that hold structs and pointers."""

    name = "returned"

    def header(self) -> list[Node]:
        return [record(f"{self.p}_pair", f"struct {self.p}_in first;", "u64 *to;", "u64 w[2];")]

    def functions(self) -> list[str]:
        p = self.p
        start = self.pick("{ .first.a = v, .to = to }", "{ { v, v }, to, { 0, v } }")
        return [
            function(f"struct {p}_pair {p}_make_pair(u64 v, u64 *to)", f"return (struct {p}_pair){start};"),
            function(
                f"void {p}_use_pair(struct {p}_pair pair, u64 v)", f"*pair.to {self.pick('=', '|=')} v ^ pair.w[1];"
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        p, word, pair = self.p, self.g.fresh("w"), self.g.fresh("pair")
        member = self.pick("first.a", "first.b", "w[1]")
        return [
            f"u64 {word} = {self.word(scope)};",
            f"struct {p}_pair {pair} = {p}_make_pair({self.word(scope)}, &{word});",
            self.pick(
                f"*{pair}.to = {self.word(scope)};",
                f"{p}_use_pair({pair}, {self.word(scope)});",
                f"{self.target(scope)} = {p}_make_pair({self.word(scope)}, &{word}).{member};",
            ),
            f"{self.target(scope)} = {word} {self.pick('^', '|')} {pair}.{member};",
        ]
