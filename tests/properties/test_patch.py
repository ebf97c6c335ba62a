"""patch against the real tools: what git apply takes gives the same bytes, and so does what patch(1) takes."""

from __future__ import annotations

import difflib
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from fpuscan.patch import PatchError, apply_series, read_patches
from fpuscan.tree import FolderTree
from tests.repositories import environment

NAME = "core.c"

# Few different lines: hunks fit in several places.
lines = st.lists(st.sampled_from([f"{letter}\n" for letter in "abcdefgh"]), max_size=30)
edit = st.tuples(st.integers(0, 30), st.integers(0, 3), st.lists(st.sampled_from(["x\n", "y\n", "a\n"]), max_size=3))
edits = st.lists(edit, min_size=1, max_size=3)
examples = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def edited(text: list[str], changes: list[tuple[int, int, list[str]]]) -> list[str]:
    for at, count, new in changes:
        text = [*text[:at], *new, *text[at + count :]]
    return text


def diff_of(old: list[str], new: list[str], context: int) -> bytes:
    return "".join(difflib.unified_diff(old, new, f"a/{NAME}", f"b/{NAME}", n=context)).encode()


def ours(base: list[str], diff: bytes) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NAME).write_text("".join(base))
        try:
            tree = apply_series(FolderTree(Path(folder)), read_patches(diff, "x"))[-1].tree
        except PatchError:
            return None
        return tree.read(NAME)


def theirs(base: list[str], diff: bytes, *command: str) -> bytes | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / NAME
        file.write_text("".join(base))
        env = environment() | {"GIT_CEILING_DIRECTORIES": folder}
        done = subprocess.run(command, cwd=folder, env=env, input=diff, capture_output=True, check=False)
        return file.read_bytes() if done.returncode == 0 else None


@examples
@given(lines, edits, st.integers(0, 4))
def test_a_diff_of_two_texts_makes_one_the_other(
    old: list[str], changes: list[tuple[int, int, list[str]]], n: int
) -> None:
    new = edited(old, changes)
    assume(old and new and new != old)

    assert ours(old, diff_of(old, new, n)) == "".join(new).encode()


@examples
@given(lines, edits, edits, st.integers(1, 3))
def test_what_git_apply_takes_gives_the_same(
    old: list[str], changes: list[tuple[int, int, list[str]]], drift: list[tuple[int, int, list[str]]], n: int
) -> None:
    """A hunk that git takes without fuzz; where it fits twice, both take the place nearest to its line."""
    new, base = edited(old, changes), edited(old, drift)
    assume(old and new and new != old and base)
    diff = diff_of(old, new, n)
    expected = theirs(base, diff, "git", "apply", "-")

    if expected is not None:
        assert ours(base, diff) == expected


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch(1)")
@examples
@given(lines, edits, edits)
@example(["a\n", "a\n", "a\n"], [(2, 0, ["x\n"])], [(2, 0, ["x\n", "x\n"])])
def test_what_patch_takes_gives_the_same(
    old: list[str], changes: list[tuple[int, int, list[str]]], drift: list[tuple[int, int, list[str]]]
) -> None:
    new, base = edited(old, changes), edited(old, drift)
    assume(old and new and new != old and base)
    diff = diff_of(old, new, 3)
    expected = theirs(base, diff, "patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch")

    if expected is not None:
        assert ours(base, diff) == expected
