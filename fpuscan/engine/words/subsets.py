"""Whether one mask is a subset of another, over words of :mod:`fpuscan.engine.words.symbolic_bits`.

All gates work on each bit alone, so one truth table over the definitions decides a
bit for every value that they can have: :func:`uncovered` is exact. A truth table is
a Python integer with one bit for each assignment. Choices are taken apart where
their being anything at all would not do (:func:`lacking`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, reduce
from itertools import islice
from operator import and_, or_
from typing import NamedTuple

from fpuscan.engine.words.symbolic_bits import (
    Atom,
    Choice,
    Constant,
    Gate,
    Inverse,
    Leaf,
    Operation,
    Option,
    Word,
    Words,
    apply,
    definitions,
    first_choice,
    gated,
    holds,
    parts,
)
from fpuscan.engine.words.symbolic_bits import settled as _settled
from fpuscan.xfeatures import WORD

__all__ = ["NOTHING_MISSING", "Fact", "Lack", "Missing", "Subsets", "uncovered", "union"]

_MAX_DEFINITIONS = 12  # 4096 assignments
_MAX_CASES = 256
_MAX_IN_ALL = 8_000  # cases of one scan; a real tree has two hundred
_MAX_ROUNDS = 3  # facts about definitions that other facts bring in

Fact = tuple[Word, Word]  # the first is a subset of the second


class Missing(NamedTuple):
    """Bits that one mask may have and another lacks: for ``certain`` known definitions alone make it so, ``possible``
    are these and the ones that an unknown value would make so.
    """  # noqa: D205

    certain: int = 0
    possible: int = 0


NOTHING_MISSING = Missing()


def union(found: Iterable[Missing]) -> Missing:
    """The bits of any."""
    certain = possible = 0
    for missing in found:
        certain |= missing.certain
        possible |= missing.possible
    return Missing(certain, possible)


def uncovered(part: Word, whole: Word, facts: Iterable[Fact] = ()) -> Missing:
    """The bits that ``part`` may have and ``whole`` lack.

    A bit is missing for certain if known definitions make it so whatever the unknown ones are, or if ``whole`` never
    has it though it is made of the same unknown ones. A definition from outside that only ``whole`` uses may well be
    such that it covers: it counts as unknown.
    """
    known = list(facts)
    everything = (part, whole, *(word for fact in known for word in fact))
    operands = list(gated(everything))
    leaves = [word for word in operands if isinstance(word, Leaf)]
    if len(leaves) > _MAX_DEFINITIONS:
        return Missing(0, WORD)
    in_part, in_whole = set(definitions(part)), set(definitions(whole))
    unknown = [
        leaf
        for leaf in leaves
        if _is_open(leaf, in_part)
        or _is_left_over(leaf, in_part | in_whole)
        or _is_entangled(leaf, (part, whole), in_part | in_whole, known)
    ]
    tables = _Tables(leaves, unknown, shared=in_whole.issuperset(leaf for leaf in unknown if leaf in in_part))
    certain = possible = 0
    for mask in _alike(frozenset(word.value for word in operands if isinstance(word, Constant))):
        may, must = tables.missing(part, whole, known, mask.bit_length() - 1)
        possible |= mask if may else 0
        certain |= mask if must else 0
    return Missing(certain, possible)


@cache
def _alike(constants: frozenset[int]) -> tuple[int, ...]:
    """Masks of the bits that are alike: each constant has all of them or none."""
    masks = [WORD]
    for value in constants:
        masks = [each for mask in masks for each in (mask & value, mask & ~value) if each]
    return tuple(masks)


def _is_open(leaf: Leaf, in_part: set[Leaf]) -> bool:
    """Whether nothing may be concluded from this definition's being another one than the rest."""
    below = [word for word in parts((leaf,), inside=_is_whole) if isinstance(word, Atom | Choice)]
    if any(isinstance(word, Atom) and word.unknown for word in below):
        return True
    return leaf not in in_part and bool(below) and all(isinstance(word, Atom) and word.free for word in below)


