"""What controls a place, as a page: each root with its way, drawn as the way of a finding is."""

from __future__ import annotations

from collections.abc import Iterator

from fpuscan import __version__
from fpuscan.report.lines import SourceLines
from fpuscan.report.options import ReportOptions
from fpuscan.report.page import document, health_section, source_of, way
from fpuscan.report.page.bits import Bits
from fpuscan.report.page.drawing import figure
from fpuscan.report.page.finding import steps
from fpuscan.report.page.markup import element, esc, place_text
from fpuscan.report.words import KINDS, controlled, plural
from fpuscan.result import Controlled, Finding, Place, Root, ScanResult, Severity, Surviving

__all__ = ["render"]

_DRAWN = 60  # roots of one page that come with a drawing and the source


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the page; ends with a newline."""
    found = result.provenance
    assert found is not None
    name = "the user ABI" if found.asked == "uabi" else found.asked
    roots = sum(len(place.roots) for place in found.places)
    lines = SourceLines(result.excerpts)
    body = "".join(
        _place(place, f"p{number}", result, lines, drawn=roots <= _DRAWN)
        for number, place in enumerate(found.places, start=1)
    )
    if not body:
        body = f'<p class="clean">No value that fpuscan can follow reaches {esc(found.asked)}.</p>'
    version = f"Linux {result.tree.kernel_version}" if result.tree.kernel_version else "Linux"
    counts = "".join(
        f'<li class="count"><b>{number}</b> {plural(number, noun).partition(" ")[2]}</li>'
        for number, noun in ((len(found.places), "place"), (roots, "root"))
    )
    header = (
        '<header class="top"><a class="skip" href="#findings">Skip to the answer</a><div class="name">'
        f"<h1>What controls {esc(name)}?</h1><p>{esc(version)}</p>{source_of(result)}"
        f'<p>fpuscan {esc(__version__)}</p></div><ul class="counts">{counts}</ul>'
        '<button type="button" id="theme" hidden>Dark or light</button></header>'
    )
    main = f'<main>{health_section(result)}<section id="findings" aria-label="Places">{body}</section></main>'
    return document(f"fpuscan: what controls {name}", header + _contents(result) + main)


def _contents(result: ScanResult) -> str:
    assert result.provenance is not None
    items = "".join(
        f'<li><a href="#p{number}"><b>{esc(place.side)}</b> {esc(place.place.removeprefix("struct "))}'
        f"<span>{plural(len(place.roots), 'root')}</span></a></li>"
        for number, place in enumerate(result.provenance.places, start=1)
    )
    return f'<nav aria-label="Places"><ol>{items}</ol></nav>' if items else ""


def _place(place: Controlled, anchor: str, result: ScanResult, lines: SourceLines, *, drawn: bool) -> str:
    what = controlled(place)
    rows = "".join(_roots(place, anchor, result, lines, drawn=drawn))
    return (
        f'<article class="finding controlled" id="{anchor}"><details open><summary><h3>'
        f'<span class="message">{place_text(place.place)}</span> <span class="rule">{esc(what)}</span></h3></summary>'
        f'<div class="body">{rows}</div></details></article>'
    )


def _roots(place: Controlled, anchor: str, result: ScanResult, lines: SourceLines, *, drawn: bool) -> Iterator[str]:
    for number, root in enumerate(place.roots, start=1):
        masks = "".join(
            element("span", esc(mask.text), class_="chip", title=f"lets {mask.mask:#x} through") for mask in root.masks
        )
        cut = f' <span class="masks">masked by {masks}</span>' if masks else ""
        kind = element("span", esc(KINDS.get(root.kind, root.kind)), class_=f"badge {root.kind}")
        body = _drawn(place, root, f"{anchor}r{number}", result, lines) if drawn else way(root.trace)
        yield (
            f'<details class="root"><summary>{kind} <code>{place_text(root.name)}</code>{cut}</summary>{body}</details>'
        )


def _drawn(place: Controlled, root: Root, anchor: str, result: ScanResult, lines: SourceLines) -> str:
    flow = _as_flow(place, root)
    bits = Bits(flow, result.bit_names)
    return figure(flow, bits, anchor) + steps(flow, bits, anchor, lines)


def _as_flow(place: Controlled, root: Root) -> Finding:
    """A way as the drawing knows it: like that of a note, of which nothing survives that must not."""
    at = root.trace[-1].location if root.trace else root.location
    return Finding(
        rule="",
        slug="",
        severity=Severity.NOTE,
        message="",
        fingerprint="",
        location=at,
        source=Place(root.name, root.location),
        sink=Place(place.place, at, place.kind),
        surviving=Surviving(),
        side=place.side,
        trace=root.trace,
        fix="",
    )
