"""Macros that loop, and lists to loop over."""

from __future__ import annotations

from tests.proof.programs.idioms.base import Idiom, function
from tests.proof.programs.program import Block, Node, record, single
from tests.proof.programs.scope import Scope

__all__ = ["Entries", "LoopMacros", "Nodes"]


class LoopMacros(Idiom):
    """``for_each`` macros of one's own over numbers and over the elements of an array."""

    name = "loopmacros"

    def header(self) -> list[Node]:
        p = self.p
        return [
            f"#define {p}_for_each(i, n) for ((i) = 0; (i) < (n); (i)++)",
            f"#define {p}_for_each_word(w, o) for ((w) = &(o)->arr[0]; (w) < &(o)->arr[3]; (w)++)",
            f"#define {p}_each_of(w, i, o) for ((i) = 0; (i) < 3 && ((w) = (o)->arr[i], 1); (i)++)",
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        name, out = g.fresh("w"), g.outer_pointer(scope)
        match g.rng.randrange(4):
            case 0:
                i = g.fresh("i")
                body = [g.statement(scope, "", loop=True)]
                return [f"int {i};", Block(f"{p}_for_each({i}, {g.rng.randrange(1, 4)}) {{", body)]
            case 1:
                loop = single(f"{p}_for_each_word({name}, {out})", f"{self.target(scope)} ^= *{name};")
                return [f"u64 *{name};", loop]
            case 2:
                own = g.outer_pointer(scope.targets) if scope.targets.outer or scope.own is None else ""
                if not own:
                    return []
                head = f"{p}_for_each_word({name}, {own}) {{"
                return [f"u64 *{name};", Block(head, [f"*{name} {self.pick('=', '^=')} {self.word(scope)};"])]
            case _:
                i = g.fresh("i")
                loop = single(f"{p}_each_of({name}, {i}, {out})", f"{self.target(scope)} |= {name};")
                return [f"int {i};", f"u64 {name};", loop]


class Nodes(Idiom):
    """Singly linked nodes and a macro to walk them."""

    name = "nodes"

    def header(self) -> list[Node]:
        p = self.p
        return [
            record(f"{p}_node", f"struct {p}_node *next;", "u64 v;", f"struct {p}_in in;"),
            f"#define {p}_for_each_node(pos, head) for ((pos) = (head)->next; (pos); (pos) = (pos)->next)",
        ]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(
                f"u64 {p}_sum(const struct {p}_node *head)",
                f"const struct {p}_node *pos;",
                "u64 sum = 0;",
                f"{p}_for_each_node(pos, head)",
                f"\tsum {self.pick('|=', '^=', '+=')} pos->{self.pick('v', 'in.b')};",
                "return sum;",
            ),
            function(
                f"void {p}_last(struct {p}_node *head, u64 v)",
                "while (head->next)",
                "\thead = head->next;",
                f"head->{self.pick('v', 'in.a')} = v;",
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        one, two, head = g.fresh("node"), g.fresh("node"), g.fresh("node")
        body: list[Node] = [
            f"struct {p}_node {one} = {{ .v = {self.word(scope)} }};",
            f"struct {p}_node {two} = {{ .next = &{one}, .in = {{ .b = {self.word(scope)} }} }};",
            f"struct {p}_node {head} = {{ &{two} }};",
        ]
        if g.chance(40):
            body.append(f"{p}_last(&{head}, {self.word(scope)});")
        if g.chance(50):
            return [*body, f"{self.target(scope)} = {p}_sum(&{head}) ^ {one}.{self.pick('v', 'in.a')};"]
        pos = g.fresh("pos")
        walk = [f"{self.target(scope)} {self.pick('=', '|=')} {pos}->{self.pick('v', 'in.b')};"]
        return [*body, f"struct {p}_node *{pos};", Block(f"{p}_for_each_node({pos}, &{head}) {{", list(walk))]


class Entries(Idiom):
    """Lists as the kernel has them: links inside of the entries, found again with container_of()."""

    name = "entries"

    def header(self) -> list[Node]:
        p = self.p
        entry = "container_of(%s, __typeof__(*(pos)), link)"
        first, following = entry % "(head)->next", entry % "(pos)->link.next"
        loop = f"\tfor ((pos) = {first}; \\\n\t     &(pos)->link != (head); (pos) = {following})"
        return [
            record(f"{p}_links", f"struct {p}_links *next;"),
            record(f"{p}_item", "u64 v;", f"struct {p}_links link;", "u64 w;"),
            f"#define {p}_list_for_each_entry(pos, head) \\\n{loop}",
        ]

    def functions(self) -> list[str]:
        p = self.p
        return [
            function(
                f"void {p}_list_add(struct {p}_links *entry, struct {p}_links *head)",
                "entry->next = head->next;",
                "head->next = entry;",
            ),
            function(
                f"u64 {p}_collect(struct {p}_links *head)",
                f"struct {p}_item *pos;",
                "u64 sum = 0;",
                f"{p}_list_for_each_entry(pos, head) {{",
                f"\tsum |= pos->{self.pick('v', 'w')};",
                "}",
                "return sum;",
            ),
        ]

    def statements(self, scope: Scope) -> list[Node]:
        g, p = self.g, self.p
        one, two, head, pos = g.fresh("item"), g.fresh("item"), g.fresh("head"), g.fresh("pos")
        body: list[Node] = [
            f"struct {p}_item {one} = {{ .v = {self.word(scope)} }}, {two} = {{ .w = {self.word(scope)} }};",
            f"struct {p}_links {head} = {{ &{head} }};",
            f"{p}_list_add(&{one}.link, &{head});",
        ]
        if g.chance(60):
            body.append(f"{p}_list_add(&{two}.link, &{head});")
        if g.chance(50):
            return [*body, f"{self.target(scope)} = {p}_collect(&{head});"]
        use = f"{self.target(scope)} ^= {pos}->{self.pick('v', 'w')};"
        if g.chance(30):
            use = f"{pos}->{self.pick('v', 'w')} = {self.word(scope)};"
        loop = single(f"{p}_list_for_each_entry({pos}, &{head})", use)
        return [*body, f"struct {p}_item *{pos};", loop, f"{self.target(scope)} ^= {one}.v ^ {two}.w;"]
