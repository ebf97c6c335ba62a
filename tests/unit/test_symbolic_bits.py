"""Masks as functions of definitions: what they simplify to, and what replaces what."""

from __future__ import annotations

from fpuscan.engine.words.symbolic_bits import (
    ALWAYS,
    Choice,
    Constant,
    Mapped,
    Option,
    Word,
    Words,
    definitions,
    first_choice,
    settle,
    settled,
)
from fpuscan.xfeatures import WORD

WORDS = Words()
ONE, OTHER = WORDS.atom("one"), WORDS.atom("other")


def test_equal_words_are_one_object() -> None:
    assert WORDS.atom("one") is ONE
    assert WORDS.atom("one", unknown=True) is not ONE
    assert WORDS.gate("&", ONE, OTHER) is WORDS.gate("&", ONE, OTHER)
    assert WORDS.operation("+", (ONE, OTHER)) is WORDS.operation("+", (ONE, OTHER))
    assert WORDS.operation("+", (ONE, OTHER)) is not WORDS.operation("+", (OTHER, ONE))


def test_constants_fold_as_64_bit_words() -> None:
    folded = WORDS.gate("^", WORDS.inverse(WORDS.constant(0)), WORDS.gate("|", WORDS.constant(1), WORDS.constant(6)))

    assert isinstance(folded, Constant)
    assert folded.value == WORD ^ 7


def test_what_changes_nothing_is_dropped() -> None:
    assert WORDS.gate("&", ONE, WORDS.constant(WORD)) is ONE
    assert WORDS.gate("|", WORDS.constant(0), ONE) is ONE
    assert WORDS.gate("&", ONE, ONE) is ONE
    assert WORDS.inverse(WORDS.inverse(ONE)) is ONE
    assert WORDS.gate("&", ONE, WORDS.constant(0)) is WORDS.constant(0)
    assert WORDS.gate("^", ONE, ONE) is WORDS.constant(0)


def test_a_choice_of_one_word_is_that_word() -> None:
    assert WORDS.choice("here", [Option(ONE), Option(ONE)]) is ONE


def test_a_loop_that_changes_nothing_is_no_loop() -> None:
    """x = one; while (..) ; the value at the head is x or the head's own."""
    head, inner = Choice("head"), Choice("inner")
    head.options = (Option(ONE), Option(inner))
    inner.options = (Option(head), Option(head))
    settle([head, inner])

    assert settled(head) is ONE
    assert settled(inner) is ONE
    assert not head.loop


def test_the_head_of_a_loop_is_a_definition() -> None:
    """The join inside the loop can be taken apart, the pass of the loop cannot."""
    head, inner = Choice("head"), Choice("inner")
    head.options = (Option(ONE), Option(inner))
    inner.options = (Option(head), Option(WORDS.gate("&", head, OTHER)))
    settle([head, inner])

    assert (head.loop, inner.loop) == (True, False)
    assert definitions(WORDS.gate("|", head, OTHER)) == [head, OTHER]
    assert first_choice(head) is None
    assert first_choice(inner) is inner


def test_a_way_is_taken_at_every_choice_of_its_point() -> None:
    here = WORDS.choice("here", [Option(ONE), Option(OTHER)])
    there = WORDS.choice("there", [Option(here), Option(WORDS.constant(0))])
    take = WORDS.selection("here", 1)

    assert take(here) is OTHER
    assert take(WORDS.gate("&", here, ONE)) is WORDS.gate("&", OTHER, ONE)
    assert first_choice(take(there)) is not None


def test_a_loop_stays_one_definition_where_its_parts_are_replaced() -> None:
    """Two words that hold the same loop hold the same one in the words of a caller."""
    head = Choice("head")
    head.options = (Option(ONE), Option(WORDS.gate("&", head, OTHER)))
    settle([head])
    caller = WORDS.atom("argument")

    def instead(atom: Word) -> Word | None:
        return caller if atom is ONE else None

    put = WORDS.mapping(Mapped(atom=instead, point=lambda point: ("site", point)))
    first, second = put(WORDS.gate("&", head, WORDS.constant(1))), put(WORDS.gate("&", head, WORDS.constant(2)))

    (one,), (same,) = definitions(first), definitions(second)
    assert one is same
    assert isinstance(one, Choice)
    assert (one.loop, one.point, one.options[0].word) == (True, ("site", "head"), caller)
    assert head.options[0].word is ONE


def test_conditions_are_carried_into_the_words_of_a_caller() -> None:
    here = WORDS.choice("here", [Option(ONE, frozenset({"yes"})), Option(OTHER, frozenset({"no"}), origin=7)])
    put = WORDS.mapping(Mapped(ways=lambda ways: None if ways == frozenset({"no"}) else ALWAYS))
    found = put(here)

    assert isinstance(found, Choice)
    assert [(option.ways, option.origin) for option in found.options] == [(ALWAYS, None), (None, 7)]
