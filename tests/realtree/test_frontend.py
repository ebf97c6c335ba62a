"""Real kernels are read in full: no error, every function, every loop, every call.

A tree without errors proves little (an early normaliser dropped 67 functions without one), so the trees are
compared with ctags and with the text.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fpuscan.parse.normalise import ATTRIBUTE_HEADERS, BUILT_IN, learn_attributes, mask
from fpuscan.parse.source import SourceFile
from fpuscan.parse.syntax import Node, ParsedFile, outline, parse

pytestmark = pytest.mark.realtree

FOLDERS = ("kernel/fpu", "kvm", "include/asm/fpu")
PATTERNS = (
    "kernel/signal*.c",
    "kernel/ptrace.c",
    "kernel/process*.c",
    "include/asm/kvm_host.h",
    "include/asm/elf.h",
    "include/asm/sigframe.h",
    "include/asm/kvm-x86-*.h",
)
CALL = re.compile(rb"([A-Za-z_]\w*)\s*\(")
NO_CALLS = frozenset(b"if while for switch return sizeof do else case void int u8".split())
LOOP_MACRO = re.compile(rb"\b\w*for_each\w*\s*\(|\bscoped_\w+\s*\(")
LONE_BRACE = re.compile(rb"^\}[ \t]*$", re.MULTILINE)
TRACKED = re.compile(
    rb"\b(?:fpu_(?:user|kernel)_cfg|guest_default_cfg|init_fpstate|guest_perm|uabi_size|__?(?:user_)?state_(?:size|perm)"
    rb"|user_(?:size|xfeatures)|xfeatures|(?:default|max)_(?:size|features)|guest_supported_xcr0|supported_xcr0)\b"
)
# What ctags takes for the name of a function, and is a macro around it.
CTAGS_ERRORS = re.compile(r"FNAME|\w*SYSCALL\w*_DEFINE\d")


def scope(tree: Path) -> list[Path]:
    arch = tree / "arch/x86"
    files = {path for folder in FOLDERS for path in (arch / folder).rglob("*.[ch]")}
    return sorted(files.union(*(arch.glob(pattern) for pattern in PATTERNS)))


@cache
def parsed(tree: Path) -> tuple[ParsedFile, ...]:
    headers = [(tree / header).read_bytes() for header in ATTRIBUTE_HEADERS if (tree / header).exists()]
    attributes = learn_attributes(headers)
    return tuple(
        parse(SourceFile(path.relative_to(tree).as_posix(), path.read_bytes()), attributes) for path in scope(tree)
    )


def at(file: ParsedFile, offset: int) -> str:
    line, column = file.source.position(offset)
    return f"{file.source.path}:{line}:{column}: {file.source.line_text(line).decode().strip()}"


def nodes(node: Node) -> Iterator[Node]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(current.children)


def bodies(file: ParsedFile) -> Iterator[Node]:
    for function in file.functions:
        body = function.node.child_by_field_name("body")
        assert body is not None
        yield body


def test_everything_is_understood(real_tree: Path) -> None:
    assert [(file.source.path, error) for file in parsed(real_tree) for error in file.errors] == []


def test_bodies_that_are_parsed_alone_are_the_same(real_tree: Path) -> None:
    different = []
    outlined = 0
    for file in parsed(real_tree):
        short, again = outline(file.source, BUILT_IN), parse(file.source, BUILT_IN)
        outlined += len(short.outlined)
        for function, expected in zip(short.functions, again.functions, strict=True):
            node = short.definition(function)
            if (str(node), node.start_byte) != (str(expected.node), expected.node.start_byte):
                different.append(at(file, function.start))

    assert different == []
    assert outlined > 3000


def test_no_tree_holds_an_error(real_tree: Path) -> None:
    assert [file.source.path for file in parsed(real_tree) if file.root.has_error] == []


def test_the_scope_is_there(real_tree: Path) -> None:
    names = {function.name for file in parsed(real_tree) for function in file.functions}

    assert {
        "fpstate_reset",
        "fpu__init_system_xstate",
        "__xstate_request_perm",
        "copy_uabi_to_xstate",
        "fpu_swap_kvm_fpstate",
        "kvm_vcpu_ioctl_x86_get_xsave",
        "arch_prctl",
        "rt_sigreturn",
        "walk_addr_generic",
    } <= names


def test_functions_are_those_of_ctags(real_tree: Path) -> None:
    """Same number in each file, and the same names but where ctags takes a macro for the name."""
    expected = ctags(real_tree)

    wrong = []
    for file in parsed(real_tree):
        macros = {call.name for call in file.normalised.macro_calls}
        theirs = expected.get(file.source.path, [])
        ours = [function.name for function in file.functions]
        if len(ours) != len(theirs):
            wrong.append(f"{file.source.path}: {len(ours)} functions, {len(theirs)} by ctags")
        for mine, other in zip(ours, theirs, strict=False):
            if mine != other and other not in macros and not CTAGS_ERRORS.fullmatch(other):
                wrong.append(f"{file.source.path}: {mine}, by ctags {other}")

    assert wrong == []


def ctags(tree: Path) -> dict[str, list[str]]:
    """The functions of each file by universal-ctags, in order."""
    program = shutil.which("ctags")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False) if program else None
    if program is None or version is None or "Universal Ctags" not in version.stdout:
        pytest.skip("universal-ctags is not installed")
    run = subprocess.run(
        [program, "--language-force=C", "--kinds-C=f", "--fields=+n", "--output-format=json", "-f", "-", "-L", "-"],
        input="\n".join(path.relative_to(tree).as_posix() for path in scope(tree)),
        cwd=tree,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[tuple[int, str]]] = {}
    for line in run.stdout.splitlines():
        tag = json.loads(line)
        found.setdefault(tag["path"], []).append((tag["line"], tag["name"]))
    return {path: [name for _, name in sorted(tags)] for path, tags in found.items()}


def test_every_lone_brace_in_column_0_ends_a_function(real_tree: Path) -> None:
    wrong = []
    for file in parsed(real_tree):
        ends = {function.body_end - 1 for function in file.functions}
        lone = (match.start() for match in LONE_BRACE.finditer(file.normalised.text))
        wrong += [at(file, offset) for offset in lone if offset not in ends]

    assert wrong == []


def test_every_call_in_the_text_is_a_call_in_the_tree(real_tree: Path) -> None:
    wrong = []
    for file in parsed(real_tree):
        for body in bodies(file):
            # Declarators of function pointers look like calls: int (*f)(void)
            known = {
                node.start_byte for node in nodes(body) if node.type in ("argument_list", "parenthesized_declarator")
            }
            calls = CALL.finditer(file.normalised.text, body.start_byte, body.end_byte)
            wrong += [at(file, m.start()) for m in calls if m[1] not in NO_CALLS and m.end() - 1 not in known]

    assert wrong == []


def test_every_iterator_is_a_loop_with_a_body(real_tree: Path) -> None:
    wrong = []
    for file in parsed(real_tree):
        loops = {}
        for body in bodies(file):
            loops.update({node.start_byte: node for node in nodes(body) if node.type == "while_statement"})
            left = LOOP_MACRO.finditer(file.normalised.text, body.start_byte, body.end_byte)
            wrong += [at(file, match.start()) for match in left]
        for offset in file.normalised.iterators:
            done = loops[offset].child_by_field_name("body") if offset in loops else None
            if done is None or not done.named_child_count:
                wrong.append(at(file, offset))

    assert wrong == []


def test_functions_do_not_nest(real_tree: Path) -> None:
    wrong = []
    for file in parsed(real_tree):
        for body in bodies(file):
            wrong += [at(file, node.start_byte) for node in nodes(body) if node.type == "function_definition"]

    assert wrong == []


def test_no_occurrence_of_a_tracked_name_is_lost(real_tree: Path) -> None:
    """In every function each of them, comments and strings aside, is an identifier of the tree."""
    wrong = []
    for file in parsed(real_tree):
        text = mask(file.source.data)
        hidden = [(d.start, d.end) for d in file.normalised.directives]
        hidden += [(arm.start, arm.end) for group in file.normalised.groups for arm in group.arms if arm.dead]
        for body in bodies(file):
            wanted = [match.span() for match in TRACKED.finditer(text, body.start_byte, body.end_byte)]
            if wanted:
                leaves = {(node.start_byte, node.end_byte) for node in nodes(body) if not node.child_count}
                lost = (span for span in wanted if span not in leaves)
                wrong += [at(file, s) for s, _ in lost if not any(start <= s < end for start, end in hidden)]

    assert wrong == []


def test_arms_that_are_left_out_are_far_from_the_fpu(real_tree: Path) -> None:
    """Only KVM's nested VMX has #if groups that split a statement."""
    assert {file.source.path for file in parsed(real_tree) if file.normalised.dropped} <= {"arch/x86/kvm/vmx/nested.c"}


def test_a_lost_brace_costs_the_function_it_belongs_to(real_tree: Path) -> None:
    """Every function of the FPU code in turn loses its last brace; all the others are still found."""
    wrong = []
    for file in parsed(real_tree):
        if "/kernel/fpu/" not in file.source.path or not file.source.path.endswith(".c"):
            continue
        names = [function.name for function in file.functions]
        for function in file.functions:
            data = file.source.data[: function.end - 1] + b" " + file.source.data[function.end :]
            again = parse(SourceFile(file.source.path, data), BUILT_IN)
            found = [f.name for f in again.functions if not f.node.has_error]
            lost = [name for name in names if name not in found and name != function.name]
            told = [(error.start, error.end) for error in again.errors if error.function == function.name]
            told += [(arm.start, arm.end) for arm in again.normalised.dropped]  # its #if group does not balance
            if lost or not any(start <= function.end and function.start <= end for start, end in told):
                wrong.append((file.source.path, function.name, lost, again.errors))

    assert wrong == []
