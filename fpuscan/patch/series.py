"""A series of patches: read from files and laid over a tree, one state behind the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fpuscan.patch.apply import Applied, apply_patch
from fpuscan.patch.diff import PatchError
from fpuscan.patch.mail import Patch, read_patches
from fpuscan.tree import KernelTree
from fpuscan.trees.overlay import OverlayTree

__all__ = ["PATCH_LIMIT", "apply_series", "load_patches"]

PATCH_LIMIT = 64 * 1024 * 1024
"""Largest file of patches that is read, in bytes; a big series has about one megabyte."""


def load_patches(names: Sequence[str], standard_input: Callable[[int], bytes]) -> tuple[Patch, ...]:
    """Read files of patches, ``-`` through `standard_input` (how many bytes at most -> the bytes).

    Files apply in the order in which they are given, the patches of one file
    in that of their numbers. Raises PatchError.
    """
    if list(names).count("-") > 1:
        raise PatchError("--patch -: standard input can be read once")
    patches: list[Patch] = []
    for name in names:
        origin = "standard input" if name == "-" else name
        data = standard_input(PATCH_LIMIT + 1) if name == "-" else _read(name)
        if len(data) > PATCH_LIMIT:
            raise PatchError(f"{origin}: is too large for a patch (the limit is {PATCH_LIMIT} bytes)")
        patches += read_patches(data, origin)
    return tuple(patches)


def apply_series(base: KernelTree, patches: Sequence[Patch]) -> tuple[Applied, ...]:
    """Give the tree after each patch; raises PatchError for the first that does not apply."""
    states: list[Applied] = []
    tree = OverlayTree(base, {})
    for patch in patches:
        try:
            states.append(apply_patch(patch, tree))
        except PatchError as error:
            raise PatchError(f"{error}{_missing_before(patch, patches)}") from error
        tree = states[-1].tree
    return tuple(states)


# Which patches of its series a patch may need that nobody gave.
def _missing_before(patch: Patch, patches: Sequence[Patch]) -> str:
    given = {each.number for each in patches if (each.total, each.version) == (patch.total, patch.version)}
    missing = [f"{number}/{patch.total}" for number in range(1, patch.number) if number not in given]
    if not missing:
        return ""
    listed = missing[0] if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
    return f"; of its series, {listed} {'is' if len(missing) == 1 else 'are'} not given"


def _read(name: str) -> bytes:
    try:
        with Path(name).open("rb") as file:
            return file.read(PATCH_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        advice = f"; cat {name.rstrip('/')}/*.patch | fpuscan --patch -" if isinstance(error, IsADirectoryError) else ""
        raise PatchError(f"{name}: cannot be read ({reason}){advice}") from error
