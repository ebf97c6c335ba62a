"""What a place of shared memory may hold, where a flag picks the object that a store goes to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixture_trees import base_with

FILE = "arch/x86/kernel/fpu/sides.c"
CET_KERNEL = 1 << 12

CHOSEN = "struct fpu_state_perm *perm = guest ? &fpu->guest_perm : &fpu->perm;"
EACH_ITS_OWN = "u64 mask = guest ? guest_default_cfg.features : fpu_kernel_cfg.default_features;"
BY_BRANCHES = """
    u64 mask;
    if (guest)
        mask = XFEATURE_MASK_CET_KERNEL;
    else
        mask = XFEATURE_MASK_PASID;"""
BEFORE_THE_FLAG_IS_SET = """
    u64 mask = guest ? guest_default_cfg.features : fpu_kernel_cfg.default_features;
    guest = !guest;"""


def function(*statements: str, parameters: str = "struct fpu *fpu, bool guest") -> str:
    return f"void permit({parameters})\n{{\n{' '.join(statements)}\n}}\n"


STORE = "perm->__state_perm = mask;"
LOOP = """
    u64 mask = fpu_kernel_cfg.default_features;
    for (int i = 0; i < count; i++) {
        bool guest = sides[i];
        put(fpu, mask, guest);
        if (guest)
            mask = guest_default_cfg.features;
    }"""
HELPER = f"static void put(struct fpu *fpu, u64 mask, bool guest)\n{{\n{CHOSEN} {STORE}\n}}\n"
RESULT = (
    "static u64 chosen(bool guest)\n{\nif (guest) return guest_default_cfg.features;"
    " return fpu_kernel_cfg.default_features;\n}\n"
)


@pytest.mark.parametrize(
    ("code", "bits"),
    [
        pytest.param(function(CHOSEN, EACH_ITS_OWN, STORE), 0, id="the value of the same flag"),
        pytest.param(function(CHOSEN, BY_BRANCHES, STORE), 0, id="set on the branches of the same flag"),
        pytest.param(HELPER + function(EACH_ITS_OWN, "put(fpu, mask, guest);"), 0, id="handed over with the flag"),
        pytest.param(RESULT + function(CHOSEN, "u64 mask = chosen(guest);", STORE), 0, id="returned for the flag"),
        pytest.param(
            RESULT + function(CHOSEN, "u64 mask = chosen(!guest);", STORE), CET_KERNEL, id="returned for the other flag"
        ),
        pytest.param(
            HELPER + function(EACH_ITS_OWN, "put(fpu, mask, !guest);"), CET_KERNEL, id="handed over with the other flag"
        ),
        pytest.param(function(BEFORE_THE_FLAG_IS_SET, CHOSEN, STORE), CET_KERNEL, id="chosen before the flag is set"),
        pytest.param(
            HELPER + function(LOOP, parameters="struct fpu *fpu, const bool *sides, int count"),
            CET_KERNEL,
            id="chosen in an earlier pass",
        ),
    ],
)
def test_a_place_that_a_flag_picks_holds_what_is_stored_there_under_that_flag(
    code: str, bits: int, tmp_path: Path
) -> None:
    """The host's permission was said to hold what only guests are given."""
    analysis = base_with(FILE, code, tmp_path)
    place = ("h", "struct fpu", None, ""), ("perm", "__state_perm")

    content = analysis.values.content(place)

    assert (content.bits & CET_KERNEL, content.unknown) == (bits, False)
