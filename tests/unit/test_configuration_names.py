"""The globals of the model under other names: found by their type, or told as what could not be found."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from tests.fixture_trees import BASE

CONFIG_H, INIT_C = "arch/x86/include/asm/fpu/config.h", "arch/x86/kernel/fpu/init.c"


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        pytest.param("struct fpu_state_config fpu_kernel_cfg, fpu_user_cfg", set(), id="as they are"),
        pytest.param(
            "struct fpu_state_config fpu_kernel_cfg, fpu_user_config\n#define fpu_user_cfg fpu_user_config\n",
            set(),
            id="one has another name",
        ),
        pytest.param(
            "struct fpu_state_config left_cfg, right_cfg\n",
            {"fpu_kernel_cfg", "fpu_user_cfg"},
            id="names that say nothing",
        ),
        pytest.param(
            "struct { struct fpu_state_config kernel, user; } fpu_cfgs\n"
            "#define fpu_kernel_cfg fpu_cfgs.kernel\n#define fpu_user_cfg fpu_cfgs.user\n",
            {"fpu_kernel_cfg", "fpu_user_cfg"},
            id="members of one struct",
        ),
    ],
)
def test_a_configuration_that_is_not_found_makes_the_scan_incomplete(
    declared: str, told: set[str], tmp_path: Path
) -> None:
    """The members of one struct were taken for nobody's, and what they hold for anything."""
    shutil.copytree(BASE, tmp_path, dirs_exist_ok=True)
    variables, _, macros = declared.partition("\n")
    for path, start in ((CONFIG_H, "extern "), (INIT_C, "")):
        text = (tmp_path / path).read_text(encoding="utf-8")
        old = rf"^{start}struct fpu_state_config fpu_kernel_cfg\b.*;$"
        new = f"{start}{variables};\n{macros if start else ''}"
        assert len(re.findall(old, text, re.MULTILINE)) == 1
        (tmp_path / path).write_text(re.sub(old, new, text, flags=re.MULTILINE), encoding="utf-8")

    incomplete = scan(open_folder(tmp_path), ScanOptions()).health.incomplete

    assert {
        name for name in ("fpu_kernel_cfg", "fpu_user_cfg") if any(name in each.reason for each in incomplete)
    } == told
