"""The text report: what a reviewer reads, and what never reaches the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from fpuscan.report import FORMATS, ReportOptions, render
from fpuscan.report.terminal import printable
from fpuscan.report.text import summary_line
from fpuscan.result import Consumer, Location, Place, Related, ScanResult, Surviving
from tests.samples import CLEAN, CORE, ERROR, INCOMPLETE, LEAKY, NOTE, TRIAGED, XSTATE, at

EXPECTED = """\
arch/x86/kernel/fpu/core.c:31:2: error: guest_default_cfg.size reaches struct fpu_guest.uabi_size [FPU101]
   31 | gfpu->uabi_size = guest_buffer_size();
      | ^~~~~~~~~~~~~~~
  in fpu_alloc_guest_fpstate(), guest side
  surviving: CET_KERNEL (bit 12), bit 20, a kernel-format size
  only with: CONFIG_KVM
  fix: Take the size from fpu_user_cfg.default_size: the user ABI is the same
    for guests and for the host.

  trace:
    1. guest_default_cfg.size
       arch/x86/kernel/fpu/xstate.c:40 in guest_buffer_size()
         return guest_default_cfg.size;
       source: a kernel-format size
    2. guest_buffer_size()
       arch/x86/kernel/fpu/xstate.c:40 in guest_buffer_size()
 => 3. struct fpu_guest.uabi_size [crossing]
       arch/x86/kernel/fpu/core.c:31 in fpu_alloc_guest_fpstate()
         gfpu->uabi_size = guest_buffer_size();
       bits left: 0x1000; only if guest
    behind the crossing, by the same value:
    4. size
       arch/x86/kvm/x86.c:77 in kvm_vcpu_ioctl_x86_get_xsave2()
         u32 size = vcpu->arch.guest_fpu.uabi_size;

  consumers:
    kvm       arch/x86/kvm/x86.c:77 in kvm_vcpu_ioctl_x86_get_xsave2()
    sigframe  arch/x86/kernel/fpu/signal.c:12 in save_sw_bytes()
  other sources:
    guest_default_cfg.features, arch/x86/kernel/fpu/xstate.c:52 in
      guest_buffer_size()
  related:
    set guest_default_cfg.size, arch/x86/kernel/fpu/xstate.c:20 in
      init_xstate_size()

1 error, 0 warnings
assumed (barrier): struct fpu_guest.fpstate into struct fpu.fpstate: KVM swaps
  back before it returns to user space [69f6ed1d14c6]
Linux 7.3.0-rc7: read 111 files, 3963 functions, 0 bytes unparsed; 57
  occurrences of tracked globals, all accounted for
