"""The whole program: types, globals, helpers and the entry function, over two files and a header."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.proof.programs.functions import Functions
from tests.proof.programs.idioms import IDIOMS
from tests.proof.programs.idioms.base import prototypes
from tests.proof.programs.program import Block, Node, Program, record, single

__all__ = ["CLAIMED", "FEATURES", "NOT_CLAIMED", "generate"]

FEATURES = (
    "members", "pointers", "outparam", "crossfile", "header", "structcopy", "memcpy", "loops", "switch", "goto",
    "ops", "fnptr", "macros", "masks", "ifarms", "statics", "ternary", "guards", "arrays", "byvalue", "retptr",
    "globals", "compound", "stmtexpr", "container", "shifts", "arith", "narrow", "union", "swap", "once", "memset",
    "chained", "initialiser", "link", "recursion", "earlyreturn", "sourcepointer", "sourcecopy", "sinkpointer",
    "sinkhelper", "fixedcall", "constlocal", "signed", "bits", "meetings", "armsigns",
    "offsetparameter",
)  # fmt: skip


# What the engine does not claim to follow: feature to the words of README.md, Limitations. No program has them.
NOT_CLAIMED = {
    "casemacros": "a macro call without a `;` behind it that makes statements or the cases of a `switch`",
    "pastedmacros": "the name of a macro that another macro pastes together",
    "tablefile": "a file that is included inside of a function, an enum or an initialiser",
    "armsigns": "of the integer types that arms give a member the widest one",
    "offsetparameter": "over a struct by anything but an `offsetof()`",
    "membermacros": "members of a struct that a macro call inside it declares",
}

CLAIMED = tuple(name for name in (*FEATURES, *IDIOMS) if name not in NOT_CLAIMED)

_MOST_IDIOMS = 6  # of one program: more make it long, and shrinking slow


class _Generator(Functions):
    def declare(self) -> tuple[list[Node], list[list[Node]], dict[str, list[Node]]]:
        """What the idioms of the program add to its header, the definitions of each, and their files."""
        header: list[Node] = []
        definitions: list[list[Node]] = []
        files: dict[str, list[Node]] = {}
        names = [name for name in IDIOMS if self.has(name)]
        for name in self.rng.sample(names, min(len(names), self.rng.randrange(1, _MOST_IDIOMS + 1))):
            idiom = IDIOMS[name](self)
            header += idiom.header()
            functions = idiom.functions()
            header += prototypes(functions)
            definitions.append([*functions, *idiom.definitions()])
            files |= idiom.files()
            self.idioms.append(idiom)
        return header, definitions, files

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
            body.append(single(f"if ({self.condition(scope)})", f"{self.p}_sink1 = {self.word(scope)};"))
        if self.has("sinkpointer"):
            body.append(f"to->word = {self.word(scope)};")
        for helper in self.of("pair") if self.has("outparam") else []:
            body.append(f"{helper.name}(&{self.p}_sink1, {self.word_pointer(scope)}, {self.word(scope, 1)});")
        return Block(f"void {self.p}_run(int flag, int mode, u64 given)\n{{", body, open=False)

    def build(self, number: int) -> Program:
        """The whole program."""
        p = self.p
        header: list[Node] = [f"#ifndef {p.upper()}_H", f"#define {p.upper()}_H", "#include <asm/fpu/proof.h>"]
        header += self._types()
        more, definitions, files_of_idioms = self.declare()
        header += more
        functions = [self.helper(self.rng.choice(self.kinds())) for _ in range(self.rng.randrange(0, 5))]
        if self.has("fnptr") and self.of("value"):
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
        first: list[Node] = [start, *self._globals()]
        second: list[Node] = [start]
        for each in definitions:
            self.rng.choice((first, second) if self.has("crossfile") else (second,)).extend(each)
        first += functions[:split]
        second += [*functions[split:], *tables, self.entry()]
        if tables:
            header.append(f"extern const struct {p}_ops {p}_ops;")
        header += [*inline, "#endif"]
        files = (
            (f"arch/x86/include/asm/fpu/{p}.h", tuple(header)),
            (f"arch/x86/kernel/fpu/{p}_a.c", tuple(first)),
            (f"arch/x86/kernel/fpu/{p}_b.c", tuple(second)),
            *((path, tuple(nodes)) for path, nodes in files_of_idioms.items()),
        )
        return Program(number, files, tuple(sorted(self.features)), self.switches)

    def _types(self) -> list[Node]:
        p, name = self.p, self.p.upper()
        union = "union {\n\t\tu64 first;\n\t\tu64 second;\n\t};"
        found: list[Node] = [
            record(f"{p}_in", "u64 a;", "u64 b;", "u32 n;"),
            record(f"{p}_out", "u64 x;", f"struct {p}_in in;", "u64 arr[3];", f"struct {p}_in *link;", union),
            f"extern struct proof_source {p}_src;",
            f"extern struct proof_sink {p}_out;",
            f"extern u64 {p}_sink0, {p}_sink1, {p}_quiet, {p}_global;",
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
            found.append(record(f"{p}_ops", "u64 (*get)(u64 v, u64 w);", f"void (*put)(struct {p}_in *to, u64 v);"))
        return found

    def _globals(self) -> list[Node]:
        p = self.p
        return [
            f"struct proof_source {p}_src;",
            f"struct proof_sink {p}_out;",
            f"u64 {p}_sink0, {p}_sink1, {p}_quiet, {p}_global;",
            f"struct {p}_in {p}_spare;",
            f"struct {p}_out {p}_shared = {{ .link = &{p}_spare }};",
        ]

    def _tables(self) -> list[Node]:
        if not self.has("ops"):
            return []
        getters, putters = self.of("value"), self.of("store")
        found: list[Node] = []
        if not getters:
            found.append(f"static u64 {self.p}_plain(u64 v, u64 w)\n{{\n\treturn v ^ w;\n}}")
        get = self.rng.choice(getters).name if getters else f"{self.p}_plain"
        if not putters:
            found.append(f"static void {self.p}_put(struct {self.p}_in *to, u64 v)\n{{\n\tto->a = v;\n}}")
        put = self.rng.choice(putters).name if putters else f"{self.p}_put"
        members: list[Node] = [f".get = {get},", f".put = {put},"]
        return [*found, Block(f"const struct {self.p}_ops {self.p}_ops = {{", members, "};", open=False)]


def generate(number: int, seed: int, features: Sequence[str] = CLAIMED) -> Program:
    """Program ``number`` of a run: a random subset of ``features``, random statements."""
    rng = random.Random(f"{seed}/{number}")
    share = rng.choice((25, 50, 75, 100))
    chosen = frozenset(name for name in features if rng.randrange(100) < share)
    return _Generator(number, rng, chosen).build(number)
