"""Rows of the model that name nothing of a tree, and masks that no header defines."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.model import load_model
from fpuscan.program import Program
from fpuscan.tree import open_folder
from fpuscan.unmatched import unmatched_rows

_BASE = Path(__file__).resolve().parents[2] / "fixtures" / "_base"
_MODEL = """
[[source]]
id = "there"
kind = "config"
variable = "guest_default_cfg"
member = "features"
bits = ["XFEATURE_MASK_USER_SUPPORTED", "{mask}"]
why = "a test's"

[[helper]]
function = "{helper}"
why = "a test's"

[[contract]]
variable = "{config}"
member = "default_features"
why = "a test's"
"""


def _rows(*models: str) -> set[str]:
    program = Program(open_folder(_BASE), load_model(models))
    program.load()
    return set(unmatched_rows(program, frozenset()))


def _unmatched(tmp_path: Path, **names: str) -> set[str]:
    file = tmp_path / "model.toml"
    file.write_text(_MODEL.format(**names))
    return _rows(str(file)) - _rows()


def test_a_row_about_an_accessor_matches_by_any_of_its_kind(tmp_path: Path) -> None:
    file = tmp_path / "model.toml"
    row = '[[sink]]\nid = "vendor"\nkind = "argument"\nwhat = "size"\nfunction = "gone"\nindex = 0\nwhy = "a test\'s"\n'
    file.write_text(f'{row}[accessors]\ngone = ["gone_unchecked", "fpstate_reset"]\n')
    assert _rows(str(file)) - _rows() == set()
    file.write_text(f'{row}[accessors]\ngone = ["gone_unchecked"]\n')
    assert _rows(str(file)) - _rows() == {"sink vendor"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({}, set()),
        ({"mask": "XFEATURE_MASK_MISSPELT"}, {"source there (XFEATURE_MASK_MISSPELT)"}),
        ({"helper": "vendor_size"}, {"helper vendor_size"}),
        ({"config": "vendor_cfg"}, {"contract vendor_cfg.default_features"}),
    ],
)
def test_what_is_misspelt_is_named(tmp_path: Path, names: dict[str, str], said: set[str]) -> None:
    right = {"mask": "XFEATURE_MASK_PASID", "helper": "xstate_calculate_size", "config": "fpu_user_cfg"}
    assert _unmatched(tmp_path, **(right | names)) == said
