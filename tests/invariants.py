"""What holds for every scan, whatever the tree: asserted on each scan that any test makes in its own process.

`install` puts the checks around the engine's search and around `scan`; the
tests' conftest does so before a test imports either. A scan in a subprocess is
not seen.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

from fpuscan.engine.functions.literals import contradicts
from fpuscan.engine.search import crossings
from fpuscan.engine.search.states import IDENTITY
from fpuscan.result import Severity

if TYPE_CHECKING:
    from fpuscan.engine.functions.literals import Guards
    from fpuscan.engine.search.crossings import Crossing
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.states import State, Step
    from fpuscan.result import Finding, ScanResult
    from fpuscan.tree import KernelTree

__all__ = ["check_crossing", "check_result", "install"]


def install() -> None:
    """Check every search and every scan from now on; only for modules that are imported behind this."""
    crossings.find_crossings = _around(crossings.find_crossings, _after_search)
    from fpuscan import scan  # it takes the search by name

    scan.scan = _around(scan.scan, _after_scan)


def _around(function: Callable[..., Any], check: Callable[..., None]) -> Callable[..., Any]:
    @wraps(function)
    def checked(*arguments: Any, **named: Any) -> Any:
        found = function(*arguments, **named)
        check(found, *arguments)
        return found

    return checked


def _after_search(found: list[Crossing], flows: Flows, *_: object) -> None:
    for crossing in found:
        check_crossing(flows, crossing)


def _after_scan(result: ScanResult, tree: KernelTree, *_: object) -> None:
    check_result(result, tree)


# ---------------------------------------------------------------- the way of a value in the graph


def check_crossing(flows: Flows, crossing: Crossing) -> None:
    """The way from the source to the crossing is one of the graph, its label what the edges do, its guards possible."""
    path = crossing.step.path()
    first = path[0]
    assert first.transfer is None
    starts = [(start.state.definition, start.transfer) for start in crossing.seed.starts]
    assert first.state.definition in [definition for definition, _ in starts], "a trace starts at its source"
    for before, step in pairwise(path):
        assert step.before is before
        assert step.transfer is not None
        _check_edge(flows, before, step.transfer, starts)
        _check_state(flows, before, step)
    _check_edge(flows, path[-1], crossing.transfer, starts)
    if crossing.target is not None:
        ways = (flows.follow(path[-1].state, crossing.transfer, coarse=coarse) for coarse in (False, True))
        assert _bare(crossing.target) in [_bare(state) for states in ways for state in states]
    _check_label(flows, crossing, path)
    for step in path:
        _check_guards(step.state.guards)
        for _, held in step.state.frames:
            _check_guards(held)
    _check_guards(crossing.transfer.guards)


def _check_edge(flows: Flows, before: Step, transfer: Any, starts: list[Any]) -> None:
    if before.transfer is None and (before.state.definition, transfer) in starts:
        return
    assert transfer in flows.graph.successors(before.state.definition, before.state.guards), "an edge of the graph"


def _check_state(flows: Flows, before: Step, step: Step) -> None:
    assert step.transfer is not None
    ways = (flows.follow(before.state, step.transfer, coarse=coarse) for coarse in (False, True))
    following = [_bare(state) for states in ways for state in states]
    bare = _bare(step.state)
    assert bare in following or any(_weaker(bare, state) for state in following), "a state behind the edge"


def _bare(state: State) -> State:
    return state._replace(entered=frozenset())


# A search that has seen too many states at a point goes on with one that stands for all of them.
def _weaker(state: State, strict: State) -> bool:
    return (
        state.definition == strict.definition
        and state.context == strict.context
        and state.all_guards <= strict.all_guards
        and state.label.covers(strict.label)
    )


# Composed again from the source on; and what an edge has cut does not come back.
def _check_label(flows: Flows, crossing: Crossing, path: list[Step]) -> None:
    label = path[0].state.label
    assert IDENTITY.covers(label._replace(masked=True))
    for before, step in pairwise(path):
        assert step.transfer is not None
        function = flows.analysis.by_id(step.transfer.function)
        composed = flows.apply(label, step.transfer, function, before.state.context, before.state.definition)
        assert composed is not None
        assert step.state.label.covers(composed), "a label is what the edges of the way do"
        assert step.state.label == composed or flows.truncated or not _narrow(step.state.label, composed)
        label = step.state.label
        assert label.bits & ~before.state.label.bits == 0 or not _narrow(label, before.state.label)
        assert label.format or not before.state.label.format
    function = flows.analysis.by_id(crossing.transfer.function)
    last = path[-1].state
    composed = flows.apply(last.label, crossing.transfer, function, last.context, last.definition)
    assert composed == crossing.label


# Whether a label says less than another; one that was widened says more.
def _narrow(label: Any, other: Any) -> bool:
    return not label.covers(other)


def _check_guards(guards: Guards) -> None:
    for one, other in combinations(sorted(guards, key=repr), 2):
        assert not contradicts(one, other), f"{one} and {other} on one way"


# ---------------------------------------------------------------- what is reported


def check_result(result: ScanResult, tree: KernelTree) -> None:
    """Every finding is sound in itself, and stands where it says."""
    assert list(result.findings) == sorted(
        result.findings, key=lambda each: (each.location, each.rule, each.fingerprint)
    )
    assert len({finding.fingerprint for finding in result.findings}) == len(result.findings)
    for finding in result.findings:
        assert finding.message
        assert finding.fix
        assert finding.trace, "a finding shows its way"
        _check_text(finding, tree)
        if any(step.crossing for step in finding.trace):
            _check_trace(finding)


def _check_trace(finding: Finding) -> None:
    steps = finding.trace
    (crossing,) = [number for number, step in enumerate(steps) if step.crossing]
    assert steps[0].kind == "source"
    assert (steps[0].place, steps[0].location) == (finding.source.place, finding.source.location)
    assert (steps[crossing].place, steps[crossing].location) == (finding.sink.place, finding.location)
    assert all(step.after == (number > crossing) for number, step in enumerate(steps))
    for before, step in pairwise(steps[: crossing + 1]):
        assert step.mask & ~before.mask == 0, "a bit that was cut does not come back"
    survives = finding.surviving
    if finding.severity is not Severity.ERROR and finding.rule != "FPU302":  # which bits are missing grades that rule
        assert not (survives.mask or survives.kernel_format or survives.unknown) or finding.severity is Severity.NOTE
    if survives.mask and not survives.unknown and steps[0].mask:
        assert survives.mask & steps[crossing].mask, "some bit that survives does so on the way that is shown"


def _check_text(finding: Finding, tree: KernelTree) -> None:
    for step in finding.trace:
        data = tree.read(step.location.path)
        assert data is not None, step.location.path
        assert 1 <= step.location.line <= step.location.end_line <= data.count(b"\n") + 1
        if step.text:
            start = data.split(b"\n")[step.location.line - 1][step.location.column - 1 :]
            word = step.text.split()[0][:1].encode()
            assert start[:1] == word, (step.location, step.text)
