"""The types of integer expressions are those of C on x86-64."""

from __future__ import annotations

import pytest

from fpuscan.conversions import fits, integer_type, stored_constant
from fpuscan.ir import Binary, Cast, Const, Expr, Load, Unary, Var
from fpuscan.symbols.declarators import CType

INT, U8, U32, U64 = CType("int"), CType("u8"), CType("u32"), CType("u64")


def variable(ctype: CType) -> Load:
    return Load(Var("local", "x", "x", ctype), 0)


@pytest.mark.parametrize(
    ("expr", "kind"),
    [
        (variable(U8), (8, False)),
        (Unary("~", variable(U8)), (32, True)),
        (Unary("!", variable(U64)), (32, True)),
        (Binary("|", variable(INT), variable(U32)), (32, False)),
        (Binary("+", variable(INT), variable(U64)), (64, False)),
        (Binary("<<", variable(U8), variable(U64)), (32, True)),
        (Binary("==", variable(U64), variable(U64)), (32, True)),
        (Binary("&", variable(U32), Const(255, "0xffULL")), (64, False)),
        (Binary("&", variable(U32), Const(255, "MASK", ("MASK",))), None),
        (Cast(U8, 8, variable(U64)), (8, False)),
        (Const(1 << 31, "0x80000000"), (32, False)),
        (variable(CType("int", pointers=1)), None),
    ],
)
def test_the_type_of_an_expression(expr: Expr, kind: tuple[int, bool] | None) -> None:
    assert integer_type(expr) == kind


@pytest.mark.parametrize(
    ("expr", "target", "expected"),
    [
        (variable(U8), U8, True),
        (variable(INT), U8, False),
        (variable(U64), U32, False),
        (variable(U32), U64, True),
        (variable(U64), CType("bool"), True),  # a bool is zero where the value is
        (Const(255, "255"), U8, True),
        (Const(256, "256"), U8, False),
        (variable(CType("enum mode")), INT, True),
        (variable(CType("enum mode")), U8, False),
    ],
)
def test_a_zero_in_a_narrower_place_says_nothing_about_the_value(expr: Expr, target: CType, *, expected: bool) -> None:
    assert fits(expr, target) is expected


@pytest.mark.parametrize(
    ("value", "ctype", "word"),
    [
        (256, U8, 0),
        (0x80000000, INT, 0xFFFFFFFF80000000),
        (0x80000000, U32, 0x80000000),
        (0xFF, CType("s8"), 0xFFFFFFFFFFFFFFFF),
        (1 << 40, U64, 1 << 40),
    ],
)
def test_what_is_left_of_a_stored_constant(value: int, ctype: CType, word: int) -> None:
    assert stored_constant(value, ctype) == word
