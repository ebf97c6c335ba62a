"""Each rule of the normaliser alone: what it makes of one shape, and what it leaves alone.

Text is compared token by token, without its blanks; that nothing moves is checked for every example.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from fpuscan.normalise import (
    Attributes,
    Directive,
    alternatives,
    learn_attributes,
    loop_macros,
    mask,
    normalise,
    strip_comments,
)
from fpuscan.normalise.asm import rewrite_asm, rewrite_asm_macros
from fpuscan.normalise.attributes import BUILT_IN, blank_attributes
from fpuscan.normalise.directives import read_directives
from fpuscan.normalise.macros import (
    blank_top_level_calls,
    rewrite_declaring,
    rewrite_iterators,
)
from fpuscan.normalise.shapes import (
    rewrite_named_calls,
    rewrite_ranges,
    rewrite_small_shapes,
    rewrite_type_arguments,
)
from fpuscan.normalise.text import Text
from fpuscan.syntax import parse_snippet

TOKEN = re.compile(r'"\s*"|\w+|\S')


def tokens(text: str | bytes) -> list[str]:
    """The tokens of normalised text; the content of a string does not count, as there is none."""
    if isinstance(text, bytes):
        text = text.decode()
    return ['""' if token[0] == '"' else token for token in TOKEN.findall(text)]


def alone(rule: Callable[[Text], object], code: str) -> list[str]:
    """What one rule makes of masked code."""
    data = code.encode()
    text = Text(data, mask(data))
    rule(text)
    check_nothing_moved(data, bytes(text.buf))
    return tokens(bytes(text.buf))


def check_nothing_moved(data: bytes, text: bytes) -> None:
    assert len(text) == len(data)
    for sign in (b"\n", b"\t"):
        assert [i for i, b in enumerate(data) if data[i : i + 1] == sign] == [
            i for i, b in enumerate(text) if text[i : i + 1] == sign
        ]


def whole(code: str) -> list[str]:
    """What all rules make of code."""
    data = code.encode()
    text = normalise(data, BUILT_IN).text
    check_nothing_moved(data, text)
    return tokens(text)


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


# R4, R5


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('asm volatile("xsave %0" : "=m" (*fx) : "a" (lo), "d" (hi) : "memory");', "ASM ( (*fx) , (lo), (hi) );"),
        ('__asm__ __volatile__ ("" : [x] "=&r" (a[1]));', "ASM ( (a[1]));"),
        ('asm("nop");', "ASM( );"),
        ('asm volatile("1:" _ASM_EXTABLE(1b, 2b) : : "r" (f(a, b)));', "ASM ( (f(a, b)));"),
        ('asm volatile("" : : ASM_INPUT_RM (x));', "ASM ( (x));"),
        ('asm_inline volatile("" : "+m" (x) );', "ASM ( (x) );"),
        ('register unsigned long sp asm("rsp");', "register unsigned long sp ;"),
        ('if (a) asm("nop" : "+r" (b));', "if (a) ASM( (b));"),
        ("my_asm(a); asmlinkage(b);", "my_asm(a); asmlinkage(b);"),
    ],
)
def test_assembler_becomes_a_call_with_its_operands(code: str, expected: str) -> None:
    assert alone(rewrite_asm, code) == tokens(expected)


def test_labels_of_asm_goto_are_told() -> None:
    data = b'x; asm goto("1: jmp %l[out]" : : "r" (a), "m" (b ? c : d) : "cc" : out, fail);'

    normalised = normalise(data, BUILT_IN)

    assert normalised.goto_labels == {3: ("out", "fail")}
    assert tokens(normalised.text) == tokens("x; ASM ( (a), (b ? c : d) );")


def test_an_operand_list_over_lines_is_still_a_list() -> None:
    data = b'asm volatile("a"\n\t: "=a" (a)\n\t:\n\t"b"\n(b)\n, "c" (c));'

    root = parse_snippet(normalise(b"void f(void) { " + data + b" }", BUILT_IN).text)

    assert not root.has_error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            'err = user_insn(fnsave %[fx]; fwait, [fx] "=m" (*fx), "m" (*fx));',
            "err = user_insn( (*fx), (*fx));",
        ),
        ('vmx_asm1(vmclear, "m"(phys), vmcs, vmcs->x);', "vmx_asm1( (phys), vmcs, vmcs->x);"),
        ('asm_safe("fwait", , [fx] "+m" (x));', "asm_safe( (x));"),
        ('pr_info("a" "b", (c));', 'pr_info(" " " ", (c));'),
    ],
)
def test_macros_with_operands_keep_what_is_c(code: str, expected: str) -> None:
    assert alone(rewrite_asm_macros, code) == tokens(expected)


# R6


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("DEFINE_PER_CPU(struct fpu *, owner) = NULL;", "struct fpu * owner = NULL;"),
        ("DECLARE_PER_CPU(u64 [4], counts);", "u64 counts ;"),
        ("static DEFINE_PER_CPU_READ_MOSTLY(u64, xfd_state);", "static u64 xfd_state ;"),
        ("__DECLARE_FLEX_ARRAY(struct entry, entries);", "struct entry entries ;"),
        ("DECLARE_BITMAP(mask, 64);", "long mask ;"),
        ("static DEFINE_MUTEX(lock);", "static long lock ;"),
        ("static DEVICE_ATTR(name, 0644, show, NULL);", "static long name ;"),
        ("x = DEFINE_RES_MEM(0, 0);", "x = DEFINE_RES_MEM(0, 0);"),
        ("DECLARE_EVENT_CLASS(c, p);", "DECLARE_EVENT_CLASS(c, p);"),
        ("MY_DEFINE_X(a);", "MY_DEFINE_X(a);"),
        ("DEFINE_GUARD(a, b, c)", "DEFINE_GUARD(a, b, c)"),
    ],
)
def test_declaring_macros_declare(code: str, expected: str) -> None:
    assert alone(rewrite_declaring, code) == tokens(expected)


def test_declaring_macros_stay_in_the_side_table() -> None:
    """The target of a static call is found nowhere else."""
    data = b"DEFINE_STATIC_CALL_NULL(x86_idle, /* for now */ default_idle);"

    (call,) = normalise(data, BUILT_IN).macro_calls

    assert (call.name, call.arguments) == ("DEFINE_STATIC_CALL_NULL", "x86_idle, /* for now */ default_idle")
    assert data[call.start : call.end] == data[:-1]


# R7


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("; for_each_extended_xfeature(i, mask) f(i);", "; while (i, mask) f(i);"),
        ("{ kvm_for_each_vcpu(i, vcpu, kvm) {", "{ while (i, vcpu, kvm) {"),
        ("if (a) for_each_set_bit(i, &m, 64) { }", "if (a) while (i, &m, 64) { }"),
        ("else for_each_x(a) { }", "else while (a) { }"),
        ("; for_each_x(a) *p = 1;", "; while (a) *p = 1;"),
        ("; for_each_x(a) (*p)++;", "; while (a) (*p)++;"),
        ("; for_each_x(a) ++i;", "; while (a) ++i;"),
        ("; for_each_x(a) --i;", "; while (a) --i;"),
        ("; for_each_x(a) - 1;", "; for_each_x(a) - 1;"),  # a value
        ("; scoped_guard(mutex, &lock) { }", "; while (mutex, &lock) { }"),
        ("; for_each_online() { }", "; while(1) { }"),
        ("do { a(); } for_each_x(b);", "do { a(); } while (b);"),
        ("; for_each_x(a);", "; for_each_x(a);"),  # a call
        ("x = for_each_x(a) + 1;", "x = for_each_x(a) + 1;"),
        ("static int for_each_x(int a) { }", "static int for_each_x(int a) { }"),
        ("; for_each_x(a", "; for_each_x(a"),
    ],
)
def test_iterators_become_loops(code: str, expected: str) -> None:
    assert alone(rewrite_iterators, code) == tokens(expected)


def test_iterators_are_told_by_offset() -> None:
    data = b"void f(void)\n{\n\tfor_each_x(a)\n\t\tb();\n}\n"

    normalised = normalise(data, BUILT_IN)

    assert normalised.iterators == {data.index(b"for_each_x")}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("void f(void) { walk_features(i, mask) { g(i); } }", "void f(void) { while (i, mask) { g(i); } }"),
        ("void f(void) {\n\twalk_bits(i,\n\t     mask) {\n\t} }", "void f(void) { while (i, mask) { } }"),
        ("void f(void) {\n\twalk_bits(i)\n\t{ } }", "void f(void) { while (i) { } }"),
        ("void f(void) { walk(i) { } }", "void f(void) { if (i) { } }"),
        ("void f(void) { w(i) { } }",) * 2,  # no room for a word
        ("void f(void) { if(a) { } else if (b) { } switch(c) { } }",) * 2,
        ("static int\nf(int a)\n{\n}\n",) * 2,
        ("DEFINE_IDTENTRY(f)\n{\n}\n",) * 2,
        ("void f(void) { x = (struct s) { 1 }; }",) * 2,
        ("void f(void) { x = sizeof(a) ({ 1; }); }",) * 2,
    ],
)
def test_a_macro_with_a_block_is_a_loop(code: str, expected: str) -> None:
    """for_ftrace_rec_iter(iter) { } was once a function inside a function, without an error."""
    assert alone(rewrite_iterators, code) == tokens(expected)


# R7b


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("static int FNAME(walk_addr)(struct w *w) { }", "static int walk_addr (struct w *w) { }"),
        ("a = static_call(kvm_x86_run)(b);", "a = kvm_x86_run (b);"),
        ("kvm_x86_call(get_cpl)(vcpu);", "kvm_x86_ops. get_cpl (vcpu);"),
        ("kvm_pmu_call(init)(vcpu);", "kvm_pmu_ops. init (vcpu);"),
        ("kvm_nested_call(check)(vcpu);", "nested_ops-> check (vcpu);"),
        ("guard(mutex)(&lock);", "guard(mutex)(&lock);"),
        ("CLASS(fd, f)(x);", "CLASS(fd, f)(x);"),
        ("x = (u32)(mask >> 32);", "x = (u32)(mask >> 32);"),
        ("if (a)(b)->c();", "if (a)(b)->c();"),
        ("(*f)(a); g(a + b)(c);", "(*f)(a); g(a + b)(c);"),
    ],
)
def test_a_macro_that_names_a_function_is_its_name(code: str, expected: str) -> None:
    assert alone(rewrite_named_calls, code) == tokens(expected)


@pytest.mark.parametrize(
    ("macro", "selects"),
    [
        ("op(f) ops.f", True),
        ("op(f) (*(ops)->f)", True),
        ("op(s, f) ((s)->f)", True),
        ("op(s) ((s)->f)", False),
        ("op(f) op_##f", False),
        ("op ops.f", False),
    ],
)
def test_a_macro_that_selects_a_member_is_no_name_of_a_function(macro: str, selects: bool) -> None:  # noqa: FBT001
    code = f"#define {macro}\nvoid g(void)\n{{\n\tx = op(call)(y);\n}}\n"
    text = normalise(code.encode(), BUILT_IN).text.decode()

    assert (text.count("op(call)(y)") == 1) == selects
    assert (re.search(r"x = +call +\(y\)", text) is not None) != selects


# R8


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("case 1 ... 3:", "case 1 | 3:"),
        ("case A(0) ... A(1):", "case A(0) | A(1):"),
        ("int f(int a, ...);", "int f(int a, ...);"),
        ("int f(...);", "int f(...);"),
    ],
)
def test_ranges_become_expressions(code: str, expected: str) -> None:
    assert alone(rewrite_ranges, code) == tokens(expected)


# R9


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("struct fpu", "struct_fpu"),
        ("union x", "union_x"),
        ("struct fpu *", "struct_fpu__"),
        ("struct fpu **", "struct_fpu___"),
        ("const struct fpu *", "const_struct_fpu__"),
        ("unsigned int", "unsigned_int"),
        ("unsigned long long", "unsigned_long_long"),
        ("u8 *", "u8__"),
        ("struct\n\tfpu *", "fpu"),
        ("a * b", "a * b"),
        ("*p", "*p"),
        ("int", "int"),
    ],
)
@pytest.mark.parametrize("form", ["{{ x = container({}, m); }}", "{{ x = container(p, {}); }}", "{{ x = m({}); }}"])
def test_a_type_as_argument_is_one_word(argument: str, expected: str, form: str) -> None:
    assert alone(rewrite_type_arguments, form.format(argument)) == tokens(form.format(expected))


@pytest.mark.parametrize(
    "code",
    [
        "{ x = sizeof(struct fpu); }",
        "{ DECLARE(a, unsigned long b); }",
        "{ x = (struct fpu *)p; }",
        "{ return (unsigned long)p; }",
        "{ int (*f)(struct fpu *, int); }",
        "int f(struct fpu *, unsigned int);",
        "struct fpu *f(struct fpu *p);",
    ],
)
def test_other_types_stay(code: str) -> None:
    assert alone(rewrite_type_arguments, code) == tokens(code)


def test_a_type_in_an_initialiser_is_an_argument() -> None:
    code = "static int x = field(struct fpu, y);"

    assert alone(rewrite_type_arguments, code) == tokens("static int x = field(struct_fpu, y);")


# R10


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("EXPORT_SYMBOL_GPL(f);\nint a;", "int a;"),
        ("int a;\nmodule_init(f)\nint b;", "int a; int b;"),
        ("static int\nfoo(int a)\n{\n}\n", "static int foo(int a) { }"),
        ("TRACE_EVENT(x,\n\tTP_PROTO(int a),\n);\nint a;", "int a;"),
        ('int a;\nFOP(x) "pushf\\n" FOP_RET(x)\nFOP_END;\n', "int a; FOP_RET(x) FOP_END;"),
        ("SYSCALL_DEFINE2(f, int, a, char *, b)\n{\n}\n", "long f( int a, char * b) { }"),
        ("COMPAT_SYSCALL_DEFINE1(f, u32, a)\n{\n}\n", "long f( u32 a) { }"),
        ("SYSCALL_DEFINE0(f)\n{\n}\n", "long f { }"),
        ("void (*hook)(void);\n", "void (*hook)(void);"),
        ("void f(void)\n{\ng(a);\n}\n", "void f(void) { g(a); }"),  # not indented, and still in a function
        ("int a = 1 +\nf(x);", "int a = 1 + f(x);"),
        ("\tOP(a)\n\tOP(b)\n\tint c;", "int c;"),  # a file that is indented as a whole
        ("A(", "A("),
    ],
)
def test_calls_at_the_top_level_vanish(code: str, expected: str) -> None:
    assert alone(blank_top_level_calls, code) == tokens(expected)


@pytest.mark.parametrize(
    ("code", "half"),
    [
        ("int f(void)\n{\n\treturn x\n#ifdef A\n\t\t+ 1\n#endif\n\t\t;\n}\n", True),
        ("int f(void)\n{\n\tg(x,\n#ifdef A\n\t  1,\n#endif\n\t  2);\n}\n", True),
        ("int f(void)\n{\n#ifdef A\n\tif (x)\n#endif\n\t\tg();\n}\n", True),
        ("int f(void)\n{\n#ifdef A\n\tg();\n#endif\n\th();\n}\n", False),
        ("int a[] = {\n\t1,\n#ifdef A\n\t2,\n#endif\n\t3,\n};\n", False),
        ("int f(void)\n{\n\treturn x\n#if 0\n\t\t+ 1\n#endif\n\t\t;\n}\n", False),
    ],
)
def test_an_arm_alone_that_is_part_of_a_construct_is_noted(code: str, *, half: bool) -> None:
    assert normalise(code.encode(), BUILT_IN).halves == ((code.index("#if"),) if half else ())


def test_a_macro_that_is_the_head_of_a_loop_needs_no_braces() -> None:
    code = b"#define walk_all(i, n) for (i = 0; i < n; i++)\nvoid f(void)\n{\n\twalk_all(i, 2)\n\t\tg(i);\n}\n"

    mended = normalise(code, BUILT_IN)

    assert b"while   (i, 2)\n\t\tg(i);" in mended.text
    assert mended.iterators == {code.rindex(b"walk_all")}


@pytest.mark.parametrize(
    ("body", "heads"),
    [
        ("for (;;)", True),
        ("while ((p = next(p)))", True),
        ("for (;;) if (f(i))", True),
        ("for (;;) f(i);", False),
        ("({ for (;;) f(i); })", False),
        ("(for_each)", False),
    ],
)
def test_which_macros_are_heads_of_loops(body: str, *, heads: bool) -> None:
    directives = normalise(f"#define LOOP(i) {body}\n#define OBJECT for (;;)\n".encode(), BUILT_IN).directives

    assert loop_macros(directives) == (frozenset({b"LOOP"}) if heads else frozenset())


def test_blanked_calls_stay_in_the_side_table() -> None:
    data = b"int a;\nDEFINE_KVM_GHCB_ACCESSORS(rip)\nEXPORT_SYMBOL(a);\n"

    calls = normalise(data, BUILT_IN).macro_calls

    assert [(call.name, call.arguments) for call in calls] == [
        ("DEFINE_KVM_GHCB_ACCESSORS", "rip"),
        ("EXPORT_SYMBOL", "a"),
    ]
    assert [data[call.start : call.end] for call in calls] == [b"DEFINE_KVM_GHCB_ACCESSORS(rip)", b"EXPORT_SYMBOL(a)"]


# R11


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("f(a, b,\n)", "f(a, b )"),
        ("x = offsetof(struct_fpu, a.b);", "x = OFFSETOF(struct_fpu, a.b);"),
        ("x = my_offsetof(a, b);", "x = my_offsetof(a, b);"),
        ("x = __alignof__(y);", "x = sizeof (y);"),
        ("typeof(p->x) y;", "typeof y;"),
        ("__typeof__(*p) *q;", "__typeof__ *q;"),
        ("{ auto x = f(); }", "{ Auto x = f(); }"),
        ("{ u64 (*f)(void) = g; }", "{ int (*f)(void) = g; }"),
        ("{ u8 *(*f[2])(void); }", "{ int*(*f[2])(void); }"),
        ("{ fpregs_t (*f)(void); }", "{ uint64_t (*f)(void); }"),
        ("{ return (*f)(x); (*f)(y); x = y (*f)(z); }", "{ return (*f)(x); (*f)(y); x = y (*f)(z); }"),
        ("F(3DNOW), f(x, 2NDEXEC)", "F(_DNOW), f(x, _NDEXEC)"),
        ("f(0x1fULL, 10, 1UL, 1e3f, 0b11)", "f(0x1fULL, 10, 1UL, 1e3f, 0b11)"),
        ("{ VMCS12_CASE64(EPT): break; }", "{ case EPT : break; }"),
        ("struct { unsigned :3; u32 : 4; int b:3; }", "struct { int b:3; }"),
        ("struct { u32 : 1, a : 2, : 3, b : 4, : 5; }", "struct { u32 a : 2, b : 4; }"),
        ("x = a ? b : 3, c;", "x = a ? b : 3, c;"),
        ("a;\nFOP_END;\nb;", "a; b;"),
        ("x = a &\nMASK;\n",) * 2,
        ("struct { struct_group(g, int a; int b;); }", "struct { int a; int b; }"),
        ("struct { struct_group_tagged(t, g, int a;); }", "struct { int a; }"),
    ],
)
def test_small_shapes(code: str, expected: str) -> None:
    assert alone(rewrite_small_shapes, code) == tokens(expected)


# All of it


@pytest.mark.parametrize("data", [b"", b"\n", b"#", b"\\", b"/", b"/*", b'"', b"'", b"(", b")", b"{", b"}", b"\xff\0"])
def test_scraps_are_survived(data: bytes) -> None:
    assert len(normalise(data, BUILT_IN).text) == len(data)


def test_a_file_that_is_one_conditional_is_read() -> None:
    data = b"#ifdef CONFIG_KVM\nint a;\n#endif"

    assert tokens(normalise(data, BUILT_IN).text) == tokens("int a;")
