"""Helper functions: what they take, what they declare and what they give."""

from __future__ import annotations

from tests.proof.programs.program import Block, Node
from tests.proof.programs.scope import Helper, Scope
from tests.proof.programs.statements import Statements

__all__ = ["Functions"]


class Functions(Statements):
    """Helpers of each kind."""

    def locals(self, scope: Scope) -> list[Node]:
        """Declarations at the top of a function, added to its scope."""
        found: list[Node] = []
        for _ in range(self.rng.randrange(1, 4)):
            name = self.fresh("v")
            start = self.word(scope, 1) if scope.words else self.constant()
            found.append(f"u64 {name} = {start};")
            scope.add("words", name)
        if self.has("constlocal"):
            name = self.fresh("m")
            found.append(f"const u64 {name} = {self.constant()};")
            scope.reads.append(name)
        if self.has("statics") and self.chance(40):
            name = self.fresh("st")
            found.append(f"static u64 {name};")
            scope.add("words", name)
        if self.has("narrow"):
            name = self.fresh("h")
            found.append(f"u32 {name} = {self.word(scope, 1)};")
            scope.add("narrow", name)
        if self.has("signed"):
            name = self.fresh("i")
            found.append(f"int {name} = {self.word(scope, 1)};")
            scope.add("narrow", name)
        if self.has("members"):
            found += self._struct_locals(scope)
        if self.has("pointers"):
            name = self.fresh("q")
            found.append(f"u64 *{name} = {self.word_pointer(scope.targets)};")
            scope.add("to_word", name)
            if self.inner_pointers(scope.targets):
                name = self.fresh("s")
                found.append(f"struct {self.p}_in *{name} = {self.inner_pointer(scope.targets)};")
                scope.add("to_inner", name)
        return found

    def _struct_locals(self, scope: Scope) -> list[Node]:
        found: list[Node] = []
        name = self.fresh("in")
        start = "{ 0 }"
        if self.has("initialiser"):
            start = self.rng.choice(
                (f"{{ .a = {self.word(scope, 1)} }}", f"{{ {self.word(scope, 1)}, {self.word(scope, 1)} }}")
            )
        found.append(f"struct {self.p}_in {name} = {start};")
        scope.add("inner", name)
        if self.chance(60):
            out = self.fresh("out")
            link = self.rng.choice(scope.lasting)
            found.append(f"struct {self.p}_out {out} = {{ .link = &{link} }};")
            scope.add("outer", out)
            if self.has("pointers"):
                pointer = self.fresh("op")
                found.append(f"struct {self.p}_out *{pointer} = &{out};")
                scope.add("to_outer", pointer)
        return found

    def scope(self, *, source: bool, pure: bool = False) -> Scope:
        """What every function of the program can name; a pure one has its own locals to write to."""
        scope = Scope(flags=["flag"], lasting=[f"{self.p}_spare"])
        if source:
            scope.reads += [f"{self.p}_src.word"] * 2 + [f"{self.p}_src.other"]
        if self.has("globals"):
            scope.words += [f"{self.p}_global"]
            scope.inner += [f"{self.p}_shared.in"]
            scope.outer += [f"{self.p}_shared"]
        if pure:
            scope.own = Scope(flags=["flag"], lasting=[f"{self.p}_spare"])
        return scope

    def helper(self, kind: str) -> Block:
        """A helper function of some kind; it may call those before it."""
        name = f"{self.p}_do_{kind}{len(self.helpers)}"
        pure = kind not in {"out", "pair", "store", "grow", "sink"}
        scope = self.scope(source=self.chance(25), pure=pure)
        p = self.p
        heads = {
            "value": f"u64 {name}(u64 v, u64 w)",
            "flagged": f"u64 {name}(u64 v, int flag)",
            "out": f"int {name}(u64 *out, u64 v, int flag)",
            "pair": f"void {name}(u64 *first, u64 *second, u64 v)",
            "store": f"void {name}(struct {p}_in *to, u64 v)",
            "grow": f"void {name}(struct {p}_out *to, u64 v, int flag)",
            "reader": f"u64 {name}(struct {p}_out *from, int flag)",
            "byvalue": f"struct {p}_in {name}(struct {p}_in given, u64 v)",
            "retptr": f"struct {p}_in *{name}(struct {p}_out *from, int flag)",
            "sink": f"void {name}(u64 v, int flag)",
            "recursive": f"u64 {name}(u64 v, int flag)",
            "viafnptr": f"u64 {name}(u64 (*call)(u64 v, u64 w), u64 v)",
            "source": f"u64 {name}(const struct proof_source *from, u64 v)",
        }
        head = heads[kind]
        if kind not in {"reader", "retptr"}:
            scope.add("words", "v")
        if "int flag" not in head:
            scope.flags = scope.targets.flags = ["(v & 1)"]
        scope.words += {"value": ["w"], "out": ["*out"], "pair": ["*first", "*second"]}.get(kind, [])
        scope.to_inner += {"store": ["to"]}.get(kind, [])
        scope.to_outer += {"grow": ["to"], "reader": ["from"], "retptr": ["from"]}.get(kind, [])
        if kind == "byvalue":
            scope.add("inner", "given")
        scope.reads += {"source": ["from->word", "from->other"]}.get(kind, [])
        body = self._helper_body(kind, name, scope)
        self.helpers.append(Helper(kind, name))
        return Block(f"{head}\n{{", body, open=False)

    def _helper_body(self, kind: str, name: str, scope: Scope) -> list[Node]:
        if kind in {"reader", "retptr"} and not scope.words:
            scope.words.append("from->x")
        body: list[Node] = [*self.locals(scope)] if self.chance(50) or not scope.targets.words else []
        label = "done" if self.has("goto") and self.chance(40) else ""
        if kind == "recursive":
            body.append(
                Block("if (flag > 0 && flag < 5)", [f"return {name}({self.word(scope, 1)}, flag - 1);"], "", open=False)
            )
        body += self.statements(scope, self.rng.randrange(0, 3), label=label)
        if self.has("earlyreturn") and kind in {"value", "flagged", "reader"}:
            body.append(Block(f"if ({self.condition(scope)})", [f"return {self.word(scope, 1)};"], "", open=False))
        if label:
            body.append("done:")
        match kind:
            case "out":
                body += [Block("if (flag)", ["return -1;"], "", open=False)] if self.has("earlyreturn") else []
                body += [f"*out = {self.word(scope)};", "return 0;"]
            case "pair":
                body += [f"*first = {self.word(scope)};", f"*second = {self.word(scope)};"]
            case "store":
                body += [f"to->{self.rng.choice('ab')} = {self.word(scope)};"]
            case "grow":
                body += [f"to->{self.rng.choice(('x', 'in.a', 'in.b'))} = {self.word(scope)};"]
            case "byvalue":
                body += [f"given.a = {self.word(scope)};", "return given;"]
            case "retptr":
                second = "from->link" if self.has("link") else "&from->in"
                body += [f"return {self.condition(scope)} ? &from->in : {second};"]
            case "sink":
                body += [f"{self.p}_sink1 = {self.word(scope)};"]
            case "viafnptr":
                body += [f"return call({self.word(scope, 1)}, {self.word(scope, 1)});"]
            case _:
                body += [f"return {self.word(scope)};"]
        return body

    def kinds(self) -> list[str]:
        """The kinds of helpers that the features allow."""
        found = ["value", "flagged"]
        found += ["out", "pair"] if self.has("outparam") else []
        found += ["store"] if self.has("outparam", "members") else []
        found += ["grow", "reader"] if self.has("members", "pointers") else []
        found += ["byvalue"] if self.has("byvalue", "members") else []
        found += ["retptr"] if self.has("retptr", "members", "pointers") else []
        found += ["sink"] if self.has("sinkhelper") else []
        found += ["recursive"] if self.has("recursion") else []
        found += ["source"] if self.has("sourcepointer") else []
        return found
