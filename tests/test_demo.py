"""The tree that --demo scans shows one case of each kind: a size, a mask, and a flow that is cut in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan import cli
from fpuscan.result import ScanResult, Severity
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.expect import compare, read_annotations, render


@pytest.fixture(scope="module")
def result(root: Path) -> ScanResult:
    return scan(open_folder(root / "fixtures/demo"), ScanOptions())


def test_the_findings_are_the_annotated_ones(root: Path, result: ScanResult) -> None:
    loud = [finding for finding in result.findings if finding.severity > Severity.NOTE]

    differences = compare(read_annotations(root / "fixtures/demo"), loud)

    assert not differences, render(differences)
    assert [finding.rule for finding in loud] == ["FPU102", "FPU101"]


def test_the_masked_flow_is_a_note_with_its_mask(result: ScanResult) -> None:
    notes = [finding for finding in result.findings if finding.severity is Severity.NOTE]

    masked = [finding for finding in notes if finding.sink.place.endswith("guest_perm.__user_state_size")]
    assert len(masked) == 1
    assert masked[0].location.function == "xstate_request_guest_perm"


def test_nothing_of_the_demo_is_left_unread(result: ScanResult) -> None:
    health = result.health

    assert (health.incomplete, health.unaccounted, health.error_bytes) == ((), (), 0)


def test_the_command_shows_it_and_fails(capfd: pytest.CaptureFixture[str]) -> None:
    status = cli.run(["--demo"])

    shown = capfd.readouterr()
    assert (status, shown.err) == (1, "")
    assert "[FPU101]" in shown.out
    assert "[FPU102]" in shown.out
