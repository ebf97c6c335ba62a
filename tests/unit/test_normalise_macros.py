"""The rules for macros that declare, iterate, name functions or stand at the top level, each alone."""

from __future__ import annotations

import re

import pytest

from fpuscan.parse.normalise import (
    loop_macros,
    normalise,
)
from fpuscan.parse.normalise.attributes import BUILT_IN
from fpuscan.parse.normalise.macros import (
    blank_top_level_calls,
    rewrite_declaring,
    rewrite_iterators,
)
from fpuscan.parse.normalise.shapes import (
    rewrite_named_calls,
)
from tests.unit.normalised import alone, tokens

# R6


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("DEFINE_PER_CPU(struct fpu *, owner) = NULL;", "struct fpu * owner = NULL;"),
        ("DECLARE_PER_CPU(u64 [4], counts);", "u64 counts ;"),
        ("static DEFINE_PER_CPU_READ_MOSTLY(u64, xfd_state);", "static u64 xfd_state ;"),
        ("__DECLARE_FLEX_ARRAY(struct entry, entries);", "struct entry entries ;"),
        ("DECLARE_BITMAP(mask, 64);", "long mask[ 64];"),
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
        ("fn_t choose(int k);\nx = choose(k)(v);", "fn_t choose(int k);\nx = choose(k)(v);"),
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
