"""What PLACE may be, and what one place of the demo tree hangs on."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest

from fpuscan.errors import ModelError, UsageError
from fpuscan.result import Provenance
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder

DEMO = Path(__file__).parents[2] / "fixtures/demo"


@cache
def asked(place: str) -> Provenance:
    found = scan(open_folder(DEMO), ScanOptions(provenance=place)).provenance
    assert found is not None
    return found


def names(place: str) -> list[tuple[str, str, str]]:
    return [(item.place, item.kind, item.side) for item in asked(place).places]


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("struct fpu_guest.uabi_size", ("struct fpu_guest.uabi_size", "size", "guest")),
        ("struct  fpu_guest.uabi_size", ("struct fpu_guest.uabi_size", "size", "guest")),
        ("fpu_user_cfg.default_size", ("fpu_user_cfg.default_size", "size", "host")),
        ("guest_default_cfg.size", ("guest_default_cfg.size", "", "")),
        ("guest_buffer_size", ("the return value of guest_buffer_size()", "", "")),
        ("guest_buffer_size()", ("the return value of guest_buffer_size()", "", "")),
        ("the return value of guest_buffer_size()", ("the return value of guest_buffer_size()", "", "")),
        (
            "argument 3 of fpu_copy_guest_fpstate_to_uabi()",
            ("argument 3 of fpu_copy_guest_fpstate_to_uabi()", "size", "guest"),
        ),
        ("save_sw_bytes", ("struct _fpx_sw_bytes.xstate_size", "sigframe", "host")),
        ("size in kvm_arch_vcpu_ioctl_get_xsave2()", ("size in kvm_arch_vcpu_ioctl_get_xsave2()", "", "")),
    ],
)
def test_a_place_is_named_as_in_reports(place: str, found: tuple[str, str, str]) -> None:
    assert found in names(place)


def test_a_whole_global_is_each_of_its_members() -> None:
    assert {name for name, _, _ in names("guest_default_cfg")} == {
        "guest_default_cfg.features",
        "guest_default_cfg.size",
    }


def test_the_user_abi_is_all_strong_sinks() -> None:
    places = {name for name, _, _ in names("uabi")}

    assert {"struct fpu_guest.uabi_size", "fpu_user_cfg.default_size", "struct _fpx_sw_bytes.xfeatures"} <= places
    assert not [name for name in places if "guest_default_cfg" in name]


@pytest.mark.parametrize(
    ("place", "near"),
    [
        ("struct fpu_guest.uabi_sise", "struct fpu_guest.uabi_size"),
        ("struct fpu.uabi_size", "struct fpu_guest.uabi_size"),
        ("fpu_user_cfg.default_siez", "fpu_user_cfg.default_size"),
        ("save_sw_byte", "save_sw_bytes"),
        ("uapi", "uabi"),
    ],
)
def test_an_unknown_place_is_one_line_with_near_matches(place: str, near: str) -> None:
    with pytest.raises(UsageError) as error:
        asked(place)

    text = str(error.value)
    assert text.startswith(f"--provenance {place}: there is no such place in this tree; did you mean ")
    assert near in text.partition("did you mean ")[2]
    assert "\n" not in text


@pytest.mark.parametrize(
    "place", ["", " ", "??", "struct fpu_guest", "argument 0 of f()", "x in y", "a.b.c.d", "\x1b[2J"]
)
def test_what_is_no_place_is_one_line(place: str) -> None:
    with pytest.raises(UsageError, match="there is no such place"):
        asked(place)


def test_a_way_begins_at_its_root_and_ends_at_the_place() -> None:
    (place,) = asked("struct fpu_guest.uabi_size").places

    (root,) = place.roots
    assert (root.kind, root.name) == ("config", "guest_default_cfg.size")
    assert [(step.place, step.side, step.crossing) for step in root.trace] == [
        ("guest_default_cfg.size", "guest", False),
        ("struct fpu_guest.uabi_size", "uabi", True),
    ]


def test_a_place_that_is_no_user_abi_is_no_crossing() -> None:
    places = asked("guest_default_cfg.features").places

    assert not [root for place in places for root in place.roots if any(step.crossing for step in root.trace)]


# ---------------------------------------------------------------- what counts as a root

SOURCE = """\
#include <asm/fpu/xstate.h>

static unsigned int room_sizes[4];
extern unsigned int room_for_kvm;

int kvm_vm_ioctl_check_extension(struct kvm *kvm, long ext)
{
	int r = 0;

	switch (ext) {
	case KVM_CAP_NR_MEMSLOTS:
		r = KVM_USER_MEM_SLOTS;
		break;
	case KVM_CAP_XSAVE:
	case KVM_CAP_XSAVE2:
		r = fpu_user_cfg.max_size;
		if (r < sizeof(struct kvm_xsave))
			r = sizeof(struct kvm_xsave);
		break;
	}
	return r;
}

void from_user_memory(struct fpu_guest *gfpu, void __user *argp)
{
	unsigned int size;

	if (copy_from_user(&size, argp, sizeof(size)))
		return;
	gfpu->uabi_size = size;
}

SYSCALL_DEFINE2(resize_guest, struct fpu_guest *, gfpu, unsigned long, wanted)
{
	gfpu->uabi_size = wanted & ROOM_MASK;
	return 0;
}

