"""``#if`` arms in every position, and values that contradicting arms keep apart."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record, single
from tests.proof.programs.scope import Scope

__all__ = ["ArmFunctions", "ArmMembers", "Contradictions", "IsEnabled", "SplitArms"]


def _lines(*lines: str) -> str:
    return "\n".join(lines)


class SplitArms(Idiom):
    """Arms inside of one statement: operands, arguments, initialisers, conditions, heads and cases."""

    name = "splitarms"

    def functions(self) -> list[str]:
        scope = self.scoped("v w")
        return [function(f"u64 {self.p}_arm_pick(u64 v, u64 w)", f"return {self.word(scope)};")]

    def statements(self, scope: Scope) -> list[Node]:
        makers = (
            self._operand,
            self._either,
            self._argument,
            self._initialiser,
            self._condition,
            self._head,
            self._else,
            self._case,
            self._declaration,
            self._label,
        )
        return self.g.rng.choice(makers)(scope)

    def _operand(self, scope: Scope) -> list[Node]:
        more = f"\t{self.pick('^', '|', '&')} {self.word(scope)}"
        return [_lines(f"{self.target(scope)} = {self.word(scope)}", self.g.arm(), more, "#endif", "\t;")]

    def _either(self, scope: Scope) -> list[Node]:
        first, second = f"\t{self.word(scope)}", f"\t{self.word(scope)}"
        return [_lines(f"{self.target(scope)} =", self.g.arm(), first, "#else", second, "#endif", "\t;")]

    def _argument(self, scope: Scope) -> list[Node]:
        head = f"{self.target(scope)} = {self.p}_arm_pick({self.word(scope)},"
        return [_lines(head, self.g.arm(), f"\t{self.word(scope)}", "#else", f"\t{self.word(scope)}", "#endif", "\t);")]

    def _initialiser(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("in")
        arms = (self.g.arm(), f"\t.a = {self.word(scope)},", "#else", f"\t.b = {self.word(scope)},", "#endif")
        text = _lines(f"struct {self.p}_in {name} = {{", *arms, "\t.n = 1,", "};")
        return [text, f"{self.target(scope)} = {name}.{self.member()};"]

    def _condition(self, scope: Scope) -> list[Node]:
        g = self.g
        head = _lines(f"if ({g.rng.choice(scope.flags)}", g.arm(), f"\t&& {g.condition(scope)}", "#endif", ") {")
        return [Block(head, [g.assignment(scope)], open=False)]

    def _head(self, scope: Scope) -> list[Node]:
        g = self.g
        head = _lines(g.arm(), f"if ({g.condition(scope)})", "#endif")
        return [single(head, g.assignment(scope))]

    def _else(self, scope: Scope) -> list[Node]:
        g = self.g
        middle = _lines(g.arm(), f"}} else if ({g.condition(scope)}) {{")
        return [
            Block(
                f"if ({g.condition(scope)}) {{",
                [g.assignment(scope), middle, g.assignment(scope), "#endif", "} else {", g.assignment(scope)],
                open=False,
            )
        ]

    def _case(self, scope: Scope) -> list[Node]:
        g = self.g
        body: list[Node] = ["case 0:", g.assignment(scope), "break;", g.arm(), "case 1:", g.assignment(scope)]
        body += [self.pick("break;", "fallthrough;"), "#endif", "default:", g.assignment(scope)]
        return [Block(f"switch ({g.rng.choice(scope.flags)}) {{", body, open=False)]

    def _label(self, scope: Scope) -> list[Node]:
        g, label = self.g, self.g.fresh("at")
        leave = single(f"if ({g.condition(scope)})", f"goto {label};")
        arms = (g.arm(), g.assignment(scope), "#else", g.assignment(scope), "#endif")
        return [leave, g.assignment(scope), _lines(f"{label}:", *arms)]

    def _declaration(self, scope: Scope) -> list[Node]:
        g, name = self.g, self.g.fresh("d")
        inner = scope.child()
        inner.add("words", name)
        arms = (g.arm(), f"u64 {name} = {self.word(scope)};", "#else", f"u32 {name} = {self.word(scope)};", "#endif")
        return [_lines(*arms), f"{self.target(scope)} = {name};", f"{self.target(scope)} ^= {name} & {g.mask()};"]


class ArmFunctions(Idiom):
    """Functions and macros with a definition in each arm, or with a head or a part of the body in one."""

    name = "armfunctions"

    def header(self) -> list[Node]:
        p, g = self.p, self.g
        return [
            _lines(g.arm(), f"#define {p}_ARM(x) ((x) & {g.constant()})", "#else", f"#define {p}_ARM(x) (x)", "#endif"),
            _lines(
                g.arm(),
                f"u64 {p}_arm(u64 v);",
                "#else",
                f"static inline u64 {p}_arm(u64 v) {{ return v & {g.constant()}; }}",
                "#endif",
            ).replace("#else", f"#else\n#define {p}_ARM_INLINE"),
            f"u64 {p}_two(u64 v);",
            f"u64 {p}_head(u64 v);",
        ]

    def definitions(self) -> list[Node]:
        p, g = self.p, self.g
        scope = self.scoped("v", source=g.chance(30))
        one, other = (function(f"u64 {p}_two(u64 v)", f"return {self.word(scope)};") for _ in range(2))
        head = (g.arm(), f"u64 {p}_head(u64 v)", "#else", f"u64 __attribute__((noinline)) {p}_head(u64 v)", "#endif")
        return [
            _lines(f"#ifndef {p}_ARM_INLINE", function(f"u64 {p}_arm(u64 v)", "return v;"), "#endif"),
            _lines(g.arm(), one, "#else", other, "#endif"),
            _lines(
                *head,
                "{",
                g.arm(),
                f"\tif (v {self.pick('& 1', '== 0')})",
                "\t\treturn 0;",
                "#endif",
                "\treturn v;",
                "}",
            ),
        ]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_{self.pick('ARM', 'arm', 'two', 'head')}({self.word(scope)})"


class ArmMembers(Idiom):
    """Members that only one arm declares, members of another width in each, and entries of an ops struct."""

    name = "armmembers"

    def header(self) -> list[Node]:
        p, g = self.p, self.g
        self.only = g.switch()
        return [
            _lines(
                f"struct {p}_opt {{",
                f"#ifdef {self.only}",
                "\tu64 extra;",
                "#endif",
                g.arm(),
                f"\t{self.pick('u32', 'int') if g.has('armsigns') else 'u32'} v;",
                "#else",
                "\tu64 v;",
                "#endif",
                "\tu64 w;",
                "};",
            ),
            record(f"{p}_optops", "u64 (*cut)(u64 v);"),
            f"extern const struct {p}_optops {p}_optops;",
        ]

    def functions(self) -> list[str]:
        return [
            function(f"u64 __attribute__((unused)) {self.p}_opt_cut(u64 v)", f"return v & {self.g.constant()};"),
            function(f"u64 __attribute__((unused)) {self.p}_opt_keep(u64 v)", "return v;"),
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        table = [f"const struct {p}_optops {p}_optops = {{", self.g.arm(), f"\t.cut = {p}_opt_cut,", "#else"]
        return [_lines(*table, f"\t.cut = {p}_opt_keep,", "#endif", "};")]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_optops.cut({self.word(scope)})"

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("opt")
        first = self.pick("v", "w")
        store = f"{name}.extra = {self.word(scope)};"
        load = f"{self.target(scope)} = {name}.extra;"
        return [
            f"struct {self.p}_opt {name} = {{ .{first} = {self.word(scope)} }};",
            Block(f"#ifdef {self.only}", [store, load], "#endif"),
            f"{name}.{self.pick('v', 'w')} {self.pick('=', '|=')} {self.word(scope)};",
            f"{self.target(scope)} = {name}.{self.pick('v', 'w')};",
        ]


class IsEnabled(Idiom):
    """IS_ENABLED() in C."""

    name = "isenabled"

    def value(self, scope: Scope, _depth: int) -> str:
        return f"(IS_ENABLED({self.g.switch()}) ? {self.word(scope)} : {self.word(scope)})"

    def statements(self, scope: Scope) -> list[Node]:
        g = self.g
        condition = f"{self.pick('', '!')}IS_ENABLED({g.switch()})"
        if g.chance(40):
            condition += f" {self.pick('&&', '||')} {g.condition(scope)}"
        return [single(f"if ({condition})", g.assignment(scope))]


class Contradictions(Idiom):
    """The source on its way to ``quiet``, over two places that no build compiles both."""

    name = "contradictions"
    pure = False

    def header(self) -> list[Node]:
        p = self.p
        self.config = self.g.switch()
        return [
            f"extern u64 {p}_kept_apart;",
            _lines(f"#ifdef {self.config}", f"#define {p}_APART(x) (x)", "#else", f"#define {p}_APART(x) 0", "#endif"),
            f"u64 {p}_apart(u64 v);",
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        on, off = (function(f"u64 {p}_apart(u64 v)", f"return {value};") for value in ("v", "0"))
        return [f"u64 {p}_kept_apart;", _lines(f"#ifdef {self.config}", on, "#else", off, "#endif")]

    def statements(self, _scope: Scope) -> list[Node]:
        p, name, other = self.p, self.g.fresh("apart"), self.g.switch()
        on = self.pick(f"#ifdef {self.config}", f"#if defined({self.config})", f"#if IS_ENABLED({self.config})")
        off = self.pick(f"#ifndef {self.config}", f"#if !defined({self.config}) && defined({other})")
        place = self.pick(name, f"{p}_kept_apart", f"{p}_kept_apart")
        value = self.pick(f"{p}_src.word", f"({p}_src.word & 0xff)")
        start = f"u64 {name} = 0;"
        reset = f"{p}_kept_apart = 0;"
        match self.g.rng.randrange(4):
            case 0:
                return [
                    start,
                    reset,
                    _lines(on, f"\t{place} = {value};", "#endif", off, f"\t{p}_quiet = {place};", "#endif"),
                ]
            case 1:
                return [_lines(off, f"\t{p}_quiet = {p}_APART({value});", "#endif")]
            case 2:
                return [_lines(off, f"\t{p}_quiet = {p}_apart({value});", "#endif")]
            case _:
                return [
                    start,
                    reset,
                    _lines(on, f"\t{place} = {value};", "#else", f"\t{p}_quiet = {place};", "#endif"),
                ]
