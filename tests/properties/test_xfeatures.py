"""Mask arithmetic is sound: what the concrete words give is among what the abstract values allow."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fpuscan.symbols.constexpr import evaluate
from fpuscan.xfeatures import WORD, MaskValue

words = st.one_of(
    st.integers(0, WORD),
    st.integers(0, 255),
    st.integers(0, 63).map(lambda bit: 1 << bit),
    st.integers(0, 63).map(lambda bit: WORD ^ (1 << bit)),
)


@st.composite
def known(draw: st.DrawFn) -> tuple[MaskValue, int]:
    """A value, and one of the words it stands for."""
    may = draw(words)
    must = may & draw(words)
    return MaskValue(may, must), must | (may & draw(words))


BINARY: list[Callable[..., Any]] = [operator.and_, operator.or_, operator.xor, operator.add, operator.sub]


@pytest.mark.parametrize("operation", BINARY)
@given(left=known(), right=known())
def test_binary_operations_are_sound(
    operation: Callable[..., Any], left: tuple[MaskValue, int], right: tuple[MaskValue, int]
) -> None:
    abstract: MaskValue = operation(left[0], right[0])

    assert abstract.contains(operation(left[1], right[1]) & WORD)


@pytest.mark.parametrize("operation", BINARY)
@given(left=words, right=words)
def test_binary_operations_on_known_words_are_exact(operation: Callable[..., Any], left: int, right: int) -> None:
    abstract = operation(MaskValue.constant(left), MaskValue.constant(right))

    assert MaskValue.constant(operation(left, right)) == abstract


@given(value=known())
def test_complement_is_sound_and_its_own_inverse(value: tuple[MaskValue, int]) -> None:
    abstract, word = value

    assert (~abstract).contains(WORD & ~word)
    assert abstract == ~~abstract


@given(value=known(), count=st.integers(0, 70), may=st.integers(0, 127))
def test_shifts_are_sound(value: tuple[MaskValue, int], count: int, may: int) -> None:
    """A count of 64 and more leaves nothing, here and there."""
    abstract, word = value
    counts = MaskValue(may | count, count & ~may)

    assert (abstract << counts).contains(word << count & WORD)
    assert (abstract >> counts).contains(word >> count)


@given(left=known(), right=known())
def test_a_join_holds_both_sides(left: tuple[MaskValue, int], right: tuple[MaskValue, int]) -> None:
    joined = left[0].join(right[0])

    assert joined.contains(left[1])
    assert joined.contains(right[1])


@given(value=known(), bits=st.sampled_from([1, 8, 16, 32, 64]), signed=st.booleans())
def test_casts_are_sound(value: tuple[MaskValue, int], bits: int, *, signed: bool) -> None:
    abstract, word = value
    low = word & ((1 << bits) - 1)
    if signed and low >> (bits - 1):
        low -= 1 << bits

    assert abstract.cast(bits, signed=signed).contains(low & WORD)


@given(words, words, words)
def test_evaluation_agrees_with_the_words(a: int, b: int, c: int) -> None:
    text = f"({a}ULL & ~{b}ULL) | ({c}ULL ^ {a}ULL) + {b}ULL"

    assert evaluate(text, lambda _: None) == ((a & ~b) | ((c ^ a) + b)) & WORD


@given(st.text(alphabet="()~!-+*/%<>=&|^?:, 0123456789xUL'\"BITfooGENMASK", max_size=60))
def test_evaluation_never_raises(text: str) -> None:
    found = evaluate(text, lambda _: None)

    assert found is None or 0 <= found <= WORD
