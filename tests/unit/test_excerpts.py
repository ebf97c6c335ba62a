"""Source lines for the reports: the right lines by the right numbers, whatever the file holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fpuscan.errors import FpuscanError
from fpuscan.report.lines import SourceLines
from fpuscan.result import Location, SourceExcerpt
from fpuscan.triage.excerpts import CONTEXT, excerpts
from tests.samples import CORE, ERROR, KVM, WARNING, XSTATE

BARE = replace(
    WARNING,
    location=Location(CORE, 20, 1, 21, 5),
    source=replace(WARNING.source, location=Location(CORE, 20, 1, 20, 5)),
    sink=replace(WARNING.sink, location=Location(CORE, 21, 1, 21, 5)),
)


def numbered(count: int) -> bytes:
    return b"".join(b"line %d\n" % number for number in range(1, count + 1))


def test_every_place_comes_with_context_and_touching_excerpts_are_one() -> None:
    found = excerpts([ERROR], lambda _: numbered(100))

    assert [(item.path, item.first_line, item.first_line + len(item.lines) - 1) for item in found] == [
        (CORE, 28, 34),
        ("arch/x86/kernel/fpu/signal.c", 9, 15),
        (XSTATE, 17, 23),
        (XSTATE, 37, 43),
        (XSTATE, 49, 55),
        (KVM, 74, 80),
    ]
    assert found[0].lines[0] == "line 28"


def test_a_span_is_quoted_whole_and_the_file_may_end_first() -> None:
    (found,) = excerpts([BARE], lambda _: numbered(22))

    assert (found.first_line, found.lines) == (20 - CONTEXT, (*(f"line {n}" for n in range(17, 23)), ""))


def test_only_newlines_end_a_line() -> None:
    """Form feeds and U+2028 stand in kernel sources and patches; they must not shift the numbers."""
    data = b"a\x0cb\r\n" * 19 + "x\u2028y\x0b\n".encode() + b"\xff\n"

    (found,) = excerpts([BARE], lambda _: data)

    assert found.lines[3:5] == ("x\u2028y\x0b", "\udcff")
    assert found.lines[0] == "a\x0cb"


def test_what_cannot_be_read_is_not_quoted() -> None:
    def fail(path: str) -> bytes:
        raise FpuscanError(path)

    assert excerpts([ERROR], lambda _: None) == ()
    assert excerpts([ERROR], fail) == ()


def test_a_statement_of_many_lines_costs_little() -> None:
    long = replace(BARE, location=Location(CORE, 1, 1, 90_000, 1))

    (found,) = excerpts([long], lambda _: numbered(90_000))

    assert len(found.lines) < 40


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("abc", 3, 3),
        ("\u00e9bc", 3, 2),  # two bytes, one unit
        ("\U0001f600bc", 5, 3),  # four bytes, two units
        ("\udcffbc", 2, 2),  # a byte that is no UTF-8 is shown as one replacement character
        ("\u00e9", 9, 8),  # behind the end
    ],
)
def test_columns_in_utf16_code_units(text: str, column: int, expected: int) -> None:
    lines = SourceLines([SourceExcerpt("a.c", 4, (text,))])

    assert lines.utf16_column("a.c", 4, column) == expected
    assert lines.utf16_column("a.c", 5, column) == column
