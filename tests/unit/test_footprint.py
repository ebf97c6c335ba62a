"""A footprint is indifferent only to what cannot change a finding."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from fpuscan.footprint import Footprint
from fpuscan.scan import ScanMemory, ScanOptions, scan
from fpuscan.tree import open_folder
from tests.fixture_trees import lay_out

CORE = "arch/x86/kernel/fpu/core.c"
OTHER = "arch/x86/kvm/other.c"
OUTSIDE = "arch/x86/mm/fault.c"
STRANGER = """/* nothing about the FPU */
#include <linux/mm.h>

static unsigned long pages_of(unsigned long bytes)
{
	unsigned long pages = bytes >> 12;

	if (pages << 12 < bytes)
		pages += 1;
	return pages;
}

static bool is_odd(unsigned long number)
{
	return number & 1;
}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A leaking tree, with a file of the scope and one outside of it that have nothing to do with the leak."""
    root = lay_out("design-v5-leaky", tmp_path / "linux")
    for path in (OTHER, OUTSIDE):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(STRANGER)
    return root


def fingerprints(root: Path, memory: ScanMemory | None = None) -> set[tuple[str, str]]:
    found = scan(open_folder(root), ScanOptions(memory=memory)).findings
    return {(each.fingerprint, each.severity.label) for each in found}


def indifferent(root: Path, path: str, before: str | None, after: str | None) -> bool:
    """What the footprint of a scan of the tree says to a change of one file."""
    memory = ScanMemory()
    fingerprints(root, memory)
    assert memory.footprint is not None
    return memory.footprint.indifferent(path, _bytes(before), _bytes(after))


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else text.encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pages += 1;", "pages += 2;"),
        ("\tif (pages", '\tpr_debug_once("pages");\n\tif (pages'),
        ("/* nothing about the FPU */", "/* something\n * else */"),
        ("\tunsigned long pages", "        unsigned  long pages"),
        ("return number & 1;", "return cpu_feature_enabled(number) & 3; // or so"),
    ],
)
def test_statements_and_comments_that_nobody_asked_about(tree: Path, old: str, new: str) -> None:
    assert old in STRANGER

    assert indifferent(tree, OTHER, STRANGER, STRANGER.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pages += 1;", "pages += fpu_user_cfg.default_size;"),
        ("pages += 1;", "guest_user_defaults();"),
        ("pages += 1;", "memcpy(&pages, &bytes, sizeof(pages));"),
        ("pages += 1;", "WRITE_ONCE(shared, &pages);"),
        ("pages += 1;", "shared->word = (void *)&pages;"),
        ("pages += 1;", "job = (struct job){ .run = RUN_OF(pages) };"),
        ("pages += 1;", "static const struct fpu_state_config mine;"),
        ("pages += 1;", "\n#ifdef CONFIG_KVM\n\tpages += 1;\n#endif"),
        ("is_odd(unsigned long number)", "is_odd(struct fpstate *number)"),
        ("static bool is_odd", "bool is_odd"),
        ("is_odd", "is_even"),
        ("#include <linux/mm.h>", "#include <linux/mm.h>\n#define default_size other_size"),
        ("static bool is_odd", "static u64 word;\n\nstatic bool is_odd"),
        ("return number & 1;", "return number & 1; }"),
        ("pages += 1;", "pages += 1; /* fpuscan: ignore[FPU101] -- because */"),
    ],
)
def test_what_a_scan_might_see(tree: Path, old: str, new: str) -> None:
    assert old in STRANGER

    assert not indifferent(tree, OTHER, STRANGER, STRANGER.replace(old, new))


def test_functions_that_were_lowered_may_change_in_comments_only(tree: Path) -> None:
    text = (tree / CORE).read_text()
    statement = "fpstate->user_size = guest_default_cfg.user_size;"
    assert statement in text

    assert indifferent(tree, CORE, text, text.replace(statement, f"/* once\n\t * more */\n\t\t{statement}"))
    assert not indifferent(tree, CORE, text, text.replace(statement, f"pages += 1;\n\t\t{statement}"))


def test_functions_that_were_looked_at_as_a_whole_may_change_in_comments_only(tree: Path) -> None:
    """note() is not followed, but asked whether it keeps the address that a lowered function gives it."""
    text = (tree / CORE).read_text()
    head = "void __fpstate_reset(struct fpstate *fpstate)\n{\n"
    note = "static u64 *noted;\n\nstatic void note(u64 *word)\n{\n\tpages(1);\n}\n\n"
    text = text.replace(head, f"{note}{head}\tu64 word = 0;\n\n\tnote(&word);\n")
    (tree / CORE).write_text(text)

    assert indifferent(tree, CORE, text, text.replace("pages(1);", "pages(1); /* once */"))
    assert not indifferent(tree, CORE, text, text.replace("pages(1);", "noted = word;"))


def test_a_file_of_the_scope_that_comes_or_goes_is_seen(tree: Path) -> None:
    assert not indifferent(tree, OTHER, STRANGER, None)
    assert not indifferent(tree, "arch/x86/kvm/new.c", None, STRANGER)


def test_files_outside_of_the_scope_are_searched_for_words(tree: Path) -> None:
    assert indifferent(tree, OUTSIDE, STRANGER, STRANGER.replace("12", "13"))
    assert indifferent(tree, OUTSIDE, STRANGER, None)
    assert indifferent(tree, "arch/x86/mm/new.c", None, STRANGER)
    assert not indifferent(
        tree, OUTSIDE, STRANGER, STRANGER + "u64 f(void)\n{\n\treturn fpu_user_cfg.default_size;\n}\n"
    )


def test_a_function_that_a_flow_looked_for_is_seen_where_it_comes(tree: Path) -> None:
    text = (tree / CORE).read_text()
    call = "fpstate->user_size = size_of_guest(guest_default_cfg.user_size);"
    (tree / CORE).write_text(text.replace("fpstate->user_size = guest_default_cfg.user_size;", call))
    defined = STRANGER + "u64 size_of_guest(u64 size)\n{\n\treturn 0;\n}\n"

    assert not indifferent(tree, OUTSIDE, STRANGER, defined)


def test_what_was_kept_of_it_is_all_of_it(tree: Path) -> None:
    calling = (
        (tree / CORE).read_text().replace("= guest_default_cfg.user_size;", "= size_of(guest_default_cfg.user_size);")
    )
    (tree / CORE).write_text(calling)
    memory = ScanMemory()
    fingerprints(tree, memory)
    footprint = memory.footprint
    assert footprint is not None
    assert any(pattern is not None for _, pattern in footprint.outside)

    assert Footprint.restored(json.loads(json.dumps(footprint.record())), footprint.cache) == footprint


@pytest.mark.parametrize("comment", ["/* FPUSCAN ignore this */", "/* fpuscan : ignore[FPU101] -- why */"])
def test_a_comment_that_means_to_ignore_is_seen(tree: Path, comment: str) -> None:
    assert not indifferent(tree, OTHER, STRANGER, f"{comment}\n{STRANGER}")


def test_what_it_is_indifferent_to_changes_no_finding(tree: Path) -> None:
    """Random statements in random places of all files: where the footprint does not mind, a cold scan agrees."""
    memory = ScanMemory()
    expected = fingerprints(tree, memory)
    footprint = memory.footprint
    assert footprint is not None
    assert expected
    generator = random.Random(7)
    statements = (
        "pages();",
        "number = 1;",
        "size = 4096;",
        "fpstate->user_size = 1;",
        "fpu_user_cfg.default_size = guest_default_cfg.size;",
        "guest_default_cfg.user_features &= XFEATURE_MASK_USER_SUPPORTED;",
        "/* a remark */",
    )
    said = []
    for _ in range(60):
        file = generator.choice([tree / OTHER, tree / OUTSIDE, *sorted((tree / "arch/x86/kernel/fpu").glob("*.c"))])
        before = file.read_text()
        ends = [match.end() for match in re.finditer(r"(?<!for \()[;{]\n", before)]
        at = generator.choice(ends)
        after = f"{before[:at]}\t{generator.choice(statements)}\n{before[at:]}"
        path = str(file.relative_to(tree))
        said.append(footprint.indifferent(path, before.encode(), after.encode()))
        if said[-1]:
            file.write_text(after)
            assert fingerprints(tree) == expected, after
            file.write_text(before)
    assert 10 < sum(said) < 50
