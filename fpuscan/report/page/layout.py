"""Where everything of a drawing stands: lanes, nodes and edges as plain numbers.

A flow is drawn from top to bottom. Wide drawings have three lanes side by
side (guest side, kernel, user ABI) and a band of readers below; narrow ones,
for a phone or a narrow window, have one column in which runs of steps of one
lane share a band.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fpuscan.result import Consumer, Finding

__all__ = ["LANES", "READER_LINES", "Band", "Box", "Drawing", "Edge", "Reader", "draw", "lane_of", "readers"]

LANES = {"guest": "guest side", "kernel": "kernel", "uabi": "user ABI"}

READER_LINES = 3
"""Functions that a reader's box has room for."""

_GUEST = re.compile(r"guest|vcpu|kvm", re.IGNORECASE)
_TITLES = {
    "sigframe": "signal frame",
    "kvm": "KVM ioctl",
    "ptrace": "ptrace, core dump",
    "coredump": "core dump",
    "prctl": "arch_prctl()",
    "uabi-copy": "copies in user layout",
}
_ROW, _GAP, _LABEL, _TOP = 60, 24, 22, 34  # heights: a node, a gap, a gap with a label on top of it, a band's title


@dataclass(frozen=True, slots=True)
class Reader:
    """All consumers of one kind: what it is called, how many places, and the functions in the order of the report."""

    kind: str
    title: str
    places: int
    functions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in drawing units; ``index`` counts steps or readers."""

    x: float
    y: float
    width: float
    height: float
    index: int

    @property
    def middle(self) -> float:
        """The x in the middle."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """The y of the lower edge."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Band:
    """A coloured area with a title: a lane, a run of steps, or the readers."""

    box: Box
    lane: str
    title: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A way from a point to a point; ``step`` is the step that it leads to, or -1 for a reader.

    ``turns``: it leaves its node sideways and turns down into the next lane,
    through rows that hold no other node; ``border`` is the x at which it
    enters that lane.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    step: int
    turns: bool = False
    border: float = 0


@dataclass(frozen=True, slots=True)
class Drawing:
    """A finished layout; all values in drawing units of about one CSS pixel."""

    width: float
    height: float
    bands: tuple[Band, ...]
    steps: tuple[Box, ...]
    readers: tuple[Box, ...]
    edges: tuple[Edge, ...]


def lane_of(finding: Finding, number: int) -> str:
    """The lane of a step: the user ABI from the crossing on; before it the guest's own places, and the rest."""
    step = finding.trace[number]
    if step.side in LANES:
        return step.side
    if step.crossing or step.after:
        return "uabi"
    starts_at_guest = number == 0 and finding.rule.startswith("FPU10")
    return "guest" if starts_at_guest or _GUEST.search(step.place) else "kernel"


def readers(consumers: Sequence[Consumer]) -> tuple[Reader, ...]:
    """Consumers by kind, in the order of the report."""
    kinds: dict[str, list[Consumer]] = {}
    for consumer in consumers:
        kinds.setdefault(consumer.kind, []).append(consumer)
    return tuple(
        Reader(
            kind=kind,
            title=_TITLES.get(kind, kind),
            places=len(items),
            functions=tuple(dict.fromkeys(item.location.function or item.location.path for item in items)),
        )
        for kind, items in kinds.items()
    )


def draw(finding: Finding, *, labelled: set[int], narrow: bool) -> Drawing:
    """Lay a finding out; ``labelled`` are the steps whose edge carries a label and so needs more room."""
    lanes = [lane_of(finding, number) for number in range(len(finding.trace))]
    return _narrow(finding, lanes, labelled) if narrow else _wide(finding, lanes, labelled)


def _wide(finding: Finding, lanes: list[str], labelled: set[int]) -> Drawing:
    column, empty, gutter, inset = 330, 120, 16, 14
    bands, right = [], 0.0
    for lane, title in LANES.items():
        bands.append(Band(Box(right, 0, column if lane in lanes else empty, 0, 0), lane, title))
        right += bands[-1].box.width + gutter
    left = {band.lane: band.box.x for band in bands}
    boxes, y = [], float(_TOP + 6)
    for number, lane in enumerate(lanes):
        y += _LABEL if number in labelled else 0
        boxes.append(Box(left[lane] + inset, y, column - 2 * inset, _ROW, number))
        y += _ROW + _GAP
    height, width = y - _GAP + inset, right - gutter
    bands = [replace(band, box=replace(band.box, height=height)) for band in bands]
    count = len(readers(finding.consumers))
    found, bottom = _reader_boxes(finding, 4 if count == 4 and width > 900 else 3, height + 2 * _GAP, width)
    return _finish(width, bottom if found else height, bands, boxes, found)


def _narrow(finding: Finding, lanes: list[str], labelled: set[int]) -> Drawing:
    width, inset = 360, 10
    boxes: list[Box] = []
    bands: list[Band] = []
    y, top = 0.0, 0.0
    for number, lane in enumerate(lanes):
        opens = number == 0 or lanes[number - 1] != lane
        y += _LABEL if number in labelled else 0
        if opens:
            top = y
            y += _TOP - 4
        boxes.append(Box(inset, y, width - 2 * inset, _ROW, number))
        y += _ROW
        if number + 1 == len(lanes) or lanes[number + 1] != lane:
            y += inset
            bands.append(Band(Box(0, top, width, y - top, 0), lane, LANES[lane]))
        y += _GAP
    found, bottom = _reader_boxes(finding, 1, y, width)
    return _finish(width, bottom if found else y - _GAP, bands, boxes, found)


# Rows of equal boxes, as high as the one with the most functions needs.
def _reader_boxes(finding: Finding, columns: int, top: float, width: float) -> tuple[list[Box], float]:
    found = readers(finding.consumers)
    if not found:
        return [], top
    inset = 14 if columns > 1 else 10
    columns = min(columns, len(found))
    each = (width - inset * (columns + 1)) / columns
    height = 38 + 16 * max(min(len(reader.functions), READER_LINES) for reader in found)
    boxes = [
        Box(
            inset + (number % columns) * (each + inset),
            top + _TOP + (number // columns) * (height + inset),
            each,
            height,
            number,
        )
        for number in range(len(found))
    ]
    return boxes, boxes[-1].bottom + inset


def _finish(width: float, height: float, bands: list[Band], boxes: list[Box], found: list[Box]) -> Drawing:
    edges = [_edge(first, second) for first, second in pairwise(boxes)]
    if found and boxes:
        top = found[0].y - _TOP
        bands = [*bands, Band(Box(0, top, width, height - top, 0), "readers", "read by")]
        last = boxes[-1]
        one_row = all(box.y == found[0].y for box in found)
        ends = [(box.middle, box.y) for box in found] if one_row else [(last.middle, top)]
        edges += [Edge((last.middle, last.bottom), end, -1) for end in ends]
    return Drawing(width, height, tuple(bands), tuple(boxes), tuple(found), tuple(edges))


def _edge(first: Box, second: Box) -> Edge:
    end = (second.middle, second.y)
    if first.x == second.x:
        return Edge((first.middle, first.bottom), end, second.index)
    rightwards = second.x > first.x
    start = (first.x + first.width if rightwards else first.x, first.y + first.height / 2)
    border = second.x - 14 if rightwards else second.x + second.width + 14
    return Edge(start, end, second.index, turns=True, border=border)
