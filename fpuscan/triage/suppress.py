"""Ignore comments: a reviewer's verdict, next to the code it is about.

Takes findings and a function that gives the bytes of a file, gives the
findings that stay, those that a comment takes back, and the comments that do
not do what they say::

    size = guest_default_cfg.size; /* fpuscan: ignore[FPU101] -- only sizes the bounce buffer */

    /* fpuscan: ignore[FPU101, FPU102] -- cut by the caller */
    cfg = guest_default_cfg;

A comment beside code is about the lines it stands on; a comment that stands
alone is about the line below it. It counts for every finding of its rules
that has its crossing or a step of its trace there. Without a reason it does
nothing and is reported, as are unknown rules and ignores that match nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from fpuscan.errors import FpuscanError
from fpuscan.result import Finding, IgnoreProblem, Location, SuppressedFinding
from fpuscan.rules.info import find_rule

__all__ = ["Ignore", "Suppression", "ignores_of", "suppress"]

# Comments, and the literals in which what looks like a comment is none.
_TOKEN = re.compile(
    rb"""
    (?P<block> /\* .*? (?: \*/ | \Z ) )
    | (?P<line> // (?: \\ \r? \n | [^\n] )* )
    | " (?: \\ . | [^"\\\n] )*
    | ' (?: \\ . | [^'\\\n] )*
    """,
    re.VERBOSE | re.DOTALL,
)

# What opens a comment that is meant for us, and the one form that it may have.
_MEANT = re.compile(r"fpuscan\s*(:|ignore\b)", re.IGNORECASE)
_FORM = re.compile(r"fpuscan: ?ignore ?\[(?P<rules>[^\]]+)\](?: ?-- ?(?P<reason>.*))?")

_EXAMPLE = "/* fpuscan: ignore[FPU101] -- reason */"


@dataclass(frozen=True, slots=True)
class Ignore:
    """One ignore comment; ``first`` to ``last`` are the 1-based lines it is about, ``text`` the comment's words."""

    location: Location
    text: str
    rules: tuple[str, ...]
    reason: str
    first: int
    last: int
    alone: bool

    def covers(self, at: Location) -> bool:
        """Whether the comment is about a line of that place (of the same file)."""
        return self.first <= at.end_line and at.line <= self.last


@dataclass(frozen=True, slots=True)
class Suppression:
    """Findings in the order given, parted; problems sorted."""

    active: tuple[Finding, ...]
    suppressed: tuple[SuppressedFinding, ...]
    problems: tuple[IgnoreProblem, ...]


def suppress(
    findings: Iterable[Finding],
    read: Callable[[str], bytes | None],
    *,
    files: Iterable[str] = (),
    checked: frozenset[str] | None = None,
) -> Suppression:
    """Part findings by the ignore comments of the tree.

    ``files`` are the paths in which ignores that match nothing are looked for,
    besides those that the findings name; ``checked`` the ids of the rules that
    ran (None: all), as an ignore of another rule cannot be called unused.
    """
    findings = tuple(findings)
    paths = sorted({*files, *(at.path for finding in findings for at in _spots(finding))})
    ignores = {path: _settled(ignores_of(path, data)) for path in paths if (data := _bytes(read, path))}
    active, suppressed = [], []
    used: set[tuple[Location, str]] = set()
    for finding in findings:
        matching = [
            ignore for at in _spots(finding) for ignore in ignores.get(at.path, ()) if _takes(ignore, finding, at)
        ]
        used |= {(ignore.location, finding.rule) for ignore in matching}
        if matching:
            suppressed.append(SuppressedFinding(finding, matching[0].reason, matching[0].location))
        else:
            active.append(finding)
    every = [ignore for path in paths for ignore in ignores.get(path, ())]
    problems = sorted(problem for ignore in every for problem in _problems(ignore, used, checked))
    return Suppression(tuple(active), tuple(suppressed), tuple(problems))


