"""The 64 xfeature bits: their names, their masks, and arithmetic on what is known about a mask.

Mirrors ``enum xfeature`` of arch/x86/include/asm/fpu/types.h and the
``XFEATURE_MASK_*`` macros; all values are read from the scanned tree's own
headers. A mask is a 64-bit word, bit 12 is CET_KERNEL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fpuscan.symbols.constexpr import WORD, Evaluator, Lookup, evaluate

__all__ = ["UNKNOWN", "WORD", "Evaluator", "FeatureBits", "Lookup", "MaskValue", "bits_of", "evaluate"]

_SOFTWARE_BITS = ("FPU_GUEST_PERM_LOCKED",)  # defined next to the features, in asm/fpu/types.h
_PREFIX = "XFEATURE_"
_STATUS = re.compile(r"_(UNUSED|UNIMPLEMENTED_SO_FAR)$")  # what a tree says about a feature it does not use yet


def bits_of(mask: int) -> tuple[int, ...]:
    """The numbers of the bits that are set in a mask, ascending."""
    return tuple(bit for bit in range(64) if mask >> bit & 1)


@dataclass(frozen=True, slots=True)
class FeatureBits:
    """The names of the xfeature bits in one tree; a bit without a name is shown by its number."""

    names: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def from_tree(
        cls, constants: Iterable[tuple[str, int]], evaluate_name: Callable[[str], int | None] = lambda _: None
    ) -> FeatureBits:
        """Read the bits from the constants of ``enum xfeature``, (name, value) in order, and the software bits.

        ``evaluate_name`` gives the value of a macro, or None. XFEATURE_MAX is a
        count, no feature.
        """
        names = {
            value: _STATUS.sub("", name.removeprefix(_PREFIX))
            for name, value in constants
            if name.startswith(_PREFIX) and name != f"{_PREFIX}MAX" and 0 <= value < 64
        }
        for name in _SOFTWARE_BITS:
            mask = evaluate_name(name)
            if mask and not mask & (mask - 1):
                names.setdefault(mask.bit_length() - 1, name)
        return cls(MappingProxyType(dict(sorted(names.items()))))

    @property
    def features(self) -> int:
        """All bits that name a feature; a software bit names none."""
        return sum(1 << bit for bit, name in self.names.items() if name not in _SOFTWARE_BITS)

    def name_bits(self, mask: int) -> tuple[str, ...]:
        """The names of the bits that are set, lowest bit first."""
        return tuple(self.names.get(bit, f"bit {bit}") for bit in bits_of(mask & WORD))

    def mask_of(self, name: str) -> int | None:
        """The mask with the one bit of that name ("CET_KERNEL"), None if the tree has no such bit."""
        return next((1 << bit for bit, known in self.names.items() if known == name), None)


@dataclass(frozen=True, slots=True)
class MaskValue:
    """What is known about a 64-bit word: the bits it may have and the bits it must have.

    It stands for every word ``w`` with ``must <= w <= may`` (bit by bit), and
    every operation is sound for all of these.
    """

    may: int
    must: int

    def __post_init__(self) -> None:
        if not 0 <= self.must <= self.may <= WORD or self.must & ~self.may:
            raise ValueError(f"not must <= may <= 64 bits: {self.must:#x}, {self.may:#x}")

    @classmethod
    def constant(cls, word: int) -> MaskValue:
        """Exactly that word."""
        return cls(word & WORD, word & WORD)

    @property
    def exact(self) -> bool:
        """True when the value is one known word."""
        return self.may == self.must

    def contains(self, word: int) -> bool:
        """True when the value may be that word."""
        return self.must & ~word == 0 and word & ~self.may == 0

    def join(self, other: MaskValue) -> MaskValue:
        """The value of either path."""
        return MaskValue(self.may | other.may, self.must & other.must)

    def cast(self, bits: int, *, signed: bool = False) -> MaskValue:
        """The value after a cast to an integer type of that width, widened to 64 bits again."""
        low = (1 << bits) - 1
        may, must = self.may & low, self.must & low
        if not signed or bits >= 64:
            return MaskValue(may, must)
        high, sign = WORD & ~low, 1 << (bits - 1)
        return MaskValue(may | (high if may & sign else 0), must | (high if must & sign else 0))

    def __and__(self, other: MaskValue) -> MaskValue:
        return MaskValue(self.may & other.may, self.must & other.must)

    def __or__(self, other: MaskValue) -> MaskValue:
        return MaskValue(self.may | other.may, self.must | other.must)

    def __xor__(self, other: MaskValue) -> MaskValue:
        may = (self.may | other.may) & ~(self.must & other.must)
        return MaskValue(may, self.must & ~other.may | other.must & ~self.may)

    def __invert__(self) -> MaskValue:
        return MaskValue(WORD & ~self.must, WORD & ~self.may)

    def __add__(self, other: MaskValue) -> MaskValue:
        return _add(self, other, carry=0)

    def __sub__(self, other: MaskValue) -> MaskValue:
        return _add(self, ~other, carry=1)

    def __lshift__(self, count: MaskValue) -> MaskValue:
        return _shift(count, lambda number: MaskValue(self.may << number & WORD, self.must << number & WORD))

    def __rshift__(self, count: MaskValue) -> MaskValue:
        return _shift(count, lambda number: MaskValue(self.may >> number, self.must >> number))


UNKNOWN = MaskValue(WORD, 0)
"""Nothing is known: any word."""


def _add(left: MaskValue, right: MaskValue, *, carry: int) -> MaskValue:
    # A bit of the sum is known where both operands' bits and the carry into it are. The carries are
    # monotone in the operands, so the smallest and the largest sum bound them.
    largest = left.may + right.may + carry
    smallest = left.must + right.must + carry
    carry_may = largest ^ left.may ^ right.may
    carry_must = smallest ^ left.must ^ right.must
    known = ~(left.may ^ left.must) & ~(right.may ^ right.must) & ~(carry_may ^ carry_must) & WORD
    return MaskValue((smallest & known) | (WORD & ~known), smallest & known)


def _shift(count: MaskValue, shift: Callable[[int], MaskValue]) -> MaskValue:
    # The join over all counts that are possible; a count of 64 and more leaves nothing.
    result: MaskValue | None = None
    for number in range(64):
        if count.contains(number):
            result = shift(number) if result is None else result.join(shift(number))
    if result is None or count.may >> 6:
        zero = MaskValue(0, 0)
        result = zero if result is None else result.join(zero)
    return result
