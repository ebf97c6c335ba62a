"""Statements: assignments, calls for their effects, copies of structs, and what branches and loops."""

from __future__ import annotations

from tests.proof.programs.calls import Calls
from tests.proof.programs.program import Block, Node, single
from tests.proof.programs.scope import Scope

__all__ = ["Statements"]


class Statements(Calls):
    """Statements over what a scope can name."""

    def call_statement(self, scope: Scope) -> str:
        """A call for its effects, or an assignment if there is no helper with effects."""
        options: list[str] = []
        own = scope.targets
        for helper in self.of("out", "store", "pair", "sink", "grow"):
            match helper.kind:
                case "out":
                    options += [f"{helper.name}({self.word_pointer(own)}, {self.word(scope, 1)}, {self.flag(scope)});"]
                case "pair":
                    options += [
                        f"{helper.name}({self.word_pointer(own)}, {self.word_pointer(own)}, {self.word(scope, 1)});"
                    ]
                case "store":
                    options += [f"{helper.name}({self.inner_pointer(own)}, {self.word(scope, 1)});"]
                    if self.has("ops") and self.in_entry:
                        options += [f"{self.p}_ops.put({self.inner_pointer(own)}, {self.word(scope, 1)});"]
                case "grow":
                    options += [f"{helper.name}({self.outer_pointer(own)}, {self.word(scope, 1)}, {self.flag(scope)});"]
                case _:
                    options += [f"{helper.name}({self.word(scope, 1)}, {self.flag(scope)});"]
        return self.rng.choice(options) if options else self.assignment(scope)

    def assignment(self, scope: Scope) -> str:
        """One assignment statement."""
        own = scope.targets
        target, value = self.lvalue(own), self.word(scope)
        options = [f"{target} = {value};"] * 3
        if self.has("compound"):
            options += [f"{target} {self.rng.choice(('|=', '&=', '^=', '+='))} {value};"] * 2
        if self.has("once"):
            options += [f"WRITE_ONCE({target}, {value});"]
        if self.has("chained"):
            options += [f"{target} = {self.lvalue(own)} = {value};"]
            word = self.rng.choice(own.words)
            options += [f"{target} = ({word} = {value}, {word} ^ {self.word(scope, 1)});", f"({word})++;"]
        if self.has("macros") and self.inner_pointers(own):
            options += [f"{self.p.upper()}_SET({self.inner_pointer(own)}, {value});"]
        if (self.has("narrow") or self.has("signed")) and own.narrow:
            options += [f"{self.rng.choice(own.narrow)} = {value};"]
        return self.rng.choice(options)

    def struct_statement(self, scope: Scope) -> str:
        """A statement over whole structs or pointers."""
        own = scope.targets
        options = [self.assignment(scope)]
        inner, targets = self.inners(scope), self.inners(own)
        if targets:
            target = self.rng.choice(targets)
            options += self._struct_stores(scope, own, target, self.rng.choice(inner))
        if self.has("structcopy") and (len(own.outer) > 1 or (own.outer and own.to_outer)):
            outer = [*own.outer, *(f"*{name}" for name in own.to_outer)]
            options += [f"{self.rng.choice(outer)} = {self.rng.choice(outer)};"]
        if self.has("swap"):
            options += [f"swap({self.rng.choice(own.words)}, {self.rng.choice(own.words)});"]
        if self.has("pointers"):
            options += self._pointer_stores(scope, own)
        if self.has("link") and scope.lasting:
            options += [f"{name}.link = &{self.rng.choice(scope.lasting)};" for name in own.outer]
        return self.rng.choice(options)

    def _struct_stores(self, scope: Scope, own: Scope, target: str, source: str) -> list[str]:
        p = self.p
        options: list[str] = []
        if self.has("structcopy"):
            options += [f"{target} = {source};"] * 2
        if self.has("memcpy"):
            options += [f"memmove({self.inner_pointer(own)}, {self.inner_pointer(scope)}, sizeof(struct {p}_in));"]
        if self.has("memset"):
            options += [f"memset({self.inner_pointer(own)}, 0, sizeof(struct {p}_in));"]
        if self.has("initialiser"):
            options += [f"{target} = (struct {p}_in){{ .a = {self.word(scope, 1)}, .b = {self.word(scope, 1)} }};"]
        for helper in self.of("byvalue"):
            options += [f"{target} = {helper.name}({source}, {self.word(scope, 1)});"]
        return options

    def _pointer_stores(self, scope: Scope, own: Scope) -> list[str]:
        options = [f"{name} = {self.word_pointer(own)};" for name in own.to_word]
        options += [f"{name} = {self.inner_pointer(own)};" for name in own.to_inner]
        if self.has("ternary"):
            options += [
                f"{name} = {self.condition(scope)} ? {self.word_pointer(own)} : {self.word_pointer(own)};"
                for name in own.to_word
            ]
        for helper in self.of("retptr") if own.outer or own.to_outer else []:
            options += [
                f"{name} = {helper.name}({self.outer_pointer(own)}, {self.flag(scope)});" for name in own.to_inner
            ]
        return options

    def idiom(self, scope: Scope) -> list[Node]:
        """Statements of one idiom of the program."""
        idioms = [idiom for idiom in self.idioms if idiom.pure or scope.own is None]
        outer, self.level = self.level, 0
        found = self.rng.choice(idioms).statements(scope) if idioms else []
        self.level = outer
        return found

    def statements(self, scope: Scope, count: int, *, label: str = "", loop: bool = False) -> list[Node]:
        """Some statements; ``label`` is where a goto may lead, ``loop`` whether a break may stand here."""
        return [self.statement(scope, label, loop=loop) for _ in range(count)]

    def statement(self, scope: Scope, label: str, *, loop: bool) -> Node:
        if self.depth >= 2 or self.chance(60):
            if self.idioms and self.chance(40):
                found = self.idiom(scope)
                if found:
                    return Block("{", found)
            maker = self.rng.choice((self.assignment, self.assignment, self.struct_statement, self.call_statement))
            return maker(scope)
        self.depth += 1
        try:
            return self._compound(scope, label, loop=loop)
        finally:
            self.depth -= 1

    def _body(self, scope: Scope, label: str, *, loop: bool) -> list[Node]:
        return self.statements(scope, self.rng.randrange(1, 3), label=label, loop=loop)

    def _compound(self, scope: Scope, label: str, *, loop: bool) -> Node:
        options: list[str] = ["plain"]
        options += ["if", "if", "else"] if self.has("guards") else []
        options += ["for", "while", "once"] if self.has("loops") else []
        options += ["switch"] if self.has("switch") else []
        options += ["goto"] if self.has("goto") and label else []
        options += ["arm", "arms"] if self.has("ifarms") else []
        options += ["leave"] if loop and self.has("loops") else []
        match self.rng.choice(options):
            case "if":
                return Block(f"if ({self.condition(scope)}) {{", self._body(scope, label, loop=loop))
            case "else":
                first = self._body(scope, label, loop=loop)
                return Block(
                    f"if ({self.condition(scope)}) {{",
                    [*first, Block("} else {", self._body(scope, label, loop=loop), "", open=False)],
                )
            case "for":
                i = self.fresh("i")
                return Block(
                    f"for (int {i} = 0; {i} < {self.rng.randrange(1, 4)}; {i}++) {{",
                    self._body(scope, label, loop=True),
                )
            case "while":
                i = self.fresh("n")
                return Block(
                    "{",
                    [
                        f"int {i} = {self.rng.randrange(1, 4)};",
                        Block(f"while ({i}--) {{", self._body(scope, label, loop=True)),
                    ],
                )
            case "once":
                return Block("do {", self._body(scope, label, loop=True), "} while (0);")
            case "switch":
                return self._switch(scope, label)
            case "goto":
                return single(f"if ({self.condition(scope)})", f"goto {label};")
            case "arm":
                return Block(self.arm(), self._body(scope, label, loop=loop), "#endif")
            case "arms":
                first = self._body(scope, label, loop=loop)
                if self.chance(40):
                    first += [f"#elif {self.arm_condition()}", *self._body(scope, label, loop=loop)]
                return Block(self.arm(), [*first, "#else", *self._body(scope, label, loop=loop)], "#endif", open=False)
            case "leave":
                return single(f"if ({self.condition(scope)})", self.rng.choice(("break;", "continue;")))
            case _:
                return Block("{", self._body(scope, label, loop=loop))

    def _switch(self, scope: Scope, label: str) -> Block:
        body: list[Node] = []
        for case in ("case 0:", "case 1:", "default:")[: self.rng.randrange(2, 4)]:
            body.append(case)
            body += self._body(scope, label, loop=False)
            body += [] if self.chance(25) else ["break;"]
        return Block(f"switch ({self.rng.choice(scope.flags)}) {{", body, open=False)
