"""Random small C programs with one marked source and some marked sinks, as a mini kernel tree.

A seed gives a program: a header, two C files and an entry function. Every
program is well defined C (locals are initialised, pointers are valid, loops are
bounded), so that what a compiler makes of it is what it means. It uses a random
subset of :data:`FEATURES`; the text is a tree of statements, so that a failing
program can be made smaller without a parser.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

__all__ = ["FEATURES", "Block", "Node", "Program", "generate", "smaller"]

FEATURES = (
    "members", "pointers", "outparam", "crossfile", "header", "structcopy", "memcpy", "loops", "switch", "goto",
    "ops", "fnptr", "macros", "masks", "ifarms", "statics", "ternary", "guards", "arrays", "byvalue", "retptr",
    "globals", "compound", "stmtexpr", "container", "shifts", "arith", "narrow", "union", "swap", "once", "memset",
    "chained", "initialiser", "link", "recursion", "earlyreturn", "sourcepointer", "sourcecopy", "sinkpointer",
    "sinkhelper", "fixedcall", "constlocal", "signed", "bits",
)  # fmt: skip

_MASKS = (0xFF, 0xF0, 0xFFFF0000, 0x00FF00FF00FF00FF, 0xFFFFFFFF00000000, 0x1, 0x8000000000000000, 0x3E7, 0xE02FF)

_INT_MASKS = ("(1 << 31)", "~0x7U", "-16", "(int)0x80000000", "(u32)-256", "~(u64)0xffU")


@dataclass(slots=True)
class Block:
    """``head``, the nodes of ``body``, ``tail``; ``open`` says that the body may stand without the rest."""

    head: str
    body: list[Node]
    tail: str = "}"
    open: bool = True


Node = str | Block


@dataclass(frozen=True, slots=True)
class Program:
    """One program: its files (path to nodes), the number of sinks, and whether the compiler takes the #if arm."""

    number: int
    files: tuple[tuple[str, tuple[Node, ...]], ...]
    features: tuple[str, ...]
    arm: bool

    @property
    def name(self) -> str:
        """The prefix of all its names."""
        return f"p{self.number}"

    def texts(self) -> dict[str, str]:
        """Path to text."""
        return {path: "\n".join(_render(nodes, 0)) + "\n" for path, nodes in self.files}


def _render(nodes: Sequence[Node], depth: int) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node if node.startswith("#") else "\t" * depth + node
        else:
            yield node.head if node.head.startswith("#") else "\t" * depth + node.head
            yield from _render(node.body, depth + (not node.head.startswith("#")))
            yield node.tail if node.tail.startswith("#") else "\t" * depth + node.tail


# ---------------------------------------------------------------- shrinking


def smaller(program: Program) -> Iterator[Program]:
    """Programs with one node less, one block opened or one expression cut; the largest cuts first."""
    found: list[tuple[int, Program]] = []
    for number, (path, nodes) in enumerate(program.files):
        for size, changed in _cuts(list(nodes)):
            files = list(program.files)
            files[number] = (path, tuple(changed))
            found.append((size, replace(program, files=tuple(files))))
    found.sort(key=lambda item: -item[0])
    for _, each in found:
        yield each


def _size(node: Node) -> int:
    return 1 if isinstance(node, str) else 1 + sum(map(_size, node.body))


def _cuts(nodes: list[Node]) -> Iterator[tuple[int, list[Node]]]:
    for number, node in enumerate(nodes):
        before, after = nodes[:number], nodes[number + 1 :]
        yield _size(node), before + after
        if isinstance(node, str) and not node.startswith(("#", "extern", "struct")):
            for text in _simpler(node):
                yield 0, [*before, text, *after]
        if isinstance(node, Block):
            if node.open:
                yield 1, before + node.body + after
            for size, body in _cuts(node.body):
                yield size, [*before, Block(node.head, body, node.tail, node.open), *after]


