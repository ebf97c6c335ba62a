"""The report as one self-contained HTML page: no network, no external file, readable without scripts.

The page says what was found and what was seen, and draws each flow from
source over crossing to consumers. Text of the tree is escaped everywhere; a
content security policy with hashes makes sure that only the page's own script
and style sheet are ever used, whatever a tree holds.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib import resources

from fpuscan import __version__
from fpuscan.report.lines import SourceLines
from fpuscan.report.options import ReportOptions
from fpuscan.report.page.finding import article
from fpuscan.report.page.markup import element, esc, place_text, where
from fpuscan.report.words import former, lock_line, plural
from fpuscan.result import Finding, LockComparison, ScanResult, Severity, Step, SuppressedFinding

__all__ = ["document", "health_section", "render", "source_of", "way"]

_LEVELS = (Severity.ERROR, Severity.WARNING, Severity.NOTE)


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the page; it always holds the notes and ends with a newline."""
    version = f"Linux {result.tree.kernel_version}" if result.tree.kernel_version else "Linux"
    body = "".join((_header(result, version), _contents(result), f"<main>{''.join(_main(result))}</main>"))
    return document(f"fpuscan: {version}", body)


def document(title: str, body: str) -> str:
    """A whole page around a body, with its style sheet, its script, and the policy that lets nothing else in."""
    style, script = (_asset(name) for name in ("style.css", "script.js"))
    policy = f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{esc(policy)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<link rel="icon" href="data:,">\n'
        f"<title>{esc(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}\n"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return (resources.files("fpuscan.report.page") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _header(result: ScanResult, version: str) -> str:
    counts = {level.label: sum(finding.severity is level for finding in result.findings) for level in _LEVELS}
    if result.suppressed:
        counts["suppressed"] = len(result.suppressed)
    if result.compared:
        counts["known"] = len(result.baselined)
    words = {"suppressed": "suppressed", "known": "known"}
    chips = "".join(
        f'<li class="count {name}{"" if number else " none"}"><b>{number}</b> '
        f"{words.get(name) or plural(number, name).partition(' ')[2]}</li>"
        for name, number in counts.items()
    )
    return (
        '<header class="top"><a class="skip" href="#findings">Skip to the findings</a>'
        f'<div class="name"><h1>{esc(version)}</h1>{source_of(result)}<p>fpuscan {esc(__version__)}</p></div>'
        f'<ul class="counts">{chips}</ul><button type="button" id="theme" hidden>Dark or light</button></header>'
    )


def source_of(result: ScanResult) -> str:
    """The revision and the patches that were scanned, if any."""
    more = [text for text in (result.tree.revision, *result.tree.patches) if text]
    return f"<p>{esc(', '.join(more))}</p>" if more else ""


def _anchored(result: ScanResult) -> list[tuple[str, Finding]]:
    ordered = sorted(result.findings, key=lambda finding: -finding.severity)  # stable: position within a severity
    return [(f"f{number}", finding) for number, finding in enumerate(ordered, start=1)]


def _contents(result: ScanResult) -> str:
    items = "".join(
        f'<li class="{finding.severity.label}"><a href="#{anchor}"><b>{finding.rule}</b> '
        f"{esc(finding.location.path.rpartition('/')[2])}:{finding.location.line}"
        f"<span>{esc(finding.location.function or finding.sink.place)}</span></a></li>"
        for anchor, finding in _anchored(result)
    )
    return f'<nav aria-label="Findings"><ol>{items}</ol></nav>' if items else ""


def _main(result: ScanResult) -> Iterator[str]:
    lines = SourceLines(result.excerpts)
    yield health_section(result)
    yield '<section id="findings" aria-label="Findings">'
    if not result.findings:
        yield '<p class="clean">No guest default reaches the user ABI. What that is worth stands above.</p>'
    for anchor, finding in _anchored(result):
        body = article(finding, anchor, result.bit_names, lines)
        yield _card(finding, anchor, body)
    yield "</section>"
    yield from _lock(result.lock)
    if result.suppressed:
        rows = (_set_aside(item.finding, item) for item in result.suppressed)
        yield f'<section><h2>Suppressed</h2><ul class="plain">{"".join(rows)}</ul></section>'
    if result.baselined:
        rows = (_set_aside(finding, None) for finding in result.baselined)
        yield f'<section><h2>Known from the baseline</h2><ul class="plain">{"".join(rows)}</ul></section>'
    yield _listed("Gone from the baseline", (f"{entry.rule} {esc(former(entry))}" for entry in result.gone))
    yield _listed(
        "Ignore comments that do nothing",
        (f"{where(item.location)} <b>{esc(item.kind)}</b>: {esc(item.message)}" for item in result.ignore_problems),
    )


def _lock(lock: LockComparison | None) -> Iterator[str]:
    if lock is None:
        return
    rows = [
        f"<li><b>{esc(lock_line(entry, gained=True))}</b>, {where((root.trace or (root,))[-1].location)}"
        f"{way(root.trace)}</li>"
        for entry, root in lock.ways
    ]
    rows += [f"<li>{esc(lock_line(entry, gained=False))}</li>" for entry in lock.lost]
    body = f'<ul class="plain">{"".join(rows)}</ul>' if rows else "<p>The lock holds.</p>"
    yield f'<section class="lock"><h2>Lock: what controls the user ABI</h2>{body}</section>'


def way(trace: Iterable[Step]) -> str:
    """A way as a plain list."""
    rows = (f"<li><code>{place_text(step.place)}</code> {where(step.location)}</li>" for step in trace)
    return f'<ol class="way">{"".join(rows)}</ol>'


def _card(finding: Finding, anchor: str, body: str) -> str:
    level = finding.severity.label
    opened = " open" if finding.severity > Severity.NOTE else ""
    return (
        f'<article class="finding {level}" id="{anchor}"><details{opened}><summary><h3>'
        f'<span class="badge {level}">{level}</span> <span class="rule">{finding.rule} {esc(finding.slug)}</span> '
        f'<span class="message">{esc(finding.message)}</span></h3></summary>'
        f'<div class="body">{body}</div></details></article>'
    )


def _set_aside(finding: Finding, item: SuppressedFinding | None) -> str:
    reason = f"<br><q>{esc(item.reason)}</q> {where(item.location)}" if item else ""
    level = finding.severity.label
    return (
        f'<li><span class="badge {level}">{level}</span> {finding.rule} {esc(finding.message)}, '
        f"{where(finding.location)}{reason}</li>"
    )


def health_section(result: ScanResult) -> str:
    """What the scan saw and what it could not see."""
    health = result.health
    unaccounted = len(health.unaccounted)
    facts = [
        ("files read", f"{health.files}"),
        ("functions", f"{health.functions}"),
        ("of them parsed", f"{health.parsed}"),
        ("bytes unparsed", f"{health.error_bytes}"),
        ("uses of tracked globals", f"{health.occurrences}"),
        ("not accounted for", f"{unaccounted}"),
    ]
    bad = bool(unaccounted or health.incomplete)
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    parts = [
        _listed("Incomplete", (_spot(item.path, item.line) + f": {esc(item.reason)}" for item in health.incomplete)),
        _listed("Not accounted for", (where(at) for at in health.unaccounted)),
        _listed("Assumed", (f"{esc(a.what)}: {esc(a.why)} <code>{esc(a.commit)}</code>" for a in result.assumptions)),
        _listed("Calls that could not be resolved", map(esc, health.unresolved_calls)),
        _listed("Model rows that matched nothing", map(esc, health.unmatched_model_rows)),
    ]
    details = "".join(parts)
    opened = " open" if bad else ""
    more = f"<details{opened}><summary>What was assumed, and what was not seen</summary>{details}</details>"
    state = "bad" if bad else "good"
    return f'<section class="health {state}" aria-label="Health"><dl>{cells}</dl>{more if details else ""}</section>'


def _spot(path: str, line: int) -> str:
    return element("span", esc(f"{path}:{line}" if line else path), class_="at")


def _listed(title: str, items: Iterable[str]) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)
    return f'<h4>{title}</h4><ul class="plain">{rows}</ul>' if rows else ""
