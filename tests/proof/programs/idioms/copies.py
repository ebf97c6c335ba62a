"""Copies of parts: words by memcpy(), elements of arrays of structs, functions that give back functions."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Node, single
from tests.proof.programs.scope import Scope

__all__ = ["ChosenFunctions", "PartCopies", "StructArrays"]


class PartCopies(Idiom):
    """memcpy() and memset() of single words and members."""

    name = "partcopies"

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        word, inner = g.fresh("w"), g.fresh("in")
        member, other = self.member(), self.member()
        return [
            f"u64 {word} = {self.word(scope)};",
            self.inner(inner, scope),
            self.pick(
                f"memcpy(&{inner}.{member}, &{word}, sizeof({word}));",
                f"memcpy(&{word}, &{inner}.{member}, sizeof({word}));",
                f"memset(&{word}, 0, sizeof({word}));",
                f"memset(&{inner}.{member}, 0, sizeof({inner}.{member}));",
                f"memmove(&{inner}, &{p}_spare, sizeof({inner}));",
            ),
            f"{self.target(scope)} = {self.pick(word, f'{inner}.{other}')};",
            f"{self.target(scope)} |= {self.pick(word, f'{inner}.{other}')};",
        ]


class StructArrays(Idiom):
    """Arrays of structs: their elements copied, handed to helpers, walked with a pointer."""

    name = "structarrays"

    def functions(self) -> list[str]:
        p, operator = self.p, self.pick("=", "|=")
        return [
            function(f"void {p}_fill_row(struct {p}_in *row, u64 v)", f"row->{self.member()} {operator} v;"),
            function(
                f"u64 {p}_fold(const struct {p}_in *rows, int count)",
                "u64 sum = 0;",
                "for (; count > 0; count--, rows++)",
                f"\tsum {self.pick('|=', '^=')} rows->{self.member()};",
                "return sum;",
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        rows, row, i = g.fresh("rows"), g.fresh("row"), g.fresh("i")
        flag = f"({g.rng.choice(scope.flags)}) & 1"
        index = self.pick("0", "1", "2", flag)
        walk = f"for (struct {p}_in *{row} = {rows}; {row} < {rows} + 3; {row}++)"
        read = self.pick(f"{rows}[{index}].{self.member()}", f"{p}_fold({rows}, 3)", f"{rows}[1].a")
        uses: list[Node] = [
            f"{rows}[{index}] = {rows}[{self.pick('0', '2', flag)}];",
            f"{p}_fill_row(&{rows}[{index}], {self.word(scope)});",
            f"{rows}[{index}].{self.member()} = {self.word(scope)};",
            single(walk, f"{row}->{self.member()} ^= {self.word(scope)};"),
            single(f"for (int {i} = 0; {i} < 3; {i}++)", f"{p}_fill_row({rows} + {i}, {self.word(scope)});"),
        ]
        return [
            f"struct {p}_in {rows}[3] = {{ {{ .a = {self.word(scope)} }}, [2] = {{ .b = {self.word(scope)} }} }};",
            g.rng.choice(uses),
            f"{self.target(scope)} = {read};",
        ]


class ChosenFunctions(Idiom):
    """A function that gives back a function, and one in a struct that is handed over by value."""

    name = "chosenfunctions"

    def header(self) -> list[Node]:
        p = self.p
        return [f"typedef u64 (*{p}_step)(u64 v);", f"struct {p}_steps {{ {p}_step first; u64 mask; }};"]

    def functions(self) -> list[str]:
        p, g = self.p, self.g
        return [
            function(f"u64 {p}_narrow(u64 v)", f"return v {self.pick('&', '|', '^')} {g.constant()};"),
            function(f"u64 {p}_same(u64 v)", "return v;"),
            function(f"{p}_step {p}_choose(int n)", f"return n & 1 ? {p}_narrow : {p}_same;"),
            function(f"u64 {p}_apply(struct {p}_steps steps, u64 v)", "return steps.first(v) & steps.mask;"),
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        p, flag = self.p, self.g.rng.choice(scope.flags)
        step = self.pick(f"{p}_narrow", f"{p}_same", f"{p}_choose({flag})")
        return self.pick(
            f"{p}_choose({flag})({self.word(scope)})",
            f"{p}_apply((struct {p}_steps){{ .first = {step}, .mask = {self.g.constant()} }}, {self.word(scope)})",
        )
