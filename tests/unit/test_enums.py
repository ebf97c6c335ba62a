"""Enum constants are counted and evaluated as C does."""

from __future__ import annotations

from fpuscan.symbols.cpp import Macro
from fpuscan.symbols.enums import EnumTable


def enums(*texts: bytes, macros: dict[str, Macro] | None = None) -> EnumTable:
    found = EnumTable((macros or {}).get)
    for number, text in enumerate(texts):
        found.add(f"{number}.h", text)
    return found


def test_constants_count_up_from_the_last_value() -> None:
    table = enums(b"enum xfeature { FP, SSE, YMM = 1 << 2, NEXT, BACK = FP, LAST, };")

    assert table.constants("enum xfeature") == (
        ("FP", 0),
        ("SSE", 1),
        ("YMM", 4),
        ("NEXT", 5),
        ("BACK", 0),
        ("LAST", 1),
    )
    assert table.constants("xfeature") == table.constants("enum xfeature")
    assert table.value("NEXT") == 5


def test_an_enum_without_a_name_has_constants_too() -> None:
    table = enums(b"typedef enum { RED = -1, GREEN } colour_t; struct s { enum { IN } e; };")

    assert [table.value(name) for name in ("RED", "GREEN", "IN")] == [-1, 0, 0]
    assert table.constants("enum colour") == ()


def test_values_may_be_written_with_macros() -> None:
    macro = Macro("SHIFT", ("x",), "", "(1 << (x))", "a.h", 0)

    assert enums(b"enum e { A = SHIFT(3), B = SHIFT(A, 1) };", macros={"SHIFT": macro}).value("A") == 8


def test_what_cannot_be_evaluated_is_no_constant() -> None:
    table = enums(b"enum e { A = sizeof(int), B, C = D, D = C, E = E, F };")

    assert table.constants("enum e") == ()
    assert [table.value(name) for name in "ABCDEF"] == [None] * 6


def test_no_other_braces_are_taken_for_an_enum() -> None:
    table = enums(b"int my_enum { A }; enum kind f(void) { B; } enum e *p = { C }; enum open { D")

    assert [table.value(name) for name in "ABCD"] == [None] * 4


def test_the_first_path_counts_and_files_can_be_added_later() -> None:
    table = EnumTable()
    table.add("b.h", b"enum e { A = 2 };")

    assert table.value("A") == 2

    table.add("a.h", b"enum f { A = 1 };")

    assert table.value("A") == 1


def test_a_million_times_enum_takes_no_endless_time() -> None:
    assert enums(b"enum " * 200_000).value("A") is None
