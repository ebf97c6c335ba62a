"""Pointers to pointers: out-parameters through two levels, and places that are chosen when they are written."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Node
from tests.proof.programs.scope import Scope

__all__ = ["ChosenPlaces", "PointerChains", "TwoLevels"]


class TwoLevels(Idiom):
    """Helpers that hand their out-parameter on, or give back a pointer through one."""

    name = "twolevels"

    def functions(self) -> list[str]:
        p = self.p
        scope = self.scoped("v")
        early = [f"if ({self.g.condition(scope)})", "\treturn -1;"] if self.g.chance(40) else []
        store = f"*out {self.pick('=', '|=')} {self.word(scope)};"
        own, to = f"u64 own = {self.word(scope)};", self.pick("out", "&own")
        return [
            function(f"int {p}_inner(u64 *out, u64 v)", *early, store, "return 0;"),
            function(
                f"int {p}_middle(u64 *out, u64 v)",
                own,
                f"int ret = {p}_inner({to}, v);",
                "if (ret)",
                "\treturn ret;",
                f"*out ^= own{self.pick('', ' & v')};",
                "return 0;",
            ),
            function(
                f"void {p}_find(struct {p}_out *from, struct {p}_in **to)",
                f"*to = {self.pick('&from->in', 'from->link')};",
            ),
            function(f"void {p}_find_word(struct {p}_in *from, u64 **to)", f"*to = &from->{self.member()};"),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        word, out, to, at = g.fresh("w"), g.fresh("out"), g.fresh("to"), g.fresh("at")
        if g.chance(40):
            return [
                f"u64 {word} = {self.word(scope)};",
                f"if ({p}_middle(&{word}, {self.word(scope)}))",
                f"\t{word} = {self.word(scope)};",
                f"{self.target(scope)} = {word};",
            ]
        return [
            f"struct {p}_out {out} = {{ .link = &{p}_spare, .in = {{ .{self.member()} = {self.word(scope)} }} }};",
            f"struct {p}_in *{to} = &{out}.in;",
            f"u64 *{at};",
            f"{p}_find_word({to}, &{at});",
            f"*{at} {self.pick('=', '|=')} {self.word(scope)};",
            f"{p}_find(&{out}, &{to});",
            f"{self.target(scope)} = {to}->{self.member()} ^ {out}.in.{self.member()};",
        ]


class PointerChains(Idiom):
    """Locals that point to pointers."""

    name = "pointerchains"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        one, two, q, pp = g.fresh("w"), g.fresh("w"), g.fresh("q"), g.fresh("pp")
        return [
            f"u64 {one} = {self.word(scope)}, {two} = {self.word(scope)};",
            f"u64 *{q} = &{one}, **{pp} = &{q};",
            self.pick("", f"if ({g.condition(scope)}) ") + f"*{pp} = &{two};",
            f"{self.pick(f'*{q}', f'**{pp}')} {self.pick('=', '|=', '^=')} {self.word(scope)};",
            f"{self.target(scope)} = {self.pick(one, two, f'*{q}', f'**{pp}')};",
            f"{self.target(scope)} ^= {self.pick(one, two)};",
        ]


class ChosenPlaces(Idiom):
    """Stores to a place that the statement itself chooses."""

    name = "chosenplaces"

    def value(self, scope: Scope, _depth: int) -> str:
        return f"(*({self.g.condition(scope)} ? &{self.g.lvalue(scope)} : &{self.g.lvalue(scope)}))"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        one, two = g.fresh("w"), g.fresh("w")
        choice = f"{g.condition(scope)} ? &{one} : &{two}"
        return [
            f"u64 {one} = {self.word(scope)}, {two} = {self.word(scope)};",
            f"*({choice}) {self.pick('=', '|=', '&=')} {self.word(scope)};",
            f"{self.target(scope)} = {self.pick(one, two, f'*({choice})')};",
        ]
