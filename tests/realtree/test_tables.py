"""Macros, masks and types of real kernel trees, by name: what the headers say, and that all of it is read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from fpuscan.parse.arms import arm_conditions, contradict
from fpuscan.parse.normalise import learn_attributes
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import ParsedFile, parse
from fpuscan.symbols.constexpr import Evaluator, constant_lookup
from fpuscan.symbols.cpp import MacroTable
from fpuscan.symbols.declarators import CType
from fpuscan.symbols.types import TypeTable
from fpuscan.xfeatures import WORD, FeatureBits

pytestmark = pytest.mark.realtree

FOLDERS = ("arch/x86/kernel/fpu", "arch/x86/kvm", "arch/x86/include/asm/fpu")
FILES = ("arch/x86/include/asm/kvm_host.h", "arch/x86/kernel/process.c", "arch/x86/kernel/signal.c")

# What the kernel's masks are, by the newest feature that a tree's enum names.
MASKS: dict[str, dict[str, int | None]] = {
    "APX": {
        "XFEATURE_MASK_USER_SUPPORTED": 0xE02FF,
        "XFEATURE_MASK_USER_RESTORE": 0xE00FF,
        "XFEATURE_MASK_GUEST_SUPERVISOR": 0x1000,
        "XFEATURE_MASK_SUPERVISOR_SUPPORTED": 0x1C00,
        "XFEATURE_MASK_SUPERVISOR_ALL": 0x9D00,
        "XFEATURE_MASK_FPSTATE": 0xE1CFF,
        "KVM_SUPPORTED_XSS": 0x1800,
    },
    "CET_USER": {
        "XFEATURE_MASK_USER_SUPPORTED": 0x602FF,
        "XFEATURE_MASK_USER_RESTORE": 0x600FF,
        "XFEATURE_MASK_GUEST_SUPERVISOR": None,
        "XFEATURE_MASK_SUPERVISOR_SUPPORTED": 0xC00,
        "XFEATURE_MASK_SUPERVISOR_ALL": 0x9D00,
        "XFEATURE_MASK_FPSTATE": 0x60CFF,
    },
    "XTILE_DATA": {
        "XFEATURE_MASK_USER_SUPPORTED": 0x602FF,
        "XFEATURE_MASK_USER_RESTORE": 0x600FF,
        "XFEATURE_MASK_GUEST_SUPERVISOR": None,
        "XFEATURE_MASK_SUPERVISOR_SUPPORTED": 0x400,
        "XFEATURE_MASK_SUPERVISOR_ALL": 0x8500,
        "XFEATURE_MASK_FPSTATE": 0x604FF,
    },
}
EVERYWHERE = {
    "XFEATURE_MASK_USER_DYNAMIC": 0x40000,
    "XFEATURE_MASK_FPSSE": 0x3,
    "XFEATURE_MASK_XTILE": 0x60000,
    "XFEATURE_MASK_EXTEND": WORD ^ (1 << 63 | 0x3),
    "KVM_SUPPORTED_XCR0": 0x602FF,
    "FPU_GUEST_PERM_LOCKED": 1 << 63,
}
FEATURES = {
    0: "FP",
    1: "SSE",
    2: "YMM",
    3: "BNDREGS",
    4: "BNDCSR",
    5: "OPMASK",
    6: "ZMM_Hi256",
    7: "Hi16_ZMM",
    8: "PT",
    9: "PKRU",
    10: "PASID",
    15: "LBR",
    17: "XTILE_CFG",
    18: "XTILE_DATA",
    63: "FPU_GUEST_PERM_LOCKED",
}
U64, UINT = CType("u64"), CType("unsigned int")
MEMBERS = {
    "struct fpu": {
        "fpstate": CType("struct fpstate", 1),
        "perm": CType("struct fpu_state_perm"),
        "guest_perm": CType("struct fpu_state_perm"),
        "__fpstate": CType("struct fpstate"),
    },
    "struct fpu_guest": {"xfeatures": U64, "uabi_size": UINT, "fpstate": CType("struct fpstate", 1)},
    "struct fpstate": {
        "size": UINT,
        "user_size": UINT,
        "xfeatures": U64,
        "user_xfeatures": U64,
        "is_guest": CType("unsigned int", width=1),
        "regs": CType("union fpregs_state"),
    },
    "struct fpu_state_perm": {"__state_perm": U64, "__state_size": UINT, "__user_state_size": UINT},
    "struct fpu_state_config": {
        "max_size": UINT,
        "default_size": UINT,
        "max_features": U64,
        "default_features": U64,
        "legacy_features": U64,
    },
    "struct kvm_vcpu_arch": {"guest_fpu": CType("struct fpu_guest"), "guest_supported_xcr0": U64},
    "struct xregs_state": {"i387": CType("struct fxregs_state"), "header": CType("struct xstate_header")},
}
GUEST = CType("struct fpu_guest", 1)
FUNCTIONS: dict[str, tuple[CType, list[CType]]] = {
    "fpstate_realloc": (CType("int"), [U64, UINT, UINT, GUEST]),
    "__xstate_request_perm": (CType("int"), [U64, U64, CType("bool")]),
    "__xfd_enable_feature": (CType("int"), [U64, GUEST]),
    "xstate_calculate_size": (UINT, [U64, CType("bool")]),
    "xstate_get_group_perm": (U64, [CType("bool")]),
    "fpu_alloc_guest_fpstate": (CType("bool"), [GUEST]),
    "fpu__alloc_mathframe": (
        CType("unsigned long"),
        [CType("unsigned long"), CType("int"), CType("unsigned long", 1), CType("unsigned long", 1)],
    ),
}


class Tables:
    """The tables of one tree."""

    def __init__(self, tree: Path) -> None:
        include = (tree / "include/linux" / name for name in ("compiler_types.h", "compiler_attributes.h", "init.h"))
        attributes = learn_attributes([path.read_bytes() for path in include])
        paths = [path for folder in FOLDERS for path in (tree / folder).rglob("*.[ch]")]
        paths += [tree / name for name in FILES]
        self.files: list[ParsedFile] = []
        for path in sorted(paths):
            self.files.append(parse(SourceFile(path.relative_to(tree).as_posix(), path.read_bytes()), attributes))
        self.macros = MacroTable((file.source.path, file.normalised) for file in self.files)
        self.types = TypeTable(self.macros.lookup)
        for file in self.files:
            self.types.add_file(file)
        self.evaluator = Evaluator(constant_lookup(self.macros.lookup, self.types.enum_constant))
        self.bits = FeatureBits.from_tree(self.types.enum_constants("enum xfeature"), self.evaluator.evaluate)


@cache
def _tables(tree: Path) -> Tables:
    return Tables(tree)


@pytest.fixture
def tables(real_tree: Path) -> Tables:
    return _tables(real_tree)


def newest(tables: Tables) -> str:
    return next(name for name in MASKS if tables.bits.mask_of(name) is not None)


def test_masks_have_the_values_of_the_domain(tables: Tables) -> None:
    expected = EVERYWHERE | MASKS[newest(tables)]

    assert expected == {name: tables.evaluator.evaluate(name) for name in expected}


def test_every_feature_mask_of_the_tree_has_a_value(tables: Tables) -> None:
    names = [name for name in tables.macros.names() if name.startswith("XFEATURE_MASK_")]
    unknown = [name for name in names if tables.evaluator.evaluate(name) is None]

    assert len(names) > 20
    assert unknown == []


def test_feature_bits_have_the_names_of_the_enum(tables: Tables) -> None:
    names = tables.bits.names

    assert {bit: names.get(bit) for bit in FEATURES} == FEATURES
    if newest(tables) != "XTILE_DATA":
        assert (names[11], names[12]) == ("CET_USER", "CET_KERNEL")


def test_members_have_their_types(tables: Tables) -> None:
    for tag, expected in MEMBERS.items():
        members = tables.types.members(tag)

        assert members is not None, tag
        assert expected == {name: members.get(name) for name in expected}, tag


def test_the_guest_configuration_is_known_where_there_is_one(tables: Tables) -> None:
    if newest(tables) != "APX":
        assert tables.types.members("struct vcpu_fpu_config") is None
        return

    assert tables.types.members("struct vcpu_fpu_config") == {"size": UINT, "features": U64}


def test_members_that_share_bytes_are_one_place(tables: Tables) -> None:
    types = tables.types

    assert types.union_group("union fpregs_state", "xsave") == types.union_group("union fpregs_state", "fxsave")
    assert types.union_group("struct fxregs_state", "rip") == types.union_group("struct fxregs_state", "fos")
    assert types.union_group("struct fxregs_state", "rip") != types.union_group("struct fxregs_state", "sw_reserved")
    assert types.union_group("struct fxregs_state", "cwd") is None


def test_members_lead_to_their_structs(tables: Tables) -> None:
    types = tables.types

    assert types.unique_owner("__user_state_size") == "struct fpu_state_perm"
    assert types.unique_owner("uabi_size") == "struct fpu_guest"
    assert "struct fpstate" in types.owners("xfeatures")


def test_configurations_are_global_variables(tables: Tables) -> None:
    expected = dict.fromkeys(("fpu_kernel_cfg", "fpu_user_cfg"), "struct fpu_state_config")
    expected |= {"kvm_caps": "struct kvm_caps"}
    if newest(tables) == "APX":
        expected["guest_default_cfg"] = "struct vcpu_fpu_config"
    found = {name: tables.types.global_var(name, "arch/x86/kernel/fpu/xstate.c") for name in expected}

    assert expected == {name: each.type.base for name, each in found.items() if each and not each.is_extern}


def test_functions_have_their_signatures(tables: Tables) -> None:
    found = {name: tables.types.functions(name) for name in FUNCTIONS}

    assert all(each and each[0].is_definition for each in found.values())
    assert {
        name: (each[0].returns, [ctype for _, ctype in each[0].params]) for name, each in found.items()
    } == FUNCTIONS


def test_every_definition_and_every_body_can_be_read(tables: Tables) -> None:
    """Incident class: a shape of declaration that is silently left out."""
    for file in tables.files:
        for span in file.functions:
            found = tables.types.functions(span.name)

            assert any(each.is_definition and each.path == file.source.path for each in found), span.name
    for tag in ("struct fpu", "struct kvm_vcpu", "struct kvm_x86_ops", "struct vcpu_svm", "struct vcpu_vmx"):
        body = tables.types.members(tag)

        assert body is None or all(name and (ctype.base or ctype.function) for name, ctype in body.items()), tag


def test_the_two_builds_of_a_macro_contradict_each_other(tables: Tables) -> None:
    (first, second) = tables.macros.definitions("XFEATURE_MASK_XTILE")

    assert contradict(first.conditions, second.conditions)
    assert tables.macros.lookup("XFEATURE_MASK_XTILE") == first


def test_a_function_and_its_stub_are_of_different_builds(tables: Tables) -> None:
    """All arms of an #if are in the tree; their conditions tell apart what never meets in one build."""
    pairs: list[tuple[str, str, bool]] = []
    for file in tables.files:
        path = file.source.path
        by_name: dict[str, list[int]] = {}
        for span in file.functions:
            by_name.setdefault(span.name, []).append(span.start)
        conditions = {
            name: [arm_conditions(file.normalised, path, start) for start in starts]
            for name, starts in by_name.items()
            if len(starts) == 2
        }
        pairs.extend((path, name, contradict(first, second)) for name, (first, second) in conditions.items())

    assert len(pairs) > 20
    assert [(path, name) for path, name, different in pairs if not different] == []
