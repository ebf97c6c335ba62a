"""The report as workflow commands of GitHub Actions: annotations on the lines of a pull request.

One command per finding, nothing to upload::

    ::error file=arch/x86/kernel/fpu/core.c,line=31,endLine=31,col=2,endColumn=17,title=FPU101 ...::guest_default_cfg...

Text of the tree is escaped, so that no line of source can become a command
of its own. Notes are shown with --notes only, as GitHub keeps ten annotations
of a kind per step.
"""

from __future__ import annotations

from collections.abc import Iterator

from fpuscan.report.lines import SourceLines
from fpuscan.report.options import ReportOptions
from fpuscan.report.terminal import printable
from fpuscan.report.text import summary_line
from fpuscan.report.words import authors, effect, lock_line, surviving
from fpuscan.result import Finding, Location, ScanResult, Severity

__all__ = ["render"]

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def render(result: ScanResult, options: ReportOptions) -> str:
    """Render the annotations and a summary line for the log; ends with a newline."""
    lines = SourceLines(result.excerpts)
    rows = [
        _command(_COMMANDS[finding.severity], _position(finding.location, lines), _title(finding), _text(finding))
        for finding in result.findings
        if options.notes or finding.severity > Severity.NOTE
    ]
    rows += [
        _command(
            "warning", _position(item.location, lines), "fpuscan: ignore comment", [f"{item.kind}: {item.message}"]
        )
        for item in result.ignore_problems
    ]
    rows += _lock(result, lines)
    for item in result.health.incomplete:
        where = {"file": item.path} | ({"line": str(item.line)} if item.line else {})
        rows.append(_command("warning", where, "fpuscan: incomplete", [item.reason]))
    rows.append(summary_line(result, ReportOptions(notes=options.notes)))
    return "".join(f"{row}\n" for row in rows)


def _lock(result: ScanResult, lines: SourceLines) -> Iterator[str]:
    if result.lock is None:
        return
    for entry, root in result.lock.ways:
        at = root.trace[-1].location if root.trace else root.location
        way = (f"{number}. {step.place} at {step.location.path}:{step.location.line}"
               for number, step in enumerate(root.trace, start=1))  # fmt: skip
        yield _command("error", _position(at, lines), "fpuscan: lock", [lock_line(entry, gained=True), *way])
    for entry in result.lock.lost:
        yield _command("error", {}, "fpuscan: lock", [lock_line(entry, gained=False)])


def _title(finding: Finding) -> str:
    return f"{finding.rule} {finding.slug}"


# What a reviewer reads in the margin: what, which statement, by which way, what to do.
def _text(finding: Finding) -> Iterator[str]:
    yield finding.message
    if finding.statement:
        yield f"    {finding.statement}"
    yield from authors(finding)[0]
    if finding.is_flow:
        yield f"What survives: {surviving(finding.surviving)}"
    for number, step in enumerate(finding.trace, start=1):
        at = step.location
        words = effect(step, finding.trace[number - 2] if number > 1 else None)
        mark = "=> " if step.crossing else ""
        yield f"{number}. {mark}{step.place} at {at.path}:{at.line}{f' ({words})' if words else ''}"
    yield f"Fix: {finding.fix}"


# GitHub draws columns only within one line, and refuses them elsewhere.
def _position(at: Location, lines: SourceLines) -> dict[str, str]:
    position = {"file": at.path, "line": str(at.line), "endLine": str(at.end_line)}
    if at.line == at.end_line:
        position["col"] = str(lines.utf16_column(at.path, at.line, at.column))
        position["endColumn"] = str(lines.utf16_column(at.path, at.line, at.end_column))
    return position


def _command(name: str, position: dict[str, str], title: str, text: Iterator[str] | list[str]) -> str:
    properties = ",".join(f"{key}={_property(value)}" for key, value in {**position, "title": title}.items())
    message = "\n".join(map(printable, text))
    return f"::{name} {properties}::{_data(message)}"


# The runner's own escapes: https://github.com/actions/toolkit, packages/core/src/command.ts.
def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")
