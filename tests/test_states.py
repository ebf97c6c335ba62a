"""The whole command on the demo tree as a repository: each state gives the report of its checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fpuscan import cli
from tests.repositories import Repository, make_repository

CORE = "arch/x86/kernel/fpu/core.c"
LEAK, MENDED = "gfpu->uabi_size = guest_buffer_size();", "gfpu->uabi_size = sizeof(struct kvm_xsave);"


@pytest.fixture
def linux(tmp_path: Path, root: Path) -> Repository:
    shutil.copytree(root / "fixtures/demo", tmp_path / "linux")
    return make_repository(tmp_path / "linux", {})


@pytest.fixture
def report(capfd: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run(*arguments: str | Path, status: int = 1) -> dict[str, Any]:
        assert cli.run(["--format", "json", *map(str, arguments)]) == status
        return dict(json.loads(capfd.readouterr().out))

    return run


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two reports differ in nothing but the name of what was read."""
    return {**first, "tree": 0} == {**second, "tree": 0}


def edit(linux: Repository, old: str, new: str) -> None:
    text = (linux.folder / CORE).read_text()
    assert text.count(old) == 1
    linux.write({CORE: text.replace(old, new)})


def test_each_state_gives_the_report_of_its_checkout(linux: Repository, report: Callable[..., dict[str, Any]]) -> None:
    first = report(linux.folder)
    edit(linux, LEAK, MENDED)
    linux.git("add", "--all")
    second = report(linux.folder)
    patch = linux.folder.parent / "mend.patch"
    patch.write_text(linux.git("diff", "--cached") + "\n")
    edit(linux, MENDED, "")

    assert not same(first, second)
    assert same(report("--rev", "HEAD", linux.folder), first)
    assert same(report("--staged", linux.folder), second)
    assert same(report("--rev", "HEAD", linux.folder)["health"], first["health"])
    linux.git("checkout", "--quiet", "HEAD", ".")
    patched = report("--patch", patch, linux.folder, status=0)
    assert patched["findings"] == []
    assert patched["baselined"] == second["findings"]
    assert patched["health"] == second["health"]
    assert len(patched["gone"]) == len(first["findings"]) - len(second["findings"]) > 0


def test_a_series_names_the_patch_that_leaks(linux: Repository, report: Callable[..., dict[str, Any]]) -> None:
    edit(linux, LEAK, MENDED)
    start = linux.commit({}, "mended")
    linux.commit({"arch/x86/kernel/fpu/more.h": "extern int more;\n"}, "x86/fpu: Prepare")
    edit(linux, MENDED, LEAK)
    leak = linux.commit({}, "x86/fpu: Simplify the guest's size")
    linux.commit({"NOTES": "text\n"}, "x86/fpu: Document it")
    mbox = linux.folder.parent / "series.mbox"
    mbox.write_text(linux.git("format-patch", "--stdout", "--cover-letter", f"{start}..HEAD") + "\n")

    found = report("--rev", start, "--patch", mbox, linux.folder)

    assert found["findings"]
    for finding in found["findings"]:
        added = [item["place"] for item in finding["related"] if item["kind"] == "added by"]
        assert added == ["[PATCH 2/3] x86/fpu: Simplify the guest's size"]
    assert found["tree"]["revision"] == start
    assert len(found["tree"]["patches"]) == 3
    assert [
        finding["fingerprint"] for finding in report("--rev", leak, "--against", start, linux.folder)["findings"]
    ] == [finding["fingerprint"] for finding in found["findings"]]