def _is_left_over(leaf: Leaf, decided: set[Leaf]) -> bool:
    """Whether a choice stands in facts about a loop alone, so that nobody takes it apart."""
    return isinstance(leaf, Choice) and not leaf.loop and leaf not in decided


def _is_whole(word: Word) -> bool:
    """Whether a word is never taken apart: what a loop does with an unknown value is unknown."""
    return not isinstance(word, Choice) or word.loop


def _is_entangled(leaf: Leaf, compared: Iterable[Word], decided: set[Leaf], facts: Iterable[Fact]) -> bool:
    """Whether a definition may be tied to the rest in a way that no fact tells: arithmetic on what the rest is made of,
    or a loop that does not only clear or set bits of something: ``for (...) if (m & BIT(i)) n |= BIT(i);``, or of
    a choice that nobody takes apart.
    """  # noqa: D205
    if isinstance(leaf, Choice) and leaf.loop:
        others = (_settled(word) for fact in facts if leaf in fact for word in fact if word is not leaf)
        return all(
            isinstance(word, Constant) or (isinstance(word, Leaf) and _is_left_over(word, decided)) for word in others
        )
    if not isinstance(leaf, Operation):
        return False
    made_of = _atoms((leaf,))
    return any(word in made_of for word in parts(compared, inside=lambda word: word is not leaf))


def _atoms(words: Iterable[Word]) -> set[Word]:
    return {word for word in parts(words) if isinstance(word, Atom)}


class _Tables:
    """Truth tables of one bit: bit ``row`` of a table is the value under assignment ``row``, in which definition
    ``number`` is bit ``number``. ``shared``: the whole depends on every unknown definition that the part depends on.
    """  # noqa: D205

    def __init__(self, leaves: list[Leaf], unknown: list[Leaf], *, shared: bool) -> None:
        self.full = (1 << (1 << len(leaves))) - 1
        self.shared = shared
        self.columns: dict[Word, int] = {leaf: self._column(number) for number, leaf in enumerate(leaves)}
        self.unknown = [leaves.index(leaf) for leaf in unknown]

    def _column(self, number: int) -> int:
        """The rows in which a definition's bit is set: every second block of 2^number rows."""
        block = 1 << number
        return self.full // ((1 << block) + 1) << block

    def missing(self, part: Word, whole: Word, facts: list[Fact], bit: int) -> tuple[bool, bool]:
        """Whether a bit may be missing at all, and whether for certain."""
        allowed = self.full
        for smaller, larger in facts:
            allowed &= ~self.table(smaller, bit) | self.table(larger, bit)
        has, covers = self.table(part, bit) & allowed, self.table(whole, bit) & allowed
        lacking = has & ~covers
        if not lacking:
            return False, False
        always = self._for_every_unknown(lacking | (self.full & ~allowed)) & self._for_some_unknown(allowed)
        return True, bool(always) or (self.shared and not covers)

    def _for_every_unknown(self, rows: int) -> int:
        for number in self.unknown:
            block = 1 << number
            both = (rows & self._column(number)) >> block & rows
            rows = both | both << block
        return rows

    def _for_some_unknown(self, rows: int) -> int:
        return self.full & ~self._for_every_unknown(self.full & ~rows)

    def table(self, word: Word, bit: int) -> int:
        """The values of a word's bit."""
        word = _settled(word)
        match word:
            case Constant():
                return self.full if word.value >> bit & 1 else 0
            case Gate():
                return apply(word.op, self.table(word.left, bit), self.table(word.right, bit))
            case Inverse():
                return self.full & ~self.table(word.operand, bit)
            case _:
                return self.columns[word]


# ---------------------------------------------------------------- choices taken apart


class Lack(NamedTuple):
    """One way on which ``part`` is no subset of ``whole``: both words on that way, what is missing, the conditions of
    the way and where it was chosen (the origins of the options).
    """  # noqa: D205

    part: Word
    whole: Word
    missing: Missing
    ways: frozenset[Hashable] = frozenset()
    origins: tuple[Hashable, ...] = ()


