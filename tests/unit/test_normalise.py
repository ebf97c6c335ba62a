"""The rules for comments, directives and attributes, each alone; and scraps of text through all rules."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import (
    Attributes,
    Directive,
    alternatives,
    learn_attributes,
    mask,
    normalise,
    strip_comments,
)
from fpuscan.parse.normalise.attributes import BUILT_IN, blank_attributes
from fpuscan.parse.normalise.directives import read_directives
from tests.unit.normalised import alone, tokens, whole

# R1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (b"a /* b */ c", b"a         c"),
        (b"a // b\nc", b"a     \nc"),
        (b"a /* \n\t* { */ c", b"a    \n\t       c"),
        (b'f("a{\\"b", x)', b'f("     ", x)'),
        (b"c = '{';", b"c = ' ';"),
        (b"c = '\\'';", b"c = '  ';"),
        (b"c = '\\x1f';", b"c = '    ';"),
        (b'"/*" x "*/"', b'"  " x "  "'),
        (b"/* \" */ x /* ' */", b"        x        "),
        (b"#error don't\nx", b"#error don't\nx"),
        (b'"a \\\n b"', b'"  \\\n  "'),  # still one string
        (b'#error 5" is\nx("a")', b'#error 5"   \nx(" ")'),  # a quote that is not closed ends with its line
        (b"x /* never closed", b"x /*             "),  # what is left is an error
        (b"", b""),
    ],
)
def test_mask_keeps_code_only(code: bytes, expected: bytes) -> None:
    assert mask(code) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1 /* one */ + 2", b"1   + 2"),
        (b"1 // one", b"1  "),
        (b'"/* no */" /* yes */', b'"/* no */"  '),
        (b"1 /* cut off", b"1  "),
    ],
)
def test_a_comment_is_one_space(text: bytes, expected: bytes) -> None:
    assert strip_comments(text) == expected


# R2


def directives(code: str) -> list[tuple[str, bytes]]:
    return [(found.kind, found.text) for found in normalise(code.encode(), BUILT_IN).directives]


def test_directives_leave_the_text_for_the_side_table() -> None:
    code = '#include <linux/bits.h>\n# define A(x) \\\n\t(x + /* one */ 1) // more\nint a;\n#undef A\n#error "b"\n'

    assert whole(code) == tokens("int a;")
    assert directives(code) == [
        ("include", b"<linux/bits.h>"),
        ("define", b"A(x)  \t(x +   1)"),
        ("undef", b"A"),
        ("error", b'"b"'),
    ]


def test_a_directive_spans_its_continuation_lines() -> None:
    data = b"int a;\n  #define B \\\n\t1\nint c;\n"

    (define,) = normalise(data, BUILT_IN).directives

    assert define == Directive("define", 9, 9 + len(b"#define B \\\n\t1"), b"B  \t1")


def test_a_comment_carries_a_directive_over_lines() -> None:
    """fpu/types.h has masks whose comment ends on a line with more of the mask."""
    code = "#define MASK (A | /* legacy\n * and */ B)\nint c;\n"

    assert whole(code) == tokens("int c;")
    assert directives(code) == [("define", b"MASK (A |   B)")]


def test_a_comment_inside_a_macro_does_not_cut_it() -> None:
    """Its lines end in backslashes, which are comment, and the macro goes on behind it."""
    code = "#define RUN(x) \\\n{ \\\n\t/* one \\\n\t * two \\\n\t */ \\\n\tgo(x); \\\n}\nint c;\n"

    assert whole(code) == tokens("int c;")
    assert [(kind, tokens(text)) for kind, text in directives(code)] == [("define", tokens("RUN(x) { go(x); }"))]


def test_a_hash_inside_a_line_is_no_directive() -> None:
    assert directives("int a; # define B\n") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a;\n#ifdef X\nb;\n#endif\nc;\n", "a; b; c;"),
        ("a;\n#ifdef X\nb;\n#else\nc;\n#endif\n", "a; b; c;"),
        ("#ifdef X\nint f(void) { }\n#elif Y\nint f(void) { g(); }\n#endif\n", "int f(void) { } int f(void) { g(); }"),
        ("enum {\n#ifdef X\nA,\n#else\nB,\n#endif\n};", "enum { A, B, };"),
        ("switch (x) {\n#ifdef X\ncase 1:\n#else\ncase 2:\n#endif\ny(); }", "switch (x) { case 1: case 2: y(); }"),
        ("if (a ||\n#ifdef X\nb ||\n#endif\nc) d();", "if (a || b || c) d();"),
        ("#ifdef X\nif (a) {\n#endif\nb();\n#ifdef X\n}\n#endif\n", "if (a) { b(); }"),
    ],
)
def test_all_arms_of_whole_statements_stay(code: str, expected: str) -> None:
    assert alone(lambda text: read_directives(text, {}), code) == tokens(expected)
    assert normalise(code.encode(), BUILT_IN).dropped == ()


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("#ifdef X\nif (a) {\n#else\nif (b) {\n#endif\nc(); }", "if (a) { c(); }"),
        ("x = a +\n#ifdef X\nb;\n#else\nc;\n#endif\n", "x = a + b;"),
        ("#ifdef X\nint f(int a)\n#else\nint f(long a)\n#endif\n{ }", "int f(int a) { }"),
        ("f(a,\n#ifdef X\nb,\n#else\nc,\n#endif\nd);", "f(a, b, d);"),
        ("#ifdef X\nEXPORT(a)\n#else\nEXPORT(b)\n#endif\n{ }", "EXPORT(a) { }"),
        ("#ifdef CONFIG_X86_32\nif (a) {\n#else\nif (b) {\n#endif\nc(); }", "if (b) { c(); }"),
        ("#ifndef CONFIG_X86_64\nif (a) {\n#else\nif (b) {\n#endif\nc(); }", "if (b) { c(); }"),
    ],
)
def test_a_group_that_splits_a_construct_keeps_one_arm(code: str, expected: str) -> None:
    assert alone(lambda text: read_directives(text, {}), code) == tokens(expected)
    (dropped,) = normalise(code.encode(), BUILT_IN).dropped
    assert dropped.reason


def test_header_stubs_are_no_halves() -> None:
    """Arms with directives of their own were once judged before these were blanked, and all stubs vanished."""
    code = "#ifdef X\nint f(void);\n#define A \\\n\t1\n#else\nstatic int f(void) { return 0; }\n#define A 2\n#endif\n"

    assert whole(code) == tokens("int f(void); static int f(void) { return 0; }")


def test_calls_without_semicolon_in_column_0_are_whole() -> None:
    """kvm-x86-ops.h is such a list, with an #if around it."""
    data = b"#ifndef OP\nBUILD_BUG_ON(1)\n#else\nOP(a)\nOP(b)\n#endif\n"

    calls = normalise(data, BUILT_IN).macro_calls

    assert [(call.name, call.arguments) for call in calls] == [("BUILD_BUG_ON", "1"), ("OP", "a"), ("OP", "b")]


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("#if 0", "b;"),
        ("#if 1", "a;"),
        ("#ifdef __ASSEMBLER__", "b;"),
        ("#ifndef __ASSEMBLER__", "a;"),
        ("#if !defined(__ASSEMBLY__)", "a;"),
        ("#if defined __CHECKER__", "b;"),
        ("#ifdef __KERNEL__", "a;"),
        ("#ifdef __cplusplus", "b;"),
    ],
)
def test_what_is_compiled_in_no_kernel_is_dead(condition: str, kept: str) -> None:
    code = f"{condition}\na;\n#else\nb;\n#endif\n"

    assert whole(code) == tokens(kept)
    (group,) = normalise(code.encode(), BUILT_IN).groups
    assert [arm.dead for arm in group.arms] == [kept != "a;", kept != "b;"]


