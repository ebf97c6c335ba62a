"""Integer constant expressions come out as the kernel's compiler has them."""

from __future__ import annotations

import pytest

from fpuscan.symbols.constexpr import Evaluator, constant_lookup, evaluate, integer_bits
from fpuscan.symbols.cpp import Macro

ALL = (1 << 64) - 1


def macro(name: str, body: str, *params: str) -> Macro:
    return Macro(name, params or None, "", body, "a.h", 0)


NAMES: dict[str, Macro | int] = {
    "NINE": 9,
    "MINUS": -1,
    "TOP": 1 << 63,
    "MASK": macro("MASK", "(1 << NINE)"),
    "BARE": macro("BARE", "1 | 2"),
    "ALIAS": macro("ALIAS", "MASK"),
    "EMPTY": macro("EMPTY", ""),
    "SELF": macro("SELF", "SELF"),
    "GROW": macro("GROW", "GROW + GROW"),
    "PING": macro("PING", "(PONG)"),
    "PONG": macro("PONG", "(PING)"),
    "WIDE": macro("WIDE", "(x | 1)", "x"),
    "SIZE": macro("SIZE", "sizeof(u64)"),
    "LEFT": macro("LEFT", "(1) | (2)"),
    "OPEN": macro("OPEN", "(1"),
}
NAMES |= {f"D{level}": macro(f"D{level}", f"D{level + 1} | D{level + 1}") for level in range(30)} | {"D30": 1}
NAMES |= {f"L{level}": macro(f"L{level}", f"(L{level + 1})") for level in range(100)} | {"L100": 7}


def value(text: str) -> int | None:
    return evaluate(text, NAMES.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("42", 42),
        ("0x1F", 31),
        ("0b101", 5),
        ("017", 15),
        ("1ULL", 1),
        ("0xffffffffffffffff", ALL),
        ("'A'", 65),
        ("1 | 2 ^ 3 & 6", 1 | (2 ^ (3 & 6))),
        ("1 + 2 * 3", 7),
        ("10 - 3 - 2", 5),
        ("7 / 2 % 2", 1),
        ("(0 - 7) / 2", ALL - 2),
        ("(0 - 7) % 2", ALL),
        ("1 << 3 + 1", 16),
        ("2 * (3 + 4)", 14),
        ("1 < 2 == 1", 1),
        ("3 >= 4", 0),
        ("3 > 2 && 0 || 1 != 1", 0),
        ("2 || 0", 1),
        ("!0 + !5", 1),
        ("1 ? 2 : 3", 2),
        ("0 ? 2 : 0 ? 3 : 4", 4),
        ("~0", ALL),
        ("~0U", 0xFFFFFFFF),
        ("~0ULL", ALL),
        ("-1", ALL),
        ("+5", 5),
        ("-1 > 0U", 1),
        ("0x80000000 << 1", 0),
        ("2147483648", 1 << 31),
        ("1 << 31", ALL ^ 0x7FFFFFFF),
        ("1ULL << 63", 1 << 63),
        ("0x8000000000000000 >> 63", 1),
        ("(u32)~0ULL", 0xFFFFFFFF),
        ("(u8)0x1ff", 0xFF),
        ("(s8)0xff", ALL),
        ("(bool)8", 1),
        ("(unsigned long)-1", ALL),
        ("(const unsigned int)(~0ULL)", 0xFFFFFFFF),
        ("(__u64)1 << 40", 1 << 40),
        ("BIT(12)", 1 << 12),
        ("BIT_ULL(63)", 1 << 63),
        ("GENMASK_ULL(7, 4)", 0xF0),
        ("GENMASK(63, 0)", ALL),
        ("UL(3) | _AC(4, ULL)", 7),
        ("NINE", 9),
        ("MINUS", ALL),
        ("TOP", 1 << 63),
        ("MASK", 512),
        ("ALIAS & ~MASK", 0),
        ("BARE & 4", 1),
        ("BARE * 2", 5),
        ("LEFT & 4", 1),
        ("WIDE(NINE << 1)", 19),
        ("WIDE(MASK) | WIDE(0)", 513),
        ("BIT(NINE)", 512),
        ("L90", 7),
    ],
)
def test_a_constant_expression_has_a_value(text: str, expected: int) -> None:
    assert expected == value(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unknown",
        "sizeof(u64)",
        "SIZE",
        "1 +",
        "(1",
        "1)",
        "1 2",
        "1.5",
        "09",
        '"text"',
        "'ab'",
        "@",
        "1 / 0",
        "1 % 0",
        "1 << 32",
        "1 << -1",
        "1ULL >> 64",
        "0x1ffffffffffffffff",
        "9" * 5000,
        "(struct fpu)1",
        "(u64 *)0",
        "(const)1",
        "(u64",
        "1 ? 2",
        "MASK(1)",
        "WIDE",
        "WIDE(1",
        "OPEN",
        "EMPTY",
        "BIT()",
        "BIT(64)",
        "BIT",
        "GENMASK(1, 2)",
        "GENMASK(64, 0)",
        "SELF",
        "GROW",
        "PING",
        "PONG",
        "x = 1",
    ],
)
def test_what_only_a_build_knows_has_no_value(text: str) -> None:
    assert value(text) is None


@pytest.mark.parametrize("text", ["(" * 9000, "~" * 9000 + "1", "1 ? " * 9000, "D0", "L0", "1 | " * 50_000 + "1"])
def test_hostile_expressions_end(text: str) -> None:
    """Incident class: deep nesting, cycles and doubling macros must neither raise nor hang."""
    assert value(text) in {None, 1}


def test_a_name_too_deep_for_one_expression_keeps_its_value_in_another() -> None:
    evaluator = Evaluator(NAMES.get)

    assert evaluator.evaluate("L0") is None
    assert evaluator.evaluate("L80") == 7


def test_each_name_is_looked_up_once() -> None:
    asked: list[str] = []

    def lookup(name: str) -> Macro | int | None:
        asked.append(name)
        return NAMES.get(name)

    evaluator = Evaluator(lookup)

    assert evaluator.evaluate(b"MASK | MASK") == 512
    assert evaluator.evaluate("MASK") == 512
    assert asked.count("NINE") == 1


def test_an_enum_constant_comes_before_a_macro_of_its_name() -> None:
    """`enum { RED }; #define RED RED` makes the constant visible to #ifdef and changes nothing."""
    lookup = constant_lookup({"RED": macro("RED", "RED"), "BLUE": macro("BLUE", "4")}.get, {"RED": 3}.get)

    assert evaluate("RED | BLUE", lookup) == 7
    assert evaluate("GREEN", lookup) is None


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("u64", (64, False)),
        ("__s32", (32, True)),
        ("uint16_t", (16, False)),
        ("const u8", (8, False)),
        ("int", (32, True)),
        ("unsigned int", (32, False)),
        ("unsigned", (32, False)),
        ("long long", (64, True)),
        ("unsigned char", (8, False)),
        ("signed int", (32, True)),
        ("struct fpu", None),
        ("", None),
    ],
)
def test_integer_types_have_a_width(base: str, expected: tuple[int, bool] | None) -> None:
    assert expected == integer_bits(base)
