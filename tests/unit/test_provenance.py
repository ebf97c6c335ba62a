"""What PLACE may be, and what one place of the demo tree hangs on."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fpuscan.errors import UsageError
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