def test_dead_arms_hold_no_directives() -> None:
    """A macro that only assembler sees must not be the one that C expands."""
    code = "#ifdef __ASSEMBLER__\n#define A .long 1\n#if X\n#endif\n#else\n#define A 1\n#endif\n"

    assert directives(code) == [("ifdef", b"__ASSEMBLER__"), ("else", b""), ("define", b"A 1"), ("endif", b"")]
    assert len(normalise(code.encode(), BUILT_IN).groups) == 1


def test_groups_tell_arms_and_conditions() -> None:
    data = b"#ifdef A\na;\n#if B > 1\nb;\n#elif defined(C)\nc;\n#else\nd;\n#endif\n#endif\n"

    outer, inner = normalise(data, BUILT_IN).groups

    assert [(arm.kind, arm.condition) for arm in outer.arms] == [("ifdef", "A")]
    assert [(arm.kind, arm.condition) for arm in inner.arms] == [("if", "B > 1"), ("elif", "defined(C)"), ("else", "")]
    assert [data[arm.start : arm.end].strip() for arm in inner.arms] == [b"b;", b"c;", b"d;"]
    assert data[inner.start : inner.end].startswith(b"#if B")
    assert data[inner.start : inner.end].endswith(b"#endif")


def test_each_dropped_arm_can_be_had() -> None:
    data = b"#ifdef A\nif (a) {\n#else\nif (b) {\n#endif\nc();\n#ifdef A\nd(); }\n#else\ne(); }\n#endif\n"
    first = normalise(data, BUILT_IN)

    (choice,) = alternatives(first)
    second = normalise(data, BUILT_IN, choose=choice)

    assert tokens(first.text) == tokens("if (a) { c(); d(); }")
    assert tokens(second.text) == tokens("if (b) { c(); e(); }")
    assert [data[arm.start : arm.end].split()[0] for arm in second.dropped] == [b"if", b"d();"]


