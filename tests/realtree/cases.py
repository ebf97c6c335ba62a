"""Edits of real trees with what they must be reported as: registered by a decorator, checked some in one scan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fpuscan.result import Finding
from tests.realtree.edits import TreeCopy, leaks
from tests.realtree.leaks import Leak, describe, in_release
from tests.realtree.packs import Pack, packs, record
from tests.realtree.variants import MemoryCopy, Variant

__all__ = ["Cases", "check"]

Edit = Callable[[TreeCopy], None]


@dataclass(frozen=True, slots=True)
class _Case:
    edit: Edit
    leaks: tuple[Leak, ...]
    also: frozenset[str]

    # The edit in a release; what it calls may stand below it.
    def variant(self, release: str) -> Variant:
        found = tuple(in_release(leak, release) for leak in self.leaks) if release else self.leaks
        return Variant(self.edit.__name__, release, record(self.edit), found, self.also, "")


@dataclass(slots=True)
class Cases:
    """The edits of one test module, in the order in which they stand there."""

    registered: list[_Case] = field(default_factory=list)

    def __call__(self, *expected: Leak, also: tuple[str, ...] = ()) -> Callable[[Edit], Edit]:
        """Register an edit; without a leak it is a harmless twin. ``also``: functions in which it has consequences."""

        def register(edit: Edit) -> Edit:
            self.registered.append(_Case(edit, expected, frozenset(also)))
            return edit

        return register

    def params(self, *releases: str) -> list[object]:
        """The scans for parametrize, by their first edit; each edit in each release (none: in the newest tree)."""
        variants = [one.variant(release) for release in releases or ("",) for one in self.registered]
        return [
            pytest.param(pack, id=f"{pack.release}-{pack.names[0]}-{len(pack.members)}".lstrip("-"))
            for pack in packs(variants)
        ]


def check(pack: Pack[Variant], source: Path) -> None:
    """Make the edits in a copy of a tree and scan it: their leaks are reported, and no others."""
    tree = MemoryCopy(source)
    for variant in pack.members:
        variant.apply(tree)
    result = tree.scan()
    found = leaks(result)
    expected = [leak for variant in pack.members for leak in variant.leaks]
    also = {name for variant in pack.members for name in variant.also}
    missing = [leak for leak in expected if not any(leak.fits(finding, tree) for finding in found)]
    rest = [item for item in found if not any(leak.fits(item, tree) for leak in expected)]
    more = [item for item in rest if item.location.function not in also]

    difference = _difference(missing, more)
    assert not difference, f"{difference}\n  ({', '.join(pack.names)})"
    assert result.health.incomplete == ()
    for finding in found:
        assert [step.location.line for step in finding.trace if step.crossing] == [finding.location.line]


# What is expected and missing (-), and what is found and not expected (+).
def _difference(missing: list[Leak], more: list[Finding]) -> str:
    return "\n".join([f"- {leak}" for leak in missing] + [f"+ {describe(finding)}" for finding in more])
