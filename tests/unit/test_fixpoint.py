"""Values that depend on themselves: the answer, and how much work it may cost."""

from __future__ import annotations

from fpuscan.engine.values.fixpoint import _MOST, Fixpoint

ANY = 1 << 64


class Circle:
    """Values that all depend on all: bit ``n`` and the bits of every other one."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.fixpoint = Fixpoint()
        self.known: dict[int, int] = {}
        self.steps = 0

    def bits(self, number: int) -> int:
        return self.fixpoint.apart(self.known, number, lambda: self._compute(number), 0, ANY)

    def _compute(self, number: int) -> int:
        self.steps += 1
        found = 1 << number
        for other in range(self.count):
            found |= self.fixpoint.once(self.known, other + 100, lambda other=other: self.bits(other), 0, ANY)  # type: ignore[misc]
        return found


def test_values_that_depend_on_each_other_have_the_bits_of_all() -> None:
    circle = Circle(4)

    assert [circle.bits(number) for number in range(4)] == [0b1111] * 4


def test_a_large_circle_costs_no_more_than_the_bound() -> None:
    """A random program with five globals that its functions copied round took minutes."""
    circle = Circle(14)

    found = circle.bits(0)

    assert found & ANY, "what would take too long may be anything"
    assert circle.steps < _MOST