def _simpler(text: str) -> Iterator[str]:
    """A statement with one parenthesised operation, call or cast replaced by one of its operands."""
    for start, char in enumerate(text):
        if char != "(":
            continue
        end = _closing(text, start)
        if end < 0:
            continue
        before = re.search(r"\w*$", text[:start])
        begin = before.start() if before is not None else start
        for operand in re.split(r" (?:[-|^&+*?:,]|<<|>>) |, ", text[start + 1 : end]):
            if operand and operand.count("(") == operand.count(")") and operand != text[begin : end + 1]:
                yield text[:begin] + operand.strip() + text[end + 1 :]


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return -1


# ---------------------------------------------------------------- generation


@dataclass(slots=True)
class _Scope:
    """What a function can name: expressions of each kind."""

    words: list[str] = field(default_factory=list)  # u64 lvalues
    narrow: list[str] = field(default_factory=list)  # u32 lvalues
    inner: list[str] = field(default_factory=list)  # struct in lvalues
    outer: list[str] = field(default_factory=list)  # struct out lvalues
    to_word: list[str] = field(default_factory=list)  # u64 * variables
    to_inner: list[str] = field(default_factory=list)  # struct in * variables
    to_outer: list[str] = field(default_factory=list)  # struct out * variables
    flags: list[str] = field(default_factory=list)  # conditions
    reads: list[str] = field(default_factory=list)  # u64 values that must not be written
    lasting: list[str] = field(default_factory=list)  # struct in lvalues that outlive the function
    own: _Scope | None = None  # what may be written, in a function without effects

    @property
    def targets(self) -> _Scope:
        """What may be written."""
        return self.own or self

    def add(self, kind: str, name: str) -> None:
        """Declare a local variable."""
        for scope in {id(each): each for each in (self, self.targets)}.values():
            getattr(scope, kind).append(name)


@dataclass(frozen=True, slots=True)
class _Helper:
    kind: str
    name: str


