"""Ignore comments: what they are about, what they need, and which of them are reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fpuscan.errors import FpuscanError
from fpuscan.result import Finding, Location
from fpuscan.triage.suppress import Suppression, ignores_of, suppress
from tests.samples import CORE, ERROR, NOTE, WARNING, XSTATE

OK = "/* fpuscan: ignore[FPU101] -- the reason */"


def finding(first: int, last: int = 0, *, rule: str = "FPU101") -> Finding:
    """A finding whose crossing is all that there is."""
    at = Location(CORE, first, 1, last or first, 9, "f")
    place = replace(ERROR.sink, location=at)
    return replace(ERROR, rule=rule, location=at, sink=place, source=place, trace=())


def parted(text: str, *findings: Finding, checked: frozenset[str] | None = None) -> Suppression:
    return suppress(findings, {CORE: text.encode()}.get, files=[CORE], checked=checked)


def kinds(suppression: Suppression) -> list[str]:
    return [problem.kind for problem in suppression.problems]


@pytest.mark.parametrize(
    "text",
    [
        f"\n\na = b; {OK}\n",
        f"\n{OK}\na = b;\n",
        "\n\t// fpuscan: ignore[FPU101] -- the reason\na = b;\n",
        f"\n{OK} \\\n a = b; \\\n",
        "/* fpuscan: ignore[FPU101]\n * -- the reason */\na = b;\n",
        "\n\na = b; /* fpuscan: ignore[guest-default-in-uabi-size] -- the reason */\n",
        "\n\na = b; /* fpuscan:ignore [ fpu102 , FPU101 ] --the reason */\n",
        f"{OK}\n/* fpuscan: ignore[FPU102] -- another */\na = b;\n",
        f"\n{OK}\r\na = b;\r\n",
    ],
)
def test_the_line_itself_and_the_line_above_count(text: str) -> None:
    found = parted(text, finding(3))

    assert (found.active, [item.reason for item in found.suppressed]) == ((), ["the reason"])


@pytest.mark.parametrize(
    "text",
    [
        f"\nx = y; {OK}\na = b;\n",  # beside other code: about that code
        f"{OK}\n\na = b;\n",
        f"\n\n\n{OK}\n",
        "\n\na = b; /* fpuscan: ignore[FPU102] -- the reason */\n",
        f'\n\na = "{OK}";\n',
        "\n\na = b; /* see fpuscan: ignore[FPU101] -- the reason */\n",
    ],
)
def test_other_places_and_rules_do_not(text: str) -> None:
    assert len(parted(text, finding(3)).active) == 1


def test_any_line_of_a_long_statement_may_carry_it() -> None:
    text = f"f(a,\n  b, {OK}\n  c);\n"

    assert parted(text, finding(1, 3)).active == ()


def test_any_step_of_the_trace_may_carry_it() -> None:
    """A value that passes through a helper is judged once, in the helper."""
    sources = {XSTATE: b"\n" * 38 + OK.encode() + b"\n\treturn guest_default_cfg.size;\n"}

    found = suppress([ERROR, WARNING], sources.get)

    assert found.active == (WARNING,)
    assert (found.suppressed[0].finding, found.suppressed[0].location) == (ERROR, Location(XSTATE, 39, 1, 39, 44))


def test_the_reason_is_required() -> None:
    for text in ("/* fpuscan: ignore[FPU101] */", "/* fpuscan: ignore[FPU101] -- */"):
        found = parted(f"a = b; {text}\n", finding(1))

        assert len(found.active) == 1
        assert kinds(found) == ["no-reason"]


def test_unknown_rules_are_reported_and_the_others_count() -> None:
    found = parted("a = b; /* fpuscan: ignore[FPU101, FPU999, the] -- reason */\n", finding(1))

    assert found.active == ()
    assert [problem.message for problem in found.problems] == [
        "there is no rule FPU999, the; --list-rules shows the rules"
    ]


def test_words_of_the_reason_are_no_rules() -> None:
    found = parted("a = b; /* fpuscan: ignore[FPU101] -- like FPU999, [x] -- here */\n", finding(1))

    assert (kinds(found), found.suppressed[0].reason) == ([], "like FPU999, [x] -- here")


def test_an_ignore_that_matches_nothing_is_reported_rule_by_rule() -> None:
    found = parted("a = b; /* fpuscan: ignore[FPU101, FPU102] -- reason */\n", finding(1))

    (problem,) = found.problems
    assert (problem.kind, problem.location.line) == ("unused", 1)
    assert "FPU102" in problem.message
    assert "FPU101" not in problem.message


def test_an_ignore_of_a_rule_that_did_not_run_is_not_unused() -> None:
    text = "a = b; /* fpuscan: ignore[FPU102] -- reason */\n"

    assert kinds(parted(text)) == ["unused"]
    assert kinds(parted(text, checked=frozenset({"FPU101"}))) == []


@pytest.mark.parametrize(
    "text", ["fpuscan: ignore FPU101", "fpuscan ignore[FPU101] -- x", "fpuscan: ignore[] -- x", "fpuscan: FPU101 -- x"]
)
def test_what_is_meant_and_misspelt_is_reported(text: str) -> None:
    found = parted(f"a = b; /* {text} */\n", finding(1))

    assert (len(found.active), kinds(found)) == (1, ["malformed"])


def test_every_finding_is_in_exactly_one_part() -> None:
    text = f"a = b; {OK}\n"
    findings = [finding(1), finding(1, rule="FPU102"), finding(2), NOTE]

    found = parted(text, *findings)

    assert len(found.active) + len(found.suppressed) == len(findings)
    assert [item.finding for item in found.suppressed] == findings[:1]


def test_an_unread_file_suppresses_nothing() -> None:
    def fail(path: str) -> bytes:
        raise FpuscanError(path)

    assert suppress([ERROR], fail).active == (ERROR,)
    assert suppress([ERROR], lambda _: None).active == (ERROR,)


@pytest.mark.parametrize(
    "data", [b"/* fpuscan: ignore[", b'"fpuscan /*', b"'fpuscan: \xff\xfe", b"//fpuscan: ignore[\xff] -- \xff\\"]
)
def test_any_bytes_are_survived(data: bytes) -> None:
    assert len(list(ignores_of(CORE, data))) <= 1


def test_a_file_of_openings_costs_no_more_than_its_length() -> None:
    list(ignores_of(CORE, b"fpuscan " + b'/* "' * 200_000 + b"'\"/" * 200_000))
