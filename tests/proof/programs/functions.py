"""Helper functions: what they take, what they declare and what they give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.proof.programs.program import Block, Node, single
from tests.proof.programs.scope import Helper, Scope
from tests.proof.programs.statements import Statements

__all__ = ["Functions"]


@dataclass(frozen=True, slots=True)
class _Kind:
    # A head with NAME, IN and OUT in it; the features it needs; what its parameters bring into the scope.
    head: str
    needs: tuple[str, ...] = ()
    brings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pure: bool = True


_V = {"words": ("v",)}
_KINDS = {
    "value": _Kind("u64 NAME(u64 v, u64 w)", (), {"words": ("v", "w")}),
    "flagged": _Kind("u64 NAME(u64 v, int flag)", (), _V),
    "out": _Kind("int NAME(u64 *out, u64 v, int flag)", ("outparam",), {"words": ("v", "*out")}, pure=False),
    "pair": _Kind(
        "void NAME(u64 *first, u64 *second, u64 v)",
        ("outparam",),
        {"words": ("v", "*first", "*second")},
        pure=False,
    ),
    "store": _Kind("void NAME(IN *to, u64 v)", ("outparam", "members"), {**_V, "to_inner": ("to",)}, pure=False),
    "grow": _Kind(
        "void NAME(OUT *to, u64 v, int flag)", ("members", "pointers"), {**_V, "to_outer": ("to",)}, pure=False
    ),
    "reader": _Kind("u64 NAME(OUT *from, int flag)", ("members", "pointers"), {"to_outer": ("from",)}),
    "byvalue": _Kind("IN NAME(IN given, u64 v)", ("byvalue", "members"), _V),
    "retptr": _Kind("IN *NAME(OUT *from, int flag)", ("retptr", "members", "pointers"), {"to_outer": ("from",)}),
    "sink": _Kind("void NAME(u64 v, int flag)", ("sinkhelper",), _V, pure=False),
    "recursive": _Kind("u64 NAME(u64 v, int flag)", ("recursion",), _V),
    "viafnptr": _Kind("u64 NAME(u64 (*call)(u64 v, u64 w), u64 v)", ("fnptr",), _V),
    "source": _Kind(
        "u64 NAME(const struct proof_source *from, u64 v)",
        ("sourcepointer",),
        {**_V, "reads": ("from->word", "from->other")},
    ),
}


class Functions(Statements):
    """Helpers of each kind."""

    def locals(self, scope: Scope) -> list[Node]:
        """Declarations at the top of a function, added to its scope."""
        found: list[Node] = []
        for _ in range(self.rng.randrange(1, 4)):
            start = self.word(scope, 1) if scope.words else self.constant()
            self._declare(found, scope, "words", f"u64 {self.fresh('v')}", start)
        if self.has("constlocal"):
            name = self.fresh("m")
            found.append(f"const u64 {name} = {self.constant()};")
            scope.reads.append(name)
        if self.has("statics") and self.chance(40):
            self._declare(found, scope, "words", f"static u64 {self.fresh('st')}")
        if self.has("narrow"):
            self._declare(found, scope, "narrow", f"u32 {self.fresh('h')}", self.word(scope, 1))
        if self.has("signed"):
            self._declare(found, scope, "narrow", f"int {self.fresh('i')}", self.word(scope, 1))
        if self.has("members"):
            self._declare_structs(found, scope)
        if self.has("pointers"):
            self._declare(found, scope, "to_word", f"u64 *{self.fresh('q')}", self.word_pointer(scope.targets))
            if self.inner_pointers(scope.targets):
                start = self.inner_pointer(scope.targets)
                self._declare(found, scope, "to_inner", f"struct {self.p}_in *{self.fresh('s')}", start)
        return found

    def _declare(self, found: list[Node], scope: Scope, kind: str, head: str, start: str = "") -> str:
        found.append(f"{head} = {start};" if start else f"{head};")
        name = head.rsplit(maxsplit=1)[-1].lstrip("*")
        scope.add(kind, name)
        return name

    def _declare_structs(self, found: list[Node], scope: Scope) -> None:
        start = "{ 0 }"
        if self.has("initialiser"):
            start = self.rng.choice(
                (f"{{ .a = {self.word(scope, 1)} }}", f"{{ {self.word(scope, 1)}, {self.word(scope, 1)} }}")
            )
        self._declare(found, scope, "inner", f"struct {self.p}_in {self.fresh('in')}", start)
        if self.chance(60):
            start = f"{{ .link = &{self.rng.choice(scope.lasting)} }}"
            out = self._declare(found, scope, "outer", f"struct {self.p}_out {self.fresh('out')}", start)
            if self.has("pointers"):
                self._declare(found, scope, "to_outer", f"struct {self.p}_out *{self.fresh('op')}", f"&{out}")

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
        name, row = f"{self.p}_do_{kind}{len(self.helpers)}", _KINDS[kind]
        scope = self.scope(source=self.chance(25), pure=row.pure)
        head = (
            row.head.replace("NAME", name).replace("IN", f"struct {self.p}_in").replace("OUT", f"struct {self.p}_out")
        )
        if "int flag" not in row.head:
            scope.flags = scope.targets.flags = ["(v & 1)"]
        for what, names in row.brings.items():
            getattr(scope, what).extend(names)
        if kind == "byvalue":
            scope.add("inner", "given")
        body = self._helper_body(kind, name, scope)
        self.helpers.append(Helper(kind, name))
        return Block(f"{head}\n{{", body, open=False)

    def _helper_body(self, kind: str, name: str, scope: Scope) -> list[Node]:
        if not scope.words:
            scope.words.append("from->x")
        body: list[Node] = [*self.locals(scope)] if self.chance(50) or not scope.targets.words else []
        label = "done" if self.has("goto") and self.chance(40) else ""
        if kind == "recursive":
            body.append(single("if (flag > 0 && flag < 5)", f"return {name}({self.word(scope, 1)}, flag - 1);"))
        body += self.statements(scope, self.rng.randrange(0, 3), label=label)
        if self.has("earlyreturn") and kind in {"value", "flagged", "reader"}:
            body.append(single(f"if ({self.condition(scope)})", f"return {self.word(scope, 1)};"))
        if label:
            body.append("done:")
        return body + self._helper_end(kind, scope)

    def _helper_end(self, kind: str, scope: Scope) -> list[Node]:
        match kind:
            case "out":
                early: list[Node] = [single("if (flag)", "return -1;")] if self.has("earlyreturn") else []
                return [*early, f"*out = {self.word(scope)};", "return 0;"]
            case "pair":
                return [f"*first = {self.word(scope)};", f"*second = {self.word(scope)};"]
            case "store":
                return [f"to->{self.rng.choice('ab')} = {self.word(scope)};"]
            case "grow":
                return [f"to->{self.rng.choice(('x', 'in.a', 'in.b'))} = {self.word(scope)};"]
            case "byvalue":
                return [f"given.a = {self.word(scope)};", "return given;"]
            case "retptr":
                second = "from->link" if self.has("link") else "&from->in"
                return [f"return {self.condition(scope)} ? &from->in : {second};"]
            case "sink":
                return [f"{self.p}_sink1 = {self.word(scope)};"]
            case "viafnptr":
                return [f"return call({self.word(scope, 1)}, {self.word(scope, 1)});"]
            case _:
                return [f"return {self.word(scope)};"]

    def kinds(self) -> list[str]:
        """The kinds of helpers that the features allow."""
        return [kind for kind, row in _KINDS.items() if kind != "viafnptr" and self.has(*row.needs)]
