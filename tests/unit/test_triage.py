"""Between scan and report: comments first, then the baseline, then the quoted lines."""

from __future__ import annotations

from fpuscan.result import ScanResult
from fpuscan.triage.aside import compare_with, set_aside
from fpuscan.triage.baseline import entry_of
from tests.samples import CLEAN, CORE, ERROR, LEAKY, NOTE, WARNING

SOURCE = b"\n" * 59 + b"x = y; /* fpuscan: ignore[FPU102] -- seen */\n"


def read(path: str) -> bytes | None:
    return SOURCE if path == CORE else None


def test_without_comments_and_baseline_only_excerpts_are_added() -> None:
    result = set_aside(LEAKY, lambda _: b"\n" * 100)

    assert (result.findings, result.suppressed, result.baselined, result.compared) == (LEAKY.findings, (), (), False)
    assert {excerpt.path for excerpt in result.excerpts} >= {CORE}


def test_a_finding_is_suppressed_or_known_or_new() -> None:
    result = compare_with(set_aside(LEAKY, read), (entry_of(NOTE), entry_of(WARNING)))

    assert result.findings == (ERROR,)
    assert [item.finding for item in result.suppressed] == [WARNING]
    assert (result.baselined, result.gone, result.compared) == ((NOTE,), (), True)


def test_what_is_quoted_belongs_to_the_findings_that_were_set_aside_too() -> None:
    result = set_aside(ScanResult(CLEAN.tree, CLEAN.health, findings=(WARNING,)), read)

    assert result.findings == ()
    assert any("ignore[FPU102]" in line for excerpt in result.excerpts for line in excerpt.lines)
