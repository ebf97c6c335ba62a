"""The wheel holds what a run needs and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from fpuscan import __version__
from fpuscan.shipped import shipped_folder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_every_file_of_the_package_is_in_the_wheel(wheel: zipfile.ZipFile, root: Path) -> None:
    """Built through the sdist, so a file that the sdist forgets is missing here too."""
    folders = {"fpuscan": root / "fpuscan", "fpuscan/queries": root / "queries", "fpuscan/demo": root / "fixtures/demo"}
    expected = {
        f"{name}/{file.relative_to(folder).as_posix()}"
        for name, folder in folders.items()
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }

    packed = {name for name in wheel.namelist() if not re.match(r"fpuscan-[^/]*\.dist-info/", name)}

    assert packed == expected


def test_the_metadata_is_complete(wheel: zipfile.ZipFile, root: Path) -> None:
    info = f"fpuscan-{__version__}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()

    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert "fpuscan = fpuscan.__main__:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert "# fpuscan" in metadata
    assert "fpuscan authors" in (root / "LICENSE").read_text()


def test_every_dependency_bound_says_why(root: Path) -> None:
    text = (root / "pyproject.toml").read_text()
    section = text.partition("\ndependencies = [\n")[2].partition("\n]")[0]

    assert len(section.splitlines()) == len(tomllib.loads(text)["project"]["dependencies"])
    assert all("# " in line for line in section.splitlines())


def test_shipped_folders_are_found_in_a_checkout(root: Path) -> None:
    assert shipped_folder("demo") == root / "fixtures/demo"
    assert shipped_folder("queries") == root / "queries"


SCOPE = [
    "arch/x86/kernel/fpu/core.c",
    "arch/x86/kernel/fpu/xstate.h",
    "arch/x86/kvm/x86.c",
    "arch/x86/kvm/vmx/tdx.c",
    "arch/x86/include/asm/fpu/types.h",
    "arch/x86/include/asm/kvm_host.h",
    "arch/x86/include/asm/kvm-x86-ops.h",
    "arch/x86/include/asm/kvm-x86-pmu-ops.h",
    "arch/x86/kernel/signal.c",
    "arch/x86/kernel/signal_32.c",
    "arch/x86/kernel/ptrace.c",
    "arch/x86/kernel/process_64.c",
]
ELSEWHERE = ["Makefile", "arch/x86/kvm/Kconfig", "arch/x86/mm/init.c", "arch/arm64/kvm/x86.c", "x/arch/x86/kvm/x86.c"]


def test_the_hook_runs_for_the_scope_only(root: Path) -> None:
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())

    assert (hook["id"], hook["entry"], hook["language"]) == (
        "fpuscan",
        "fpuscan --staged --against HEAD",
        "python",
    )
    assert (hook["pass_filenames"], hook["require_serial"]) == (False, True)
    assert [path for path in SCOPE + ELSEWHERE if re.search(hook["files"], path)] == SCOPE
