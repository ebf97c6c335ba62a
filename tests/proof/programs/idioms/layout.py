"""Unions whose members are laid out differently, bit-fields, and tables of constants."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node
from tests.proof.programs.scope import Scope

__all__ = ["BitFields", "EnumTables", "MemberNames", "Prefixes", "Views"]


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


class Prefixes(Idiom):
    """Casts between a struct, one that begins with it, and one that begins with members of the same types."""

    name = "prefixes"

    def header(self) -> list[Node]:
        p = self.p
        return [
            Block(f"struct {p}_head {{", ["u64 first;", "u64 second;"], "};", open=False),
            Block(f"struct {p}_body {{", [f"struct {p}_head head;", "u64 rest;"], "};", open=False),
            Block(f"struct {p}_twin {{", ["u64 one;", "u64 two;", "u64 three;"], "};", open=False),
            f"void {p}_set_head(struct {p}_head *head, u64 v);",
            f"u64 {p}_get_body(struct {p}_head *head);",
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        return [
            function(f"void {p}_set_head(struct {p}_head *head, u64 v)", f"head->{self.pick('first', 'second')} = v;"),
            function(
                f"u64 {p}_get_body(struct {p}_head *head)",
                f"struct {p}_body *body = (struct {p}_body *)head;",
                f"return body->{self.pick('rest', 'head.first')};",
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        p, body, twin, head = self.p, self.g.fresh("body"), self.g.fresh("twin"), self.g.fresh("head")
        started = self.pick(".rest", ".head.second", ".head.first")
        if self.g.chance(50):
            return [
                f"struct {p}_body {body} = {{ {started} = {self.word(scope)} }};",
                f"{p}_set_head({self.pick(f'&{body}.head', f'(struct {p}_head *)&{body}')}, {self.word(scope)});",
                f"{self.target(scope)} = {self.pick(f'{p}_get_body(&{body}.head)', f'{body}.head.second')};",
            ]
        return [
            f"struct {p}_twin {twin} = {{ .{self.pick('one', 'two', 'three')} = {self.word(scope)} }};",
            f"struct {p}_head *{head} = (struct {p}_head *)&{twin};",
            self.pick(
                f"{head}->{self.pick('first', 'second')} {self.pick('=', '|=')} {self.word(scope)};",
                f"{p}_set_head({head}, {self.word(scope)});",
                f"*{head} = (struct {p}_head){{ .second = {self.word(scope)} }};",
            ),
            f"{self.target(scope)} = {self.pick(f'{head}->second', f'{twin}.one', f'{twin}.two', f'{twin}.three')};",
        ]


class MemberNames(Idiom):
    """Macros that stand for a member, or for the way to one."""

    name = "membernames"

    def header(self) -> list[Node]:
        P = self.P  # noqa: N806
        return [
            f"#define {P}_PART {self.pick('a', 'b')}",
            f"#define {P}_WAY in.{P}_PART",
            f"#define {P}_SLOT(n) arr[(n) % 3]",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        if not scope.outer:
            return ""
        return f"{self.g.rng.choice(scope.outer)}.{self.P}_{self.pick('WAY', 'SLOT(1)', 'SLOT(5)')}"

    def statements(self, scope: Scope) -> list[Node]:
        name, P = self.g.fresh("in"), self.P  # noqa: N806
        return [
            f"struct {self.p}_in {name} = {{ .{P}_PART = {self.word(scope)} }};",
            f"{name}.{self.pick('a', f'{P}_PART')} {self.pick('=', '|=')} {self.word(scope)};",
            f"{self.target(scope)} = {name}.{self.pick('b', f'{P}_PART')};",
        ]
