"""The page: one file, well formed, inert whatever the source holds; looked at in a real browser where there is one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from fpuscan.report import ReportOptions, render
from fpuscan.report.page.bits import Bits
from fpuscan.report.page.layout import draw, lane_of
from fpuscan.result import Consumer, Location, Place, ScanResult, SourceExcerpt, Step
from tests.browser import MISSING, View, find_browser, look
from tests.samples import CLEAN, CORE, ERROR, INCOMPLETE, KVM, LEAKY, NOTE, STATEMENT, TRIAGED, XSTATE, at

NAMES = ((1, "SSE"), (9, "PKRU"), (12, "CET_KERNEL"), (13, "RSRVD_COMP_13"), (20, "NEW"))
EXCERPTS = (
    SourceExcerpt(KVM, 76, ("{", "\tu32 size = vcpu->arch.guest_fpu.uabi_size;", "")),
    SourceExcerpt(CORE, 30, ("\tif (guest)", f"\t{STATEMENT}", "\t/* a comment that goes on for long */" + " x" * 90)),
    SourceExcerpt(XSTATE, 39, ("{", "\treturn guest_default_cfg.size;", "}")),
)
EVIL = (
    "</script><script>document.title='owned'</script><img src=x onerror=document.title='owned'>\"'&\x1b\u202e\udcff]]>"
)
VOID = {"meta", "link", "br", "wbr", "rect", "circle", "path"}


def step(number: int, *, mask: int = 0x1FF, crossing: bool = False, after: bool = False) -> Step:
    spot = at(XSTATE, 100 + number, function=f"f{number}")
    return Step(f"place_{number}", spot, "assign", f"x = y{number};", mask=mask, crossing=crossing, after=after)


LONG = replace(
    ERROR,
    fingerprint="4123456789abcdef",
    trace=(
        *(step(number, mask=0x1FF >> number % 3) for number in range(20)),
        step(20, mask=0x1, crossing=True),
        step(21, mask=0x1, after=True),
    ),
    consumers=tuple(
        Consumer(kind, at(CORE, line, function=f"reader_{line}_with_quite_a_long_name_of_its_own"))
        for kind in ("coredump", "kvm", "prctl", "ptrace", "sigframe", "uabi-copy")
        for line in range(1, 9)
    ),
)
WIDE = replace(LEAKY, findings=(ERROR, *LEAKY.findings[1:], LONG), bit_names=NAMES, excerpts=tuple(sorted(EXCERPTS)))


def hostile() -> ScanResult:
    """Every text that a tree can choose, chosen badly."""
    spot = Location(f"arch/{EVIL}.c", 3, 2, 3, 9, EVIL)
    place = Place(EVIL, spot, EVIL)
    finding = replace(
        ERROR,
        message=EVIL,
        slug=EVIL,
        fix=EVIL,
        statement=EVIL,
        side=EVIL,
        fingerprint=EVIL,
        location=spot,
        source=place,
        sink=place,
        config=(EVIL,),
        other_sources=(place,),
        surviving=replace(ERROR.surviving, bits=(EVIL,)),
        trace=tuple(
            replace(s, place=EVIL, text=EVIL, kind=EVIL, effect=EVIL, guard=EVIL, location=spot) for s in ERROR.trace
        ),
        consumers=(Consumer(EVIL, spot),),
        related=tuple(replace(item, kind=EVIL, place=EVIL, location=spot) for item in ERROR.related),
    )
    health = replace(
        INCOMPLETE.health,
        unaccounted=(spot,),
        unresolved_calls=(EVIL,),
        unmatched_model_rows=(EVIL,),
        incomplete=tuple(replace(item, path=EVIL, reason=EVIL, function=EVIL) for item in INCOMPLETE.health.incomplete),
    )
    return replace(
        TRIAGED,
        tree=replace(LEAKY.tree, kernel_version=EVIL, revision=EVIL, patches=(EVIL,)),
        health=health,
        findings=(finding,),
        baselined=(finding,),
        suppressed=tuple(replace(item, finding=finding, reason=EVIL) for item in TRIAGED.suppressed),
        gone=tuple(replace(entry, text=EVIL) for entry in TRIAGED.gone),
        ignore_problems=tuple(
            replace(item, location=spot, message=EVIL, kind=EVIL) for item in TRIAGED.ignore_problems
        ),
        assumptions=tuple(replace(item, what=EVIL, why=EVIL, commit=EVIL) for item in LEAKY.assumptions),
        excerpts=(SourceExcerpt(spot.path, 1, (EVIL,) * 6),),
        bit_names=((12, EVIL), (20, EVIL)),
    )


RESULTS = {
    "clean": CLEAN,
    "leaky": LEAKY,
    "incomplete": INCOMPLETE,
    "triaged": TRIAGED,
    "wide": WIDE,
    "hostile": hostile(),
}


def page(result: ScanResult) -> str:
    return render(result, "html", ReportOptions())


class Reader(HTMLParser):
    """Reads a page strictly: what is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.counts: Counter[str] = Counter()
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"line {self.getpos()}"


@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_the_page_is_one_well_formed_file(result: ScanResult) -> None:
    read = Reader(page(result))

    ids = [value for _, name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value for _, name, value in read.attributes if name == "href"]
    assert [link for link in links if link != "data:," and link.removeprefix("#") not in ids] == []
    assert [name for _, name, _ in read.attributes if name in {"src", "style"} or name.startswith("on")] == []
    assert (read.counts["script"], read.counts["style"], read.counts["img"]) == (1, 1, 0)