void from_the_cpu(struct fpu_guest *gfpu, int level)
{
	unsigned int eax, ebx, ecx, edx;

	cpuid_count(0xd, level, &eax, &ebx, &ecx, &edx);
	gfpu->uabi_size = ebx;
}

void from_elsewhere(struct fpu_guest *gfpu, unsigned int hint)
{
	gfpu->uabi_size = room_sizes[1] + room_for_kvm + room_of(7) + hint;
}

void only_compared(struct fpu_guest *gfpu)
{
	if (guest_default_cfg.size > 4)
		gfpu->uabi_size = 4096;
}

void overwritten(struct fpu_guest *gfpu)
{
	gfpu->uabi_size = guest_default_cfg.size;
	gfpu->uabi_size = 4096;
}
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree") / "linux"
    shutil.copytree(DEMO.parent / "_base", tree)
    (tree / "arch/x86/kvm").mkdir()
    (tree / "arch/x86/kvm/x86.c").write_text(SOURCE)
    return tree


def kinds(tree: Path, place: str) -> set[tuple[str, str]]:
    found = scan(open_folder(tree), ScanOptions(provenance=place)).provenance
    assert found is not None
    return {(root.kind, root.name) for item in found.places for root in item.roots}


def test_each_kind_of_root_has_a_name_without_lines_and_locals(room: Path) -> None:
    assert kinds(room, "struct fpu_guest.uabi_size") == {
        ("user", "copy_from_user() in from_user_memory()"),
        ("user", "wanted of resize_guest()"),
        ("mask", "ROOM_MASK"),
        ("cpu", "cpuid_count(0xd, *)"),
        ("constant", "4096"),
        ("outside", "hint of from_elsewhere()"),
        ("outside", "room_for_kvm"),
        ("outside", "room_of()"),
        ("outside", "room_sizes[1]"),
    }


def test_of_a_switch_only_the_case_of_the_row_counts(room: Path) -> None:
    """The arms of one big ioctl have nothing to do with each other, and their labels no value that the scan knows."""
    assert kinds(room, "the return value of kvm_vm_ioctl_check_extension()") == {
        ("config", "fpu_user_cfg.max_size"),
        ("constant", "sizeof(struct kvm_xsave)"),
    }


SHARED = """\
#include <asm/fpu/xstate.h>

struct halves {
	u32 low, high;
};

struct mask_word {
	union {
		u64 all;
		struct halves half;
		u8 bytes[8];
	};
};

struct halves kept_halves, plain_halves;

void set_all(struct mask_word *word)
{
	word->all = guest_default_cfg.features;
}

void read_half(struct fpu_guest *gfpu, struct mask_word *word)
{
	gfpu->uabi_size = word->half.low;
}

void read_byte(struct fpu_guest *gfpu)
{
	struct mask_word word;

	word.half = kept_halves;
	gfpu->uabi_size = word.bytes[2];
}

static void set_number(u64 *number)
{
	*number = guest_default_cfg.size;
}

void read_number(struct fpu_guest *gfpu)
{
	struct mask_word word;

	set_number(&word.all);
	gfpu->uabi_size = word.half.high;
}

void read_member(struct fpu_guest *gfpu)
{
	struct mask_word word;

	word.half = plain_halves;
	gfpu->uabi_size = word.half.high;
}
"""


def test_what_is_read_as_another_member_of_a_union_is_named_as_a_whole(room: Path, tmp_path: Path) -> None:
    """Which part of the number or struct that was stored it is, no member of that says."""
    tree = tmp_path / "linux"
    shutil.copytree(room, tree)
    (tree / "arch/x86/kvm/x86.c").write_text(SHARED)

    assert kinds(tree, "struct fpu_guest.uabi_size") == {
        ("config", "guest_default_cfg.features"),
        ("config", "guest_default_cfg.size"),
        ("outside", "kept_halves"),
        ("outside", "plain_halves.high"),
    }


def test_rows_of_a_model_name_inputs_and_those_that_match_nothing_are_told(room: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.toml"
    rows = '[[input]]\nkind = "user"\nwhy = "x"\nfunction = "{}"\nparameter = "hint"\n'
    model.write_text(rows.format("from_elsewhere") + rows.format("gone_elsewhere"))
    options = ScanOptions(model_files=(str(model),), provenance="struct fpu_guest.uabi_size")

    result = scan(open_folder(room), options)

    assert result.provenance is not None
    found = {(root.kind, root.name) for place in result.provenance.places for root in place.roots}
    assert ("user", "hint of from_elsewhere()") in found
    assert "input gone_elsewhere" in result.health.unmatched_model_rows
    silent = scan(open_folder(room), ScanOptions(model_files=(str(model),))).health.unmatched_model_rows
    assert "input gone_elsewhere" not in silent


def test_a_row_of_no_known_kind_is_one_line(room: Path, tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text('[[input]]\nkind = "rain"\nwhy = "x"\ncall = "f"\n')

    with pytest.raises(ModelError, match="key 'kind' must be one of cpu, user"):
        scan(open_folder(room), ScanOptions(model_files=(str(tmp_path / "model.toml"),)))
