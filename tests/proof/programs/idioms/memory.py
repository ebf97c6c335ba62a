"""Objects that are reached in roundabout ways: over globals, the heap, offsets and nested structs."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record
from tests.proof.programs.scope import Scope

__all__ = ["Boxes", "Containers", "GlobalPointers", "Heap", "Nested", "Offsets", "Tables"]


class GlobalPointers(Idiom):
    """A local whose address is in a global, where another function finds it."""

    name = "globalpointers"
    pure = False

    def header(self) -> list[Node]:
        p = self.p
        return [
            f"extern struct {p}_in *{p}_current;",
            f"extern u64 *{p}_cell;",
        ]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(f"void {p}_put_current(u64 v)", f"{p}_current->{self.member()} = v;"),
            function(f"u64 {p}_get_current(void)", f"return {p}_current->{self.member()};"),
            function(f"void {p}_put_cell(u64 v)", f"*{p}_cell {self.pick('=', '|=')} v;"),
        ]

    def definitions(self) -> list[Node]:
        p = self.p
        return [
            f"struct {p}_in *{p}_current = &{p}_spare;",
            f"u64 *{p}_cell = &{p}_global;",
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name = g.fresh("in")
        if g.chance(40):
            return [
                f"u64 {name} = 0;",
                f"{p}_cell = &{name};",
                f"{p}_put_cell({self.word(scope)});",
                f"{self.target(scope)} = {name};",
                f"{p}_cell = &{p}_global;",
            ]
        return [
            self.inner(name, scope),
            f"{p}_current = &{name};",
            self.pick(f"{p}_put_current({self.word(scope)});", f"{self.target(scope)} = {p}_get_current();"),
            f"{self.target(scope)} = {name}.{self.member()};",
            f"{p}_current = &{p}_spare;",
        ]


class Heap(Idiom):
    """Objects from kzalloc()."""

    name = "heap"

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(f"void {p}_fill_in(struct {p}_in *to, u64 v)", f"to->{self.member()} = v;"),
            function(
                f"struct {p}_in *{p}_alloc(u64 v)",
                f"struct {p}_in *made = kzalloc(sizeof(*made), GFP_KERNEL);",
                "if (!made)",
                "\treturn NULL;",
                f"made->{self.member()} = v;",
                "return made;",
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name, member = g.fresh("h"), self.member()
        make = self.pick("kzalloc(sizeof(*%s), GFP_KERNEL)" % name, f"{p}_alloc({self.word(scope)})")  # noqa: UP031
        stores = [
            f"{name}->{member} = {self.word(scope)};",
            f"{p}_fill_in({name}, {self.word(scope)});",
            f"*{name} = (struct {p}_in){{ .b = {self.word(scope)} }};",
        ]
        body: list[Node] = [g.rng.choice(stores), f"{self.target(scope)} = {name}->{self.member()};"]
        return [f"struct {p}_in *{name} = {make};", Block(f"if ({name}) {{", body), f"kfree({name});"]


class Boxes(Idiom):
    """Addresses of locals in an object of the heap, which another function follows."""

    name = "boxes"

    def header(self) -> list[Node]:
        return [record(f"{self.p}_box", f"struct {self.p}_in *in;", "u64 *word;")]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(
                f"void {p}_fill_box(struct {p}_box *box, u64 v)",
                f"box->in->{self.member()} = v;",
                f"*box->word {self.pick('=', '|=')} v;",
            ),
            function(
                f"u64 {p}_read_box(const struct {p}_box *box)", f"return box->in->a {self.pick('^', '|')} *box->word;"
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        box, inner, word = g.fresh("box"), g.fresh("in"), g.fresh("w")
        on_stack = g.chance(30)
        start = f"struct {p}_box on_{box}, *{box} = &on_{box};" if on_stack else (
            f"struct {p}_box *{box} = kzalloc(sizeof(*{box}), GFP_KERNEL);"
        )  # fmt: skip
        return [
            start,
            f"struct {p}_in {inner} = {{ .a = {self.word(scope)} }};",
            f"u64 {word} = {self.word(scope)};",
            f"{box}->in = &{inner};",
            f"{box}->word = &{word};",
            self.pick(f"{p}_fill_box({box}, {self.word(scope)});", f"{self.target(scope)} = {p}_read_box({box});"),
            f"{self.target(scope)} = {self.pick(word, f'{inner}.a', f'{inner}.b')};",
        ]


class Containers(Idiom):
    """The struct around a member that a function is given."""

    name = "containers"

    def functions(self) -> list[str]:
        p = self.p
        up = f"container_of(in, struct {p}_out, in)"
        return [
            function(
                f"void {p}_up(struct {p}_in *in, u64 v)",
                f"struct {p}_out *out = {up};",
                f"out->{self.pick('x', 'arr[1]')} = v;",
            ),
            function(f"u64 {p}_from(const struct {p}_in *in)", f"return {up}->{self.pick('x', 'arr[1]', 'in.b')};"),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name = g.fresh("out")
        return [
            f"struct {p}_out {name} = {{ .{self.pick('x', 'in.b')} = {self.word(scope)}, .link = &{p}_spare }};",
            self.pick(f"{p}_up(&{name}.in, {self.word(scope)});", f"{self.target(scope)} = {p}_from(&{name}.in);"),
            f"{self.target(scope)} = {self.pick(f'{name}.x', f'{name}.arr[1]')};",
        ]


class Nested(Idiom):
    """Structs in structs with arrays in them, and functions that take a part."""

    name = "nested"

    def header(self) -> list[Node]:
        p = self.p
        members: list[Node] = [f"struct {p}_in rows[2];", f"struct {{ u64 w; struct {p}_in in; }} sub;", "u64 m[2][2];"]
        return [
            record(f"{p}_deep", *members),
        ]

    def functions(self) -> list[str]:
        p = self.p
        place = self.pick("to->rows[n & 1].a", "to->sub.in.b", "to->m[n & 1][1]", "to->sub.w")
        return [
            function(f"void {p}_fill_deep(struct {p}_deep *to, int n, u64 v)", f"{place} = v;"),
            function(f"u64 {p}_row_of(const struct {p}_in *rows, int n)", f"return rows[n & 1].{self.member()};"),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name, flag = g.fresh("deep"), g.rng.choice(scope.flags)
        places = [f"{name}.{place}" for place in ("rows[0].a", "rows[1].b", "sub.w", "sub.in.b", "m[1][1]", "m[0][1]")]
        places += [f"{name}.rows[({flag}) & 1].a", f"{name}.m[1][({flag}) & 1]"]
        reads = [*places, f"{p}_row_of({name}.rows, {flag})", f"{p}_row_of(&{name}.sub.in, 0)"]
        start = self.pick(
            "{ 0 }", f"{{ .rows[1] = {{ .b = {self.word(scope)} }} }}", f"{{ .sub.in.b = {self.word(scope)} }}"
        )
        return [
            f"struct {p}_deep {name} = {start};",
            self.pick(
                f"{g.rng.choice(places)} = {self.word(scope)};", f"{p}_fill_deep(&{name}, {flag}, {self.word(scope)});"
            ),
            f"{self.target(scope)} = {g.rng.choice(reads)};",
            f"{self.target(scope)} ^= {g.rng.choice(reads)};",
        ]


class Offsets(Idiom):
    """Members by their offset from a pointer to char."""

    name = "offsets"

    def header(self) -> list[Node]:
        return [f"#define {self.p}_AT(s, m) ((u64 *)((char *)(s) + offsetof(struct {self.p}_in, m)))"]

    def functions(self) -> list[str]:
        return [
            function(
                f"u64 {self.p}_peek(const void *base, size_t at)", "return *(const u64 *)((const char *)base + at);"
            )
        ]

    def statements(self, scope: Scope) -> list[Node]:
        p = self.p
        name, member = self.g.fresh("in"), self.member()
        other = self.member()
        uses = [
            f"*(u64 *)((char *)&{name} + offsetof(struct {p}_in, {other})) = {self.word(scope)};",
            f"*{p}_AT(&{name}, {other}) = {self.word(scope)};",
            f"{self.target(scope)} = *(u64 *)((void *)&{name} + offsetof(struct {p}_in, {other}));",
        ]
        if self.g.has("offsetparameter"):
            uses.append(f"{self.target(scope)} = {p}_peek(&{name}, offsetof(struct {p}_in, {other}));")
        return [
            f"struct {p}_in {name} = {{ .{member} = {self.word(scope)} }};",
            self.pick(*uses),
            f"{self.target(scope)} = {self.pick(f'{name}.{other}', f'*{p}_AT(&{name}, {other})')};",
        ]


class Tables(Idiom):
    """Tables as compound literals."""

    name = "tables"

    def value(self, scope: Scope, _depth: int) -> str:
        index = self.pick("0", "1", f"({self.g.rng.choice(scope.flags)}) & 1")
        words = f"{self.word(scope)}, {self.word(scope)}"
        member = self.member()
        return self.pick(
            f"((const u64[]){{ {words} }})[{index}]",
            f"((struct {self.p}_in[]){{ {{ .a = {self.word(scope)} }}, {{ {words} }} }})[{index}].{member}",
            f"*(&(u64){{ {self.word(scope)} }})",
        )

    def statements(self, scope: Scope) -> list[Node]:
        p, name = self.p, self.g.fresh("table")
        flag = self.g.rng.choice(scope.flags)
        rows = f"{{ .a = {self.word(scope)} }}, {{ .b = {self.word(scope)} }}"
        return [
            f"const struct {p}_in *{name} = (const struct {p}_in[]){{ {rows} }};",
            f"{self.target(scope)} = {name}[{self.pick('0', '1', f'({flag}) & 1')}].{self.member()};",
            f"{self.target(scope)} ^= {name}->{self.member()};",
        ]
