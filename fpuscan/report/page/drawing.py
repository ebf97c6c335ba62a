"""The drawing of a flow as inline SVG: one link per step, so it can be walked with the keyboard.

Colours are classes of the page's style sheet. The text that a mouse or the
keyboard focus brings up is taken from the list of steps by the page's script;
without it, each node has a title and leads to its step.
"""

from __future__ import annotations

from collections.abc import Iterator

from fpuscan.report.page.bits import Bits
from fpuscan.report.page.layout import READER_LINES, Box, Drawing, Edge, draw, lane_of, readers
from fpuscan.report.page.markup import esc
from fpuscan.report.words import plural
from fpuscan.result import Finding, Severity

__all__ = ["figure"]

_CHARACTER = 7.3  # width of a monospace character at 12 units


def figure(finding: Finding, bits: Bits, anchor: str) -> str:
    """The drawings of a finding, for wide and for narrow windows; empty without a trace."""
    if not finding.trace:
        return ""
    drawn = "".join(_svg(finding, bits, anchor, narrow=narrow) for narrow in (False, True))
    return f'<figure class="flow">{drawn}<div class="peek" hidden></div></figure>'


def _svg(finding: Finding, bits: Bits, anchor: str, *, narrow: bool) -> str:
    cuts = {number: text for number in range(1, len(finding.trace)) if (text := _cut(finding, bits, number))}
    drawing = draw(finding, labelled=set(cuts), narrow=narrow)
    parts = [
        *_bands(drawing),
        *(_edge(edge, finding) for edge in drawing.edges),
        *(_gate(edge, finding) for edge in drawing.edges),
        *(_label(edge, cuts[edge.step]) for edge in drawing.edges if edge.step in cuts),
        *(_node(box, finding, bits, anchor) for box in drawing.steps),
        *_readers(drawing.readers, finding),
    ]
    title = esc(f"The way of {finding.source.place} to {finding.sink.place}, step by step")
    kind = "narrow" if narrow else "wide"
    return (
        f'<svg class="{kind}" viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}" '
        f'height="{drawing.height:g}" role="group" aria-label="{title}">{"".join(parts)}</svg>'
    )


def _bands(drawing: Drawing) -> Iterator[str]:
    for band in drawing.bands:
        box = band.box
        yield (
            f'<g class="band {band.lane}"><rect {_geometry(box)} rx="10"/>'
            f'<text x="{box.x + 14:g}" y="{box.y + 21:g}">{esc(band.title)}</text></g>'
        )


def _edge(edge: Edge, finding: Finding) -> str:
    (x1, y1), (x2, y2) = edge.start, edge.end
    if edge.turns:
        corner = 14 if x2 > x1 else -14
        path = f"M{x1:g} {y1:g}H{x2 - corner:g}Q{x2:g} {y1:g} {x2:g} {y1 + 14:g}V{y2 - 5:g}"
    else:
        bend = (y2 - y1) / 2
        path = f"M{x1:g} {y1:g}C{x1:g} {y1 + bend:g} {x2:g} {y2 - bend:g} {x2:g} {y2 - 5:g}"
    head = f"M{x2 - 4.5:g} {y2 - 8:g}L{x2:g} {y2:g}L{x2 + 4.5:g} {y2 - 8:g}Z"
    number = edge.step if edge.step >= 0 else len(finding.trace) - 1
    return f'<g class="edge {_heat(finding, number)}"><path d="{path}"/><path class="head" d="{head}"/></g>'


# The sign on the edge that enters the user ABI.
def _gate(edge: Edge, finding: Finding) -> str:
    if edge.step < 0 or not finding.trace[edge.step].crossing:
        return ""
    (x, y), (_, y2) = edge.start, edge.end
    x, y = (edge.border - 8, y) if edge.turns else (x, (y + y2) / 2 - 2)
    heat = _heat(finding, edge.step)
    sign = "!" if heat == "hot" else "\u2713"
    return (
        f'<g class="gate {heat}"><circle cx="{x:g}" cy="{y:g}" r="10"/>'
        f'<text x="{x:g}" y="{y + 4.5:g}">{sign}</text></g>'
    )


# Whether what must not arrive is still in the value behind a step.
def _heat(finding: Finding, number: int) -> str:
    surviving = finding.surviving
    if finding.severity == Severity.NOTE:
        return "cool"
    left = finding.trace[number].mask & surviving.mask or surviving.kernel_format or surviving.unknown
    return "hot" if left else "cool"


