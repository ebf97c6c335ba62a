"""The rules for assembler, ranges, types as arguments and small shapes, each alone."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import (
    normalise,
)
from fpuscan.parse.normalise.asm import rewrite_asm, rewrite_asm_macros
from fpuscan.parse.normalise.attributes import BUILT_IN
from fpuscan.parse.normalise.shapes import (
    rewrite_ranges,
    rewrite_small_shapes,
    rewrite_type_arguments,
)
from fpuscan.parse.syntax import parse_snippet
from tests.unit.normalised import alone, tokens

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
