"""Unions whose members are laid out differently, bit-fields, and tables of constants."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node
from tests.proof.programs.scope import Scope

__all__ = ["BitFields", "EnumTables", "Views"]


class Views(Idiom):
    """A union that shows a word as halves and as bytes."""

    name = "views"

    def header(self) -> list[Node]:
        p = self.p
        members: list[Node] = [
            "u64 w;",
            "struct { u32 lo; u32 hi; };",
            "struct { u16 first; u16 second; u32 rest; } part;",
            "u8 b[8];",
        ]
        return [Block(f"union {p}_view {{", members, "};", open=False)]

    def functions(self) -> list[str]:
        return [
            function(
                f"u64 {self.p}_upper(union {self.p}_view view)", f"return view.{self.pick('hi', 'part.rest', 'b[5]')};"
            )
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        name, member = self.g.fresh("view"), self.pick("lo", "hi", "part.second", "b[3]", "w")
        view = f"union {self.p}_view"
        return self.pick(
            f"({{ {view} {name} = {{ .w = {self.word(scope)} }}; (u64){name}.{member}; }})",
            f"{self.p}_upper(({view}){{ .w = {self.word(scope)} }})",
        )

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("view")
        first, second = (self.pick("lo", "hi", "part.second", "part.rest", "b[0]", "b[6]", "w") for _ in range(2))
        return [
            f"union {self.p}_view {name} = {{ .w = {self.pick('0', self.word(scope))} }};",
            f"{name}.{first} = {self.word(scope)};",
            f"{self.target(scope)} = {name}.{second};",
            f"{self.target(scope)} = {name}.w;",
        ]


class BitFields(Idiom):
    """Members of some bits."""

    name = "bitfields"

    def header(self) -> list[Node]:
        members: list[Node] = ["u64 lo : 12;", "u64 mid : 40;", "u32 one : 1;", "u32 : 3;", "int low : 8;", "u64 w;"]
        return [Block(f"struct {self.p}_bits {{", members, "};", open=False)]

    def value(self, scope: Scope, _depth: int) -> str:
        name, member = self.g.fresh("bits"), self.pick("lo", "mid", "one", "low")
        start = f"struct {self.p}_bits {name} = {{ .{member} = {self.word(scope)} }}"
        return f"({{ {start}; (u64){name}.{member}; }})"

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("bits")
        first, second = (self.pick("lo", "mid", "one", "low", "w") for _ in range(2))
        return [
            f"struct {self.p}_bits {name} = {{ .{first} = {self.word(scope)} }};",
            f"{name}.{second} {self.pick('=', '|=', '^=')} {self.word(scope)};",
            f"{self.target(scope)} = {name}.{self.pick(first, second)};",
        ]


class EnumTables(Idiom):
    """Constant tables, indexed by an enum: words, and rows of a struct."""

    name = "enumtables"

    def header(self) -> list[Node]:
        p, P, g = self.p, self.P, self.g  # noqa: N806
        masks: list[Node] = [
            f"[{P}_COLD] = {g.constant()},",
            f"[{P}_WARM] = {g.constant()},",
            f"[{P}_HOT] = ~{g.constant()},",
        ]
        rows: list[Node] = [f"{{ {g.constant()}, {P}_WARM }},", f"{{ .mask = {g.constant()}, .next = {P}_COLD }},"]
        return [
            f"enum {p}_heat {{ {P}_COLD, {P}_WARM, {P}_HOT, {P}_HEATS }};",
            Block(f"static const u64 {p}_heat_masks[{P}_HEATS] = {{", masks, "};", open=False),
            Block(f"static const struct {p}_heat_row {{", ["u64 mask;", f"enum {p}_heat next;"], "", open=False),
            Block(f"}} {p}_heat_rows[] = {{", rows, "};", open=False),
        ]

    def functions(self) -> list[str]:
        p, P = self.p, self.P  # noqa: N806
        return [
            function(
                f"u64 {p}_heat(enum {p}_heat heat, u64 v)",
                f"if (heat >= {P}_HEATS)",
                "\treturn 0;",
                f"return v {self.pick('&', '|')} {p}_heat_masks[heat];",
            )
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        p, flag = self.p, self.g.rng.choice(scope.flags)
        heat = f"{self.P}_{self.pick('COLD', 'WARM', 'HOT')}"
        return self.pick(
            f"{p}_heat({heat}, {self.word(scope)})",
            f"({self.word(scope)} & {p}_heat_masks[{self.pick(heat, f'({flag}) & 1')}])",
            f"({self.word(scope)} & {p}_heat_rows[{self.pick('0', '1', f'({flag}) & 1')}].mask)",
            f"({self.word(scope)} & {p}_heat_masks[{p}_heat_rows[0].next])",
        )
