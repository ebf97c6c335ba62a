"""Which macros name something, store into an argument, or take its address."""

from __future__ import annotations

import pytest

from fpuscan.parse.normalise import learn_attributes, normalise
from fpuscan.program.aliases import AliasIndex
from fpuscan.program.bodies import MacroBodies, handed_to


def aliases(code: str) -> AliasIndex:
    return AliasIndex(lambda: normalise(code.encode(), learn_attributes([])).directives)


def bodies(code: str, storing: tuple[str, ...] = ()) -> MacroBodies:
    directives = normalise(code.encode(), learn_attributes([])).directives
    return MacroBodies(lambda: directives, AliasIndex(lambda: directives), storing)


def test_an_alias_names_what_stands_in_its_body_and_in_the_bodies_behind_it() -> None:
    found = aliases("#define A guest_default_cfg.size\n#define B (A + 1)\n#define C 1\n")

    assert found.of("guest_default_cfg") == {"A", "B"}


def test_a_pasted_name_is_found_by_its_part() -> None:
    found = aliases("#define GET(name) xstate_get_##name()\n")

    assert "GET" in found.of("xstate_get_host_perm")


@pytest.mark.parametrize(
    ("definition", "plain"),
    [
        ("M (fpu_user_cfg.default_features)", True),
        ("M current->thread.fpu", True),
        ("M fpu_user_cfg.size = 0", False),
        ("M (&fpu_user_cfg)", False),
        ("M(x) ((x)->size)", False),
        ("M 1\n#define M size++", False),
    ],
)
def test_a_plain_macro_leaves_to_the_text_around_it_what_is_done(definition: str, plain: bool) -> None:  # noqa: FBT001
    assert aliases(f"#define {definition}\n").is_plain("M") is plain


@pytest.mark.parametrize(
    "definition",
    [
        "M(to, v) ((to) = (v))",
        "M(to, v) (to) |= (v)",
        "M(to, v) to <<= v",
        "M(to) to++",
        "M(to, v) WRITE_ONCE(to, v)",
        "M(to, v) N(to, v)\n#define N(a, b) ((a) = (b))",
    ],
)
def test_a_macro_that_stores(definition: str) -> None:
    assert b"M" in bodies(f"#define {definition}\n", ("WRITE_ONCE",)).storing


@pytest.mark.parametrize("definition", ["M(a, b) ((a) == (b))", "M(a, b) (a <= b)", "M = 1", "M(a) f(a)"])
def test_a_macro_that_stores_nothing(definition: str) -> None:
    assert b"M" not in bodies(f"#define {definition}\n").storing


def test_a_macro_that_takes_an_address() -> None:
    found = bodies("#define ADDR(x) (&(x))\n#define AND(x, y) ((x) & (y))\n#define BOTH(x, y) ((x) && (y))\n")

    assert b"ADDR" in found.addressing
    assert b"BOTH" not in found.addressing


def test_a_name_is_handed_to_the_macros_of_its_own_statement() -> None:
    text = b"SET(x, 1); f(g(y)); SET(z, h(v));"

    found = [handed_to(text, 0, text.index(name), frozenset({b"SET"})) for name in (b"x", b"y", b"v")]

    assert found == [True, False, True]


def test_a_macro_whose_body_names_itself_is_recursive() -> None:
    found = aliases("#define f(x) g(x)\n#define g(x) f(x)\n#define h(x) (x)\n")

    assert [found.recursive(name) for name in "fgh"] == [True, True, False]
