"""Evaluation of values that may depend on themselves.

A value that is asked for while it is evaluated starts from the least value of
its lattice; what was computed meanwhile is kept only for the outermost of such
a circle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["MAX_DEPTH", "Fixpoint"]

MAX_DEPTH = 60
_BUDGET = 300  # steps of one evaluation; beyond it a value may be anything
_MOST = 6_000  # steps of all evaluations that one brings with it; a real tree needs some 700

K = TypeVar("K", bound="Hashable")
T = TypeVar("T")


class Fixpoint:
    """Which values are being evaluated, and how much that has cost; shared by tables that depend on each other."""

    def __init__(self) -> None:
        self.cuts = 0  # how often a value was asked for while it was evaluated
        self._busy: set[object] = set()
        self._spent = 0
        self._total = 0

    def once(self, known: dict[K, T], key: K, compute: Callable[[], T], least: T, greatest: T) -> T:
        """The value of ``key``, computed if ``known`` has none; ``greatest`` where that would take too long."""
        found = known.get(key)
        if found is not None:
            return found
        if key in self._busy:
            self.cuts += 1
            return least
        if not self._busy:
            self._spent = self._total = 0
        self._spent += 1
        self._total += 1
        if len(self._busy) > MAX_DEPTH or self._spent > _BUDGET or self._total > _MOST:
            return greatest
        return self._computed(known, key, compute)

    def apart(self, known: dict[K, T], key: K, compute: Callable[[], T], least: T, greatest: T) -> T:
        """The same with a budget of its own, so that the value does not depend on who asks for it and when."""
        found = known.get(key)
        if found is not None:
            return found
        if key in self._busy:
            self.cuts += 1
            return least
        if not self._busy:
            self._total = 0
        if self._total > _MOST:
            return greatest
        spent, self._spent = self._spent, 0
        try:
            return self._computed(known, key, compute)
        finally:
            self._spent = spent

    def _computed(self, known: dict[K, T], key: K, compute: Callable[[], T]) -> T:
        cuts = self.cuts
        self._busy.add(key)
        try:
            found = compute()
        finally:
            self._busy.discard(key)
        if cuts == self.cuts or not self._busy:
            known[key] = found
        return found
