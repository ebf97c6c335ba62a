"""Commits that changed no verdict, taken back or made early: the finding of the one state is that of the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.result import Finding, Severity
from tests.realtree.edits import TreeCopy, last_member, leaks, version
from tests.realtree.leaks import REQUEST, USER, XSTATE
from tests.realtree.variants import MemoryCopy

pytestmark = pytest.mark.realtree


def before_d8414603b29f(tree: TreeCopy) -> None:
    """The host's supervisor features join the request, and a statement cuts the mask that is stored, too."""
    tree.insert(XSTATE, REQUEST, "if (!guest)\n\t\tmask |= xfeatures_mask_supervisor();", before="ksize =")
    tree.insert(XSTATE, REQUEST, f"mask &= {USER};", before="usize =")
    tree.assign(XSTATE, REQUEST, "usize", "xstate_calculate_size(mask, false)")


def after_d8414603b29f(tree: TreeCopy) -> None:
    """The permission keeps its supervisor features; the mask stands in the computation of the user's size."""
    tree.drop_mask(XSTATE, REQUEST, USER)
    tree.replace(XSTATE, REQUEST, "if (!guest)\n\t\tmask |= xfeatures_mask_supervisor();", "")
    tree.assign(XSTATE, REQUEST, "usize", f"xstate_calculate_size(mask & {USER}, false)")


def requests(found: tuple[Finding, ...]) -> list[tuple[str, Severity, str, str]]:
    """The findings about the user's size that a permission request stores."""
    return [
        (item.rule, item.severity, last_member(item.sink.place), item.side)
        for item in found
        if item.location.function == REQUEST and item.rule == "FPU101"
    ]


@pytest.mark.sampled(4)
def test_d8414603b29f_changes_no_verdict(real_tree: Path) -> None:
    """The mask moved from a statement into the expression: a note in front of it, and behind."""
    edited = MemoryCopy(real_tree)
    was = requests(edited.scan().findings)
    (after_d8414603b29f if version(real_tree) < (6, 16) else before_d8414603b29f)(edited)

    result = edited.scan()

    assert was == requests(result.findings) == [("FPU101", Severity.NOTE, "__user_state_size", "guest")]
    assert leaks(result) == []
