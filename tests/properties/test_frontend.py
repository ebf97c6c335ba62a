"""The front end on anything: nothing moves, nothing raises, and what is clean stays clean."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from fpuscan.parse.normalise import learn_attributes, mask, normalise
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import MAX_DEPTH, Node, ParsedFile, parse

ATTRIBUTES = learn_attributes([])

# Everything that a rule looks for, and what may stand around it.
WORDS = r"""
( ) { } [ ] ; , : = * & | ! ? . ... -> + - < > ~ # " ' \ / // /* */ 0 1 0x1f 3DNOW 'a' "s" "=m" "\n"
a b fpu u32 u64 int unsigned long void struct union enum static const inline extern return if else for while do switch
case default goto sizeof typeof offsetof asm volatile auto __init __user __aligned __attribute__ noinstr fallthrough
for_each_x scoped_guard DEFINE_PER_CPU DECLARE_BITMAP DEFINE_MUTEX SYSCALL_DEFINE2 SYSCALL_DEFINE0 EXPORT_SYMBOL
FNAME kvm_x86_call static_call struct_group CASE64 F
"""
LINES = ("\n#if A\n", "\n#if 0\n", "\n#ifdef __ASSEMBLER__\n", "\n#else\n", "\n#endif\n", "\n#define X(a) \\\n\ta\n")
TOKENS = (*WORDS.split(), *LINES, " ", "\t", "\n", "\n}\n", "\\\n", "\r\n", "\x00", "\xff")

soup = st.lists(st.sampled_from(TOKENS), max_size=60).flatmap(
    lambda tokens: st.sampled_from(["", " "]).map(lambda blank: blank.join(tokens).encode("latin-1"))
)
anything = st.one_of(st.binary(max_size=200), soup)

expressions = st.recursive(
    st.sampled_from(["a", "b", "1", "p->x", "guest_default_cfg.size", "'c'", '"s{"', "sizeof(struct fpu)", "F(3DNOW)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "&", "|", "==", "||"]), inner).map(" ".join),
        inner.map("(u64)({})".format),
        inner.map("~{}".format),
        inner.map("READ_ONCE({})".format),
        inner.map("min_t(unsigned int, {}, 2)".format),
        inner.map("container_of({}, struct fpu, m)".format),
        inner.map("kvm_x86_call(get)({})".format),
    ),
    max_leaves=6,
)
statements = st.recursive(
    st.one_of(
        expressions.map("x = {};".format),
        expressions.map("return {};".format),
        expressions.map('asm volatile("nop # %0 {{" : : "r" ({}) : "memory");'.format),
        expressions.map("for_each_bit(i, m)\n\t\tx = {};".format),
        st.just("fallthrough;"),
        st.just("/* a } comment */ x = 1;"),
    ),
    lambda inner: st.one_of(
        st.tuples(expressions, inner).map(lambda pair: "if ({}) {{\n\t{}\n\t}}".format(*pair)),
        inner.map("for_each_bit(i, m) {{\n\t{}\n\t}}".format),
        inner.map("switch (x) {{\n\tcase 1 ... 3:\n\t\t{}\n\t}}".format),
        st.tuples(inner, inner).map(lambda pair: "\n#ifdef CONFIG_A\n\t{}\n#else\n\t{}\n#endif\n".format(*pair)),
    ),
    max_leaves=5,
)
items = st.one_of(
    statements.map("static __init int f(struct fpu __user *p)\n{{\n\t{}\n}}\n".format),
    statements.map("SYSCALL_DEFINE2(f, int, a, unsigned long, b)\n{{\n\t{}\n}}\n".format),
    expressions.map("#define M(x) \\\n\t({})\n".format),
    st.sampled_from(
        [
            "EXPORT_SYMBOL_GPL(f);\n",
            "DEFINE_PER_CPU(struct fpu *, owner);\n",
            "static DEFINE_MUTEX(lock);\n",
            "struct s {\n\tu64 a;\n\tDECLARE_BITMAP(b, 64);\n\tunsigned :3;\n} __packed;\n",
            "int (*hook)(struct fpu *, int);\n",
            "/* a comment */\n",
        ]
    ),
)
kernel_code = st.lists(items, max_size=5).map(lambda parts: "\n".join(parts).encode())


def layout(data: bytes) -> bytes:
    """Only what must stay in place: newlines and tabs, and how many bytes there are."""
    return bytes(b if b in b"\n\t" else 0x20 for b in data)


def depth(node: Node) -> int:
    return 1 + max((depth(child) for child in node.children), default=0)


def parsed(data: bytes) -> ParsedFile:
    return parse(SourceFile("a.c", data), ATTRIBUTES)


@given(anything)
def test_mask_moves_nothing(data: bytes) -> None:
    assert layout(mask(data)) == layout(data)


@given(anything)
def test_mask_is_idempotent(data: bytes) -> None:
    once = mask(data)

    assert mask(once) == once


@given(anything)
def test_mask_blanks_or_keeps(data: bytes) -> None:
    assert all(new in (old, 0x20) for old, new in zip(data, mask(data), strict=True))


@given(st.one_of(anything, kernel_code))
def test_normalising_moves_nothing(data: bytes) -> None:
    assert layout(normalise(data, ATTRIBUTES).text) == layout(data)


@given(kernel_code)
def test_normalising_is_idempotent(data: bytes) -> None:
    once = normalise(data, ATTRIBUTES).text

    assert normalise(once, ATTRIBUTES).text == once


@given(anything)
def test_side_tables_lie_in_the_file(data: bytes) -> None:
    found = normalise(data, ATTRIBUTES)

    for table in (found.directives, found.groups, found.macro_calls, found.dropped):
        assert all(0 <= item.start <= item.end <= len(data) for item in table)
    assert [d.start for d in found.directives] == sorted({d.start for d in found.directives})
    assert all(group.start <= arm.start <= arm.end <= group.end for group in found.groups for arm in group.arms)
    assert all(found.text[offset : offset + 5] == b"while" for offset in found.iterators)


@given(anything)
@settings(deadline=None)
def test_parsing_survives_anything(data: bytes) -> None:
    """1: functions are ordered, disjoint and in the file; 2: so are errors; 3: no tree is too deep to walk."""
    result = parsed(data)

    ends = [0, *(function.end for function in result.functions)]
    assert all(
        end <= f.start < f.body_start < f.body_end <= f.end for end, f in zip(ends, result.functions, strict=False)
    )
    assert all(0 <= error.start <= error.end <= len(data) for error in result.errors)
    assert [error.start for error in result.errors] == sorted(error.start for error in result.errors)
    assert max(depth(node) for node in (result.root, *(f.node for f in result.functions))) <= MAX_DEPTH
    assert result.errors or not result.root.has_error


@given(kernel_code)
@settings(deadline=None)
def test_kernel_code_is_read_in_full(data: bytes) -> None:
    result = parsed(data)

    assert result.errors == ()
    assert len(result.functions) == data.count(b"int f(") + data.count(b"SYSCALL_DEFINE2(")
    assert len(result.normalised.iterators) == data.count(b"for_each_bit")


@given(kernel_code)
@settings(deadline=None)
def test_layout_means_nothing(data: bytes) -> None:
    """Without indentation, with more of it, and with other line ends it is the same code."""
    expected = shape(data)

    assert shape(re.sub(rb"(?m)^[ \t]+", b"", data)) == expected
    assert shape(re.sub(rb"(?m)^", b"\t ", data)) == expected
    assert shape(data.replace(b"\n", b"\r\n")) == expected


def shape(data: bytes) -> tuple[object, ...]:
    result = parsed(data)
    return (
        [function.name for function in result.functions],
        len(result.normalised.iterators),
        [call.name for call in result.normalised.macro_calls],
        [(directive.kind, directive.text.split()) for directive in result.normalised.directives],
        str(result.root),
    )


@given(kernel_code, soup)
@settings(deadline=None)
def test_what_stands_before_broken_code_survives_it(data: bytes, rest: bytes) -> None:
    """A function that is complete is found, whatever follows its closing brace in column 0."""
    if any(sign in rest for sign in (b'"', b"/*", b"#")):
        return  # these reach back into nothing, but change what the rest of the file means
    result = parsed(data + b"\nint last(void)\n{\n\treturn 1;\n}\n\n" + rest)

    assert "last" in [function.name for function in result.functions]