Compatible = Callable[[frozenset[Hashable], frozenset[Hashable]], bool]


@dataclass(slots=True)
class Subsets:
    """Decides subsets. ``facts_about`` gives what is known of some definitions, ``compatible`` says whether
    the conditions of two options can hold together.
    """  # noqa: D205

    words: Words
    facts_about: Callable[[list[Leaf]], list[Fact]] = lambda _: []
    compatible: Compatible = lambda _first, _second: True
    _bounds: dict[Choice, list[Fact]] = field(default_factory=dict)
    _left: int = _MAX_IN_ALL

    def lacking(self, part: Word, whole: Word, facts: Sequence[Fact] = ()) -> list[Lack]:
        """Every way on which ``part`` may have a bit that ``whole`` lacks."""
        cases = min(_MAX_CASES, self._left)
        budget = [cases]
        found = self._apart(Lack(part, whole, NOTHING_MISSING), list(facts), budget)
        self._left = max(0, self._left - (cases - budget[0]))
        return found

    def _apart(self, way: Lack, facts: list[Fact], budget: list[int]) -> list[Lack]:
        budget[0] -= 1
        missing = uncovered(way.part, way.whole, self._facts(way, facts))
        if not missing.possible:
            return []
        choice = first_choice(way.part, way.whole)
        if choice is None:
            return [Lack(way.part, way.whole, missing, way.ways, way.origins)]
        if budget[0] < 0:
            return [Lack(way.part, way.whole, Missing(0, missing.possible), way.ways, way.origins)]
        found = []
        for number, option in enumerate(choice.options):
            if option.ways is None or not self.compatible(way.ways, option.ways):
                continue
            take = self.words.selection(choice.point, number)
            taken = Lack(
                take(way.part), take(way.whole), missing, way.ways | option.ways, (*way.origins, option.origin)
            )
            found += self._apart(taken, [(take(smaller), take(larger)) for smaller, larger in facts], budget)
        return found

    def _facts(self, way: Lack, facts: list[Fact]) -> list[Fact]:
        """What is known of the definitions of a way, and of those that this brings in."""
        known = list(facts)
        seen: set[Leaf] = set()
        for _ in range(_MAX_ROUNDS):
            words = (way.part, way.whole, *(word for fact in known for word in fact))
            new = [leaf for leaf in definitions(*words) if leaf not in seen]
            if not new:
                break
            seen.update(new)
            known += self.facts_about(new)
            for leaf in new:
                if isinstance(leaf, Choice) and leaf.loop:
                    known += self._loop_bounds(leaf)
        return known

    def _loop_bounds(self, loop: Choice) -> list[Fact]:
        """What a loop only clears is a subset of what it began with, what it only sets a superset; but for the bits
        that constants clear or set.
        """  # noqa: D205
        found = self._bounds.get(loop)
        if found is None:
            self._bounds[loop] = []  # a loop inside says nothing of the one around it
            found = self._find_bounds(loop)
            self._bounds[loop] = found
        return found

    def _find_bounds(self, loop: Choice) -> list[Fact]:
        before = {word for word in map(_word_of, loop.options) if not holds(word, loop)}
        again = [word for word in map(_word_of, loop.options) if holds(word, loop) and word is not loop]
        if len(before) != 1:
            return []
        (first,) = before
        constants = [word.value for word in gated(again) if isinstance(word, Constant)]
        kept, added = (self.words.constant(reduce(gate, constants, zero)) for gate, zero in ((and_, WORD), (or_, 0)))
        uppers = dict.fromkeys((first, self.words.gate("|", first, added)))
        lowers = dict.fromkeys((first, self.words.gate("&", first, kept)))
        above = (upper for upper in uppers if not any(self.lacking(word, upper, [(loop, upper)]) for word in again))
        below = (lower for lower in lowers if not any(self.lacking(lower, word, [(lower, loop)]) for word in again))
        return [*((loop, upper) for upper in islice(above, 1)), *((lower, loop) for lower in islice(below, 1))]


def _word_of(option: Option) -> Word:
    return _settled(option.word)
