"""A short run of the tests takes a sample, and every test has its part in it."""

from __future__ import annotations

import pytest

from tests.effort import Sampled, known, names_tests, sample

FIVE = [Sampled("a", 3)] * 5


@pytest.mark.parametrize(
    ("seed", "taken"), [(0, [True, False, False, True, False]), (1, [False, True, False, False, True])]
)
def test_one_of_so_many_is_taken_and_another_seed_takes_others(seed: int, taken: list[bool]) -> None:
    assert sample(FIVE, seed) == taken


def test_every_seed_together_takes_all() -> None:
    assert [any(each) for each in zip(*(sample(FIVE, seed) for seed in range(3)), strict=True)] == [True] * 5


@pytest.mark.parametrize("seed", range(4))
def test_a_test_of_few_parameters_is_not_left_out(seed: int) -> None:
    items = [Sampled("a", 8), None, Sampled("a", 8), Sampled("b", 8)]

    taken = sample(items, seed)

    assert taken[1]
    assert taken[3]
    assert taken[0] != taken[2]


def test_a_word_that_is_no_effort_is_refused() -> None:
    assert known("long") == "long"
    with pytest.raises(ValueError, match="FPUSCAN_PROOF=lng: known are short, wide, long"):
        known("lng")


def test_named_tests_are_no_sample() -> None:
    assert names_tests(["tests/a.py::test_x[y]"], "")
    assert names_tests(["tests"], "y")
    assert not names_tests(["tests/a.py"], "")
