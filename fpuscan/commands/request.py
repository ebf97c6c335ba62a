"""What a user asks about: a tree, a commit, the index, with patches, compared with another state.

Takes the names as typed and the scan as a function, gives one result; nothing
is printed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fpuscan.commands.beside import Beside
from fpuscan.commands.review import Scanner, review
from fpuscan.errors import UsageError
from fpuscan.result import Health, ScanResult, TreeInfo
from fpuscan.trees import open_other, open_tree
from fpuscan.triage.compare import against

if TYPE_CHECKING:
    from fpuscan.patch import Applied
    from fpuscan.tree import KernelTree

__all__ = ["Answer", "Request", "answer"]

_NOTHING = ScanResult(TreeInfo(), Health())


@dataclass(frozen=True, slots=True)
class Request:
    """The options that say what to read; each as typed, None or empty where not given.

    `brief`: of findings that were there before, and of the health, the report shows numbers alone.
    """

    tree: str | None = None
    rev: str | None = None
    staged: bool = False
    patches: tuple[str, ...] = ()
    each: bool = False
    against: str | None = None
    blame: bool = False
    brief: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The result, and remarks for the terminal, one line each."""

    result: ScanResult
    notes: tuple[str, ...] = ()


def answer(request: Request, scanner: Scanner, standard_input: Callable[[int], bytes]) -> Answer:
    """Open what is asked about, scan it, and set aside what was there before.

    Raises FpuscanError with one line; what cannot be opened is found out
    before anything is scanned.
    """
    if request.each and not request.patches:
        raise UsageError("--each goes with --patch: it checks the tree after every patch of a series")
    tree = open_tree(request.tree, revision=request.rev, staged=request.staged)
    states = _states(request, tree, standard_input) if request.patches else ()
    notes = tuple(note for state in states for note in state.notes)
    if request.against is None:
        result = review(tree, states, scanner, each=request.each) if states else scanner(tree)
    else:
        result, before = _compared(request, scanner, tree, states)
        notes += tuple(_not_compared(request.against, before))
    if request.blame:
        from fpuscan.commands.blame import blame

        result, more = blame(result, states[-1].tree if states else tree, request.tree)
        notes += more
    return Answer(result, notes)


def _states(request: Request, tree: KernelTree, standard_input: Callable[[int], bytes]) -> Sequence[Applied]:
    from fpuscan.patch import apply_series, load_patches

    return apply_series(tree, load_patches(request.patches, standard_input))


# The other state is scanned in a second process, if it has to be scanned at all.
def _compared(
    request: Request, scanner: Scanner, tree: KernelTree, states: Sequence[Applied]
) -> tuple[ScanResult, ScanResult]:
    other = open_other(request.against or "", request.tree)
    known = scanner.known(other) if other is not None else _NOTHING
    before = Beside(lambda: _other(request, scanner)).answer if known is None else lambda: known
    if states:
        former = before()
        return review(tree, states, scanner, each=request.each, before=former), former
    if known is not None and request.brief and (unchanged := scanner.unchanged(tree, known)) is not None:
        return against(unchanged, known), known
    result, former = scanner(tree), before()
    return against(result, former), former


# What could not be read there was not compared: a finding of it would be taken for a new one.
def _not_compared(name: str, before: ScanResult) -> Iterator[str]:
    files = sorted({item.path: item.reason for item in before.health.incomplete}.items())
    if files:
        path, reason = files[0]
        more = f", and {len(files) - 1} more" if len(files) > 1 else ""
        yield f"--against {name}: is incomplete ({path}: {reason}{more}); what was there may be reported as new"


# The process that asks has a repository of its own open.
def _other(request: Request, scanner: Scanner) -> ScanResult:
    other = open_other(request.against or "", request.tree)
    return scanner.compared(other) if other is not None else _NOTHING
