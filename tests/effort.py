"""How much the tests try: FPUSCAN_PROOF and FPUSCAN_PROOF_SEED.

A short run stays under five minutes on two cores; ``FPUSCAN_PROOF=wide`` takes what a change of the engine wants,
some ten minutes; ``FPUSCAN_PROOF=long`` takes everything there is, about an hour. Every test that can try more or less
asks here, or is marked ``sampled(N)``: a short run then takes one of N of its parameters, others with another seed.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

__all__ = ["LONG", "SEED", "WIDE", "Sampled", "known", "names_tests", "sample"]

EFFORTS = ("short", "wide", "long")


def known(value: str) -> str:
    """One of :data:`EFFORTS`; `ValueError` for a word that is none: nobody should take a short run for a long one."""
    if value not in EFFORTS:
        raise ValueError(f"FPUSCAN_PROOF={value}: known are {', '.join(EFFORTS)}")
    return value


_EFFORT = known(os.environ.get("FPUSCAN_PROOF") or "short")
WIDE = _EFFORT != "short"
LONG = _EFFORT == "long"
SEED = int(os.environ.get("FPUSCAN_PROOF_SEED") or "1")


@dataclass(frozen=True, slots=True)
class Sampled:
    """One parameter of a test of which a short run takes every ``every``-th."""

    test: str
    every: int


def sample(items: Iterable[Sampled | None], seed: int) -> list[bool]:
    """Which items a short run takes: all that are not sampled, and of each test one of ``every``, at least one."""
    listed = list(items)
    numbers = Counter(item.test for item in listed if item)
    seen: defaultdict[str, int] = defaultdict(int)
    found = []
    for item in listed:
        if item is None:
            found.append(True)
            continue
        step = min(item.every, numbers[item.test])
        found.append(seen[item.test] % step == seed % step)
        seen[item.test] += 1
    return found


def names_tests(arguments: Collection[str], keyword: str) -> bool:
    """Whether a run was asked for certain tests: then those are meant, and no sample of them."""
    return bool(keyword) or any("::" in each for each in arguments)
