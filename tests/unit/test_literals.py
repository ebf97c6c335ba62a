"""Guards: what contradicts, and what two ways have in common, against every value of a small set."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fpuscan.engine.functions.literals import Literal, compatible, contradicts, join, negated
from fpuscan.engine.functions.ranges import complement, holds
from fpuscan.xfeatures import WORD

KEY = ("b", 1, ("p", 1, 0), (), frozenset({0}))
OTHER = ("b", 1, ("p", 1, 1), (), frozenset({0}))
VALUES = (0, 1, 2, 3, 4, 7, 8, WORD - 1, WORD)

words = st.sampled_from(VALUES)
ranges = st.lists(st.tuples(words, words).map(sorted).map(tuple), min_size=1, max_size=1).map(tuple)
literals = st.one_of(
    st.tuples(st.just(KEY), st.sampled_from(["=", "!", "set", "clr"]), words),
    st.tuples(st.just(KEY), st.just("in"), ranges),
)
guards = st.frozensets(literals, max_size=3)


def allows(literal: Literal, word: int) -> bool:
    """Whether a value is as a literal says, by the definition of its operator."""
    _, operator, constant = literal
    if isinstance(constant, tuple):
        return any(low <= word <= high for low, high in constant)
    return {
        "=": word == constant,
        "!": word != constant,
        "set": word & constant != 0,
        "clr": word & constant == 0,
    }[operator]


@given(literals, words)
def test_a_value_is_as_a_literal_says_or_as_its_negation(literal: Literal, word: int) -> None:
    assert allows(literal, word) is not allows(negated(literal), word)


@given(literals, literals, words)
def test_what_a_value_meets_does_not_contradict(first: Literal, second: Literal, word: int) -> None:
    if allows(first, word) and allows(second, word):
        assert not contradicts(first, second)


@given(guards, guards, words)
def test_what_holds_on_one_way_holds_behind_the_join(
    first: frozenset[Literal], second: frozenset[Literal], word: int
) -> None:
    if all(allows(each, word) for each in first) or all(allows(each, word) for each in second):
        assert all(allows(each, word) for each in join(first, second))


def test_one_value_or_the_other_is_no_third() -> None:
    either = join(frozenset({(KEY, "=", 1)}), frozenset({(KEY, "=", 2)}))

    assert [compatible(either, [(KEY, "=", word)]) for word in (0, 1, 2, 3)] == [False, True, True, False]
    assert not compatible(either, [(KEY, "set", 4)])
    assert compatible(either, [(OTHER, "=", 3)])


def test_three_can_exclude_each_other_where_no_two_do() -> None:
    choice = join(frozenset({(KEY, "=", 2), (OTHER, "=", 0)}), frozenset({(KEY, "=", 4)}))
    known = choice | {(KEY, "in", ((3, 5),))}

    assert compatible(choice, [(KEY, "in", ((3, 5),))])
    assert not compatible(known, [(KEY, "!", 4)])
    assert compatible(known, [(KEY, "!", 2), (OTHER, "!", 4)])


@given(guards, literals, words)
def test_what_a_value_meets_is_compatible(known: frozenset[Literal], more: Literal, word: int) -> None:
    if all(allows(each, word) for each in (*known, more)):
        assert compatible(known, [more])


def test_a_value_is_not_what_neither_way_allows() -> None:
    known = frozenset({(KEY, "!", 1), (KEY, "!", 2)})

    assert join(known, frozenset({(KEY, "=", 1)})) == {(KEY, "!", 2)}
    assert join(known, frozenset({(KEY, "=", 5), (OTHER, "=", 0)})) == known


def test_all_values_say_nothing() -> None:
    assert join(frozenset({(KEY, "=", 0)}), frozenset({(KEY, "!", 0)})) == frozenset()


def test_what_needs_many_ranges_is_forgotten() -> None:
    ways = [frozenset({(KEY, "=", word)}) for word in range(0, 20, 2)]

    assert join(*ways) == frozenset()


@given(ranges, words)
def test_a_word_is_in_a_set_or_in_its_complement(some: tuple[tuple[int, int], ...], word: int) -> None:
    assert holds(some, word) is not holds(complement(some), word)
