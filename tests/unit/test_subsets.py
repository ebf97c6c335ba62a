"""Whether one mask is a subset of another: definitions, what is known of them, ways, loops."""

from __future__ import annotations

from fpuscan.engine.words.subsets import NOTHING_MISSING, Missing, Subsets, uncovered
from fpuscan.engine.words.symbolic_bits import Choice, Option, Word, Words, settle
from fpuscan.xfeatures import WORD

WORDS = Words()
MAX = WORDS.atom("max_features")
USER, APX = WORDS.constant(0xE02FF), WORDS.constant(1 << 19)
YES, NO = frozenset({"yes"}), frozenset({"no"})


def both(left: Word, right: Word) -> Word:
    return WORDS.gate("&", left, right)


def either(left: Word, right: Word) -> Word:
    return WORDS.gate("|", left, right)


def without(word: Word, mask: Word) -> Word:
    return both(word, WORDS.inverse(mask))


def never_together(first: frozenset[object], second: frozenset[object]) -> bool:
    return not {"yes", "no"} <= first | second


def test_one_definition_covers_itself_bit_by_bit() -> None:
    assert uncovered(both(MAX, USER), MAX) == NOTHING_MISSING
    assert uncovered(both(MAX, USER), without(MAX, APX)) == Missing(1 << 19, 1 << 19)
    assert uncovered(without(both(MAX, USER), APX), without(MAX, APX)) == NOTHING_MISSING


def test_other_definitions_do_not_cover() -> None:
    assert uncovered(MAX, WORDS.atom("other")) == Missing(WORD, WORD)


def test_nothing_is_concluded_from_unknown_values() -> None:
    unknown = WORDS.atom("somebody's memory", unknown=True)

    assert uncovered(both(MAX, USER), unknown) == Missing(0, 0xE02FF)
    assert uncovered(both(unknown, USER), MAX) == Missing(0, 0xE02FF)


def test_an_unknown_value_is_missing_where_nothing_ever_covers_it() -> None:
    unknown = WORDS.atom("somebody's memory", unknown=True)

    assert uncovered(unknown, without(unknown, APX)) == Missing(1 << 19, 1 << 19)
    assert uncovered(unknown, WORDS.constant(0)) == Missing(0, WORD)


def test_a_value_from_outside_may_be_chosen_to_cover() -> None:
    """f(user, all) for any caller: nobody knows that all holds less than user; user alone may hold anything."""
    given = WORDS.atom("argument", free=True)

    assert uncovered(MAX, given) == Missing(0, WORD)
    assert uncovered(given, MAX) == Missing(WORD, WORD)


def test_arithmetic_is_one_definition_for_equal_operands() -> None:
    total = WORDS.operation("+", (WORDS.atom("eax", free=True), WORDS.atom("edx", free=True)))

    assert uncovered(both(total, USER), total) == NOTHING_MISSING


def test_what_is_known_of_a_pair_is_used() -> None:
    part, whole, more = WORDS.atom("user_xfeatures"), WORDS.atom("xfeatures"), WORDS.atom("request")
    pair = [(part, whole)]

    assert uncovered(either(part, more), either(whole, more), pair) == NOTHING_MISSING
    assert uncovered(either(part, more), whole, pair) == Missing(WORD, WORD)
    assert uncovered(part, without(whole, APX), pair) == Missing(1 << 19, 1 << 19)


def test_more_definitions_than_a_table_holds_are_not_decided() -> None:
    many: Word = WORDS.constant(0)
    for number in range(13):
        many = either(many, WORDS.atom(number))

    assert uncovered(many, WORDS.atom(0)) == Missing(0, WORD)


def test_each_way_is_judged_by_itself() -> None:
    features = WORDS.choice("is_guest", [Option(without(MAX, APX), YES, "guest"), Option(MAX, NO, "host")])
    (lack,) = Subsets(WORDS).lacking(both(MAX, USER), features)

    assert (lack.missing, lack.ways, lack.origins) == (Missing(1 << 19, 1 << 19), YES, ("guest",))
    assert lack.whole is without(MAX, APX)


def test_ways_that_exclude_each_other_are_none() -> None:
    """if (guest) x = less; else x = max;   ...   if (guest) u = less; else u = max;"""
    whole = WORDS.choice(1, [Option(without(MAX, APX), YES), Option(MAX, NO)])
    part = WORDS.choice(2, [Option(without(MAX, APX), YES), Option(MAX, NO)])

    assert Subsets(WORDS, compatible=never_together).lacking(part, whole) == []
    assert len(Subsets(WORDS).lacking(part, whole)) == 1


def test_a_way_that_is_never_taken_is_none() -> None:
    whole = WORDS.choice("is_guest", [Option(WORDS.constant(0), None), Option(MAX)])

    assert Subsets(WORDS).lacking(MAX, whole) == []


def test_a_loop_that_clears_stays_below_what_it_began_with() -> None:
    """for (..) { if (..) x &= ~bit; }"""
    head, inner = Choice("head"), Choice("inner")
    head.options = (Option(MAX), Option(inner))
    inner.options = (Option(head), Option(without(head, WORDS.atom("bit", unknown=True))))
    settle([head, inner])

    assert Subsets(WORDS).lacking(head, MAX) == []
    assert [lack.missing for lack in Subsets(WORDS).lacking(MAX, head)] == [Missing(WORD, WORD)]


def test_a_loop_that_sets_stays_above_what_it_began_with() -> None:
    head = Choice("head")
    head.options = (Option(MAX), Option(either(head, WORDS.atom("bit"))))
    settle([head])

    assert Subsets(WORDS).lacking(MAX, head) == []
    assert Subsets(WORDS).lacking(head, MAX) != []


def test_ways_beyond_the_bound_are_not_decided() -> None:
    part: Word = MAX
    whole: Word = WORDS.constant(0)
    for number in range(12):
        options = [Option(WORDS.constant(1 << number)), Option(WORDS.constant(1 << number + 12))]
        whole = either(whole, WORDS.choice(number, options))
    lacks = Subsets(WORDS).lacking(part, whole)

    assert any(lack.missing.possible and not lack.missing.certain for lack in lacks)
    assert len(lacks) < 1 << 12