# What an edge takes away, in a few words.
def _cut(finding: Finding, bits: Bits, number: int) -> str:
    lost = [bit.name for bit in bits.lost(finding.trace[number], finding.trace[number - 1])]
    if not lost:
        return ""
    shown = ", ".join(lost[:3])
    return f"\u2212 {shown}" + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")


def _label(edge: Edge, text: str) -> str:
    text = _fit(text, 300)
    width = len(text) * 6.7 + 18
    x, y = edge.end[0], edge.end[1] - 23
    return (
        f'<g class="cut"><rect x="{x - width / 2:g}" y="{y - 10:g}" width="{width:g}" height="20" rx="10"/>'
        f'<text x="{x:g}" y="{y + 4:g}">{esc(text)}</text></g>'
    )


def _node(box: Box, finding: Finding, bits: Bits, anchor: str) -> str:
    step = finding.trace[box.index]
    at = step.location
    spot = f"{at.path.rpartition('/')[2]}:{at.line}"
    where = f"{at.function}() {spot}" if at.function else spot
    kind = "crossing" if step.crossing else "source" if box.index == 0 else step.kind
    tag = len(kind) * 6.2
    name = _fit(step.place.removeprefix("struct "), box.width - 34 - tag - 14)
    title = f"{box.index + 1}. {step.place}: {step.text}" if step.text else f"{box.index + 1}. {step.place}"
    classes = f"node {lane_of(finding, box.index)}" + (" crossing" if step.crossing else "")
    return (
        f'<a class="{classes}" href="#{anchor}-s{box.index + 1}" data-step="{anchor}-s{box.index + 1}">'
        f'<title>{esc(title)}</title><rect class="box" {_geometry(box)} rx="7"/>'
        f'<circle cx="{box.x + 17:g}" cy="{box.y + 17:g}" r="9.5"/>'
        f'<text class="number" x="{box.x + 17:g}" y="{box.y + 21:g}">{box.index + 1}</text>'
        f'<text class="place" x="{box.x + 33:g}" y="{box.y + 21:g}">{esc(name)}</text>'
        f'<text class="kind" x="{box.x + box.width - 10:g}" y="{box.y + 20:g}">{esc(kind)}</text>'
        f'<text class="where" x="{box.x + 10:g}" y="{box.y + 40:g}">{esc(_fit(where, box.width - 10, 5.9))}</text>'
        f"{''.join(_cells(box, finding, bits))}</a>"
    )


def _cells(box: Box, finding: Finding, bits: Bits) -> Iterator[str]:
    step = finding.trace[box.index]
    previous = finding.trace[box.index - 1] if box.index else None
    each = min(20.0, (box.width - 20) / max(1, len(bits.all)))
    for number, bit in enumerate(bits.all):
        x = box.x + 10 + number * each
        state = bits.state(bit, step, previous)
        yield f'<rect class="bit {state}" x="{x:g}" y="{box.y + 47:g}" width="{each - 2:g}" height="7" rx="1.5"/>'


def _readers(boxes: tuple[Box, ...], finding: Finding) -> Iterator[str]:
    for box, reader in zip(boxes, readers(finding.consumers), strict=True):
        names = list(reader.functions[:READER_LINES])
        if len(reader.functions) > READER_LINES:
            names[-1] = f"and {len(reader.functions) - READER_LINES + 1} more functions"
        lines = (
            f'<text class="where" x="{box.x + 12:g}" y="{box.y + 43 + 16 * row:g}">'
            f"{esc(_fit(name, box.width - 20, 6))}</text>"
            for row, name in enumerate(names)
        )
        yield (
            f'<g class="reader"><rect class="box" {_geometry(box)} rx="7"/>'
            f'<text class="place" x="{box.x + 12:g}" y="{box.y + 22:g}">{esc(reader.title)}</text>'
            f'<text class="kind" x="{box.x + box.width - 10:g}" y="{box.y + 21:g}">'
            f"{plural(reader.places, 'place')}</text>{''.join(lines)}</g>"
        )


def _geometry(box: Box) -> str:
    return f'x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}"'


# Shorten in the middle: both ends of a name tell more than its middle does.
def _fit(text: str, width: float, character: float = _CHARACTER) -> str:
    room = max(4, int(width / character))
    if len(text) <= room:
        return text
    tail = room * 3 // 5
    return f"{text[: room - tail - 1]}\u2026{text[-tail:]}"
