"""Which feature bits a stored size is made of, whatever carries it from where it is computed to where it is stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixture_trees import base_with

FILE = "arch/x86/kernel/fpu/sizes.c"
CET_USER = 1 << 11

COMPUTED = "xstate_calculate_size(XFEATURE_MASK_CET_USER, false)"
STORE = "fpu->guest_perm.__user_state_size ="


@pytest.mark.parametrize(
    ("helper", "statements"),
    [
        pytest.param("", f"{STORE} {COMPUTED};", id="computed there"),
        pytest.param(
            "static unsigned int same(unsigned int size) { return size; }",
            f"{STORE} same({COMPUTED});",
            id="through a parameter and a return value",
        ),
        pytest.param(
            "static void give(unsigned int *to, unsigned int size) { *to = size; }",
            f"unsigned int size; give(&size, {COMPUTED}); {STORE} size;",
            id="through an out-parameter",
        ),
        pytest.param(
            f"static void put(struct fpu *fpu, unsigned int size) {{ {STORE} size; }}",
            f"put(fpu, {COMPUTED});",
            id="stored by a helper",
        ),
        pytest.param(
            f"static void put(struct fpu *fpu, const unsigned int *size) {{ {STORE} *size; }}",
            f"unsigned int size = {COMPUTED}; put(fpu, &size);",
            id="stored by a helper that gets a pointer",
        ),
        pytest.param(
            "",
            f"struct fpu_state_perm one, two; one.__user_state_size = {COMPUTED}; two = one; "
            f"{STORE} two.__user_state_size;",
            id="through the copy of a struct",
        ),
    ],
)
def test_a_size_keeps_the_bits_that_it_is_made_of(helper: str, statements: str, tmp_path: Path) -> None:
    """A size that came through a parameter was said to be made of nothing."""
    code = f"{helper}\nvoid permit(struct fpu *fpu)\n{{\n{statements}\n}}\n"
    analysis = base_with(FILE, code, tmp_path)
    place = ("h", "struct fpu", None, ""), ("guest_perm", "__user_state_size")

    content = analysis.values.content(place)

    assert (content.bits & CET_USER, content.unknown) == (CET_USER, False)
