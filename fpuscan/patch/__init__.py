"""Patches as people send them, applied in memory.

`load_patches` reads diffs, mails and whole mboxes and gives the patches in the
order of the series; `apply_series` lays them over a tree, one by one. Nothing
is written, and a patch can name nothing outside of the tree.
"""

from __future__ import annotations

from fpuscan.patch.apply import Applied, apply_patch
from fpuscan.patch.diff import FileDiff, Hunk, PatchError
from fpuscan.patch.mail import Patch, read_patches
from fpuscan.patch.series import PATCH_LIMIT, apply_series, load_patches

__all__ = [
    "PATCH_LIMIT",
    "Applied",
    "FileDiff",
    "Hunk",
    "Patch",
    "PatchError",
    "apply_patch",
    "apply_series",
    "load_patches",
    "read_patches",
]
