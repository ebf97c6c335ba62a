"""What a user asks about: a tree, a commit, the index, with patches, compared with another state.

Takes the names as typed and the scan as a function, gives one result; nothing
is printed here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fpuscan.blame import blame
from fpuscan.compare import against
from fpuscan.errors import UsageError
from fpuscan.patch import apply_series, load_patches
from fpuscan.result import Health, ScanResult, TreeInfo
from fpuscan.review import Memory, Scan, Scanner, review
from fpuscan.trees import open_other, open_tree

__all__ = ["Answer", "Request", "answer"]

_NOTHING = ScanResult(TreeInfo(), Health())


@dataclass(frozen=True, slots=True)
class Request:
    """The options that say what to read; each as typed, None or empty where not given."""

    tree: str | None = None
    rev: str | None = None
    staged: bool = False
    patches: tuple[str, ...] = ()
    each: bool = False
    against: str | None = None
    blame: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The result, and remarks for the terminal, one line each."""

    result: ScanResult
    notes: tuple[str, ...] = ()


def answer(
    request: Request, scan: Scan, standard_input: Callable[[int], bytes], memory: Memory | None = None
) -> Answer:
    """Open what is asked about, scan it, and set aside what was there before.

    `memory` is where the scan leaves its footprint: a tree that differs from
    the other state only in what that is indifferent to adds nothing, and needs
    no scan. Raises FpuscanError with one line; what cannot be opened is found
    out before anything is scanned.
    """
    if request.each and not request.patches:
        raise UsageError("--each goes with --patch: it checks the tree after every patch of a series")
    tree = open_tree(request.tree, revision=request.rev, staged=request.staged)
    states = apply_series(tree, load_patches(request.patches, standard_input))
    notes = tuple(note for state in states for note in state.notes)
    # The findings of a series are shown with their lines in its last state, which only a scan of that state knows.
    scanner = Scanner(scan, None if states else memory)
    before = None
    if request.against is not None:
        other = open_other(request.against, request.tree)
        before = scanner(other) if other is not None else _NOTHING
    if states:
        result = review(tree, states, scanner, each=request.each, before=before)
    else:
        result = scanner(tree) if before is None else against(scanner(tree), before)
    if request.blame:
        result, more = blame(result, states[-1].tree if states else tree, request.tree)
        notes += more
    return Answer(result, notes)