def ignores_of(path: str, data: bytes) -> Iterator[Ignore]:
    """Every comment of a file that is meant as an ignore, in order, well-formed or not."""
    if b"fpuscan" not in data.lower():
        return
    for match in _TOKEN.finditer(data):
        comment = match["block"] or match["line"]
        if comment and _MEANT.match(text := _words(comment)):
            yield _ignore(path, data, match.start(), match.end(), text)


# The crossing first, then the way: the comment nearest to the verdict gives the reason.
def _spots(finding: Finding) -> Iterator[Location]:
    yield from (finding.location, finding.sink.location, finding.source.location)
    yield from (step.location for step in finding.trace)


def _bytes(read: Callable[[str], bytes | None], path: str) -> bytes | None:
    try:
        return read(path)
    except FpuscanError:
        return None


def _takes(ignore: Ignore, finding: Finding, at: Location) -> bool:
    return bool(ignore.reason) and finding.rule in _ids(ignore) and ignore.covers(at)


def _ids(ignore: Ignore) -> tuple[str, ...]:
    return tuple(rule.id for name in ignore.rules if (rule := find_rule(name)))


def _ignore(path: str, data: bytes, start: int, end: int, text: str) -> Ignore:
    line_start = data.rfind(b"\n", 0, start) + 1
    line_end = len(data) if (newline := data.find(b"\n", end)) < 0 else newline
    first = data.count(b"\n", 0, start) + 1
    last = first + data.count(b"\n", start, end)
    end_column = end - (data.rfind(b"\n", 0, end) + 1) + 1
    form = _FORM.fullmatch(text)
    return Ignore(
        location=Location(path, first, start - line_start + 1, last, end_column),
        text=text,
        rules=tuple(filter(None, map(str.strip, form["rules"].split(",")))) if form else (),
        reason=(form["reason"] or "") if form else "",
        first=first,
        last=last,
        alone=not (data[line_start:start].strip() or data[end:line_end].strip(b" \t\r\\")),
    )


# A comment alone on its lines is about the next line; several of them may stand on each other.
def _settled(ignores: Iterable[Ignore]) -> tuple[Ignore, ...]:
    settled: list[Ignore] = []
    below = (0, 0)  # the next lone ignore below: its first line, and the line that it is about
    for ignore in reversed(tuple(ignores)):
        if ignore.alone:
            target = below[1] if below[0] == ignore.location.end_line + 1 else ignore.location.end_line + 1
            below = (ignore.location.line, target)
            settled.append(replace(ignore, first=target, last=target))
        else:
            settled.append(ignore)
    return tuple(reversed(settled))


def _problems(
    ignore: Ignore, used: set[tuple[Location, str]], checked: frozenset[str] | None
) -> Iterator[IgnoreProblem]:
    at = ignore.location
    if not ignore.rules:
        yield IgnoreProblem(at, "malformed", f"is no ignore comment that fpuscan reads; write {_EXAMPLE}")
        return
    unknown = [name for name in ignore.rules if find_rule(name) is None]
    if unknown:
        yield IgnoreProblem(at, "unknown-rule", f"there is no rule {', '.join(unknown)}; --list-rules shows the rules")
    if not ignore.reason:
        yield IgnoreProblem(at, "no-reason", f"ignores nothing until it says why: {_EXAMPLE}")
        return
    unused = [
        name for name in dict.fromkeys(_ids(ignore)) if (at, name) not in used and (checked is None or name in checked)
    ]
    if unused:
        yield IgnoreProblem(at, "unused", f"no finding of {', '.join(unused)} has its crossing or a step here")


# The words of a comment on one line, without the marks that make it one.
def _words(comment: bytes) -> str:
    text = comment.decode("utf-8", "surrogateescape")
    inner = text[2:].removesuffix("*/") if text.startswith("/*") else text[2:].replace("\\\n", " ")
    lines = (line.strip().lstrip("*") if number else line for number, line in enumerate(inner.split("\n")))
    return " ".join(" ".join(lines).strip("*").split())
