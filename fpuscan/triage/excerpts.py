"""Source lines for the reports: every place that a finding names, with a few lines around it.

Takes findings and a function that gives the bytes of a file of the tree, gives
`SourceExcerpt`s. Reports never see the tree; what they quote comes from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from fpuscan.errors import FpuscanError
from fpuscan.result import Finding, Location, SourceExcerpt

__all__ = ["CONTEXT", "Read", "excerpts", "locations"]

Read = Callable[[str], bytes | None]
"""Path relative to the tree -> bytes; None or an FpuscanError where there is nothing to read."""

CONTEXT = 3
"""Lines that are kept before and behind each place."""

_LONGEST_SPAN = 24  # lines of one place: a hostile tree may hold a statement of a million
_LONGEST_LINE = 1000  # bytes


def excerpts(findings: Iterable[Finding], read: Read, more: Iterable[Location] = ()) -> tuple[SourceExcerpt, ...]:
    """The lines around every place of the findings (and ``more`` places), sorted; excerpts of one file neither
    touch nor overlap.
    """  # noqa: D205
    wanted: dict[str, set[int]] = {}
    for at in (*(at for finding in findings for at in locations(finding)), *more):
        last = min(at.end_line, at.line + _LONGEST_SPAN)
        wanted.setdefault(at.path, set()).update(range(max(1, at.line - CONTEXT), last + CONTEXT + 1))
    return tuple(excerpt for path in sorted(wanted) for excerpt in _of_file(path, sorted(wanted[path]), read))


def locations(finding: Finding) -> Iterator[Location]:
    """Every place that a finding names, in the order of the report, doubles included."""
    yield from (finding.location, finding.source.location, finding.sink.location)
    yield from (step.location for step in finding.trace)
    yield from (consumer.location for consumer in finding.consumers)
    yield from (place.location for place in finding.other_sources)
    yield from (related.location for related in finding.related)


def _of_file(path: str, numbers: list[int], read: Read) -> Iterator[SourceExcerpt]:
    try:
        data = read(path)
    except FpuscanError:
        return
    if data is None:
        return
    # b"\n" alone ends a line: str.splitlines() would also split at form feeds and U+2028, and shift every number.
    lines = data.split(b"\n")
    first = previous = 0
    for number in [*(number for number in numbers if number <= len(lines)), 0]:
        if number == previous + 1 and first:
            previous = number
            continue
        if first:
            yield SourceExcerpt(path, first, tuple(map(_shown, lines[first - 1 : previous])))
        first = previous = number


def _shown(line: bytes) -> str:
    return line.removesuffix(b"\r")[:_LONGEST_LINE].decode("utf-8", "surrogateescape")
