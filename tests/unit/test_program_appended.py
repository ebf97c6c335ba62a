"""What is appended to a file: constructs with other arms of an `#if`, and what macros define."""

from __future__ import annotations

import pytest

from fpuscan.parse.arms import ConfigLiteral
from fpuscan.parse.normalise import learn_attributes
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import ParsedFile, parse
from fpuscan.program.appended import Choices, with_additions
from fpuscan.symbols.cpp import MacroTable

ATTRIBUTES = learn_attributes([])


def complete(code: str, **headers: str) -> tuple[ParsedFile, list[Choices], int]:
    """The file a.c with its additions, what must hold for which part, and how many arms are left out."""
    files = {"a.c": code} | {f"{name}.h": text for name, text in headers.items()}
    parsed = {path: parse(SourceFile(path, text.encode()), ATTRIBUTES) for path, text in files.items()}
    macros = MacroTable((path, each.normalised) for path, each in parsed.items())
    found = with_additions(parsed["a.c"], macros, ATTRIBUTES)
    return found.parsed, found.choices, len(found.left_out)


def texts(parsed: ParsedFile) -> list[str]:
    """The appended functions, one blank for any run of blanks."""
    source = parsed.source
    spans = [(each.start, each.end) for each in parsed.functions if each.start >= source.size]
    return [" ".join(source.data[start:end].decode().split()) for start, end in spans]


def literal(name: str, *, value: bool) -> ConfigLiteral:
    return ConfigLiteral(name, value)


def test_a_function_with_two_texts_is_there_twice() -> None:
    parsed, choices, left_out = complete(
        "int f(int x)\n{\n\treturn x\n#ifdef CONFIG_KVM\n\t\t& 1\n#else\n\t\t| 2\n#endif\n\t\t;\n}\n"
    )

    assert texts(parsed) == ["int f(int x) { return x | 2 ; }"]
    assert left_out == 0
    assert [literal("CONFIG_KVM", value=False) in each.conditions for each in choices] == [True, False]
    assert [literal("CONFIG_KVM", value=True) in each.conditions for each in choices] == [False, True]


def test_an_arm_without_an_alternative_is_left_out_in_the_other_text() -> None:
    parsed, choices, _ = complete("int f(int x)\n{\n\treturn x\n#ifdef CONFIG_KVM\n\t\t& 1\n#endif\n\t\t;\n}\n")

    assert texts(parsed) == ["int f(int x) { return x ; }"]
    assert choices[0].conditions == (literal("CONFIG_KVM", value=False),)


def test_what_a_32_bit_build_alone_would_leave_out_stays() -> None:
    parsed, choices, _ = complete("int f(int x)\n{\n\treturn x\n#ifdef CONFIG_X86_64\n\t\t& 1\n#endif\n\t\t;\n}\n")

    assert texts(parsed) == []
    assert [each.conditions for each in choices] in ([], [(literal("CONFIG_X86_64", value=True),)])


def test_groups_with_one_condition_are_one_choice_and_others_are_combined() -> None:
    half = "\n#ifdef CONFIG_{0}\n\t+ {0}\n#endif\n"
    code = "int f(int x)\n{\n\treturn x" + "".join(half.format(name) for name in ("A", "A", "B")) + ";\n}\n"

    parsed, _, _ = complete(code)

    assert sorted(texts(parsed)) == [
        "int f(int x) { return x + A + A ; }",
        "int f(int x) { return x + B ; }",
        "int f(int x) { return x ; }",
    ]


def test_a_copy_says_where_its_bytes_stand_in_the_file() -> None:
    code = "int a;\nint f(int x)\n{\n\treturn x\n#ifdef CONFIG_KVM\n\t\t& 1\n#else\n\t\t| 2\n#endif\n\t\t;\n}\n"
    source = complete(code)[0].source

    at = source.data.rindex(b"| 2")

    assert source.size == len(code)
    assert source.origin(at) == code.index("| 2")
    assert source.position(at) == (8, 3)
    assert source.is_copy(at)
    assert not source.is_copy(code.index("| 2"))


def test_whole_arms_make_no_copy() -> None:
    parsed, choices, _ = complete(
        "int f(int x)\n{\n#ifdef CONFIG_KVM\n\tx = 1;\n#else\n\tx = 2;\n#endif\n\treturn x;\n}\n"
    )

    assert (texts(parsed), choices) == ([], [])


DEFINE = "#define DEFINE_GET(name, value) \\\nstatic int get_##name(void) \\\n{ \\\n\treturn value; \\\n}\n"


@pytest.mark.parametrize("call", ["DEFINE_GET(one, 1)", "DEFINE_GET(one, 1);"])
def test_a_macro_call_at_file_level_defines_what_it_expands_to(call: str) -> None:
    code = f"int a;\n{call}\nint b;\n"
    parsed, choices, _ = complete(code, h=DEFINE)

    start, end = parsed.functions[0].start, parsed.functions[0].end

    assert texts(parsed) == ["static int get_one(void) { return 1; }"]
    assert choices == []
    assert parsed.source.span(start, end) == (7, 7 + len("DEFINE_GET(one, 1)"))
    assert parsed.source.position(start) == (2, 1)
    assert not parsed.source.is_copy(start)


def test_a_macro_may_define_by_macros() -> None:
    more = "#define DEFINE_BOTH(a, b) DEFINE_GET(a, 1) DEFINE_GET(b, 2)\n"
    parsed, _, _ = complete("DEFINE_BOTH(one, two)\n", h=DEFINE + more)

    assert [each.name for each in parsed.functions] == ["get_one", "get_two"]


def test_each_definition_of_the_macro_makes_a_function_of_its_own() -> None:
    one, two = (f"#define F(n) int n(void) {{ return {number}; }}\n" for number in (1, 2))
    arms = f"#ifdef CONFIG_KVM\n{one}#else\n{two}#endif\n"
    parsed, choices, _ = complete("F(f)\n", h=arms)

    assert sorted(texts(parsed)) == ["int f(void) { return 1; }", "int f(void) { return 2; }"]
    assert len({each.conditions for each in choices}) == 2


@pytest.mark.parametrize(
    "code",
    ["EXPORT_SYMBOL(f);\n", "int f(void)\n{\n\tDEFINE_GET(one, 1);\n\treturn 0;\n}\n", "BROKEN(x)\n", "SELF(x)\n"],
)
def test_what_defines_nothing_appends_nothing(code: str) -> None:
    macros = DEFINE + "#define BROKEN(x) int x(( { \n#define SELF(x) SELF(x) { \n"

    parsed, choices, left_out = complete(code, h=macros)

    assert (parsed.source.appended, choices, left_out) == ((), [], 0)
