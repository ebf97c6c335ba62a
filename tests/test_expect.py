"""The reader of expectations is the judge of all fixtures, so it is judged here."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.result import Finding, Location, Place, Severity, Step, Surviving
from tests.expect import AnnotationError, Expectation, compare, read_annotations, read_text, render

PATH = "arch/x86/kernel/fpu/core.c"


def make_finding(
    line: int,
    *,
    rule: str = "FPU101",
    severity: Severity = Severity.ERROR,
    surviving: Surviving | None = None,
    source_line: int = 1,
    steps: tuple[int, ...] = (),
    others: tuple[int, ...] = (),
    side: str = "host",
) -> Finding:
    def place(name: str, at: int) -> Place:
        return Place(name, Location(PATH, at, 1, at, 9))

    return Finding(
        rule=rule,
        slug="slug",
        severity=severity,
        message="message",
        fingerprint="0",
        location=Location(PATH, line, 1, line, 9),
        source=place("guest_default_cfg.size", source_line),
        sink=place("struct fpstate.user_size", line),
        surviving=surviving or Surviving(kernel_format=True),
        side=side,
        trace=tuple(Step("p", Location(PATH, at, 1, at, 9), "assign", "text", 0) for at in steps),
        fix="fix",
        other_sources=tuple(place("guest_default_cfg.features", at) for at in others),
    )


def expectations(*lines: str) -> list[Expectation]:
    """Annotations of a file that has one statement per argument, from line 1 on."""
    return read_text(PATH, "".join(f"x = 1; /* {line} */\n" if line else "x = 1;\n" for line in lines))


def test_an_annotation_carries_all_its_claims() -> None:
    (found,) = expectations("want FPU102 error bits=CET_KERNEL,PASID unknown side=guest sink=user_size =a: why")

    assert found == Expectation(
        path=PATH,
        line=1,
        word="want",
        rule="FPU102",
        tag="a",
        severity=Severity.ERROR,
        bits=frozenset({"CET_KERNEL", "PASID"}),
        kernel_format=False,
        unknown=True,
        side="guest",
        sink="user_size",
        reason="why",
    )


def test_two_annotations_share_a_comment_and_two_comments_a_line() -> None:
    found = read_text(PATH, "x; /* want FPU101 note =a; source FPU101 =a */ // ok FPU102: no mask\n")

    assert [(item.word, item.rule, item.line) for item in found] == [
        ("want", "FPU101", 1),
        ("source", "FPU101", 1),
        ("ok", "FPU102", 1),
    ]


def test_the_supervisor_shorthand_means_three_bits() -> None:
    (found,) = expectations("want FPU101 error bits=SUPERVISOR format")

    assert found.bits == frozenset({"PASID", "CET_USER", "CET_KERNEL"})


def test_strings_hold_no_annotation() -> None:
    assert read_text(PATH, 'f("/* want FPU101 */"); c = \'"\'; /* plain */\n') == []


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("wants FPU101", "must be an annotation"),
        ("see FPU101", "must be an annotation"),
        ("want FPU101 fatal", "says nothing"),
        ("want FPU101 bits=", "says nothing"),
        ("want FPU101 error", "says what survives"),
        ("want FPU101 note bits=PASID", "says what survives"),
        ("want FPU101 warning format", "says what survives"),
        ("ok FPU101", "needs a reason"),
        ("todo-want FPU101", "needs a reason"),
        ("source FPU101", "needs a tag"),
        ("step FPU101", "needs a tag"),
        ("source FPU101 error bits=PASID =a", "describe a verdict"),
    ],
)
def test_a_wrong_annotation_is_refused(comment: str, words: str) -> None:
    with pytest.raises(AnnotationError, match=words) as caught:
        expectations("", comment)

    assert str(caught.value).startswith(f"{PATH}:2: ")


def test_an_annotation_without_code_before_it_is_refused() -> None:
    with pytest.raises(AnnotationError, match="trails behind code"):
        read_text(PATH, "x = 1;\n/* want FPU101 note */\n")


@pytest.mark.parametrize("lone", ["want FPU101 note =a", "source FPU101 =a", "step FPU101 =a"])
def test_a_tag_needs_both_ends(tmp_path: Path, lone: str) -> None:
    (tmp_path / "a.c").write_text(f"x = 1; /* {lone} */\n", encoding="utf-8")

    with pytest.raises(AnnotationError, match=r"a\.c:1: no (source|want) has the tag =a"):
        read_annotations(tmp_path)


def test_a_tag_spans_files(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("x = 1; /* want FPU101 note =a */\n", encoding="utf-8")
    (tmp_path / "b.h").write_text("x = 1; /* source FPU101 =a */\n", encoding="utf-8")

    assert [item.path for item in read_annotations(tmp_path)] == ["a.c", "b.h"]


def test_a_fixture_without_annotation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int x;\n", encoding="utf-8")

    with pytest.raises(AnnotationError, match="no annotation"):
        read_annotations(tmp_path)


def test_met_expectations_leave_no_difference() -> None:
    expected = expectations("source FPU101 =a", "step FPU101 =a", "want FPU101 error format =a", "ok FPU101: clean")

    assert compare(expected, [make_finding(3, source_line=1, steps=(1, 2, 3))]) == ()


def test_an_unannotated_finding_is_a_difference() -> None:
    (difference,) = compare(expectations("ok FPU101: clean"), [make_finding(7)])

    assert (difference.sign, difference.path, difference.line, difference.rule) == ("+", PATH, 7, "FPU101")


def test_a_note_is_a_finding_too() -> None:
    note = make_finding(1, severity=Severity.NOTE, surviving=Surviving())

    (difference,) = compare(expectations("ok FPU101: clean"), [note])

    assert "although ok: clean" in str(difference)


def test_a_finding_of_another_rule_does_not_meet_a_want() -> None:
    differences = compare(expectations("want FPU101 error format"), [make_finding(1, rule="FPU102")])

    assert [(item.sign, item.rule) for item in differences] == [("-", "FPU101"), ("+", "FPU102")]


def test_an_unmet_want_is_a_difference_that_names_line_rule_and_tag() -> None:
    differences = compare(expectations("source FPU101 =x", "want FPU101 error format =x"), [])

    assert render(differences) == (
        f"expected (-) and found (+) differ:\n- {PATH}:2: FPU101 =x: want error format, found nothing"
    )


@pytest.mark.parametrize(
    ("annotation", "found", "words"),
    [
        ("want FPU101 warning", make_finding(1), "is error"),
        ("want FPU101 error bits=PASID format", make_finding(1), "bits=none"),
        (
            "want FPU101 error bits=PASID",
            make_finding(1, surviving=Surviving(1 << 10, ("PASID",), kernel_format=True)),
            "kernel format",
        ),
        ("want FPU101 error format", make_finding(1, surviving=Surviving(unknown=True)), "content is unknown"),
        ("want FPU101 error format side=guest", make_finding(1), "side=host"),
        ("want FPU101 error format sink=uabi_size", make_finding(1), "sink is struct fpstate.user_size"),
        ("want FPU101 error format source=features", make_finding(1), "source is guest_default_cfg.size"),
    ],
)
def test_a_finding_that_misses_a_claim_is_no_match(annotation: str, found: Finding, words: str) -> None:
    missing, unexpected = compare(expectations(annotation), [found])

    assert (missing.sign, unexpected.sign) == ("-", "+")
    assert words in missing.what


def test_a_severity_alone_makes_the_verdict_exact_but_a_star_accepts_any_bits() -> None:
    found = make_finding(1, surviving=Surviving(1 << 12, ("CET_KERNEL",), kernel_format=True))

    assert compare(expectations("want FPU101 error format"), [found]) != ()
    assert compare(expectations("want FPU101 error bits=* format"), [found]) == ()
    assert compare(expectations("want FPU101"), [found]) == ()


def test_two_findings_of_one_line_meet_two_wants_in_any_order() -> None:
    line = "want FPU101 error format; want FPU101 error format side=guest"
    host, guest = make_finding(1), make_finding(1, side="guest")

    assert compare(expectations(line), [host, guest]) == ()
    assert compare(expectations(line), [guest, host]) == ()
    assert [item.sign for item in compare(expectations(line), [host, host])] == ["-", "+"]


def test_the_source_must_be_the_tagged_one() -> None:
    expected = expectations("source FPU101 =a", "want FPU101 error format =a")

    missing, unexpected = compare(expected, [make_finding(2, source_line=9)])

    assert f"source is guest_default_cfg.size at {PATH}:9" in missing.what
    assert unexpected.sign == "+"


def test_every_tagged_source_must_be_reported() -> None:
    expected = expectations("source FPU101 =a", "source FPU101 =a", "want FPU101 error format =a")

    assert compare(expected, [make_finding(3, source_line=1, others=(2,))]) == ()
    assert [item.line for item in compare(expected, [make_finding(3, source_line=1)])] == [2]


def test_every_tagged_step_must_be_in_the_trace() -> None:
    expected = expectations("source FPU101 =a", "step FPU101 =a", "want FPU101 error format =a")

    (difference,) = compare(expected, [make_finding(3, steps=(1, 3))])

    assert (difference.line, difference.tag) == (2, "a")


def test_todo_want_is_strict() -> None:
    expected = expectations("todo-want FPU101 error format: #12")

    assert compare(expected, []) == ()
    assert compare(expected, [make_finding(1, severity=Severity.NOTE, surviving=Surviving())]) == ()
    (difference,) = compare(expected, [make_finding(1)])
    assert "make it a want" in difference.what


def test_todo_ok_is_strict() -> None:
    expected = expectations("todo-ok FPU101: #13")

    assert compare(expected, [make_finding(1)]) == ()
    (difference,) = compare(expected, [])
    assert "make it an ok" in difference.what