@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_drawings_are_well_formed_and_nothing_stands_outside_or_overlaps(result: ScanResult) -> None:
    for drawn in re.findall(r"<svg.*?</svg>", page(result), re.DOTALL):
        root = ET.fromstring(drawn)
        width, height = float(root.attrib["width"]), float(root.attrib["height"])
        boxes = [
            tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            for rect in root.iter("rect")
            if rect.attrib.get("class") == "box"
        ]
        assert boxes
        assert all(x >= 0 and y >= 0 and x + w <= width and y + h <= height for x, y, w, h in boxes)
        for number, (x, y, w, h) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[:number]:
                assert x >= x2 + w2 or x2 >= x + w or y >= y2 + h2 or y2 >= y + h


def test_no_raw_control_character_reaches_the_page() -> None:
    text = page(hostile())

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert "<img" not in text


def test_lanes_are_guest_kernel_and_user_abi() -> None:
    trace = (
        step(0),
        step(1),
        replace(step(2), place="struct kvm_vcpu.arch"),
        step(3, crossing=True),
        step(4, after=True),
    )
    finding = replace(ERROR, trace=trace)

    assert [lane_of(finding, number) for number in range(5)] == ["guest", "kernel", "guest", "uabi", "uabi"]
    told = replace(finding, trace=(replace(trace[0], side="kernel"), *trace[1:]))
    assert lane_of(told, 0) == "kernel"


def test_a_strip_has_the_bits_that_matter_and_loses_them_visibly() -> None:
    steps = (step(0, mask=(1 << 64) - 1), step(1, mask=0x1200), step(2, mask=0x1000))
    bits = Bits(replace(ERROR, trace=steps, surviving=replace(ERROR.surviving, mask=0x1000)), NAMES)

    assert [bit.name for bit in bits.all] == ["SSE", "PKRU", "CET_KERNEL", "NEW"]
    assert [bits.state(bit, steps[0], None) for bit in bits.all] == ["on", "on", "bad", "on"]
    assert [bits.state(bit, steps[1], steps[0]) for bit in bits.all] == ["cut", "on", "bad", "cut"]
    assert [bits.state(bit, steps[2], steps[1]) for bit in bits.all] == ["off", "cut", "bad", "off"]
    assert [bit.name for bit in bits.lost(steps[2], steps[1])] == ["PKRU"]


def test_rows_go_down_and_every_step_has_its_box() -> None:
    for narrow in (False, True):
        drawing = draw(LONG, labelled={3}, narrow=narrow)

        assert [box.index for box in drawing.steps] == [*range(22)]
        assert [box.y for box in drawing.steps] == sorted({box.y for box in drawing.steps})
        assert len(drawing.readers) == 6
        assert drawing.width <= (360 if narrow else 1200)


def test_equal_results_give_equal_bytes() -> None:
    assert page(replace(WIDE, timings=(("parse", 9.0),))) == page(WIDE)


# In a browser


WIDTHS = (400, 800, 1600)
browser = pytest.mark.skipif(find_browser() is None, reason=MISSING)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[int, View]:
    folder = tmp_path_factory.mktemp("wide")
    return {width: look(page(WIDE), width, folder / str(width)) for width in WIDTHS}


@browser
def test_the_browser_has_nothing_to_complain_about(views: dict[int, View]) -> None:
    assert [view.console for view in views.values()] == [(), (), ()]


@browser
@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_reaches_beyond_the_window(views: dict[int, View], width: int) -> None:
    shown = views[width].page

    assert shown["scroll"] <= shown["width"]
    assert shown["beyond"] == []


@browser
@pytest.mark.parametrize("width", WIDTHS)
def test_every_finding_is_there_with_statement_bits_and_advice(views: dict[int, View], width: int) -> None:
    shown = views[width].page

    assert shown["findings"] == len(WIDE.findings)
    for text in (
        ERROR.message,
        STATEMENT,
        "CET_KERNEL",
        "kernel-format size",
        ERROR.fix,
        "CONFIG_KVM",
        "save_sw_bytes()",
    ):
        assert text in shown["text"]
    assert {*shown["drawings"]} == {"narrow" if width < 700 else "wide"}


@browser
def test_pointing_at_a_step_shows_its_statement_and_bits(views: dict[int, View]) -> None:
    peeks = views[1600].page["peeks"]

    assert len(peeks) == 4
    assert "return guest_default_cfg.size;" in peeks[0]
    assert "struct fpu_guest.uabi_size" in peeks[2]
    assert all(text in peeks[2] for text in (STATEMENT, "CET_KERNEL", "crossing into the user ABI"))


@browser
def test_every_step_and_section_is_reached_with_the_keyboard(views: dict[int, View]) -> None:
    shown = views[1600].page

    assert shown["focusable"] > shown["nodes"] + 2 * len(WIDE.findings)


@browser
def test_hostile_source_text_is_inert(tmp_path: Path) -> None:
    view = look(page(hostile()), 1000, tmp_path)

    assert "owned" not in view.page["title"].replace("document.title='owned'", "")
    assert (view.page["scripts"], view.page["active"], view.page["handlers"]) == (1, 0, [])
    assert "<img src=x onerror=" in view.page["text"]
    assert view.console == ()


@browser
def test_a_clean_tree_says_so(tmp_path: Path) -> None:
    view = look(page(replace(CLEAN, findings=(NOTE,))), 400, tmp_path)

    assert view.page["findings"] == 1
    assert view.page["scroll"] <= view.page["width"]
    assert "No guest default reaches the user ABI" in page(CLEAN)
