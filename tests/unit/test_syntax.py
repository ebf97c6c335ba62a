"""Trees of kernel C: functions, names, offsets, and what happens when a file cannot be read in full."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import BUILT_IN, alternatives
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import (
    MAX_DEPTH,
    ErrorSpan,
    Node,
    ParsedFile,
    captures,
    matches,
    outline,
    parse,
    parse_snippet,
)


def read(code: str) -> ParsedFile:
    return parse(SourceFile("a.c", code.encode()), BUILT_IN)


def names(parsed: ParsedFile) -> list[str]:
    return [function.name for function in parsed.functions]


def text(parsed: ParsedFile, node: Node) -> str:
    return parsed.source.data[node.start_byte : node.end_byte].decode()


def depth(node: Node) -> int:
    return 1 + max((depth(child) for child in node.children), default=0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("int f(void) { }", ["f"]),
        ("static __always_inline struct fpu *f(struct fpu *p)\n{\n}\n", ["f"]),
        ("static void __user *\nf(int (*get)(void))\n{\n}\n", ["f"]),
        ("int (f)(void) { }", ["f"]),
        ("int f(a) int a; { }", ["f"]),
        ("void (*f(int a))(void) { }", ["f"]),
        ("SYSCALL_DEFINE3(prctl, int, a, long, b)\n{\n}\n", ["prctl"]),
        ("SYSCALL_DEFINE0(rt_sigreturn)\n{\n}\n", ["rt_sigreturn"]),
        ("COMPAT_SYSCALL_DEFINE0(sigreturn)\n{\n}\n", ["sigreturn"]),
        ("static int FNAME(walk_addr)(struct w *w)\n{\n}\n", ["walk_addr"]),
        ("BUILD_X(a)\nint f(void) { }\nmodule_init(f)\nint g(void) { }", ["f", "g"]),
        ("int f(void);\nstruct f { int a; };\nint f = 1;", []),
        ("", []),
    ],
)
def test_functions_are_named(code: str, expected: list[str]) -> None:
    parsed = read(code)

    assert names(parsed) == expected
    assert parsed.errors == ()


def test_a_function_tells_its_bytes() -> None:
    code = "int a;\nstatic __init int f(int b)\n{\n\treturn b;\n}\n"

    (function,) = read(code).functions

    assert code[function.start : function.end] == "static __init int f(int b)\n{\n\treturn b;\n}"
    assert code[function.body_start : function.body_end] == "{\n\treturn b;\n}"
    assert function.node.type == "function_definition"


def test_what_a_node_says_is_in_the_file() -> None:
    """The tree knows `while` and `_DNOW`; the file knows better."""
    parsed = read("void f(void)\n{\n\tfor_each_bit(i, &m)\n\t\tg(F(3DNOW), struct fpu, /* c */ 'x');\n}\n")

    (loop,) = matches("functions", parsed.root)[0]["body"][0].named_children

    assert loop.type == "while_statement"
    assert loop.start_byte in parsed.normalised.iterators
    assert text(parsed, loop).startswith("for_each_bit(i, &m)")
    call = loop.children[-1].children[0]
    arguments = call.child_by_field_name("arguments")
    assert arguments is not None
    assert [text(parsed, node) for node in arguments.named_children] == ["F(3DNOW)", "struct fpu", "'x'"]


def test_functions_of_both_arms_are_found() -> None:
    parsed = read("#ifdef CONFIG_KVM\nint f(void);\n#else\nstatic int f(void) { }\n#endif\nint g(void) { }\n")

    assert names(parsed) == ["f", "g"]


def test_an_arm_that_was_left_out_can_be_parsed() -> None:
    code = "void f(int a)\n{\n#ifdef A\n\tif (a) {\n#else\n\twhile (a) {\n#endif\n\t\tg();\n\t}\n}\n"
    first = read(code)

    (choice,) = alternatives(first.normalised)
    second = parse(first.source, BUILT_IN, choice)

    assert [parsed.errors for parsed in (first, second)] == [(), ()]
    assert "if_statement" in str(first.root)
    assert "while_statement" in str(second.root)


def test_an_unknown_block_macro_is_a_loop() -> None:
    """A block whose macro is of no known family would be a call and a block beside it."""
    parsed = read("void f(void)\n{\n\twalk_features(i, mask) {\n\t\tg(i);\n\t}\n}\n")

    assert parsed.errors == ()
    assert len(parsed.normalised.iterators) == 1


def test_an_error_in_a_function_is_its_own() -> None:
    code = "int f(void)\n{\n\treturn 1;\n}\n\nint g(void)\n{\n\tint x = = 1;\n\ty = = 2;\n}\n\nint h(void)\n{\n}\n"

    parsed = read(code)

    assert names(parsed) == ["f", "g", "h"]
    (error,) = parsed.errors
    assert error.function == "g"
    assert error.bytes == len("==")
    assert code[error.start : error.end] == "= 1;\n\ty = ="


@pytest.mark.parametrize(
    "broken",
    [
        "int g(void)\n{\n\tif (a) {\n\t\tx();\n}\n",  # a brace too few
        "int g(void)\n{\n\tx();\n\n",  # none at all
        "int g(void)\n{\n\tx(1;\n\ty(;\n}\n",
        "int g(void)\n{\n\tx();\n}}\n}\n",  # too many
        'int g(void)\n{\n\tcase "a" in ] ) ? : = {[(\n}\n',
        "int g(void)\n{\n\t" + "(" * 5000 + "\n}\n",
    ],
)
def test_one_unknown_construct_costs_one_function(broken: str) -> None:
    before = "".join(f"int f{i}(void)\n{{\n\treturn {i};\n}}\n\n" for i in range(20))
    after = before.replace("int f", "int h") + "struct s {\n\tint a;\n};\nint v;\n"

    parsed = read(before + broken + after)

    expected = [f"f{i}" for i in range(20)] + [f"h{i}" for i in range(20)]
    assert [name for name in names(parsed) if name != "g"] == expected
    assert {error.function for error in parsed.errors} <= {"g", ""}
    assert any(error.function == "g" for error in parsed.errors)
    assert str(parsed.root).count("struct_specifier") == 1
    for function in parsed.functions:
        assert function.name == "g" or not function.node.has_error
        assert text(parsed, function.node).startswith(f"int {function.name}(void)")


def test_a_broken_function_is_named_even_if_nothing_of_it_is_understood() -> None:
    parsed = read(
        "int f(void) { }\n\nstatic int g(int a,\n\t     int b)\n{\n" + "{ (" * 3000 + "\n}\n\nint h(void) { }\n"
    )

    assert names(parsed) == ["f", "h"]
    assert [error.function for error in parsed.errors] == ["g"]


def test_an_unknown_declaration_costs_itself() -> None:
    parsed = read("int a;\nMAGIC LIST OF [ things;\nstruct s { int b; };\nint f(void) { }\n")

    assert names(parsed) == ["f"]
    assert parsed.errors
    assert all(error.function == "" and error.end <= len("int a;\nMAGIC LIST OF [ things;") for error in parsed.errors)
    assert "struct_specifier" in str(parsed.root)


NEST = 50_000


@pytest.mark.parametrize(
    "code",
    [
        "(" * NEST,
        "{" * NEST,
        "}" * NEST,
        "int f(void) {" * (NEST // 10),
        "int f(void) { x = " + "(" * NEST + "1" + ")" * NEST + "; }",
        "int f(void) { x = 1" + " + a" * NEST + "; }",
        "int f(void) { x = " + "f(" * NEST + ")" * NEST + "; }",
        "int f(void) { " + "if (a) " * NEST + "; }",
        "int f(void) { " + "if (a) b(); else " * NEST + "; }",
        "int a = " + "*" * NEST + "b;",
        "*," * NEST,
        "f(" * NEST,
        "#if A\n" * NEST,
        "] ) } while { ( case : " * (NEST // 20),
        "int f(void) {",
    ],
)
def test_endless_nesting_is_survived_and_told(code: str) -> None:
    """A tree that is walked by recursion must not be deeper than Python can go."""
    parsed = read(code)

    assert depth(parsed.root) <= MAX_DEPTH
    assert all(depth(function.node) <= MAX_DEPTH for function in parsed.functions)
    assert bool(parsed.errors) == (not code.startswith("#"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\xff\xfe",
        b"int \xc3 a;",
        b"\x80" * 100,
        b"int f(void) { g(\xff); }\nint h(void) { }\n",
        b"\r\n" * 5,
    ],
)
def test_bytes_that_are_no_text_are_survived(data: bytes) -> None:
    parsed = parse(SourceFile("a.c", data), BUILT_IN)

    assert parsed.root.end_byte <= len(data)
    if b"h(void)" in data:
        assert names(parsed)[-1] == "h"


def test_errors_that_stand_far_apart_are_told_apart() -> None:
    gap = "int a;\n" * 100

    parsed = read(f"int x = = 1;\n{gap}int y = = 1;\n")

    first, second = parsed.errors
    assert first == ErrorSpan(8, 9, "", 1)
    assert second.start > len(gap)


def test_a_snippet_is_parsed_as_it_stands() -> None:
    node = parse_snippet(b"void f(void) { a = b; }")

    (function,) = captures("functions", node)["function"]
    assert (function.start_byte, function.end_byte) == (0, 23)


def test_a_snippet_can_be_normalised() -> None:
    code = b"void f(void) { g(struct fpu *, min_t(unsigned int, a, b)); }"

    assert parse_snippet(code).has_error
    assert not parse_snippet(code, BUILT_IN).has_error


def test_a_snippet_that_is_nested_too_deeply_is_empty() -> None:
    assert parse_snippet(b"(" * NEST).child_count == 0


def test_queries_report_their_captures() -> None:
    root = parse_snippet(b"int f(void) { }\nint g(void) { }")

    assert [node.start_byte for node in captures("functions", root)["function"]] == [0, 16]
    assert [sorted(match) for match in matches("functions", root)] == [["body", "declarator", "function"]] * 2
    assert captures("errors", root) == {}


def test_a_body_whose_brackets_do_not_balance_is_parsed_at_once() -> None:
    """Nobody may ever ask for it, and its errors are to be counted."""
    broken = (
        b"static int broken(int a)\n{\n\tint x = (a + ;\n\treturn x;\n}\n\nstatic int fine(int a)\n{\n\treturn a;\n}\n"
    )

    parsed = outline(SourceFile("arch/x86/kvm/x.c", broken), BUILT_IN)

    assert [error.function for error in parsed.all_errors()] == ["broken"]
    assert parsed.parsed_bodies() >= 1
