"""The text report, for a reviewer in a terminal of 80 columns.

Each finding opens with the line that gcc would print, so that editors and
kernel scripts read it, and goes on with what a reviewer asks: which
statement, what survives, what to do instead, by which way, who reads it::

    arch/x86/kernel/fpu/core.c:31:2: error: ... [FPU101]
       31 | gfpu->uabi_size = guest_default_cfg.size;
          | ^~~~~~~~~~~~~~~
      in fpu_alloc_guest_fpstate(), guest side
      surviving: a kernel-format size
      fix: Take the size from fpu_user_cfg.default_size ...

      trace:
        1. guest_default_cfg.size
           arch/x86/kernel/fpu/xstate.c:40 in init_xstate_size()
             guest_default_cfg.size = xstate_calculate_size(mask, compacted);
           kernel-format size
     => 2. struct fpu_guest.uabi_size [crossing]
           ...

The end says what was hidden, what was assumed and what was seen.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from fpuscan.report.options import ReportOptions
from fpuscan.report.terminal import paint, printable
from fpuscan.report.words import authors, effect, former, lock_line, plural, route, surviving
from fpuscan.result import Finding, Health, Location, Place, ScanResult, Severity, Step

__all__ = ["assumptions", "health_lines", "render", "steps", "summary_line"]

_LISTED = 10  # locations that are named without --verbose


def render(result: ScanResult, options: ReportOptions) -> str:
    """Render the report; ends with a newline, is empty only when quiet and there is nothing to say."""
    shown = [finding for finding in result.findings if options.notes or finding.severity > Severity.NOTE]
    if options.quiet:
        brief = [_headline(finding, options) + _authors(finding) for finding in shown]
        return "".join(
            f"{line}\n"
            for line in [
                *brief,
                *_ignores(result, options),
                *_lock(result, options),
                *_incomplete(result.health, options),
            ]
        )
    lines: list[str] = []
    for finding in shown:
        lines += _finding(finding, options)
        lines.append("")
    lines += _ignores(result, options)
    lines += _lock(result, options)
    lines.append(summary_line(result, options))
    lines += _listed("no longer found", [f"{item.rule} {former(item)}" for item in result.gone], options, always=True)
    lines += assumptions(result, options)
    lines += health_lines(result, options)
    return "\n".join(lines) + "\n"


def summary_line(result: ScanResult, options: ReportOptions) -> str:
    """Count the findings: ``1 error, 0 warnings; 2 notes hidden (--notes shows them); 1 suppressed``."""
    count = {level: sum(finding.severity is level for finding in result.findings) for level in Severity}
    notes = plural(count[Severity.NOTE], "note")
    text = f"{plural(count[Severity.ERROR], 'error')}, {plural(count[Severity.WARNING], 'warning')}"
    if options.notes:
        text += f", {notes}"
    elif count[Severity.NOTE]:
        text += f"; {notes} hidden (--notes shows {'it' if count[Severity.NOTE] == 1 else 'them'})"
    if result.suppressed:
        text += f"; {len(result.suppressed)} suppressed"
    if result.compared:
        text += f"; {len(result.baselined)} known before"
    if result.lock is not None:
        lock = result.lock
        gained, lost = plural(len(lock.gained), "root"), plural(len(lock.lost), "root")
        text += f"; lock: {gained} gained, {lost} lost" if lock.gained or lock.lost else "; the lock holds"
    return paint(text, "strong", colour=options.colour)


def _finding(finding: Finding, options: ReportOptions) -> Iterator[str]:
    yield _headline(finding, options)
    yield from _statement(finding, options)
    function = f"in {_call(finding.location.function)}, " if finding.location.function else ""
    yield f"  {function}{finding.side} side"
    named, others = authors(finding)
    for author in named:
        yield from _prose("", author, options)
    if finding.is_flow:
        yield from _prose("surviving: ", surviving(finding.surviving), options)
    if finding.config:
        yield from _prose("only with: ", ", ".join(finding.config), options)
    yield from _prose("way: ", route(finding), options)
    if finding.severity > Severity.NOTE:
        yield from _prose("fix: ", finding.fix, options)
    related = [Place(f"{item.kind} {item.place}".strip(), item.location) for item in others]
    around = (
        *_consumers(finding, options),
        *_places("other sources:", finding.other_sources, options),
        *_places("related:", related, options),
    )
    for block in (tuple(_trace(finding.trace, options)), around):
        if block:
            yield ""
            yield from block


def _headline(finding: Finding, options: ReportOptions) -> str:
    at = finding.location
    where = paint(printable(f"{at.path}:{at.line}:{at.column}:"), "strong", colour=options.colour)
    label = finding.severity.label
    severity = paint(f"{label}:", label, colour=options.colour)
    return f"{where} {severity} {printable(finding.message)} [{finding.rule}]"


def _authors(finding: Finding) -> str:
    named, _ = authors(finding)
    return f" ({printable('; '.join(named))})" if named else ""


# The statement behind a gutter, as gcc draws it, with the stored operand marked.
def _statement(finding: Finding, options: ReportOptions) -> Iterator[str]:
    if not finding.statement:
        return
    before, marked, after = (printable(part) for part in _split_at_sink(finding))
    text = before + marked + after
    carets = " " * len(before) + "^" + "~" * (len(marked) - 1)
    number = f"{finding.location.line:5d}"
    for start, end in _rows(text, options.width - len(number) - 3):
        yield f"{number} | {text[start:end]}"
        if caret := carets[start:end].rstrip():
            yield f"{' ' * len(number)} | {paint(caret, 'caret', colour=options.colour)}"
        number = " " * len(number)


# The statement before, at and behind the sink; all of it is "at" where the sink stands elsewhere.
# Columns count bytes, so the cut is made in bytes.
def _split_at_sink(finding: Finding) -> tuple[str, str, str]:
    statement, sink = finding.location, finding.sink.location
    data = finding.statement.encode("utf-8", "surrogatepass")
    start, end = sink.column - statement.column, sink.end_column - statement.column
    one_line = statement.path == sink.path and statement.line == statement.end_line == sink.line == sink.end_line
    if not (one_line and 0 <= start < end <= len(data)):
        start, end = 0, len(data)
    before, marked, after = (part.decode("utf-8", "replace") for part in (data[:start], data[start:end], data[end:]))
    return before, marked, after


# Spans of at most `width` characters, broken at blanks where there are any.
def _rows(text: str, width: int) -> Iterator[tuple[int, int]]:
    start = 0
    while len(text) - start > width:
        blank = text.rfind(" ", start + 1, start + width + 1)
        end = blank if blank > start else start + width
        yield start, end
        start = end + (blank > start)
    yield start, len(text)


def _trace(trace: tuple[Step, ...], options: ReportOptions) -> Iterator[str]:
    if not trace:
        return
    yield "  trace:"
    yield from steps(trace, options)


def steps(trace: tuple[Step, ...], options: ReportOptions) -> Iterator[str]:
    """The numbered steps of a way."""
    previous: Step | None = None
    digits = len(str(len(trace)))
    for number, step in enumerate(trace, start=1):
        if step.after and not (previous and previous.after):
            yield "    behind the crossing, by the same value:"
        yield from _step(f"{number:{digits}d}.", step, previous, options)
        previous = step


def _step(number: str, step: Step, previous: Step | None, options: ReportOptions) -> Iterator[str]:
    arrow, mark = (" => ", " [crossing]") if step.crossing else ("    ", "")
    head = f"{arrow}{number} {printable(step.place)}{mark}"
    yield paint(head, "crossing", colour=options.colour) if step.crossing else head
    margin = " " * (len(arrow) + len(number) + 1)
    yield margin + paint(_where(step.location), "dim", colour=options.colour)
    same = previous and (previous.text, previous.location.path, previous.location.line) == (
        step.text,
        step.location.path,
        step.location.line,
    )
    if step.text and not same:
        yield from _wrap(printable(step.text), margin + "  ", margin + "      ", options)
    yield from _wrap(printable(effect(step, previous)), margin, margin + "  ", options)


# One line per function that reads the value; --verbose has one per place.
def _consumers(finding: Finding, options: ReportOptions) -> Iterator[str]:
    if not finding.consumers:
        return
    yield "  consumers:"
    width = max(len(consumer.kind) for consumer in finding.consumers)
    functions: dict[tuple[str, str, str], list[Location]] = {}
    for number, consumer in enumerate(finding.consumers):
        at = consumer.location
        each = str(number) if options.verbose or not at.function else ""
        functions.setdefault((consumer.kind, at.path, at.function + each), []).append(at)
    for (kind, _, _), places in functions.items():
        more = f" and {plural(len(places) - 1, 'more line')}" if len(places) > 1 else ""
        line = f"    {printable(kind):<{width}}  {_where(places[0])}{more}"
        yield from _wrap(line, "", " " * (width + 8), options)


def _places(title: str, places: Iterable[Place], options: ReportOptions) -> Iterator[str]:
    for place in places:
        if title:
            yield f"  {title}"
            title = ""
        yield from _wrap(f"    {printable(place.place)}, {_where(place.location)}", "", " " * 6, options)


def assumptions(result: ScanResult, options: ReportOptions) -> Iterator[str]:
    """What the scan relied on."""
    for item in result.assumptions:
        commit = f" [{item.commit}]" if item.commit else ""
        yield from _wrap(printable(f"assumed ({item.kind}): {item.what}: {item.why}{commit}"), "", "  ", options)


def _ignores(result: ScanResult, options: ReportOptions) -> Iterator[str]:
    for item in result.ignore_problems:
        at = item.location
        where = paint(printable(f"{at.path}:{at.line}:{at.column}:"), "strong", colour=options.colour)
        label = paint("warning:", "warning", colour=options.colour)
        yield f"{where} {label} ignore comment: {printable(item.message)} [{printable(item.kind)}]"


# What the lock does not know, at the statement that stores it, and what it misses. The shortest way of each root is
# shown; --verbose shows those to the other places, too.
def _lock(result: ScanResult, options: ReportOptions) -> Iterator[str]:
    if result.lock is None:
        return
    label = paint("error:", "error", colour=options.colour)
    shown: set[tuple[str, str]] = set()
    for entry, root in sorted(result.lock.ways, key=lambda way: (way[0].kind, way[0].root, len(way[1].trace), way[0])):
        at = root.trace[-1].location if root.trace else root.location
        where = paint(printable(f"{at.path}:{at.line}:{at.column}:"), "strong", colour=options.colour)
        yield f"{where} {label} {printable(lock_line(entry, gained=True))} [lock]"
        if not options.quiet and (options.verbose or (entry.kind, entry.root) not in shown):
            yield from steps(root.trace, options)
            yield ""
        shown.add((entry.kind, entry.root))
    for entry in result.lock.lost:
        yield f"fpuscan: {label} {printable(lock_line(entry, gained=False))} [lock]"
    if result.lock.lost and not options.quiet:
        yield ""


def health_lines(result: ScanResult, options: ReportOptions) -> Iterator[str]:
    """What the scan saw and what it could not see."""
    health = result.health
    version = f"Linux {result.tree.kernel_version}: " if result.tree.kernel_version else ""
    accounted = f"{len(health.unaccounted)} NOT accounted for" if health.unaccounted else "all accounted for"
    looked_into = f" ({health.parsed} parsed, the others searched)" if 0 < health.parsed < health.functions else ""
    text = (
        f"{version}read {plural(health.files, 'file')}, {plural(health.functions, 'function')}{looked_into}, "
        f"{plural(health.error_bytes, 'byte')} unparsed; "
        f"{plural(health.occurrences, 'occurrence')} of tracked globals, {accounted}"
    )
    if result.unscanned:
        text += (
            f"; the answer is that of an earlier scan: {plural(len(result.unscanned), 'file')} "
            f"differ{'s' if len(result.unscanned) == 1 else ''} in what no finding depends on"
        )
    yield from _wrap(printable(text), "", "  ", options)
    yield from _listed("not accounted for", [_where(at) for at in health.unaccounted], options, always=True)
    yield from _listed("unresolved call near a flow", health.unresolved_calls, options)
    yield from _listed("model row that matched nothing", health.unmatched_model_rows, options)
    yield from _listed("statement not modelled", [_where(at) for at in health.unmodelled], options)
    yield from _incomplete(health, options)


def _incomplete(health: Health, options: ReportOptions) -> Iterator[str]:
    for item in health.incomplete:
        line = f":{item.line}" if item.line else ""
        function = f" (in {_call(item.function)})" if item.function else ""
        label = paint("incomplete:", "warning", colour=options.colour)
        yield f"{printable(item.path)}{line}: {label} {printable(item.reason)}{function}"


def _listed(title: str, items: Iterable[str], options: ReportOptions, *, always: bool = False) -> Iterator[str]:
    rows = tuple(items)
    if not rows:
        return
    if not (always or options.verbose):
        yield f"  {title}: {len(rows)} (-v lists them)"
        return
    shown = rows if options.verbose else rows[:_LISTED]
    yield from (f"  {title}: {printable(row)}" for row in shown)
    if len(shown) < len(rows):
        yield f"  ... and {len(rows) - len(shown)} more (-v lists them)"


def _where(at: Location) -> str:
    function = f" in {_call(at.function)}" if at.function else ""
    return f"{printable(at.path)}:{at.line}{function}"


def _call(function: str) -> str:
    return f"{printable(function)}()"


def _prose(label: str, text: str, options: ReportOptions) -> list[str]:
    return _wrap(label + printable(text), "  ", "    ", options) if text else []


def _wrap(text: str, first: str, rest: str, options: ReportOptions) -> list[str]:
    return textwrap.wrap(
        text,
        options.width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
