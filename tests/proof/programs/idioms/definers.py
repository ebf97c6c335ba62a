"""Macros that make functions, tables and names."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record
from tests.proof.programs.scope import Scope

__all__ = ["CaseMacros", "Definers", "MemberMacros", "Paste", "PastedMacros", "StatementMacros", "TableFile", "XMacros"]


class Definers(Idiom):
    """DEFINE_GET(name): macros in column 0 that make functions and variables."""

    name = "definers"

    def header(self) -> list[Node]:
        p, P = self.p, self.P  # noqa: N806 -- the prefix of a macro's name
        return [
            f"#define DEFINE_{P}_GET(n, m) static inline u64 {p}_get_##n(u64 v) {{ return v & (m); }}",
            f"#define DEFINE_{P}_SET(n, field) \\",
            f"static inline void {p}_set_##n(struct {p}_in *to, u64 v) \\\n{{ \\\n\tto->field = v; \\\n}}",
            f"DEFINE_{P}_GET(low, {self.g.constant()})",
            f"DEFINE_{P}_GET(high, {self.g.constant()})",
            f"DEFINE_{P}_SET(first, a)",
            f"DEFINE_{P}_SET(second, b)",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_get_{self.pick('low', 'high')}({self.word(scope)})"

    def statements(self, scope: Scope) -> list[Node]:
        which, to = self.pick("first", "second"), self.g.own_inner_pointer(scope)
        return [f"{self.p}_set_{which}({to}, {self.word(scope)});"] if to else []


class XMacros(Idiom):
    """One list of rows, out of which macros make an enum, a table and functions."""

    name = "xmacros"

    def header(self) -> list[Node]:
        p, P, g = self.p, self.P, self.g  # noqa: N806
        return [
            f"#define {P}_ROWS(X) X(ONE, {g.constant()}) X(TWO, {g.constant()}) X(THREE, {g.constant()})",
            f"#define {P}_ROW_ENUM(n, m) {P}_##n,",
            f"enum {p}_rows {{ {P}_ROWS({P}_ROW_ENUM) {P}_NR }};",
            f"#define {P}_ROW_MASK(n, m) [{P}_##n] = (m),",
            f"static const u64 {p}_row_masks[{P}_NR] = {{ {P}_ROWS({P}_ROW_MASK) }};",
            f"#define {P}_ROW_CUT(n, m) static inline u64 {p}_cut_##n(u64 v) {{ return v & (m); }}",
            f"{P}_ROWS({P}_ROW_CUT)",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        row = self.pick("ONE", "TWO", "THREE")
        index = self.pick(f"{self.P}_{row}", f"({self.g.rng.choice(scope.flags)}) & 1")
        return self.pick(
            f"{self.p}_cut_{row}({self.word(scope)})", f"({self.word(scope)} & {self.p}_row_masks[{index}])"
        )


class CaseMacros(Idiom):
    """Macros without a semicolon behind them that make the cases of a switch, or several statements."""

    name = "casemacros"

    def header(self) -> list[Node]:
        P, g = self.P, self.g  # noqa: N806
        return [
            f"#define {P}_CASES(X) X(1, {g.constant()}) X(2, {g.constant()})",
            f"#define {P}_CASE(n, m) case n: return v & (m);",
            f"#define {P}_BOTH(x, y, v) x = v; y = v;",
        ]

    def functions(self) -> list[str]:
        head = f"u64 {self.p}_case(int n, u64 v)"
        return [function(head, "switch (n) {", f"{self.P}_CASES({self.P}_CASE)", "default:", "\treturn 0;", "}")]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_case({self.pick('1', '2')}, {self.word(scope)})"

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("both")
        return [
            f"u64 {name} = {self.word(scope)};",
            f"{self.P}_BOTH({self.target(scope)}, {self.target(scope)}, {name})",
            f"{self.target(scope)} ^= {name};",
        ]


class TableFile(Idiom):
    """A file of rows that is included twice, with another meaning of a row each time."""

    name = "tablefile"

    @property
    def _path(self) -> str:
        return f"asm/fpu/{self.p}_rows.h"

    def files(self) -> dict[str, list[Node]]:
        rows: list[Node] = [f"{self.P}_FILE_ROW({name}, {self.g.constant()})" for name in ("RED", "BLUE")]
        return {f"arch/x86/include/{self._path}": rows}

    def header(self) -> list[Node]:
        p, P = self.p, self.P  # noqa: N806
        include = [f"#include <{self._path}>", f"#undef {P}_FILE_ROW"]
        return [
            f"enum {p}_colours {{",
            f"#define {P}_FILE_ROW(n, m) {P}_##n,",
            *include,
            f"\t{P}_COLOURS",
            "};",
            f"static const u64 {p}_colour_masks[] = {{",
            f"#define {P}_FILE_ROW(n, m) [{P}_##n] = (m),",
            *include,
            "};",
            f"static inline u64 {p}_colour(int row, u64 v)\n{{\n\tswitch (row) {{",
            f"#define {P}_FILE_ROW(n, m) case {P}_##n: return v & (m);",
            *include,
            "\t}\n\treturn 0;\n}",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        row = f"{self.P}_{self.pick('RED', 'BLUE')}"
        return self.pick(
            f"{self.p}_colour({row}, {self.word(scope)})", f"({self.word(scope)} & {self.p}_colour_masks[{row}])"
        )


class Paste(Idiom):
    """Names that are pasted together, strings of arguments, members as arguments."""

    name = "paste"

    def header(self) -> list[Node]:
        p = self.p
        return [
            f"#define {p}_CAT(a, b) a##b",
            f"#define {p}_CAT2(a, b) {p}_CAT(a, b)",
            f"#define {p}_FIELD(s, f) ((s).f)",
            f"#define {p}_SHOW(x) ((void)#x, (x))",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        options = [f"{self.p}_SHOW({self.word(scope)})"]
        options += [f"{self.p}_FIELD({struct}, {self.member()})" for struct in self.g.inners(scope)[:2]]
        return self.pick(*options)

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("part")
        cat = self.pick("CAT", "CAT2")
        store = f"{self.target(scope)} = {self.p}_{cat}({name}_, {self.pick('1', '2')});"
        return [f"u64 {name}_1 = {self.word(scope)}, {name}_2 = {self.word(scope)};", store]


class PastedMacros(Idiom):
    """The name of a macro that another one pastes together."""

    name = "pastedmacros"

    def header(self) -> list[Node]:
        p = self.p
        return [
            f"#define {p}_GLUE(a, b) a##b",
            f"#define {p}_A(s) ((s).a)",
            f"#define {p}_B(s) ((s).b)",
            f"#define {p}_NTH(s, n) {p}_GLUE({p}_, n)(s)",
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        structs = self.g.inners(scope)
        return f"{self.p}_NTH({self.g.rng.choice(structs)}, {self.pick('A', 'B')})" if structs else ""


class StatementMacros(Idiom):
    """Macros that are statements: they branch, leave the loop around them, declare, and store."""

    name = "stmtmacros"

    def header(self) -> list[Node]:
        p, g = self.p, self.g
        return [
            f"#define {p}_IF(c, to, v) if (c) (to) = (v); else (to) {self.pick('^', '|')}= (v)",
            f"#define {p}_BOTH(x, y, v) do {{ u64 __v = (v); (x) = __v; (y) = __v & {g.constant()}; }} while (0)",
            f"#define {p}_XCHG(to, v) ({{ u64 __old = *(to); *(to) = (v); __old; }})",
            f"#define {p}_BREAK_IF(c) if (c) break",
            f"#define {p}_DECLARE(n, v) u64 n = (v)",
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        match g.rng.randrange(5):
            case 0:
                return [f"{p}_IF({g.condition(scope)}, {self.target(scope)}, {self.word(scope)});"]
            case 1:
                return [f"{p}_BOTH({self.target(scope)}, {self.target(scope)}, {self.word(scope)});"]
            case 2:
                name = g.fresh("old")
                place = g.word_pointer(scope.targets)
                return [f"u64 {name} = {p}_XCHG({place}, {self.word(scope)});", f"{self.target(scope)} = {name};"]
            case 3:
                i = g.fresh("i")
                body: list[Node] = [g.assignment(scope), f"{p}_BREAK_IF({g.condition(scope)});", g.assignment(scope)]
                return [Block(f"for (int {i} = 0; {i} < 2; {i}++) {{", body)]
            case _:
                name = g.fresh("d")
                inner = scope.child()
                inner.add("words", name)
                return [f"{p}_DECLARE({name}, {self.word(scope)});", g.assignment(inner), g.assignment(inner)]


class MemberMacros(Idiom):
    """Members that a macro declares inside of a struct."""

    name = "membermacros"

    def header(self) -> list[Node]:
        p = self.p
        return [
            f"#define {p}_MEMBERS u64 ma; u64 mb;",
            f"#define {p}_MEMBER(t, n) t n",
            record(f"{p}_made", f"{p}_MEMBERS", f"{p}_MEMBER(u64, mc);"),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("made")
        first, second = self.pick("ma", "mb", "mc"), self.pick("ma", "mb", "mc")
        return [
            f"struct {self.p}_made {name} = {{ .{first} = {self.word(scope)} }};",
            f"{name}.{second} {self.pick('=', '|=')} {self.word(scope)};",
            f"{self.target(scope)} = {name}.{first} ^ {name}.mc;",
        ]
