"""The annotations: one well-formed command per line, and no text of the tree can become another."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import unquote

from fpuscan.report import ReportOptions, render
from fpuscan.result import Location, Related, ScanResult
from tests.samples import CLEAN, CORE, ERROR, INCOMPLETE, LEAKY, TRIAGED

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def commands(result: ScanResult, *, notes: bool = False) -> list[tuple[str, dict[str, str], list[str]]]:
    """Read the commands as the runner does: name, properties, lines of the message."""
    *rows, summary = render(result, "github", ReportOptions(notes=notes)).splitlines()
    assert not summary.startswith("::")
    found = []
    for row in rows:
        match = COMMAND.fullmatch(row)
        assert match, row
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        found.append((match[1], {key: unquote(value) for key, value in pairs}, unquote(match[3]).split("\n")))
    return found


def test_a_finding_is_one_annotation_with_its_way() -> None:
    (command,) = commands(replace(LEAKY, findings=(ERROR,)))

    assert command == (
        "error",
        {
            "file": CORE,
            "line": "31",
            "endLine": "31",
            "col": "2",
            "endColumn": "40",
            "title": "FPU101 guest-default-in-uabi-size",
        },
        [
            "guest_default_cfg.size reaches struct fpu_guest.uabi_size",
            "    gfpu->uabi_size = guest_buffer_size();",
            "What survives: CET_KERNEL (bit 12), bit 20, a kernel-format size",
            "1. guest_default_cfg.size at arch/x86/kernel/fpu/xstate.c:40 (source: a kernel-format size)",
            "2. guest_buffer_size() at arch/x86/kernel/fpu/xstate.c:40",
            "3. => struct fpu_guest.uabi_size at arch/x86/kernel/fpu/core.c:31 (bits left: 0x1000; only if guest)",
            "4. size at arch/x86/kvm/x86.c:77",
            f"Fix: {ERROR.fix}",
        ],
    )


def test_an_annotation_says_who_brought_it() -> None:
    found = replace(ERROR, related=(Related("added by", ERROR.location, "[PATCH 2/3] x86/fpu: Store it"),))

    ((_, _, lines),) = commands(replace(CLEAN, findings=(found,)))

    assert "added by [PATCH 2/3] x86/fpu: Store it" in lines


def test_notes_are_notices_and_shown_on_request() -> None:
    assert [name for name, _, _ in commands(LEAKY)] == ["error", "warning"]
    assert [name for name, _, _ in commands(LEAKY, notes=True)] == ["error", "warning", "notice"]


def test_what_could_not_be_read_and_ignores_that_do_nothing_are_warnings() -> None:
    assert [(name, at.get("line"), text) for name, at, text in commands(INCOMPLETE)] == [
        ("warning", "12", ["could not be parsed near a tracked symbol"]),
        ("warning", None, ["is too large"]),
    ]
    assert [text[0].split(":")[0] for _, _, text in commands(TRIAGED)] == [ERROR.message, "unused", "no-reason"]


def test_a_statement_of_several_lines_has_no_columns() -> None:
    wide = replace(ERROR, location=Location(CORE, 31, 9, 33, 4))

    ((_, position, _),) = commands(replace(CLEAN, findings=(wide,)))

    assert {key: value for key, value in position.items() if key != "title"} == {
        "file": CORE,
        "line": "31",
        "endLine": "33",
    }


def test_source_text_cannot_start_a_command() -> None:
    evil = "x\n::set-env name=PATH::/evil\r::stop-commands::y %0A::error::z"
    odd = replace(
        ERROR,
        message=evil,
        statement=evil,
        fix=evil,
        location=Location(f"a,b:c=d\n::error::{CORE}", 31, 1, 31, 2),
        trace=(replace(ERROR.trace[0], place=evil, effect=evil),),
    )

    report = render(replace(CLEAN, findings=(odd,)), "github", ReportOptions())

    assert len(report.splitlines()) == 2
    ((_, position, _),) = commands(replace(CLEAN, findings=(odd,)))
    assert position["file"] == f"a,b:c=d\\x0a::error::{CORE}"
    assert "%250A" in report
