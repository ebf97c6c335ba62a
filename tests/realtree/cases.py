"""Edits of real trees with what they must be reported as: registered by a decorator, checked one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from fpuscan.result import Finding
from tests.realtree.edits import TreeCopy, leaks
from tests.realtree.leaks import Leak, describe

__all__ = ["Case", "Cases"]

Edit = Callable[[TreeCopy], None]


@dataclass(frozen=True, slots=True)
class Case:
    """An edit and its leaks; ``also`` are functions in which the edit has more consequences."""

    edit: Edit
    leaks: tuple[Leak, ...]
    also: frozenset[str]

    @property
    def name(self) -> str:
        return self.edit.__name__

    def check(self, tree: TreeCopy) -> None:
        """Edit a copy of a tree and scan it: these leaks are reported, and no others."""
        self.edit(tree)
        result = tree.scan()
        found = leaks(result)
        missing = [leak for leak in self.leaks if not any(leak.fits(finding, tree) for finding in found)]
        rest = [item for item in found if not any(leak.fits(item, tree) for leak in self.leaks)]
        more = [item for item in rest if item.location.function not in self.also]

        assert _difference(missing, more) == ""
        assert result.health.incomplete == ()
        for finding in found:
            assert [step.location.line for step in finding.trace if step.crossing] == [finding.location.line]


@dataclass(slots=True)
class Cases:
    """The edits of one test module, in the order in which they stand there."""

    registered: list[Case] = field(default_factory=list)

    def __call__(self, *expected: Leak, also: tuple[str, ...] = ()) -> Callable[[Edit], Edit]:
        """Register an edit; without a leak it is a harmless twin."""

        def register(edit: Edit) -> Edit:
            self.registered.append(Case(edit, expected, frozenset(also)))
            return edit

        return register

    def params(self) -> list[object]:
        """The cases for parametrize, by the names of the edits."""
        return [pytest.param(one, id=one.name) for one in self.registered]


# What is expected and missing (-), and what is found and not expected (+).
def _difference(missing: list[Leak], more: list[Finding]) -> str:
    return "\n".join([f"- {leak}" for leak in missing] + [f"+ {describe(finding)}" for finding in more])
