"""What controls a place, in every format; and a lock that does not hold, in all of theirs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from fpuscan.report import FORMATS, PROVENANCE_FORMATS, ReportOptions, render, render_provenance
from fpuscan.report.json_v1 import schema as report_schema
from fpuscan.report.provenance_json import SCHEMA_MINOR, schema
from fpuscan.result import Controlled, LockComparison, Provenance
from tests.browser import MISSING, find_browser, look
from tests.samples import ASKED, CLEAN, CONTROLLED, PROVENANCE, UNLOCKED

GAINED = "fpu_user_cfg.default_size (config) now controls struct fpu_guest.uabi_size (guest side)"
LOST = "cpuid_count(0xd, 0) (cpu) no longer controls fpu_user_cfg.max_size (host side)"


def text(options: ReportOptions | None = None, found: Provenance = PROVENANCE) -> str:
    return render_provenance(replace(ASKED, provenance=found), "text", options or ReportOptions())


def test_one_place_is_a_table_of_its_roots_and_the_way_of_each() -> None:
    shown = text()

    head, _, ways = shown.partition("\n\n")
    assert head.splitlines() == [
        "struct fpu_guest.uabi_size: a size of the user ABI, guest side",
        "  configuration   fpu_user_cfg.default_size",
        "  user input      arg2 of arch_prctl(), masked by XFEATURE_MASK_USER_SUPPORTED",
        "  constant        sizeof(struct kvm_xsave)",
    ]
    assert "  1. fpu_user_cfg.default_size (configuration)\n" in ways
    assert "arch/x86/kernel/fpu/core.c:29\n" in ways
    assert "\n1 place, 3 roots\n" in ways
    assert "read 111 files" in ways


def test_the_whole_user_abi_is_a_table_and_v_shows_the_ways() -> None:
    table = text(found=replace(PROVENANCE, asked="uabi"))

    assert "core.c:29" not in table
    assert "1 place, 3 roots; -v" in table
    assert "core.c:29" in text(ReportOptions(verbose=True), replace(PROVENANCE, asked="uabi"))
    assert text(ReportOptions(quiet=True)).count("\n") == 6


def test_text_fits_into_80_columns() -> None:
    long = replace(CONTROLLED, roots=(replace(CONTROLLED.roots[1], masks=CONTROLLED.roots[1].masks * 4),))

    lines = text(found=Provenance("uabi", (long, CONTROLLED))).splitlines()

    assert max(map(len, lines)) <= 80


def test_a_place_that_nothing_reaches_is_said() -> None:
    shown = text(found=Provenance("struct fpstate.xfd"))

    assert shown.startswith("struct fpstate.xfd: no value that fpuscan can follow reaches it\n")
    assert "0 places, 0 roots" in shown


@pytest.mark.parametrize("found", [PROVENANCE, Provenance("a.b"), Provenance("a.b", (Controlled("a.b"),))])
def test_json_meets_its_published_schema(found: Provenance) -> None:
    document = json.loads(render_provenance(replace(ASKED, provenance=found), "json", ReportOptions()))
    published = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(published)

    jsonschema.validate(document, published, cls=jsonschema.Draft202012Validator)

    assert published["properties"]["schema_minor"]["const"] == SCHEMA_MINOR
    assert published["required"] == [*published["properties"]] == [*document]


def test_json_gives_kind_masks_and_way() -> None:
    document = json.loads(render_provenance(ASKED, "json", ReportOptions()))

    (place,) = document["places"]
    assert (document["asked"], place["place"], place["side"]) == (CONTROLLED.place, CONTROLLED.place, "guest")
    assert [(root["kind"], root["name"]) for root in place["roots"]] == [
        ("config", "fpu_user_cfg.default_size"),
        ("user", "arg2 of arch_prctl()"),
        ("constant", "sizeof(struct kvm_xsave)"),
    ]
    assert place["roots"][1]["masks"][0]["mask"] == "0x2ff"
    assert [step["side"] for step in place["roots"][0]["trace"]] == ["uabi", "uabi"]


def test_the_page_draws_the_way_of_each_root_and_escapes_what_it_quotes() -> None:
    hostile = replace(CONTROLLED.roots[0], name="<script>alert(1)</script>")
    found = Provenance("<b>", (replace(CONTROLLED, roots=(hostile, *CONTROLLED.roots[1:])),))

    page = render_provenance(replace(ASKED, provenance=found), "html", ReportOptions())

    assert page.count('<details class="root">') == 3
    assert page.count("<svg") == 6  # for wide and for narrow windows
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "What controls &lt;b&gt;?" in page


@pytest.mark.skipif(find_browser() is None, reason=MISSING)
@pytest.mark.parametrize("width", [400, 1600])
def test_the_page_fits_and_says_nothing_to_the_console(width: int, tmp_path: Path) -> None:
    view = look(
        render_provenance(ASKED, "html", ReportOptions()).replace("<details ", "<details open "), width, tmp_path
    )

    assert (view.console, view.page["handlers"], view.page["active"]) == ((), [], 0)
    assert (view.page["scroll"], view.page["beyond"]) == (view.page["width"], [])
    assert view.page["nodes"] == 6  # one drawing of each of three ways, with two steps
    assert all("core.c:29" in peek or "process.c:12" in peek for peek in view.page["peeks"])
    assert "XFEATURE_MASK_USER_SUPPORTED" in view.page["text"]


def test_formats_without_provenance_are_none_of_its_own() -> None:
    assert set(PROVENANCE_FORMATS) < set(FORMATS)


# ---------------------------------------------------------------- the lock in reports


def test_a_lock_that_does_not_hold_shows_the_store_and_its_way() -> None:
    shown = render(UNLOCKED, "text", ReportOptions())

    assert f"arch/x86/kernel/fpu/core.c:29:2: error: {GAINED} [lock]\n    1. fpu_user_cfg.default_size\n" in shown
    assert f"fpuscan: error: {LOST} [lock]\n" in shown
    assert "lock: 1 root gained, 1 root lost" in shown
    assert GAINED in render(UNLOCKED, "text", ReportOptions(quiet=True))


def test_a_lock_that_holds_is_said_in_the_summary() -> None:
    assert "; the lock holds" in render(replace(CLEAN, lock=LockComparison()), "text", ReportOptions())
    assert "lock" not in render(CLEAN, "text", ReportOptions())


def test_a_lock_reaches_every_format_for_tools() -> None:
    document = json.loads(render(UNLOCKED, "json", ReportOptions()))
    jsonschema.validate(document, json.loads(report_schema()), cls=jsonschema.Draft202012Validator)

    assert [entry["root"] for entry in document["lock"]["gained"]] == ["fpu_user_cfg.default_size"]
    assert document["lock"]["lost"] == [
        {"place": "fpu_user_cfg.max_size", "side": "host", "kind": "cpu", "root": "cpuid_count(0xd, 0)"}
    ]
    assert json.loads(render(CLEAN, "json", ReportOptions()))["lock"] is None
    (run,) = json.loads(render(UNLOCKED, "sarif", ReportOptions()))["runs"]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [(note["descriptor"]["id"], note["level"]) for note in notes] == [("lock", "error")] * 2
    assert notes[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 29
    commands = render(UNLOCKED, "github", ReportOptions()).splitlines()
    assert [line for line in commands if "title=fpuscan%3A lock" in line and GAINED in line]
    assert f"::error title=fpuscan%3A lock::{LOST}" in commands
    page = render(UNLOCKED, "html", ReportOptions())
    assert GAINED in page
    assert LOST in page
