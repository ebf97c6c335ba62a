"""Why a flow that fpuscan reports is shown by no run of its program.

Takes the findings of a flow and what the runs showed; gives the cause of each as
one of a few names, in the order in which they are asked: a run that never gets
there explains more than what the engine does not tell apart on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fpuscan.result import Finding, Step
from tests.proof.execution import Flow, Observation
from tests.proof.lines import Line

__all__ = ["CAUSES", "cause"]

NOT_BUILT = "a step stands in an #if arm of no build that ran"
NOT_RUN = "a step is run with no input"
PASSING = "the sink is written again before the program ends"
BRANCHING = "the source also decides a branch: runs that differ go different ways"
SOME_OBJECT = "a pointer stands for every object of its type"
ELEMENT = "elements of an array, or bytes of a union, are not told apart"
ARITHMETIC = "every bit behind arithmetic, a shift or a narrow type counts"
OTHER = "the value does not change, though all steps run"

CAUSES = (NOT_BUILT, NOT_RUN, PASSING, BRANCHING, SOME_OBJECT, ELEMENT, ARITHMETIC, OTHER)

_FREEZES = re.compile(r"<<|>>|[+*/%]| -=? |--|\b(?:ALIGN|min|max_t)\(|\((?:u32|u16|u8|int|short|signed char)\)")


def cause(flow: Flow, findings: Iterable[Finding], watched: Observation) -> str:
    """The cause of a flow: of the finding that comes nearest to a run."""
    return max((_cause(flow, finding, watched) for finding in findings), key=CAUSES.index)


def _cause(flow: Flow, finding: Finding, watched: Observation) -> str:
    steps = [step for step in finding.trace if not step.after]
    for lines, name in ((watched.compiled, NOT_BUILT), (watched.run, NOT_RUN)):
        if any(step.location.function and lines.isdisjoint(_lines(step)) for step in steps):
            return name
    if flow in watched.passing:
        return PASSING
    if flow in watched.branching:
        return BRANCHING
    places = [step.place for step in steps]
    if any(place.startswith("struct ") and not place.endswith("_sink.word") for place in places):
        return SOME_OBJECT
    if any("[" in place or "<" in place for place in places):
        return ELEMENT
    return ARITHMETIC if any(_FREEZES.search(step.text) for step in steps) else OTHER


def _lines(step: Step) -> set[Line]:
    at = step.location
    return {(at.path, line) for line in range(at.line, at.end_line + 1)}
