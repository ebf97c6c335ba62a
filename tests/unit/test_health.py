"""What a scan says of code that it could not read: never nothing where a tracked symbol is near."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder

CORE = "arch/x86/kernel/fpu/core.c"
HEADER = "arch/x86/kernel/fpu/internal.h"
MACROS = """#define DEFINE_BROKEN(name) int name(struct fpstate *fps) { fps->user_size = guest_default_cfg.size; ((
#define BROKEN_BODY(fps) (fps)->user_size = guest_default_cfg.size; ((
#define BROKEN_VALUE guest_default_cfg.size )
#define FAR(name) int name(void) { ((
"""


def incomplete(tmp_path: Path, root: Path, code: str) -> list[tuple[int, str]]:
    """The lines of the file that the scan calls incomplete, with its words."""
    tree = tmp_path / "linux"
    shutil.copytree(root / "fixtures/_base", tree)
    (tree / HEADER).write_text(MACROS, encoding="utf-8")
    (tree / CORE).write_text(f'#include <asm/fpu/xstate.h>\n#include "internal.h"\n{code}', encoding="utf-8")
    health = scan(open_folder(tree), ScanOptions()).health
    assert all(item.path == CORE for item in health.incomplete)
    return [(item.line, item.reason) for item in health.incomplete]


@pytest.mark.parametrize(
    ("code", "line", "said"),
    [
        ("DEFINE_BROKEN(reset)\n", 3, "what a macro defines could not be parsed"),
        ("DEFINE_VENDOR_RESET(guest_default_cfg)\n", 3, "what DEFINE_VENDOR_RESET() makes is not known"),
        ("VENDOR_FIELD(fpstate, user_size);\n", 3, "what VENDOR_FIELD() makes is not known"),
        ("void reset(struct fpstate *fps)\n{\n\tBROKEN_BODY(fps);\n}\n", 5, "what a macro stands for here"),
        ("void reset(struct fpstate *fps)\n{\n\tfps->user_size = BROKEN_VALUE;\n}\n", 5, "what a macro stands for"),
    ],
)
def test_what_macros_make_near_a_tracked_symbol_is_said(
    code: str, line: int, said: str, tmp_path: Path, root: Path
) -> None:
    """Incident class: a definition that a macro makes did not parse, and the scan said that all is well."""
    found = incomplete(tmp_path, root, code)

    assert [(at, text[: len(said)]) for at, text in found] == [(line, said)]


@pytest.mark.parametrize(
    "code",
    [
        "FAR(one)\n",
        "EXPORT_SYMBOL_GPL(guest_default_cfg);\n",
        "static_assert(sizeof(guest_default_cfg) == 16);\n",
        "DEFINE_VENDOR_LOCK(lock); /* guards guest_default_cfg */\n",
    ],
)
def test_what_is_far_from_them_is_not(code: str, tmp_path: Path, root: Path) -> None:
    assert incomplete(tmp_path, root, code) == []


def test_an_arm_beyond_the_eight_combinations_is_said(tmp_path: Path, root: Path) -> None:
    arms = "".join(
        f"#ifdef CONFIG_{name}\n\t\t| 1\n#else\n\t\t| guest_default_cfg.features\n#endif\n" for name in "ABCD"
    )
    code = f"void reset(struct fpstate *fps)\n{{\n\tfps->user_xfeatures = 0\n{arms}\t\t;\n}}\n"

    found = incomplete(tmp_path, root, code)

    assert found
    assert all("an #if arm that splits a construct is left out" in text for _, text in found)


@pytest.mark.parametrize(("by", "lines"), [("n", [6]), ("offsetof(struct vcpu_fpu_config, size)", [])])
def test_a_move_over_a_configuration_by_a_number_is_said(by: str, lines: list[int], tmp_path: Path, root: Path) -> None:
    code = (
        "#include <asm/fpu/xstate.h>\nvoid reset(struct fpstate *fps, int n)\n{\n\tunsigned int size;\n\n"
        f"\tsize = *(unsigned int *)((char *)&guest_default_cfg + {by});\n\tfps->user_size = size;\n}}\n"
    )
    tree = tmp_path / "linux"
    shutil.copytree(root / "fixtures/_base", tree)
    (tree / CORE).write_text(code, encoding="utf-8")

    unmodelled = scan(open_folder(tree), ScanOptions()).health.unmodelled

    assert [place.line for place in unmodelled] == lines


@pytest.mark.parametrize(("helpers", "said"), [(150, []), (250, ["the flows are too many to follow to the end"])])
def test_a_flow_through_too_many_functions_is_said(helpers: int, said: list[str], tmp_path: Path, root: Path) -> None:
    """Incident class: a value that spread through all of KVM kept a scan busy for half a minute."""
    tree = tmp_path / "linux"
    shutil.copytree(root / "fixtures/_base", tree)
    steps = [f"u64 step_{n}(u64 v)\n{{\n\treturn step_{n + 1}(v) + {n};\n}}\n" for n in range(helpers)]
    start = "u64 start(void)\n{\n\treturn step_0(guest_default_cfg.features);\n}\n"
    code = f"#include <asm/fpu/xstate.h>\n{''.join(steps)}{start}"
    (tree / CORE).write_text(code, encoding="utf-8")

    health = scan(open_folder(tree), ScanOptions()).health

    assert [item.reason for item in health.incomplete] == said