"""


def text(result: ScanResult, **choices: bool) -> str:
    return render(result, "text", ReportOptions(**choices))


def test_a_finding_is_shown_with_statement_bits_trace_consumers_and_advice() -> None:
    assert text(replace(LEAKY, findings=(ERROR,))) == EXPECTED


def test_the_first_screen_tells_what_where_which_bits_how_and_what_to_do() -> None:
    """24 rows of 80 columns, also where the way is long and a headline takes several rows."""
    functions = ("init", "fpstate_reset", "xstate_request_perm", "__xstate_request_perm", "fpu_alloc_guest_fpstate")
    steps = [replace(ERROR.trace[0], location=at(XSTATE, 40, function=name)) for name in functions for _ in "12"]
    long = replace(ERROR, trace=(*steps, ERROR.trace[2], ERROR.trace[3]))

    shown = text(replace(LEAKY, findings=(long,)))

    rows = [line[start : start + 80] for line in shown.splitlines() for start in range(0, max(1, len(line)), 80)]
    screen = " ".join(" ".join(rows[:24]).split())
    for wanted in ("core.c:31:2: error:", "gfpu->uabi_size = guest_buffer_size();", "CET_KERNEL (bit 12)", "fix: Take"):
        assert wanted in screen
    assert "way: guest_default_cfg.size -> init() -> fpstate_reset() -> xstate_request_perm() -> __xsta" in screen
    assert "-> fpu_alloc_guest_fpstate()" in screen


def test_lists_fit_80_columns() -> None:
    long = at("arch/x86/kernel/fpu/xstate.c", 1175, function="a_function_with_a_name_of_forty_characters")
    readers = tuple(Consumer("uabi-copy", replace(long, line=line)) for line in (1175, 1176))
    finding = replace(ERROR, consumers=readers, other_sources=(Place("guest_default_cfg.features", long),))

    lines = text(replace(CLEAN, findings=(finding,))).splitlines()

    assert max(len(line) for line in lines[1:]) <= 80


def test_a_function_that_reads_the_value_is_named_once() -> None:
    """On a real tree fifty places read the user features; the first screen must still hold the finding."""
    places = tuple(Consumer("sigframe", at(CORE, line, function="save")) for line in (5, 7, 9))
    finding = replace(ERROR, consumers=(*places, Consumer("kvm", at(CORE, 3)), Consumer("kvm", at(CORE, 4))))

    lines = text(replace(CLEAN, findings=(finding,))).splitlines()

    start = lines.index("  consumers:") + 1
    assert lines[start : start + 3] == [
        f"    sigframe  {CORE}:5 in save() and 2 more lines",
        f"    kvm       {CORE}:3",
        f"    kvm       {CORE}:4",
    ]
    assert f"    sigframe  {CORE}:9 in save()" in text(replace(CLEAN, findings=(finding,)), verbose=True)


def test_the_first_line_is_what_gcc_would_print() -> None:
    lines = text(LEAKY).splitlines()

    headlines = [line for line in lines if re.match(r"[^ :]+:\d+:\d+: (error|warning|note): .* \[FPU\d+\]$", line)]
    assert [line.split(": ")[1] for line in headlines] == ["error", "warning"]


def test_notes_are_counted_until_they_are_asked_for() -> None:
    assert "note:" not in text(LEAKY)
    assert "1 error, 1 warning; 1 note hidden (--notes shows it)\n" in text(LEAKY)
    assert "note: guest_perm" in text(LEAKY, notes=True)
    assert "1 error, 1 warning, 1 note\n" in text(LEAKY, notes=True)
    assert summary_line(replace(LEAKY, findings=(NOTE, NOTE)), ReportOptions()) == (
        "0 errors, 0 warnings; 2 notes hidden (--notes shows them)"
    )


def test_no_finding_is_said_with_what_was_seen() -> None:
    assert text(CLEAN) == (
        "0 errors, 0 warnings\n"
        "Linux 7.3.0-rc7: read 111 files, 3963 functions, 0 bytes unparsed; 57\n"
        "  occurrences of tracked globals, all accounted for\n"
    )


def test_what_was_not_seen_is_said() -> None:
    assert text(INCOMPLETE) == (
        "0 errors, 0 warnings\n"
        "Linux 7.3.0-rc7: read 111 files, 3963 functions, 80 bytes unparsed; 57\n"
        "  occurrences of tracked globals, 2 NOT accounted for\n"
        "  not accounted for: arch/x86/kernel/fpu/xstate.c:7\n"
        "  not accounted for: arch/x86/kernel/fpu/xstate.c:9\n"
        "  unresolved call near a flow: 1 (-v lists them)\n"
        "  model row that matched nothing: 1 (-v lists them)\n"
        "arch/x86/kernel/fpu/core.c:12: incomplete: could not be parsed near a tracked symbol (in fpu_copy())\n"
        "arch/x86/kvm/x86.c: incomplete: is too large\n"
    )
    assert "unresolved call near a flow: mystery\n" in text(INCOMPLETE, verbose=True)


def test_what_was_set_aside_is_counted_and_named() -> None:
    report = text(TRIAGED)

    assert (
        "arch/x86/kernel/fpu/core.c:8:2: warning: ignore comment: no finding of FPU101 passes here [unused]\n" in report
    )
    assert "1 error, 0 warnings; 1 suppressed; 1 known before\n" in report
    assert (
        "  no longer found: FPU103 arch/x86/kernel/fpu/core.c f(): a.b -> c.d (removed by [PATCH 2/3] mend)\n" in report
    )
    assert "[no-reason]" in text(TRIAGED, quiet=True)


def test_quiet_is_one_line_per_finding() -> None:
    assert len(text(LEAKY, quiet=True).splitlines()) == 2
    assert len(text(LEAKY, quiet=True, notes=True).splitlines()) == 3
    assert text(CLEAN, quiet=True) == ""


def test_who_brought_a_finding_stands_on_the_first_screen() -> None:
    by = tuple(
        Related(kind, ERROR.location, place)
        for kind, place in (("added by", "[PATCH 2/3] x86/fpu: Store\x1b it"), ("not committed", ""))
    )
    found = replace(ERROR, related=(*ERROR.related, *by))

    lines = text(replace(CLEAN, findings=(found,))).splitlines()

    side = next(number for number, line in enumerate(lines) if line.endswith(" side"))
    assert lines[side + 1 : side + 3] == ["  added by [PATCH 2/3] x86/fpu: Store\\x1b it", "  not committed"]
    assert lines.count("  related:") == 1
    assert text(replace(CLEAN, findings=(found,)), quiet=True).endswith(
        " [FPU101] (added by [PATCH 2/3] x86/fpu: Store\\x1b it; not committed)\n"
    )


def test_quiet_does_not_hide_what_could_not_be_read() -> None:
    lines = text(INCOMPLETE, quiet=True).splitlines()

    assert [line.split(": ")[1] for line in lines] == ["incomplete", "incomplete"]


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = text(LEAKY, colour=True, notes=True)

    assert "\x1b[1;31merror:\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == text(LEAKY, notes=True)


def test_prose_and_statements_fit_80_columns() -> None:
    statement = "ret = " + "xstate_calculate_size(mask & XFEATURE_MASK_USER_SUPPORTED, false) + " * 4 + "0;"
    long = replace(ERROR, statement=statement, location=Location(CORE, 31, 2, 35, 4, "f"), fix="Take the size " * 30)

    lines = text(replace(CLEAN, findings=(long,))).splitlines()

    assert [line for line in lines[1:] if len(line) > 80 and "/x86/" not in line] == []
    carets = "".join(line.partition("| ")[2] for line in lines if set(line) <= set(" |^~") and "|" in line)
    assert carets.count("^") == 1
    assert re.sub(r"\s", "", "".join(line.partition("| ")[2] for line in lines[1:11:2])) == statement.replace(" ", "")


@pytest.mark.parametrize(
    ("statement", "sink", "caret"),
    [
        ("a.b = c;", (4, 7), "  ^~~"),
        ("é.b = c;", (5, 8), "  ^~~"),  # columns count bytes
        ("a.b = c;", (1, 4), "^~~~~~~~"),  # stands before the statement: not this one
        ("a.b = c;", (9, 40), "^~~~~~~~"),
    ],
)
def test_the_caret_stands_under_the_stored_operand(statement: str, sink: tuple[int, int], caret: str) -> None:
    finding = replace(
        ERROR,
        statement=statement,
        location=Location(CORE, 31, 2, 31, 2 + len(statement.encode())),
        sink=Place("b", Location(CORE, 31, sink[0], 31, sink[1])),
    )

    lines = text(replace(CLEAN, findings=(finding,))).splitlines()

    assert lines[1:3] == [f"   31 | {statement}", f"      | {caret}"]


def test_what_survives_is_named_with_bit_numbers() -> None:
    cases = {
        "CET_KERNEL (bit 12)": Surviving(mask=0x1000, bits=("CET_KERNEL",)),
        "PASID (bit 10), CET_USER (bit 11)": Surviving(mask=0xC00, bits=("PASID", "CET_USER")),
        "bit 63": Surviving(mask=1 << 63),
        "content that cannot be evaluated, unmasked": Surviving(unknown=True),
        "nothing that the user ABI forbids": Surviving(),
    }
    for expected, surviving in cases.items():
        report = text(replace(CLEAN, findings=(replace(ERROR, surviving=surviving),)))

        assert f"  surviving: {expected}\n" in report


def test_no_control_character_of_the_source_reaches_the_terminal() -> None:
    evil = "x\x1b[2J\x07\u202e\x9b\r\nz\udcff"
    place = Place(evil, replace(ERROR.location, path=f"arch/{evil}.c", function=evil))
    finding = replace(
        ERROR,
        message=evil,
        statement=evil,
        location=place.location,
        source=place,
        sink=place,
        fix=evil,
        config=(evil,),
        other_sources=(place,),
        trace=tuple(
            replace(step, text=evil, place=evil, effect=evil, guard=evil, location=place.location)
            for step in ERROR.trace
        ),
        consumers=tuple(replace(item, kind=evil, location=place.location) for item in ERROR.consumers),
        related=tuple(replace(item, kind=evil, place=evil, location=place.location) for item in ERROR.related),
    )
    health = replace(
        INCOMPLETE.health,
        incomplete=tuple(replace(item, path=evil, reason=evil, function=evil) for item in INCOMPLETE.health.incomplete),
        unaccounted=(place.location,),
        unresolved_calls=(evil,),
        unmatched_model_rows=(evil,),
    )
    assumptions = tuple(replace(item, kind=evil, what=evil, why=evil, commit=evil) for item in LEAKY.assumptions)
    result = replace(CLEAN, findings=(finding,), health=health, assumptions=assumptions)

    report = text(result, verbose=True)

    assert [char for char in report if printable(char) != char and char != "\n"] == []
    assert "x\\x1b[2J\\x07\\u202e\\x9b\\x0d\\x0az\\udcff" in report


def test_every_format_is_rendered_and_ends_with_a_newline() -> None:
    for name in FORMATS:
        for result in (CLEAN, LEAKY, INCOMPLETE):
            assert render(result, name, ReportOptions()).endswith("\n")
