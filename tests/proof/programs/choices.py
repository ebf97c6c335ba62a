"""The random choices of a program, and what all its parts share: its features, names and helpers."""

from __future__ import annotations

import random

from tests.proof.programs.scope import Helper, Usable

__all__ = ["Choices"]

_MASKS = (0xFF, 0xF0, 0xFFFF0000, 0x00FF00FF00FF00FF, 0xFFFFFFFF00000000, 0x1, 0x8000000000000000, 0x3E7, 0xE02FF)


class Choices:
    """A stream of random choices over one program."""

    def __init__(self, number: int, rng: random.Random, features: frozenset[str]) -> None:
        self.rng = rng
        self.features = features
        self.p = f"p{number}"
        self.helpers: list[Helper] = []
        self.idioms: list[Usable] = []
        self.switches = tuple(f"CONFIG_{self.p.upper()}_{letter}" for letter in "ABC")
        self.serial = 0
        self.depth = 0
        self.level = 0
        self.in_entry = False

    def has(self, *names: str) -> bool:
        return all(name in self.features for name in names)

    def chance(self, percent: int) -> bool:
        return self.rng.randrange(100) < percent

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def constant(self) -> str:
        if self.chance(50):
            return f"0x{self.rng.choice(_MASKS):x}ULL"
        return f"0x{self.rng.getrandbits(64):x}ULL" if self.chance(50) else str(self.rng.randrange(200))

    def mask(self) -> str:
        text = f"{self.p.upper()}_MASK" if self.has("macros") and self.chance(40) else self.constant()
        return f"~{text}" if self.chance(25) else text

    def switch(self) -> str:
        return self.rng.choice(self.switches)

    def arm_condition(self) -> str:
        """What an arm may test."""
        first, second = self.switch(), self.switch()
        conditions = (
            f"defined({first})",
            f"!defined({first})",
            f"IS_ENABLED({first})",
            f"defined({first}) && !defined({second})",
            f"defined({first}) || IS_ENABLED({second})",
        )
        return self.rng.choice(conditions)

    def arm(self) -> str:
        """The directive that opens an arm."""
        if self.chance(50):
            return f"{self.rng.choice(('#ifdef', '#ifdef', '#ifndef'))} {self.switch()}"
        return f"#if {self.arm_condition()}"

    def of(self, *kinds: str) -> list[Helper]:
        return [helper for helper in self.helpers if helper.kind in kinds]

    def values(self) -> list[Helper]:
        return self.of("value", "flagged", "reader", "byvalue", "recursive", "viafnptr", "source")
