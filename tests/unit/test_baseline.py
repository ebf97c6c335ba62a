"""The baseline: a multiset of fingerprints that survives what edits do, and says when it is damaged."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.errors import UsageError
from fpuscan.result import Location, Severity
from fpuscan.triage.baseline import compare, covers, dump, load, parse, write
from tests.samples import CORE, ERROR, NOTE, WARNING

EXPECTED = """\
fpuscan-baseline 1
# Known findings, for fpuscan --baseline: rule, severity, fingerprint, and what it is, for readers.
# --write-baseline writes this file anew.
FPU102 warning 1123456789abcdef arch/x86/kernel/fpu/core.c __fpstate_reset(): \
guest_default_cfg.size -> struct fpu_guest.uabi_size
FPU101 error 0123456789abcdef arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate(): \
guest_default_cfg.size -> struct fpu_guest.uabi_size
"""


def test_the_file_is_sorted_readable_and_without_line_numbers() -> None:
    assert dump([ERROR, WARNING]) == dump([WARNING, ERROR]) == EXPECTED


def test_what_is_written_is_read(tmp_path: Path) -> None:
    findings = (ERROR, WARNING, NOTE, ERROR)
    write(tmp_path / "known", findings)

    compared = compare(findings, load(tmp_path / "known"))

    assert (compared.new, compared.known, compared.gone) == ((), findings, ())
    assert (tmp_path / "known").read_text() == dump(findings)


def test_moved_lines_and_other_statements_are_the_same_finding() -> None:
    moved = replace(ERROR, location=Location(CORE, 99, 5, 101, 2, "fpu_alloc_guest_fpstate"), statement="x", trace=())

    assert compare([moved], parse(dump([ERROR]), "known")).known == (moved,)


def test_a_second_finding_of_one_fingerprint_is_new() -> None:
    compared = compare([ERROR, ERROR], parse(dump([ERROR]), "known"))

    assert (len(compared.new), len(compared.known)) == (1, 1)


def test_what_is_no_longer_found_is_gone() -> None:
    compared = compare([ERROR], parse(dump([ERROR, ERROR, WARNING]), "known"))

    assert [entry.fingerprint for entry in compared.gone] == [WARNING.fingerprint, ERROR.fingerprint]


def test_a_finding_that_got_worse_is_new_and_nothing_is_gone() -> None:
    """A mask that is taken away again changes no fingerprint, but the verdict."""
    known = parse(dump([replace(ERROR, severity=Severity.NOTE)]), "known")

    compared = compare([ERROR], known)

    assert (compared.new, compared.gone) == ((ERROR,), ())
    better = replace(ERROR, severity=Severity.NOTE)
    assert compare([better], parse(dump([ERROR]), "known")).known == (better,)


def test_the_worst_known_severity_goes_to_the_worst_finding() -> None:
    note = replace(ERROR, severity=Severity.NOTE)

    compared = compare([note, ERROR], parse(dump([ERROR, note]), "known"))

    assert compared.known == (note, ERROR)


def test_a_suppressed_finding_is_not_gone() -> None:
    assert compare([], parse(dump([ERROR]), "known"), aside=[ERROR]).gone == ()


def test_what_an_unchecked_rule_found_is_not_gone() -> None:
    known = parse(dump([ERROR, WARNING]), "known")

    assert [entry.rule for entry in compare([], known, checked=frozenset({"FPU101"})).gone] == ["FPU101"]


def test_numbers_always_add_up() -> None:
    """Every finding is new or known, every entry known, worse or gone, for any multiset."""
    rng = random.Random(7)
    pool = [replace(ERROR, severity=level, fingerprint=f"{n:08x}") for level in Severity for n in range(3)]
    for _ in range(300):
        findings, entries = (rng.choices(pool, k=rng.randrange(8)) for _ in range(2))

        compared = compare(findings, parse(dump(entries), "known"))

        assert len(compared.new) + len(compared.known) == len(findings)
        assert len(compared.gone) <= len(entries) - len(compared.known)
        for number in range(3):
            here = [f for f in findings if f.fingerprint == f"{number:08x}"]
            there = [f for f in entries if f.fingerprint == f"{number:08x}"]
            gone = [f for f in compared.gone if f.fingerprint == f"{number:08x}"]
            assert len(gone) == max(0, len(there) - len(here))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "known: is no baseline of fpuscan; --write-baseline known makes one"),
        ("# only a comment\n", "known: is no baseline"),
        ('{"findings": []}\n', "known: is no baseline"),
        ("fpuscan-baseline 2\nwhatever\n", "version 2, and this fpuscan reads version 1"),
        ("fpuscan-baseline 1\n<<<<<<< HEAD\n", "known:2: is no line of a baseline"),
        ("fpuscan-baseline 1\n\nFPU101 fatal 0123456789abcdef x\n", "known:3: is no line"),
        ("fpuscan-baseline 1\nFPU101 error 01234\n", "known:2: is no line"),
    ],
)
def test_a_damaged_or_newer_file_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, "known")

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_or_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"fpuscan-baseline 1\n\xff\n")

    with pytest.raises(UsageError, match="not UTF-8"):
        load(tmp_path / "binary")
    with pytest.raises(UsageError, match="No such file or directory"):
        load(tmp_path / "nothing")
    with pytest.raises(UsageError, match="Is a directory"):
        write(tmp_path, [])


def test_comments_blank_lines_and_windows_line_ends_are_read() -> None:
    text = dump([ERROR]).replace("\n", "\r\n") + "\r\n# agreed on in review\r\n"

    assert [entry.fingerprint for entry in parse(text, "known")] == [ERROR.fingerprint]


def test_odd_names_stay_on_one_line() -> None:
    odd = replace(ERROR, location=Location("a\nb\udcff\x1b.c", 1, 1, 1, 1, "f\u2028"))

    data = dump([odd]).encode()

    assert len(data.splitlines()) == 4
    assert compare([odd], parse(data.decode(), "known")).known == (odd,)


MANY = replace(WARNING, rule="FPU301", fingerprint="0123456789abcdef" + "1111" + "2222")
FEWER = replace(MANY, fingerprint="0123456789abcdef" + "2222")


def test_a_part_more_is_new_and_a_part_less_is_known() -> None:
    """A commit that mends half of a known fault passes, one that adds to it does not."""
    mended = compare([FEWER], parse(dump([MANY]), "known"))
    worse = compare([MANY], parse(dump([FEWER]), "known"))

    assert (mended.new, mended.known, mended.gone) == ((), (FEWER,), ())
    assert (worse.new, worse.known, worse.gone) == ((MANY,), (), ())


def test_other_parts_are_new() -> None:
    other = replace(MANY, fingerprint="0123456789abcdef" + "2222" + "3333")

    assert compare([other], parse(dump([MANY]), "known")).new == (other,)
    assert not covers(MANY, other)
    assert covers(MANY, FEWER)
