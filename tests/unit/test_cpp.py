"""Which definition of a macro is in force, and what a call expands to."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import learn_attributes, normalise
from fpuscan.parse.normalise.values import Normalised
from fpuscan.symbols.cpp import Macro, MacroTable
from fpuscan.symbols.expansion import expand_call, split_arguments

ATTRIBUTES = learn_attributes([])


def read(code: str) -> Normalised:
    return normalise(code.encode(), ATTRIBUTES)


def table(**files: str) -> MacroTable:
    """Files by name: `a_h` is a.h."""
    return MacroTable((name.replace("_", "."), read(code)) for name, code in files.items())


def body(macro: Macro | None) -> str | None:
    return None if macro is None else macro.body


def function_like(definition: str) -> Macro:
    macro = table(a_h=f"#define {definition}\n").lookup("M")

    assert macro is not None
    return macro


def test_an_object_like_macro_has_no_parameters() -> None:
    macro = table(a_h="int x;\n#define FPSSE (FP | \\\n\tSSE) /* legacy */\n").lookup("FPSSE")

    assert macro == Macro("FPSSE", None, "", macro.body if macro else "", "a.h", 7, ())
    assert macro.body.split() == ["(FP", "|", "SSE)"]


@pytest.mark.parametrize(
    ("definition", "params", "variadic"),
    [
        ("M() 1", (), ""),
        ("M(a) a", ("a",), ""),
        ("M(a, b) a b", ("a", "b"), ""),
        ("M(fmt, ...) fmt", ("fmt",), "__VA_ARGS__"),
        ("M(fmt, args...) fmt", ("fmt",), "args"),
        ("M(...) x", (), "__VA_ARGS__"),
    ],
)
def test_a_function_like_macro_has_parameters(definition: str, params: tuple[str, ...], variadic: str) -> None:
    macro = function_like(definition)

    assert (params, variadic) == (macro.params, macro.variadic)


def test_a_parenthesis_behind_a_blank_belongs_to_the_body() -> None:
    macro = function_like("M (1)")

    assert (macro.params, macro.body) == (None, "(1)")


def test_an_unknown_name_has_no_definition() -> None:
    macros = table(a_h="#define A 1\n")

    assert macros.lookup("B") is None
    assert macros.definitions("B") == ()
    assert macros.names() == ("A",)


def test_the_definition_in_force_is_the_last_one_before_the_use() -> None:
    code = "#define A 1\nint one;\n#undef A\nint two;\n#define A 3\nint three;\n"
    macros = table(a_c=code)
    found = [body(macros.lookup("A", "a.c", code.index(name))) for name in ("one", "two", "three")]

    assert found == ["1", None, "3"]
    assert not macros.is_settled("A")


def test_before_its_definition_a_name_means_that_of_a_header() -> None:
    code = "int early;\n#define A 2\nint late;\n"
    macros = table(a_c=code, z_h="#define A 1\n")

    assert [body(macros.lookup("A", "a.c", code.index(name))) for name in ("early", "late")] == ["1", "2"]


def test_without_an_offset_the_whole_file_counts() -> None:
    macros = table(a_c="#define A 1\n#undef A\n")

    assert body(macros.lookup("A", "a.c")) == "1"


def test_another_file_is_asked_headers_first_then_by_path() -> None:
    macros = table(a_c="#define A 0\n", b_h="#ifdef CONFIG_B\n#define A 1\n#endif\n", c_h="#define A 2\n")

    assert body(macros.lookup("A")) == "2"
    assert body(macros.lookup("A", "x.h")) == "2"
    assert [macro.body for macro in macros.definitions("A")] == ["0", "1", "2"]


def test_what_a_source_file_defines_is_visible_in_headers_but_in_no_other_source_file() -> None:
    macros = table(a_c="#define PTTYPE 64\n", b_c="int x;\n", c_h="int y;\n")

    assert macros.lookup("PTTYPE", "b.c") is None
    assert body(macros.lookup("PTTYPE", "c.h")) == "64"


def test_of_two_arms_the_64_bit_one_is_taken() -> None:
    """XFEATURE_MASK_XTILE is 0 in a 32-bit build; a report speaks about the 64-bit kernel."""
    first = "#ifdef CONFIG_X86_64\n#define A 1\n#else\n#define A 2\n#endif\nint use;\n"
    second = "#ifdef CONFIG_X86_32\n#define A 3\n#else\n#define A 4\n#endif\nint use;\n"
    macros = table(a_h=first, b_h=second)

    assert [body(macros.lookup("A", path, 200)) for path in ("a.h", "b.h")] == ["1", "4"]
    assert table(a_h=first).is_settled("A")


def test_a_definition_that_contradicts_the_arm_of_the_use_is_none() -> None:
    code = (
        "#ifdef CONFIG_SMM\n#define A 1\n#else\n#define A 2\n#endif\n"
        "#ifdef CONFIG_SMM\nint with;\n#else\nint without;\n#endif\n"
    )
    macros = table(a_h=code)

    assert [body(macros.lookup("A", "a.h", code.index(f"int {name};"))) for name in ("with", "without")] == ["1", "2"]


def test_a_redefinition_in_one_arm_leaves_the_unconditional_one_in_force() -> None:
    code = "int x;\n#define A 1\n#ifdef CONFIG_SMM\n#undef A\n#define A 2\nint inside;\n#endif\nint use;\n"
    macros = table(a_h=code)

    assert [body(macros.lookup("A", "a.h", code.index(f"int {name};"))) for name in ("use", "inside")] == ["1", "2"]


def test_a_name_that_is_defined_twice_depends_on_the_place() -> None:
    assert not table(a_h="#define A 1\n#define A 2\n").is_settled("A")
    assert not table(a_h="#define A 1\n#define A 2\n#define B (A + 1)\n").is_settled("B")
    assert table(a_h="#define A 1\n", b_c="#define A 1\n").is_settled("A")


def in_force(code: str, **others: str) -> list[str]:
    """The bodies that A may have at the word `use` of a.c."""
    macros = table(a_c=code, **others)
    return sorted(macro.body for macro in macros.in_force("A", "a.c", code.index("use")))


@pytest.mark.parametrize(
    ("code", "bodies"),
    [
        ("#ifdef CONFIG_KVM\n#define A 1\n#else\n#define A 2\n#endif\nuse", ["1", "2"]),
        ("#ifdef OPAQUE\n#define A 1\n#elif OTHER\n#define A 2\n#else\n#define A 3\n#endif\nuse", ["1", "2", "3"]),
        ("#ifdef CONFIG_KVM\n#define A 1\n#else\n#define A 1\n#endif\nuse", ["1"]),
        ("#ifdef CONFIG_X86_64\n#define A 1\n#else\n#define A 2\n#endif\nuse", ["1"]),
        ("#define A 0\n#ifdef CONFIG_KVM\n#undef A\n#define A 1\n#endif\nuse", ["0", "1"]),
        ("#define A 0\n#undef A\n#ifdef CONFIG_KVM\n#define A 1\n#else\n#define A 2\n#endif\nuse", ["1", "2"]),
        ("#define A 0\nint x;\n#undef A\n#define A 1\nuse", ["1"]),
        ("#ifdef CONFIG_KVM\n#define A 1\n#else\n#define A 2\n#endif\n#ifdef CONFIG_KVM\nuse\n#endif\n", ["1"]),
    ],
)
def test_all_definitions_of_different_builds_are_in_force(code: str, bodies: list[str]) -> None:
    assert in_force(code) == bodies


def test_where_a_file_defines_a_name_in_some_builds_that_of_a_header_is_in_force_in_the_others() -> None:
    code = "#ifdef CONFIG_KVM\n#undef A\n#define A 1\n#endif\nuse"

    assert in_force(code, b_h="#define A 2\n") == ["1", "2"]
    assert in_force("use", b_h="#define A 2\n", c_h="#ifdef CONFIG_KVM\n#define A 3\n#endif\n") == ["2"]


def test_the_arms_may_stand_in_two_headers() -> None:
    with_kvm, without = "#ifdef CONFIG_KVM\n#define A 1\n#endif\n", "#ifndef CONFIG_KVM\n#define A 2\n#endif\n"

    assert in_force("use", b_h=with_kvm, c_h=without) == ["1", "2"]


def test_a_definition_in_a_dead_arm_is_none() -> None:
    macros = table(a_h="int x;\n#ifdef __ASSEMBLER__\n#define A 1\n#else\n#define A 2\n#endif\n")

    assert [macro.body for macro in macros.definitions("A")] == ["2"]


def test_files_can_be_added_later() -> None:
    macros = table(b_h="#define A 2\n")

    assert body(macros.lookup("A", "x.h")) == "2"

    macros.add("a.h", read("#define A 1\n"))

    assert body(macros.lookup("A", "x.h")) == "1"
    assert macros.conditions("nowhere.h", 3) == ()


# ---------------------------------------------------------------- expansion


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  ", []),
        ("a", ["a"]),
        (" a , b ", ["a", "b"]),
        ("f(a, b), c", ["f(a, b)", "c"]),
        ("a,,b,", ["a", "", "b", ""]),
        ('"a, b", c', ['"a, b"', "c"]),
        ("',', c", ["','", "c"]),
        ("x[a, b]", ["x[a", "b]"]),
        ("({ a; b, c; }), d", ["({ a; b, c; })", "d"]),
        (") a, b", [") a, b"]),
    ],
)
def test_arguments_are_split_at_the_commas_of_the_call(text: str, expected: list[str]) -> None:
    assert expected == split_arguments(text)


@pytest.mark.parametrize(
    ("definition", "args", "expected"),
    [
        ("M(x) ((x) & MASK)", ["a | b"], "((a | b) & MASK)"),
        ("M(a, b) a##_##b", ["fpu", "cfg"], "fpu_cfg"),
        ("M(a) kvm_x86_ ## a", ["exit"], "kvm_x86_exit"),
        ("M(a) #a", ['say "x"'], '"say \\"x\\""'),
        ("M(a) # a", ["x"], '"x"'),
        ("M(a) # b a", ["x"], "# b x"),
        ('M(a) "a" a', ["x"], '"a" x'),
        ("M(a) ab a", ["x"], "ab x"),
        ("M(f, ...) p(f, __VA_ARGS__)", ["x", "y", "z"], "p(x, y, z)"),
        ("M(f, ...) p(f, ##__VA_ARGS__)", ["x"], "p(x)"),
        ("M(f, args...) p(f, ##args)", ["x", "y"], "p(x,y)"),
        ("M(f, args...) p(f , ##args)", ["x"], "p(x )"),
        ("M(a, b) a b", ["x"], "x "),
        ("M() 1", [], "1"),
    ],
)
def test_a_call_expands_to_the_body_with_its_arguments(definition: str, args: list[str], expected: str) -> None:
    assert expected == expand_call(function_like(definition), args)


def test_an_object_like_macro_expands_to_its_body() -> None:
    assert expand_call(function_like("M a ## b"), []) == "ab"


def test_an_expansion_beyond_all_measure_is_only_its_arguments() -> None:
    """Incident class: two hundred kilobytes of source must not become gigabytes."""
    macro = Macro("M", ("x",), "", "x " * 50_000, "a.h", 0)

    assert expand_call(macro, ["y" * 100_000]) == f"({'y' * 100_000})"
    assert expand_call(macro, ["y"]) == "y " * 50_000


def test_a_long_chain_of_macros_is_followed_to_its_end() -> None:
    chain = "".join(f"#define M{number} (M{number - 1})\n" for number in range(1, 3000))

    assert table(a_h=f"#define M0 1\n{chain}").is_settled("M2999")
    assert not table(a_h=f"#define M0 1\n#define M0 2\n{chain}").is_settled("M2999")
