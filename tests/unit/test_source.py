"""Offsets inside, lines and columns outside."""

from __future__ import annotations

import pytest

from fpuscan.parse.source import SourceFile

TEXT = b"int a;\n\n\tint b;\nlast"


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (0, (1, 1)),
        (4, (1, 5)),
        (6, (1, 7)),  # the newline belongs to its line
        (7, (2, 1)),
        (8, (3, 1)),
        (9, (3, 2)),  # a tab is one column
        (16, (4, 1)),
        (len(TEXT), (4, 5)),
    ],
)
def test_position_counts_from_one(offset: int, expected: tuple[int, int]) -> None:
    assert SourceFile("a.c", TEXT).position(offset) == expected


def test_a_column_counts_bytes() -> None:
    """An editor that is told byte columns finds the place behind a name with umlauts."""
    assert SourceFile("a.c", "/* für */ x".encode()).position(11) == (1, 12)


def test_an_offset_outside_is_the_nearest_place() -> None:
    source = SourceFile("a.c", TEXT)

    assert source.position(-3) == (1, 1)
    assert source.position(1000) == (4, 5)


def test_an_empty_file_has_one_place() -> None:
    assert SourceFile("a.c", b"").position(0) == (1, 1)


@pytest.mark.parametrize(
    ("line", "expected"), [(0, b""), (1, b"int a;"), (2, b""), (3, b"\tint b;"), (4, b"last"), (5, b"")]
)
def test_a_line_comes_without_its_newline(line: int, expected: bytes) -> None:
    assert SourceFile("a.c", TEXT).line_text(line) == expected


def test_a_newline_at_the_end_begins_no_text() -> None:
    source = SourceFile("a.c", b"a\n")

    assert source.position(2) == (2, 1)
    assert source.line_text(1) == b"a"
    assert source.line_text(2) == b""


def test_two_files_are_equal_by_path_and_bytes() -> None:
    """The line index is a cache and no part of the value."""
    one, two = SourceFile("a.c", TEXT), SourceFile("a.c", TEXT)
    one.position(3)

    assert one == two
    assert hash(one) == hash(two)
