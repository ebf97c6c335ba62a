"""Names of xfeature bits, and what is known about a mask."""

from __future__ import annotations

import pytest

from fpuscan.xfeatures import UNKNOWN, WORD, FeatureBits, MaskValue, bits_of

CONSTANTS = [
    ("XFEATURE_FP", 0),
    ("XFEATURE_PT_UNIMPLEMENTED_SO_FAR", 8),
    ("XFEATURE_CET_KERNEL_UNUSED", 12),
    ("XFEATURE_MAX", 19),
    ("XFEATURE_TOO_HIGH", 64),
    ("OTHER", 5),
]


def test_bits_are_called_what_the_enum_calls_them() -> None:
    bits = FeatureBits.from_tree(CONSTANTS)

    assert bits.names == {0: "FP", 8: "PT", 12: "CET_KERNEL"}
    assert bits.name_bits(0x1101) == ("FP", "PT", "CET_KERNEL")


def test_a_bit_without_a_name_is_shown_by_its_number() -> None:
    assert FeatureBits().name_bits(1 << 40 | 1) == ("bit 0", "bit 40")


def test_the_software_bit_is_named_where_the_tree_defines_it() -> None:
    values = {"FPU_GUEST_PERM_LOCKED": 1 << 63}
    bits = FeatureBits.from_tree(CONSTANTS, values.get)

    assert bits.name_bits(1 << 63) == ("FPU_GUEST_PERM_LOCKED",)
    assert 63 not in FeatureBits.from_tree(CONSTANTS, {"FPU_GUEST_PERM_LOCKED": 3}.get).names


def test_a_bit_is_found_by_its_name() -> None:
    bits = FeatureBits.from_tree(CONSTANTS)

    assert bits.mask_of("CET_KERNEL") == 0x1000
    assert bits.mask_of("APX") is None


def test_the_bits_of_a_mask_ascend() -> None:
    assert bits_of(0x8000000000001001) == (0, 12, 63)


def test_a_constant_is_exact() -> None:
    assert MaskValue.constant(5).exact
    assert MaskValue.constant(-1) == MaskValue(WORD, WORD)
    assert not UNKNOWN.exact


def test_a_mask_that_cuts_what_must_not_pass() -> None:
    """`unknown & USER_SUPPORTED` has no bit outside it; `unknown & ~X` has all but X."""
    user = MaskValue.constant(0xE02FF)

    assert MaskValue(0xE02FF, 0) == UNKNOWN & user
    assert MaskValue(WORD ^ 0xE02FF, 0) == UNKNOWN & ~user


def test_or_keeps_what_must_be_set() -> None:
    assert MaskValue(WORD, 0x3) == UNKNOWN | MaskValue.constant(0x3)


def test_xor_knows_the_bits_that_both_sides_know() -> None:
    assert MaskValue(0b1011, 0b1001) == MaskValue.constant(0b1100) ^ MaskValue(0b0111, 0b0101)


def test_sum_and_difference_of_constants_are_exact() -> None:
    seven, two = MaskValue.constant(7), MaskValue.constant(2)

    assert MaskValue.constant(9) == seven + two
    assert MaskValue.constant(5) == seven - two
    assert MaskValue.constant(-5) == two - seven


def test_a_sum_of_disjoint_bits_is_their_union() -> None:
    assert MaskValue(0b1011, 0b1000) == MaskValue.constant(0b1000) + MaskValue(0b0011, 0)


def test_shifts_by_a_constant_move_the_bits() -> None:
    value, four = MaskValue(0xF0, 0x30), MaskValue.constant(4)

    assert MaskValue(0xF00, 0x300) == value << four
    assert MaskValue(0xF, 0x3) == value >> four
    assert MaskValue(0, 0) == value << MaskValue.constant(64)


def test_shifts_by_an_unknown_count_join_all_of_them() -> None:
    one = MaskValue.constant(1)

    assert MaskValue(0b1010, 0) == one << MaskValue(0b11, 0b01)
    assert MaskValue(WORD, 0) == one << UNKNOWN


def test_a_join_is_what_either_path_may_hold() -> None:
    assert MaskValue(0b11, 0b01) == MaskValue.constant(0b01).join(MaskValue.constant(0b11))


def test_a_cast_truncates_and_a_signed_one_extends() -> None:
    value = MaskValue(0x1C0, 0x180)

    assert MaskValue(0xC0, 0x80) == value.cast(8)
    assert MaskValue((WORD ^ 0xFF) | 0xC0, (WORD ^ 0xFF) | 0x80) == value.cast(8, signed=True)
    assert value == value.cast(64, signed=True)


def test_a_value_says_which_words_it_may_be() -> None:
    value = MaskValue(0b110, 0b010)

    assert [value.contains(word) for word in (0b100, 0b010, 0b011, 0b110)] == [False, True, False, True]


@pytest.mark.parametrize(("may", "must"), [(1, 2), (3, 4), (1 << 64, 0), (-1, 0), (0, -1)])
def test_nothing_must_be_set_that_may_not(may: int, must: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        MaskValue(may, must)
