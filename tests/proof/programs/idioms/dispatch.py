"""Calls that no name tells: ops structs behind macros, callbacks with a context, objects handed through them."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record
from tests.proof.programs.scope import Scope

__all__ = ["CallMacros", "Callbacks", "HandedOn", "Handlers", "StaticCalls"]


class CallMacros(Idiom):
    """An ops struct whose functions are called through a macro, as kvm_x86_call(f)(...)."""

    name = "callmacros"

    def header(self) -> list[Node]:
        p = self.p
        members: list[Node] = ["u64 (*cut)(u64 v, u64 w);", f"void (*fill)(struct {p}_in *to, u64 v);"]
        return [
            record(f"{p}_vops", *members),
            f"extern struct {p}_vops {p}_vops;",
            self.pick(f"#define {p}_vcall(f) (*{p}_vops.f)", f"#define {p}_vcall(f) {p}_vops.f"),
        ]

    def functions(self) -> list[str]:
        p = self.p
        scope = self.scoped("v w", source=self.g.chance(20))
        return [
            function(f"static u64 {p}_vcut(u64 v, u64 w)", f"return {self.word(scope)};"),
            function(f"static void {p}_vfill(struct {p}_in *to, u64 v)", f"to->{self.member()} = v;"),
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        return [f"struct {p}_vops {p}_vops = {{ .cut = {p}_vcut, .fill = {self.pick('', '&')}{p}_vfill }};"]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"{self.p}_vcall(cut)({self.word(scope)}, {self.word(scope)})"

    def statements(self, scope: Scope) -> list[Node]:
        name = self.g.fresh("in")
        return [
            f"struct {self.p}_in {name} = {{ 0 }};",
            f"{self.p}_vcall(fill)(&{name}, {self.word(scope)});",
            f"{self.target(scope)} = {name}.{self.member()};",
        ]


class StaticCalls(Idiom):
    """static_call(name)(...) of what DEFINE_STATIC_CALL() or static_call_update() set."""

    name = "staticcalls"

    def header(self) -> list[Node]:
        p = self.p
        return [f"u64 {p}_low(u64 v);", f"DECLARE_STATIC_CALL({p}_half, {p}_low);"]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(f"u64 {p}_low(u64 v)", "return v & 0xffffffffULL;"),
            function(f"u64 {p}_high(u64 v)", f"return v {self.pick('>> 32', '& ~0xffffffffULL')};"),
        ]

    def definitions(self) -> list[Node]:
        return [f"DEFINE_STATIC_CALL({self.p}_half, {self.p}_{self.pick('low', 'high')});"]

    def value(self, scope: Scope, _depth: int) -> str:
        return f"static_call({self.p}_half)({self.word(scope)})"


class HandedOn(Idiom):
    """A local object that one function hands on to a member of an ops struct, which reads or fills it."""

    name = "handedon"

    def header(self) -> list[Node]:
        p = self.p
        members: list[Node] = [f"u64 (*take)(struct {p}_in *from);", f"void (*give)(struct {p}_in *to, u64 v);"]
        return [
            record(f"{p}_tops", *members),
            f"extern const struct {p}_tops {p}_tops;",
        ]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(f"static u64 {p}_take(struct {p}_in *from)", f"return from->{self.member()};"),
            function(f"static void {p}_give(struct {p}_in *to, u64 v)", f"to->{self.member()} = v;"),
            function(
                f"u64 {p}_between(struct {p}_in *in, u64 v)",
                f"u64 had = {p}_tops.take(in);",
                f"{p}_tops.give(in, v);",
                "return had;",
            ),
            function(f"u64 {p}_through(const struct {p}_tops *ops, struct {p}_in *in)", "return ops->take(in);"),
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        return [f"const struct {p}_tops {p}_tops = {{ .take = {p}_take, .give = {p}_give }};"]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name = g.fresh("in")
        use = self.pick(
            f"{self.target(scope)} = {p}_between(&{name}, {self.word(scope)});",
            f"{self.target(scope)} = {p}_through(&{p}_tops, &{name});",
        )
        start = self.inner(name, scope)
        return [start, use, f"{self.target(scope)} ^= {name}.{self.member()};"]


class Callbacks(Idiom):
    """Functions that are called back with a void pointer to a context."""

    name = "callbacks"

    def header(self) -> list[Node]:
        return [record(f"{self.p}_ctx", "u64 sum;", f"struct {self.p}_in *in;", "u64 keep;")]

    def functions(self) -> list[str]:
        p, g = self.p, self.g
        scope = self.scoped("v")
        scope.reads += ["c->keep", "c->sum"]
        second = function(
            f"void {p}_on_struct(void *data, u64 v)",
            f"struct {p}_ctx *c = data;",
            f"c->sum {self.pick('=', '|=')} {self.word(scope)};",
            *([f"c->in->{self.member()} = {self.word(scope)};"] if g.chance(60) else []),
        )
        return [
            function(
                f"void {p}_each(void (*fn)(void *data, u64 v), void *data, u64 v)", "fn(data, v);", "fn(data, v ^ 1);"
            ),
            function(f"void {p}_on_word(void *data, u64 v)", f"*(u64 *)data {self.pick('=', '|=')} v;"),
            second,
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        if g.chance(40):
            return [f"{p}_each({p}_on_word, {g.word_pointer(scope.targets)}, {self.word(scope)});"]
        name, to = g.fresh("ctx"), g.fresh("in")
        return [
            f"struct {p}_in {to} = {{ 0 }};",
            f"struct {p}_ctx {name} = {{ .in = &{to}, .keep = {self.word(scope)} }};",
            f"{p}_each({self.pick('', '&')}{p}_on_struct, &{name}, {self.word(scope)});",
            f"{self.target(scope)} = {name}.sum ^ {to}.{self.member()};",
        ]


class Handlers(Idiom):
    """A table of functions, indexed by an enum, and a struct that points to one of them."""

    name = "handlers"

    def header(self) -> list[Node]:
        p, P = self.p, self.P  # noqa: N806
        return [
            f"enum {p}_verbs {{ {P}_KEEP, {P}_CUT, {P}_VERBS }};",
            f"typedef u64 (*{p}_handler)(u64 v, int n);",
            f"struct {p}_handled {{ const char *name; {p}_handler handle; u64 mask; }};",
            f"extern const struct {p}_handled {p}_handlers[{P}_VERBS];",
        ]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(f"static u64 {p}_keep(u64 v, int n)", "return v;"),
            function(f"static u64 {p}_cutting(u64 v, int n)", f"return v {self.pick('&', '|')} {self.g.constant()};"),
            function(
                f"u64 {p}_handle(const struct {p}_handled *how, u64 v)",
                "if (!how->handle)",
                "\treturn 0;",
                "return how->handle(v, 0) & how->mask;",
            ),
        ]

    def definitions(self) -> list[Node]:
        p, P = self.p, self.P  # noqa: N806
        row = f'[{P}_%s] = {{ .name = "%s", .handle = {p}_%s, .mask = {self.g.constant()} }},'
        rows: list[Node] = [row % ("KEEP", "keep", "keep"), row % ("CUT", "cut", "cutting")]
        return [Block(f"const struct {p}_handled {p}_handlers[{P}_VERBS] = {{", rows, "};", open=False)]

    def value(self, scope: Scope, _depth: int) -> str:
        row = self.pick(f"{self.P}_KEEP", f"{self.P}_CUT", f"({self.g.rng.choice(scope.flags)}) & 1")
        return self.pick(
            f"{self.p}_handlers[{row}].handle({self.word(scope)}, 0)",
            f"{self.p}_handle(&{self.p}_handlers[{row}], {self.word(scope)})",
        )
