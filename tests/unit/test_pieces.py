"""Where a file is cut when it does not parse."""

from __future__ import annotations

import pytest

from fpuscan.parse.pieces import cleared, closing, guessed_name, top_level_pieces


def pieces(code: str) -> list[str]:
    data = code.encode()
    return [data[start:end].decode().strip() for start, end in top_level_pieces(data)]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", []),
        ("int a;", ["int a;"]),
        ("int a;\nint b;\n", ["int a;", "int b;"]),
        ("int f(int a; int b)\n{\n\tx;\n}\nint c;", ["int f(int a; int b)\n{\n\tx;\n}", "int c;"]),
        ("struct s {\n\tint a;\n} __packed;\nint b;", ["struct s {\n\tint a;\n} __packed;", "int b;"]),
        ("int f(void)\n{\n\tif {\n}\nint b;", ["int f(void)\n{\n\tif {\n}", "int b;"]),
        ("int f(void)\n{\n}}\n}\nint b;", ["int f(void)\n{\n}}", "}", "int b;"]),
        ("((((", ["(((("]),
        (
            "int f(void)\n{\n\tx;\n\nout:\n\ty;\n\nint g(void)\n{\n}\n",
            ["int f(void)\n{\n\tx;\n\nout:\n\ty;", "int g(void)\n{\n}"],
        ),
        ("int a[] = { {\n\t1\n}, {\n\t2\n} };\nint b;", ["int a[] = { {\n\t1\n}, {\n\t2\n} };", "int b;"]),
    ],
)
def test_pieces_are_whole_items(code: str, expected: list[str]) -> None:
    assert pieces(code) == expected


def test_all_code_is_in_a_piece() -> None:
    code = "int a; ) }\n}\nint f(void)\n{\n} x\n{{\n"

    assert "".join("".join(pieces(code)).split()) == "".join(code.split())


def test_a_file_of_too_many_pieces_is_one() -> None:
    code = b"a;" * 30_000

    assert top_level_pieces(code) == [(0, len(code))]


def test_cleared_keeps_lines_and_length() -> None:
    assert cleared(b"ab\ncd\nef", [(1, 4)]) == b"a \n d\nef"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("static int\nf(int a)\n{ g(", "f"),
        ("static __init int f(int a,\n\tint (*b)(void))\n{", "f"),
        ("struct s {", ""),
        ("", ""),
    ],
)
def test_a_name_is_guessed_from_the_head(code: str, expected: str) -> None:
    assert guessed_name(code.encode(), 0, len(code)) == expected


@pytest.mark.parametrize(
    ("text", "stop", "expected"),
    [
        (b"(a)", None, 2),
        (b"((a) (b))", None, 8),
        (b"(a) (b)", None, 2),
        (b"((a)", None, -1),
        (b"(", None, -1),
        (b"(ab)", 3, -1),
        (b"(ab)", 4, 3),
    ],
)
def test_the_bracket_that_closes(text: bytes, stop: int | None, expected: int) -> None:
    assert closing(text, 1, b"()", stop) == expected
    assert closing(text.translate(bytes.maketrans(b"()", b"{}")), 1, b"{}", stop) == expected