class _Generator:
    def __init__(self, number: int, rng: random.Random, features: frozenset[str]) -> None:
        self.rng = rng
        self.features = features
        self.p = f"p{number}"
        self.helpers: list[_Helper] = []
        self.serial = 0
        self.depth = 0
        self.in_entry = False

    # ------------------------------------------------------------ small choices

    def has(self, *names: str) -> bool:
        return all(name in self.features for name in names)

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def constant(self) -> str:
        if self.chance(50):
            return f"0x{self.rng.choice(_MASKS):x}ULL"
        return f"0x{self.rng.getrandbits(64):x}ULL" if self.chance(50) else str(self.rng.randrange(200))

    def mask(self) -> str:
        text = f"{self.p.upper()}_MASK" if self.has("macros") and self.chance(40) else self.constant()
        return f"~{text}" if self.chance(25) else text

    # ------------------------------------------------------------ conditions

    def condition(self, scope: _Scope) -> str:
        flag = self.rng.choice(scope.flags)
        choice = self.rng.randrange(9 if self.has("bits") else 7)
        if choice == 0:
            return f"!{flag}"
        if choice >= 7:
            bit = self.rng.randrange(1, 4)
            tests = (
                f"({flag}) & {bit}",
                f"!(({flag}) & {bit})",
                f"(u8)({flag})",
                f"!(u8)({flag})",
                f"(({flag}) & {bit}) == {bit}",
            )
            return self.rng.choice(tests)
        if choice == 1:
            return f"{flag} == {self.rng.randrange(3)}"
        if choice == 2:
            return f"{flag} && {self.rng.choice(scope.flags)} != 1"
        if choice == 3:
            return f"{flag} || !{self.rng.choice(scope.flags)}"
        if choice == 4 and scope.words:
            return f"{self.rng.choice(scope.words)} & {self.mask()}"
        return flag

    # ------------------------------------------------------------ expressions

    def word(self, scope: _Scope, depth: int = 0) -> str:
        """A u64 expression."""
        makers: list[Callable[[_Scope, int], str]] = [self._leaf, self._leaf, self._leaf]
        if depth < 3:
            makers += [self._binary, self._binary]
            makers += [self._ternary] if self.has("ternary") else []
            makers += [self._macro] if self.has("macros") else []
            makers += [self._call, self._call] if self._values() else []
            makers += [self._odd]
        return self.rng.choice(makers)(scope, depth)

    def _leaf(self, scope: _Scope, _depth: int) -> str:
        if self.chance(8):
            return self.constant()
        if scope.reads and self.chance(50):
            return self.rng.choice(scope.reads)
        text = self.lvalue(scope)
        if self.has("once") and self.chance(20):
            return f"READ_ONCE({text})"
        return text

    def lvalue(self, scope: _Scope) -> str:
        """A u64 lvalue that may be written."""
        options: list[str] = [self.rng.choice(scope.words)] * 3
        if self.has("members"):
            options += [f"{name}.{self.rng.choice('ab')}" for name in scope.inner]
            options += [f"{name}.{self.rng.choice(('x', 'in.a', 'in.b'))}" for name in scope.outer]
        if self.has("pointers"):
            options += [f"*{name}" for name in scope.to_word]
            options += [f"{name}->{self.rng.choice('ab')}" for name in scope.to_inner]
            options += [f"{name}->{self.rng.choice(('x', 'in.a', 'in.b'))}" for name in scope.to_outer]
        if self.has("arrays"):
            index = self.rng.choice(("0", "1", "2", f"{self.rng.choice(scope.flags)} & 1"))
            options += [f"{name}.arr[{index}]" for name in scope.outer]
            options += [f"{name}->arr[{index}]" for name in scope.to_outer] if self.has("pointers") else []
        if self.has("link"):
            options += [f"{name}.link->{self.rng.choice('ab')}" for name in scope.outer]
            options += [f"{name}->link->{self.rng.choice('ab')}" for name in scope.to_outer]
        if self.has("union"):
            options += [f"{name}.{self.rng.choice(('first', 'second'))}" for name in scope.outer]
        return self.rng.choice(options)

    def _binary(self, scope: _Scope, depth: int) -> str:
        left = self.word(scope, depth + 1)
        options = [f"({left} {self.rng.choice('|^&')} {self.word(scope, depth + 1)})"]
        if self.has("masks"):
            options += [f"({left} & {self.mask()})"] * 2 + [f"({left} | {self.mask()})", f"~{left}"]
            options += [f"({left} & ~{self.word(scope, depth + 1)})"]
        if self.has("shifts"):
            options += [f"({left} {self.rng.choice(('<<', '>>'))} {self.rng.randrange(1, 40)})"]
        if self.has("arith"):
            options += [f"({left} {self.rng.choice('+-*')} {self.word(scope, depth + 1)})"]
            options += [f"({left} / {self.rng.randrange(2, 9)})", f"min({left}, {self.word(scope, depth + 1)})"]
            options += [f"ALIGN({left}, 64)", f"max_t(u64, {left}, {self.word(scope, depth + 1)})"]
        if self.has("narrow"):
            options += [
                f"(u64)(u32)({left})",
                f"((u64){self.rng.choice(scope.narrow)} << 32)" if scope.narrow else left,
            ]
            options += [f"(u64)(u16)({left})"]
        if self.has("signed"):
            kind = self.rng.choice(("int", "short", "signed char"))
            options += [f"(u64)({kind})({left})", f"({left} & {self.rng.choice(_INT_MASKS)})"]
        return self.rng.choice(options)

    def _ternary(self, scope: _Scope, depth: int) -> str:
        return f"({self.condition(scope)} ? {self.word(scope, depth + 1)} : {self.lvalue(scope)})"

    def _macro(self, scope: _Scope, depth: int) -> str:
        name = self.p.upper()
        options = [f"{name}_MIX({self.word(scope, depth + 1)}, {self.word(scope, depth + 1)})"]
        options += [f"{name}_CUT({self.word(scope, depth + 1)})"]
        options += [f"{name}_GET({pointer})" for pointer in self.inner_pointers(scope)]
        return self.rng.choice(options)

    def _odd(self, scope: _Scope, depth: int) -> str:
        options = [self._leaf(scope, depth)]
        if self.has("stmtexpr"):
            inner, name = self.word(scope, depth + 1), self.fresh("t")
            options += [f"({{ u64 {name} = {inner}; {name} & {self.mask()}; }})", f"({{ {inner}; }})"]
        if self.has("initialiser"):
            options += [f"((struct {self.p}_in){{ .b = {self.word(scope, depth + 1)} }}).b"]
        if self.has("container"):
            options += [f"container_of(&{name}.in, struct {self.p}_out, in)->x" for name in scope.outer]
        return self.rng.choice(options)

    # ------------------------------------------------------------ pointers

    def word_pointer(self, scope: _Scope) -> str:
        """A pointer to a u64 that lives long enough to be used in this function."""
        options = [f"&{self.rng.choice(scope.words)}", *scope.to_word]
        if self.has("members"):
            options += [f"&{name}.{self.rng.choice('ab')}" for name in scope.inner]
            options += [f"&{name}.in.{self.rng.choice('ab')}" for name in scope.outer]
        options += [f"&{name}->{self.rng.choice('ab')}" for name in scope.to_inner]
        if self.has("arrays"):
            options += [f"&{name}.arr[{self.rng.randrange(3)}]" for name in scope.outer]
        return self.rng.choice(options)

    def inner_pointers(self, scope: _Scope) -> list[str]:
        """Pointers to struct in."""
        found = [*(f"&{name}" for name in scope.inner), *scope.to_inner, *(f"&{name}.in" for name in scope.outer)]
        found += [f"&{name}->in" for name in scope.to_outer]
        if self.has("link"):
            found += [f"{name}.link" for name in scope.outer] + [f"{name}->link" for name in scope.to_outer]
        return found

    def inner_pointer(self, scope: _Scope) -> str:
        return self.rng.choice(self.inner_pointers(scope) or [f"&{self.p}_spare"])

    def outer_pointer(self, scope: _Scope) -> str:
        return self.rng.choice([*(f"&{name}" for name in scope.outer), *scope.to_outer] or [f"&{self.p}_shared"])

    # ------------------------------------------------------------ calls

    def _of(self, *kinds: str) -> list[_Helper]:
        return [helper for helper in self.helpers if helper.kind in kinds]

    def _values(self) -> list[_Helper]:
        return self._of("value", "flagged", "reader", "byvalue", "recursive", "viafnptr", "source")

    def _call(self, scope: _Scope, depth: int) -> str:
        helper = self.rng.choice(self._values())
        word = self.word(scope, depth + 1)
        match helper.kind:
            case "value" | "recursive":
                second = str(self.rng.randrange(4)) if helper.kind == "recursive" else self.word(scope, depth + 1)
                return self._value_call(helper.name, word, second)
            case "viafnptr":
                values = [each.name for each in self._of("value")]
                return f"{helper.name}({self.rng.choice(values)}, {word})"
            case "source":
                return f"{helper.name}(&{self.p}_src, {word})"
            case "flagged":
                return f"{helper.name}({word}, {self._flag(scope)})"
            case "reader":
                return f"{helper.name}({self.outer_pointer(scope)}, {self._flag(scope)})"
            case _:
                structs = [*scope.inner, *(f"*{name}" for name in scope.to_inner), *(f"{n}.in" for n in scope.outer)]
                given = self.rng.choice(structs or [f"{self.p}_spare"])
                return f"{helper.name}({given}, {word}).{self.rng.choice('ab')}"

    def _value_call(self, name: str, first: str, second: str) -> str:
        if self.has("ops") and self.in_entry and self.chance(40):
            return f"{self.p}_ops.get({first}, {second})"
        return f"{name}({first}, {second})"

    def _flag(self, scope: _Scope) -> str:
        options = [self.rng.choice(scope.flags)]
        if self.has("fixedcall"):
            options += ["0", "1", f"!{self.rng.choice(scope.flags)}"]
        return self.rng.choice(options)

    def call_statement(self, scope: _Scope) -> str:
        """A call for its effects, or an assignment if there is no helper with effects."""
        options: list[str] = []
        own = scope.targets
        for helper in self._of("out", "store", "pair", "sink", "grow"):
            match helper.kind:
                case "out":
                    options += [f"{helper.name}({self.word_pointer(own)}, {self.word(scope, 1)}, {self._flag(scope)});"]
                case "pair":
                    options += [
                        f"{helper.name}({self.word_pointer(own)}, {self.word_pointer(own)}, {self.word(scope, 1)});"
                    ]
                case "store":
                    options += [f"{helper.name}({self.inner_pointer(own)}, {self.word(scope, 1)});"]
                    if self.has("ops") and self.in_entry:
                        options += [f"{self.p}_ops.put({self.inner_pointer(own)}, {self.word(scope, 1)});"]
                case "grow":
                    options += [
                        f"{helper.name}({self.outer_pointer(own)}, {self.word(scope, 1)}, {self._flag(scope)});"
                    ]
                case _:
                    options += [f"{helper.name}({self.word(scope, 1)}, {self._flag(scope)});"]
        return self.rng.choice(options) if options else self.assignment(scope)

    # ------------------------------------------------------------ statements

    def assignment(self, scope: _Scope) -> str:
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

    def struct_statement(self, scope: _Scope) -> str:
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

    def inners(self, scope: _Scope) -> list[str]:
        """Lvalues of struct in."""
        inner = [*scope.inner, *(f"{name}.in" for name in scope.outer), *(f"{name}->in" for name in scope.to_outer)]
        return inner + [f"*{name}" for name in scope.to_inner]

    def _struct_stores(self, scope: _Scope, own: _Scope, target: str, source: str) -> list[str]:
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
        for helper in self._of("byvalue"):
            options += [f"{target} = {helper.name}({source}, {self.word(scope, 1)});"]
        return options

    def _pointer_stores(self, scope: _Scope, own: _Scope) -> list[str]:
        options = [f"{name} = {self.word_pointer(own)};" for name in own.to_word]
        options += [f"{name} = {self.inner_pointer(own)};" for name in own.to_inner]
        if self.has("ternary"):
            options += [
                f"{name} = {self.condition(scope)} ? {self.word_pointer(own)} : {self.word_pointer(own)};"
                for name in own.to_word
            ]
        for helper in self._of("retptr") if own.outer or own.to_outer else []:
            options += [
                f"{name} = {helper.name}({self.outer_pointer(own)}, {self._flag(scope)});" for name in own.to_inner
            ]
        return options

    def statements(self, scope: _Scope, count: int, *, label: str = "", loop: bool = False) -> list[Node]:
        """Some statements; ``label`` is where a goto may lead, ``loop`` whether a break may stand here."""
        return [self.statement(scope, label, loop=loop) for _ in range(count)]

    def statement(self, scope: _Scope, label: str, *, loop: bool) -> Node:
        if self.depth >= 2 or self.chance(60):
            maker = self.rng.choice((self.assignment, self.assignment, self.struct_statement, self.call_statement))
            return maker(scope)
        self.depth += 1
        try:
            return self._compound(scope, label, loop=loop)
        finally:
            self.depth -= 1

    def _body(self, scope: _Scope, label: str, *, loop: bool) -> list[Node]:
        return self.statements(scope, self.rng.randrange(1, 3), label=label, loop=loop)

    def _compound(self, scope: _Scope, label: str, *, loop: bool) -> Node:
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
                return Block(f"if ({self.condition(scope)})", [f"goto {label};"], "", open=False)
            case "arm":
                return Block(f"#ifdef CONFIG_{self.p.upper()}", self._body(scope, label, loop=loop), "#endif")
            case "arms":
                return Block(
                    f"#ifdef CONFIG_{self.p.upper()}",
                    [*self._body(scope, label, loop=loop), "#else", *self._body(scope, label, loop=loop)],
                    "#endif",
                    open=False,
                )
            case "leave":
                return Block(
                    f"if ({self.condition(scope)})", [self.rng.choice(("break;", "continue;"))], "", open=False
                )
            case _:
                return Block("{", self._body(scope, label, loop=loop))

    def _switch(self, scope: _Scope, label: str) -> Block:
        body: list[Node] = []
        for case in ("case 0:", "case 1:", "default:")[: self.rng.randrange(2, 4)]:
            body.append(case)
            body += self._body(scope, label, loop=False)
            body += [] if self.chance(25) else ["break;"]
        return Block(f"switch ({self.rng.choice(scope.flags)}) {{", body, open=False)

    # ------------------------------------------------------------ functions

    def locals(self, scope: _Scope) -> list[Node]:
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

    def _struct_locals(self, scope: _Scope) -> list[Node]:
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

    def scope(self, *, source: bool, pure: bool = False) -> _Scope:
        """What every function of the program can name; a pure one has its own locals to write to."""
        scope = _Scope(flags=["flag"], lasting=[f"{self.p}_spare"])
        if source:
            scope.reads += [f"{self.p}_src.word"] * 2 + [f"{self.p}_src.other"]
        if self.has("globals"):
            scope.words += [f"{self.p}_global"]
            scope.inner += [f"{self.p}_shared.in"]
            scope.outer += [f"{self.p}_shared"]
        if pure:
            scope.own = _Scope(flags=["flag"], lasting=[f"{self.p}_spare"])
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
        self.helpers.append(_Helper(kind, name))
        return Block(f"{head}\n{{", body, open=False)

    def _helper_body(self, kind: str, name: str, scope: _Scope) -> list[Node]:
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

    # ------------------------------------------------------------ the program

    def entry(self) -> Block:
        """The function that the driver runs."""
        self.in_entry = True
        scope = self.scope(source=True)
        scope.flags = ["flag", "mode"]
        scope.words.append("given")
        body: list[Node] = []
        if self.has("sourcepointer"):
            body.append(f"const struct proof_source *sp = &{self.p}_src;")
            scope.reads += ["sp->word"]
        if self.has("sourcecopy"):
            body.append(f"struct proof_source copy = {self.p}_src;")
            scope.reads += ["copy.word"]
            scope.words += ["copy.word"]
        if self.has("sinkpointer"):
            body.append(f"struct proof_sink *to = &{self.p}_out;")
        body.append(f"u64 start = {self.p}_src.word;")
        scope.words += ["start"]
        body += self.locals(scope)
        scope.lasting += scope.inner
        label = "done" if self.has("goto") else ""
        body += self.statements(scope, self.rng.randrange(2, 7), label=label)
        if label:
            body.append("done:")
        body.append(f"{self.p}_sink0 = {self.word(scope)};")
        if self.has("guards"):
            body.append(
                Block(f"if ({self.condition(scope)})", [f"{self.p}_sink1 = {self.word(scope)};"], "", open=False)
            )
        if self.has("sinkpointer"):
            body.append(f"to->word = {self.word(scope)};")
        for helper in self._of("pair") if self.has("outparam") else []:
            body.append(f"{helper.name}(&{self.p}_sink1, {self.word_pointer(scope)}, {self.word(scope, 1)});")
        return Block(f"void {self.p}_run(int flag, int mode, u64 given)\n{{", body, open=False)

    def build(self, number: int) -> Program:
        """The whole program."""
        p = self.p
        header: list[Node] = [f"#ifndef {p.upper()}_H", f"#define {p.upper()}_H", "#include <asm/fpu/proof.h>"]
        header += self._types()
        functions = [self.helper(self.rng.choice(self.kinds())) for _ in range(self.rng.randrange(0, 5))]
        if self.has("fnptr") and self._of("value"):
            functions.append(self.helper("viafnptr"))
        header += [f"{head};" for head in (f.head.partition("\n")[0] for f in functions)]
        split = self.rng.randrange(len(functions) + 1) if self.has("crossfile") else 0
        inline: list[Node] = []
        if self.has("header") and functions and split:
            moved = functions[0]
            inline = [Block(f"static inline {moved.head}", moved.body, moved.tail, open=False)]
            header.remove(moved.head.partition("\n")[0] + ";")
            functions, split = functions[1:], split - 1
        tables = self._tables()
        start = f"#include <asm/fpu/{p}.h>"
        first: list[Node] = [start, *self._globals(), *functions[:split]]
        second: list[Node] = [start, *functions[split:], *tables, self.entry()]
        if tables:
            header.append(f"extern const struct {p}_ops {p}_ops;")
        header += [*inline, "#endif"]
        files = (
            (f"arch/x86/include/asm/fpu/{p}.h", tuple(header)),
            (f"arch/x86/kernel/fpu/{p}_a.c", tuple(first)),
            (f"arch/x86/kernel/fpu/{p}_b.c", tuple(second)),
        )
        return Program(number, files, tuple(sorted(self.features)), self.chance(50))

    def _types(self) -> list[Node]:
        p, name = self.p, self.p.upper()
        union = ["union {\n\t\tu64 first;\n\t\tu64 second;\n\t};"]
        found: list[Node] = [
            Block(f"struct {p}_in {{", ["u64 a;", "u64 b;", "u32 n;"], "};", open=False),
            Block(
                f"struct {p}_out {{",
                ["u64 x;", f"struct {p}_in in;", "u64 arr[3];", f"struct {p}_in *link;", *union],
                "};",
                open=False,
            ),
            f"extern struct proof_source {p}_src;",
            f"extern struct proof_sink {p}_out;",
            f"extern u64 {p}_sink0, {p}_sink1, {p}_global;",
            f"extern struct {p}_out {p}_shared;",
            f"extern struct {p}_in {p}_spare;",
        ]
        if self.has("macros"):
            found += [
                f"#define {name}_MASK {self.constant()}",
                f"#define {name}_MIX(x, y) (((x) {self.rng.choice('|^&')} {name}_MASK) ^ (y))",
                f"#define {name}_CUT(x) ({{ u64 __cut = (x); __cut {self.rng.choice('&|')} {self.constant()}; }})",
                f"#define {name}_GET(p) ((p)->{self.rng.choice('ab')})",
                f"#define {name}_SET(p, v) do {{ (p)->{self.rng.choice('ab')} = (v); }} while (0)",
            ]
        if self.has("ops"):
            found += [
                Block(
                    f"struct {p}_ops {{",
                    ["u64 (*get)(u64 v, u64 w);", f"void (*put)(struct {p}_in *to, u64 v);"],
                    "};",
                    open=False,
                )
            ]
        return found

    def _globals(self) -> list[Node]:
        p = self.p
        return [
            f"struct proof_source {p}_src;",
            f"struct proof_sink {p}_out;",
            f"u64 {p}_sink0, {p}_sink1, {p}_global;",
            f"struct {p}_in {p}_spare;",
            f"struct {p}_out {p}_shared = {{ .link = &{p}_spare }};",
        ]

    def _tables(self) -> list[Node]:
        if not self.has("ops"):
            return []
        getters, putters = self._of("value"), self._of("store")
        found: list[Node] = []
        if not getters:
            found.append(f"static u64 {self.p}_plain(u64 v, u64 w)\n{{\n\treturn v ^ w;\n}}")
        get = self.rng.choice(getters).name if getters else f"{self.p}_plain"
        if not putters:
            found.append(f"static void {self.p}_put(struct {self.p}_in *to, u64 v)\n{{\n\tto->a = v;\n}}")
        put = self.rng.choice(putters).name if putters else f"{self.p}_put"
        members: list[Node] = [f".get = {get},", f".put = {put},"]
        return [*found, Block(f"const struct {self.p}_ops {self.p}_ops = {{", members, "};", open=False)]


def generate(number: int, seed: int, features: Sequence[str] = FEATURES) -> Program:
    """Program ``number`` of a run: a random subset of ``features``, random statements."""
    rng = random.Random(f"{seed}/{number}")
    share = rng.choice((25, 50, 75, 100))
    chosen = frozenset(name for name in features if rng.randrange(100) < share)
    return _Generator(number, rng, chosen).build(number)
