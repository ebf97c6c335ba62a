"""Which nodes of a function may read a variable, as far as the names in them say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.engine.functions.function import ENTRY, EXIT, FunctionAnalysis
from tests.fixture_trees import analysed

FPU = "arch/x86/kernel/fpu"
CODE = """
struct area { int sizes[4]; int *more; };
extern int offsets[8], *buffer;
extern struct area areas[8];
int sink(int a, int *b);
int f(int i, struct area by_value)
{
    %s
    return 0;
}
"""


def function(folder: Path, statement: str) -> FunctionAnalysis:
    (folder / FPU).mkdir(parents=True)
    (folder / "Makefile").write_text("VERSION = 7\nPATCHLEVEL = 3\n", encoding="utf-8")
    (folder / FPU / "core.c").write_text(CODE % statement, encoding="utf-8")
    analysis = analysed(folder)
    (unit,) = analysis.program.functions_named("f")
    return analysis.of(unit)


def readers(one: FunctionAnalysis, index: int) -> list[int]:
    """The nodes that may read a parameter."""
    place = (("p", one.id, index), ())
    return [node for node in range(len(one.code)) if node not in {ENTRY, EXIT} and one.may_read(node, place)]


READS = [
    "offsets[0] = i;",
    "offsets[0] = (unsigned char)i + 1;",
    "offsets[0] = offsets[i];",
    "offsets[0] = areas[1].sizes[i];",
    "offsets[0] = areas[i].more[0];",
    "offsets[0] = *(buffer + i);",
    "offsets[0] = i ? 1 : 2;",
    "sink(i, 0);",
    "sink(0, &offsets[i]);",
    "sink(0, &areas[i].sizes[2]);",
    "if (i & 4) sink(0, 0);",
    "switch (i) { case 1: sink(0, 0); }",
    "return ~i;",
    "({ offsets[0] = i; });",
]


@pytest.mark.parametrize("statement", READS)
def test_a_node_that_names_a_variable_may_read_it(tmp_path: Path, statement: str) -> None:
    one = function(tmp_path, statement)

    assert readers(one, 0)
    assert len(readers(one, 0)) < len(one.code) - 2, "the last return does not"


@pytest.mark.parametrize("statement", ["offsets[0] = 1;", "i = 5;", "sink(offsets[2], buffer);"])
def test_no_other_node_does(tmp_path: Path, statement: str) -> None:
    assert readers(function(tmp_path, statement), 0) == []


def test_whoever_reads_a_member_reads_the_struct(tmp_path: Path) -> None:
    assert readers(function(tmp_path, "offsets[0] = by_value.sizes[2];"), 1)


def test_a_variable_whose_address_is_taken_may_be_read_anywhere(tmp_path: Path) -> None:
    one = function(tmp_path, "sink(0, &i); offsets[0] = 1;")

    assert len(readers(one, 0)) == len(one.code) - 2


def test_a_parameter_that_nobody_sets_is_what_it_was_at_the_entry(tmp_path: Path) -> None:
    one = function(tmp_path, "offsets[0] = i; return i; offsets[1] = i;")
    place = (("p", one.id, 0), ())
    reaching = [one.reaching(node, place) for node in readers(one, 0)]

    assert reaching == [frozenset({ENTRY}), frozenset({ENTRY}), frozenset()], "control does not get behind the return"
