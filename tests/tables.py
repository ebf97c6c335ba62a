"""Tables at the end of a test run, whichever process ran the tests.

A test hands its rows over by ``record_property``; the process that started the run
has those of all tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import cast

__all__ = ["EDITS", "MUTANT", "PRECISION", "lines"]

PRECISION = "precision of a batch of random programs"  # a count by name
EDITS = "edits of real trees in one scan"  # (their number, the number of all edits there are)
MUTANT = "mutant"  # (what, what is expected, what it got)

Property = tuple[str, object]


def lines(properties: Iterable[Property]) -> Iterator[str]:
    """The tables of all that tests have handed over."""
    found = list(properties)
    yield from _precision([cast("Mapping[str, int]", value) for name, value in found if name == PRECISION])
    yield from _edits([cast("tuple[int, int]", value) for name, value in found if name == EDITS])
    yield from _mutants([cast("tuple[str, str, str]", value) for name, value in found if name == MUTANT])


def _precision(batches: list[Mapping[str, int]]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(batch)
    reported, unseen, wide = (counts.pop(name, 0) for name in ("reported", "unseen", "too many bits"))
    if not reported:
        return
    yield f"random programs: {reported} flows reported, {_share(unseen, reported)} shown by no input, because"
    for name, count in counts.most_common():
        yield f"  {count:>5}  {_share(count, reported):>6}  {name}"
    yield f"  {_share(wide, reported)} shown with fewer bits than reported"


def _edits(scans: list[tuple[int, int]]) -> Iterator[str]:
    if scans:
        made, every = sum(number for number, _ in scans), scans[0][1]
        yield f"edits of real trees: {made} of {every} in {len(scans)} scans; FPUSCAN_PROOF=wide: a third, long: all"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _mutants(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    if not rows:
        return
    for what, expected, got in rows:
        yield f"  {what:<90} {expected:<8} {got}"
    leaks = [got for _, expected, got in rows if expected == "leak"]
    alarms = sum(got == "FALSE ALARM" for _, _, got in rows)
    yield (
        f"{len(rows)} mutants: {leaks.count('reported')} of {len(leaks)} leaks reported, "
        f"{alarms} false alarms in {len(rows) - len(leaks)} others"
    )
