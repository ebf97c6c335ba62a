"""What the tables of the bit domain say of two masks is what trying every value of their definitions says."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import or_

from hypothesis import given
from hypothesis import strategies as st

from fpuscan.engine.words.subsets import Missing, Subsets, uncovered
from fpuscan.engine.words.symbolic_bits import (
    Atom,
    Choice,
    Constant,
    Gate,
    Inverse,
    Option,
    Word,
    Words,
    definitions,
    settled,
)
from fpuscan.xfeatures import WORD

WORDS = Words()
KNOWN = [WORDS.atom(name) for name in "abc"]
UNKNOWN = [WORDS.atom(name, unknown=True) for name in "uv"]
POINTS = ("first", "second")

constants = st.one_of(st.sampled_from([0, 1, 0xFF, WORD]), st.integers(0, WORD)).map(WORDS.constant)


def gates(inner: st.SearchStrategy[Word]) -> st.SearchStrategy[Word]:
    """Gates over words."""
    return st.one_of(
        st.tuples(st.sampled_from("&|^"), inner, inner).map(lambda parts: WORDS.gate(*parts)), inner.map(WORDS.inverse)
    )


def choices(inner: st.SearchStrategy[Word]) -> st.SearchStrategy[Word]:
    """Choices of two words at one of two points, and gates over them."""
    pairs = st.tuples(st.sampled_from(POINTS), inner, inner)
    chosen = pairs.map(lambda it: WORDS.choice(it[0], [Option(it[1]), Option(it[2])]))
    return st.one_of(gates(inner), chosen)


words = st.recursive(st.one_of(constants, st.sampled_from(KNOWN + UNKNOWN)), gates, max_leaves=8)
chosen_words = st.recursive(st.one_of(constants, st.sampled_from(KNOWN)), choices, max_leaves=8)


def value(word: Word, atoms: dict[Word, int], ways: dict[str, int] | None = None) -> int:
    """A word where every definition has the given value, and every point its option."""
    word = settled(word)
    match word:
        case Constant():
            return word.value
        case Atom():
            return atoms[word]
        case Inverse():
            return WORD & ~value(word.operand, atoms, ways)
        case Gate():
            left, right = value(word.left, atoms, ways), value(word.right, atoms, ways)
            return {"&": left & right, "|": left | right, "^": left ^ right}[word.op]
        case Choice():
            assert ways is not None
            return value(word.options[ways[str(word.point)]].word, atoms, ways)
        case _:
            raise AssertionError(word)


def assignments(of: list[Word]) -> Iterator[dict[Word, int]]:
    """Every bit of a definition is 0 or 1; all bits of a word at once."""
    for bits in product((0, WORD), repeat=len(of)):
        yield dict(zip(of, bits, strict=True))


def tried(part: Word, whole: Word, smaller: Word, larger: Word) -> Missing:
    """What is missing, by trying everything: for certain where some known values do whatever the unknown ones are."""
    certain = possible = covered = 0
    for known in assignments(KNOWN):
        always, ever = WORD, 0
        for unknown in assignments(UNKNOWN):
            atoms = known | unknown
            allowed = WORD & ~(value(smaller, atoms) & ~value(larger, atoms))
            lacking = value(part, atoms) & ~value(whole, atoms) & allowed
            possible |= lacking
            covered |= value(whole, atoms) & allowed
            always &= lacking | (WORD & ~allowed)
            ever |= allowed
        certain |= always & ever
    shared = {word for word in definitions(part) if word in UNKNOWN} <= set(definitions(whole))
    return Missing(certain | (possible & ~covered if shared else 0), possible)


@given(part=words, whole=words, smaller=words, larger=words)
def test_missing_bits_are_those_that_some_value_shows(part: Word, whole: Word, smaller: Word, larger: Word) -> None:
    assert uncovered(part, whole, [(smaller, larger)]) == tried(part, whole, smaller, larger)


@given(part=chosen_words, whole=chosen_words)
def test_choices_of_one_point_are_made_together(part: Word, whole: Word) -> None:
    expected = 0
    for first, second in product((0, 1), repeat=2):
        ways = dict(zip(POINTS, (first, second), strict=True))
        for atoms in assignments(KNOWN):
            expected |= value(part, atoms, ways) & ~value(whole, atoms, ways)

    lacks = Subsets(WORDS).lacking(part, whole)

    assert reduce(or_, (lack.missing.possible for lack in lacks), 0) == expected
    assert all(lack.missing.certain == lack.missing.possible for lack in lacks)