@pytest.mark.parametrize(
    "code", ["#endif\na;\n", "#else\na;\n", "#ifdef X\na;\n", "#if 0\na;\n#else\n", "#elif X\na;\n"]
)
def test_unpaired_conditions_are_survived(code: str) -> None:
    assert whole(code) == tokens("a;")
    assert normalise(code.encode(), BUILT_IN).groups == ()


# R3


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("static __init bool f(void);", "static bool f(void);"),
        ("struct x __user *p;", "struct x *p;"),
        ("u64 x __ro_after_init = 1;", "u64 x = 1;"),
        ("u8 r[64] __aligned(ALIGN(8, 4)) ;", "u8 r[64] ;"),
        ("u8 r __attribute__ ((vector_size(16)));", "u8 r ;"),
        ("static noinstr void f(void);", "static void f(void);"),
        ("asmlinkage __visible int f(void);", "int f(void);"),
        ("struct x *p __free(kfree) = f();", "struct x *p = f();"),
        ("x__init = my_noinstr + noinstr_x;", "x__init = my_noinstr + noinstr_x;"),
        ("__aligned(", "__aligned("),
        ("fallthrough;", "fallthrough;"),
    ],
)
def test_attributes_vanish(code: str, expected: str) -> None:
    assert alone(lambda text: blank_attributes(text, BUILT_IN), code) == tokens(expected)


HEADER = b"""
#define __mine __attribute__((__mine__))
#define __late \\
	__mine __section(".late") /* both */
#define __shape(n) __attribute__((__shape__(n)))
# define __nothing
#define mineonly __late inline
#define __code(x) do_something(x)
#define __both
#define __both do { } while (0)
#define __made_of_both __both
#define _ASM_X_H
#define __asm_x_h
#define GUARD
#define fallthrough __attribute__((__fallthrough__))
"""


def test_attributes_are_learned_from_headers() -> None:
    learned = learn_attributes([HEADER])

    assert learned.plain - BUILT_IN.plain == {b"__mine", b"__late", b"__nothing", b"mineonly"}
    assert learned.with_arguments - BUILT_IN.with_arguments == {b"__shape"}


def test_without_headers_the_built_in_attributes_hold() -> None:
    assert learn_attributes([]) == BUILT_IN


def test_a_file_defines_attributes_of_its_own() -> None:
    code = "#define __fpu_init __init\n#define NAME other\nstatic void __fpu_init f(void) { }\nNAME x;\n"

    assert whole(code) == tokens("static void f(void) { } NAME x;")


def test_attributes_are_a_value() -> None:
    attributes = Attributes(frozenset({b"__a"}), frozenset())

    assert alone(lambda text: blank_attributes(text, attributes), "int __a x __b;") == tokens("int x __b;")


# All of it


@pytest.mark.parametrize("data", [b"", b"\n", b"#", b"\\", b"/", b"/*", b'"', b"'", b"(", b")", b"{", b"}", b"\xff\0"])
def test_scraps_are_survived(data: bytes) -> None:
    assert len(normalise(data, BUILT_IN).text) == len(data)


def test_a_file_that_is_one_conditional_is_read() -> None:
    data = b"#ifdef CONFIG_KVM\nint a;\n#endif"

    assert tokens(normalise(data, BUILT_IN).text) == tokens("int a;")
