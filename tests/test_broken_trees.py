"""Trees that are damaged, cut short or odd: the right status and one clear line, and never a silent clean answer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fpuscan import cli

CLEAN, FINDINGS, NOT_APPLICABLE, INCOMPLETE = 0, 1, 3, 4
CORE = "arch/x86/kernel/fpu/core.c"
CODE = """#include <asm/fpu/xstate.h>

static void __fpstate_reset(struct fpstate *fpstate)
{
	fpstate->user_size = guest_default_cfg.size;
	fpstate->user_xfeatures = guest_default_cfg.features;
}
"""


@pytest.fixture
def tree(tmp_path: Path, root: Path) -> Path:
    """A small tree with one leak of a size and one of a mask."""
    shutil.copytree(root / "fixtures/_base", tmp_path / "linux")
    (tmp_path / "linux" / CORE).write_text(CODE, encoding="utf-8")
    return tmp_path / "linux"


def scan(tree: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = cli.run(["--quiet", str(tree)])
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return status, out + err


def edited(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def damage(tree: Path) -> None:
        file = tree / CORE
        file.write_bytes(change(file.read_bytes()))

    return damage


def in_front(line: bytes) -> Callable[[Path], None]:
    return edited(lambda data: data.replace(b"\nstatic", b"\n" + line + b"\nstatic", 1))


def carriage_returns(tree: Path) -> None:
    for file in tree.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(carriage_returns, id="carriage returns everywhere"),
        pytest.param(in_front(b"/* caf\xe9 \xff */"), id="no UTF-8 in a comment"),
        pytest.param(in_front(b"#if 0"), id="#if 0 that is never closed"),
        pytest.param(in_front(b"#endif"), id="#endif of nothing"),
        pytest.param(edited(lambda data: b"\xef\xbb\xbf" + data), id="byte order mark"),
        pytest.param(lambda tree: (tree / "arch/x86/loop").symlink_to(".."), id="symlink loop"),
        pytest.param(lambda tree: (tree / "arch/x86/kernel/fpu/dir.c").mkdir(), id="folder called .c"),
    ],
)
def test_what_is_odd_and_readable_is_read(
    damage: Callable[[Path], None], tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(tree)

    status, text = scan(tree, capfd)

    assert (status, text.count("error: ")) == (FINDINGS, 2)
    assert "incomplete" not in text


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(in_front(b"/* open"), "a comment is never closed", id="comment"),
        pytest.param(in_front(b'static char *s = "open;'), "core.c:", id="string"),
        pytest.param(edited(lambda data: data[:-40]), "core.c:", id="cut short"),
        pytest.param(in_front(b"#define X \\"), "core.c:", id="macro that swallows the next line"),
        pytest.param(
            lambda tree: (tree / "arch/x86/include/asm/fpu/types.h").unlink(),
            "includes arch/x86/include/asm/fpu/types.h, which is not in the tree",
            id="deleted header",
        ),
        pytest.param(edited(lambda data: data + b"\0"), "core.c", id="binary"),
        pytest.param(lambda tree: (tree / "arch/x86/kernel/fpu/gone.c").symlink_to("nowhere"), "gone.c", id="dangling"),
    ],
)
def test_what_cannot_be_read_is_said(
    damage: Callable[[Path], None], said: str, tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Incident class: a scan that saw half of a file and said that all is well."""
    damage(tree)

    status, text = scan(tree, capfd)

    assert status in {FINDINGS, INCOMPLETE}
    assert "incomplete" in text
    assert said in text


@pytest.mark.parametrize("damage", [in_front(b"/* open"), edited(lambda data: data[:-40])], ids=["comment", "cut"])
def test_half_a_file_without_a_finding_is_no_clean_tree(
    damage: Callable[[Path], None], tree: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(tree)

    assert scan(tree, capfd)[0] != CLEAN


def test_a_tree_without_a_version_is_none(tree: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tree / "Makefile").write_text("", encoding="utf-8")

    status, text = scan(tree, capfd)

    assert status == NOT_APPLICABLE
    assert text.count("\n") == 1
