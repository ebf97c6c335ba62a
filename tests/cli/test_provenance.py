"""The command's questions about the origin of a place, and the lock file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fpuscan.commands import beside
from fpuscan.lock import write_lock
from tests.cli.command import Engine, Run, one_line
from tests.repositories import CORE, Repository
from tests.samples import ASKED, CONTROLLED, INCOMPLETE, LEAKY, PROVENANCE


def test_provenance_asks_the_scan_and_gives_no_verdict(engine: Engine, fpuscan: Callable[..., Run], tree: Path) -> None:
    engine.result = replace(ASKED, findings=LEAKY.findings)

    run = fpuscan(tree, "--provenance", "struct fpu_guest.uabi_size")

    assert (run.status, engine.asked[0][1].provenance) == (0, "struct fpu_guest.uabi_size")
    assert run.out.startswith("struct fpu_guest.uabi_size: a size of the user ABI, guest side\n")
    assert json.loads(fpuscan(tree, "--provenance", "uabi", "--format", "json").out)["schema"] == "fpuscan-provenance/1"
    assert fpuscan(tree, "--provenance", "uabi", "--format", "html").out.startswith("<!DOCTYPE html>")
    engine.result = replace(INCOMPLETE, provenance=PROVENANCE)
    assert fpuscan(tree, "--provenance", "uabi").status == 4


@pytest.mark.parametrize(
    "arguments",
    [("--format", "sarif"), ("--against", "HEAD"), ("--baseline", "a"), ("--lock", "a"), ("--write-lock", "a")],
)
def test_provenance_takes_what_means_something(
    fpuscan: Callable[..., Run], tree: Path, arguments: tuple[str, str]
) -> None:
    run = fpuscan(tree, "--provenance", "uabi", *arguments)

    assert (run.status, "--provenance" in one_line(run)) == (2, True)


def test_a_lock_fails_where_a_root_came_or_went_and_is_written_on_demand_only(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    engine.result = ASKED
    assert fpuscan(tree, "--write-lock", lock).status == 0
    assert (engine.asked[0][1].provenance, lock.read_text().count(" <- ")) == ("uabi", 3)
    assert (fpuscan(tree, "--lock", lock).status, fpuscan(tree).status) == (0, 0)

    lost = replace(CONTROLLED, roots=CONTROLLED.roots[1:])
    engine.result = replace(ASKED, provenance=replace(PROVENANCE, places=(lost,)))
    before = lock.read_bytes()
    run = fpuscan(tree, "--lock", lock, "--fail-on", "never")

    assert run.status == 5
    assert "fpu_user_cfg.default_size (config) no longer controls struct fpu_guest.uabi_size (guest side)" in run.out
    assert lock.read_bytes() == before
    engine.result = replace(engine.result, findings=LEAKY.findings)
    assert fpuscan(tree, "--lock", lock).status == 1  # findings come first
    engine.result = replace(INCOMPLETE, provenance=engine.result.provenance)
    assert fpuscan(tree, "--lock", lock).status == 5
    assert fpuscan(tree, "--lock", lock, "--write-lock", lock).status == 5
    assert fpuscan(tree, "--lock", lock).status == 4


@pytest.mark.parametrize("arguments", [["--lock", "lock"], ["--write-lock", "other"], ["--format", "html"]])
def test_what_a_state_is_compared_with_is_asked_for_findings_alone(
    engine: Engine,
    fpuscan: Callable[..., Run],
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
) -> None:
    monkeypatch.setattr(beside, "_cores", lambda: 1)
    monkeypatch.chdir(tmp_path)
    write_lock(Path("lock"), PROVENANCE)
    repository.commit({CORE: "int a;\n"})
    Path("1.patch").write_text(f"--- a/{CORE}\n+++ b/{CORE}\n@@ -1 +1 @@\n-int a;\n+int c;\n")
    engine.result = ASKED
    engine.action = lambda: engine.asked[-1][0].read(CORE)

    assert fpuscan(*arguments, "--rev", "HEAD", "--against", "HEAD~1", repository.folder).status == 0
    assert fpuscan(*arguments, "--patch", "1.patch", repository.folder).status == 0

    wanted = (None if "html" in arguments else "uabi", "html" in arguments)
    assert [(asked.provenance, asked.graph) for _, asked in engine.asked] == [wanted, (None, False)] * 2


def test_a_damaged_lock_is_said_before_the_scan(
    engine: Engine, fpuscan: Callable[..., Run], tree: Path, tmp_path: Path
) -> None:
    (tmp_path / "lock").write_text("fpuscan-lock 9\n")

    run = fpuscan(tree, "--lock", tmp_path / "lock")

    assert (run.status, engine.asked) == (2, [])
    assert "is a lock of version 9" in one_line(run)
    assert (tmp_path / "lock").read_text() == "fpuscan-lock 9\n"


def test_the_schema_of_provenance_is_published_too(fpuscan: Callable[..., Run]) -> None:
    assert json.loads(fpuscan("--json-schema").out)["$id"] == "urn:fpuscan:report:1"
    assert json.loads(fpuscan("--json-schema", "--provenance", "uabi").out)["$id"] == "urn:fpuscan:provenance:1"
