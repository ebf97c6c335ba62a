"""The hooks that README shows work as they stand there, under the real git."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.repositories import CORE, MAKEFILE, Repository, environment, make_repository

ROOT = Path(__file__).resolve().parents[1]
CLEAN = {"Makefile": MAKEFILE, CORE: "int clean;\n"}


def recipe(name: str) -> str:
    """The script that README shows behind the name of a hook."""
    text = (ROOT / "README.md").read_text()
    shown = re.search(rf"`\.git/hooks/{name}`.*?```sh\n(#!/bin/sh\n.*?)```", text, re.DOTALL)
    assert shown
    return shown[1]


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A repository with a remote, both hooks of README, and an fpuscan whose engine finds the word "leak"."""
    made = make_repository(tmp_path / "linux", CLEAN)
    made.git("init", "--quiet", "--bare", tmp_path / "remote.git")
    made.git("remote", "add", "origin", tmp_path / "remote.git")
    made.git("push", "--quiet", "origin", "HEAD:master")
    made.git("fetch", "--quiet", "origin")
    for name in ("pre-commit", "pre-push"):
        hook = made.folder / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(recipe(name))
        hook.chmod(0o755)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/fpuscan"
    program.write_text(
        f"#!{sys.executable}\n"
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import types; from dataclasses import replace\n"
        "from tests.samples import CLEAN, ERROR\n"
        f"scan = lambda tree, options: replace(CLEAN, findings=(ERROR,) * (b'leak' in tree.read({CORE!r})))\n"
        "module = types.ModuleType('fpuscan.scan')\n"
        "memory = lambda: types.SimpleNamespace(footprint=None)\n"
        "module.scan, module.ScanOptions, module.ScanMemory = scan, lambda **chosen: chosen, memory\n"
        "sys.modules['fpuscan.scan'] = module\n"
        "from fpuscan.cli import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    program.chmod(0o755)
    return made


def run(linux: Repository, *arguments: str, where: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = f"{linux.folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    command = ["git", *arguments]
    env = environment() | {"PATH": path}
    return subprocess.run(command, cwd=where or linux.folder, env=env, capture_output=True, text=True, check=False)


def test_a_commit_is_refused_for_what_it_adds_only(linux: Repository) -> None:
    linux.write({CORE: "leak\n"})

    refused = run(linux, "commit", "-qam", "leak")

    assert refused.returncode == 1
    assert "1 error" in refused.stdout + refused.stderr
    assert run(linux, "commit", "-qam", "leak", "--no-verify").returncode == 0
    linux.write({CORE: "leak\nint more;\n"})
    assert run(linux, "commit", "-qam", "more").returncode == 0
    linux.write({"README": "text\n"})
    linux.git("add", ".")
    assert run(linux, "commit", "-qm", "text").returncode == 0


def test_a_commit_of_one_file_is_judged_by_that_file(linux: Repository) -> None:
    linux.write({CORE: "leak\n", "README": "text\n"})
    linux.git("add", ".")

    assert run(linux, "commit", "-qm", "text", "README").returncode == 0
    assert run(linux, "commit", "-qm", "leak", CORE).returncode == 1


@pytest.mark.parametrize("where", ["linux", "linux/arch/x86", "second"])
@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        (["-a"], True),
        ([CORE], True),
        (["--include", CORE], True),
        (["--amend", "-a"], True),
        ([], False),
        (["--only", "README"], False),
    ],
)
def test_what_a_commit_takes_is_what_is_judged(
    linux: Repository, tmp_path: Path, where: str, arguments: list[str], *, taken: bool
) -> None:
    """The leak is in the folder only, and README is staged: each command makes another commit of that."""
    linux.git("worktree", "add", "--quiet", "--detach", tmp_path / "second")
    made = Repository(tmp_path / where.partition("/")[0])
    made.write({"README": "text\n"})
    made.git("add", ".")
    made.write({CORE: "leak\n"})
    names = [os.path.relpath(made.folder / name, tmp_path / where) if "-" not in name else name for name in arguments]

    done = run(linux, "commit", "-qm", "more", *names, where=tmp_path / where)

    assert done.returncode == int(taken), done.stderr
    assert ("1 error" in done.stdout + done.stderr) is taken


@pytest.mark.parametrize("naming", [["--git-dir=../a.git", "--work-tree=."], ["--git-dir=../a.git"]])
@pytest.mark.parametrize(("arguments", "taken"), [(["-a"], True), ([CORE], True), ([], False), (["README"], False)])
def test_the_repository_may_be_elsewhere(
    linux: Repository, tmp_path: Path, naming: list[str], arguments: list[str], *, taken: bool
) -> None:
    linux.write({"README": "text\n"})
    linux.git("add", ".")
    linux.write({CORE: "leak\n"})
    (linux.folder / ".git").rename(tmp_path / "a.git")

    done = run(linux, *naming, "commit", "-qm", "more", *arguments)

    assert done.returncode == int(taken), done.stderr
    assert ("1 error" in done.stdout + done.stderr) is taken


def test_a_commit_of_a_submodule_is_judged_like_any_other(linux: Repository, tmp_path: Path) -> None:
    above = make_repository(tmp_path / "above", {"README": "text\n"})
    above.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", linux.folder, "linux")
    made = Repository(above.folder / "linux")
    hook = above.folder / ".git/modules/linux/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(recipe("pre-commit"))
    hook.chmod(0o755)
    made.write({CORE: "leak\n"})

    assert run(linux, "commit", "-qam", "leak", where=made.folder).returncode == 1
    made.write({CORE: "mended\n"})
    assert run(linux, "commit", "-qam", "mended", where=made.folder).returncode == 0


@pytest.mark.parametrize("command", ["merge", "cherry-pick", "revert"])
@pytest.mark.parametrize("leaks", [False, True])
def test_what_resolves_a_conflict_is_judged(linux: Repository, command: str, *, leaks: bool) -> None:
    """The commit that ends a merge or the like runs the hook; what it is compared with is the branch that it is on."""
    linux.git("branch", "other")
    for branch, text in (("other", "int other;\n"), ("other", "int more;\n"), ("main", "int main;\n")):
        linux.git("checkout", "--quiet", "-B", branch, "other" if command == "revert" and branch == "main" else branch)
        linux.write({CORE: text})
        linux.git("commit", "--quiet", "--no-verify", "-am", text)
    assert run(linux, command, "HEAD~1" if command == "revert" else "other").returncode == 1
    linux.write({CORE: "leak\n" if leaks else "both\n"})
    linux.git("add", CORE)

    done = run(linux, "commit", "-qm", "both")

    assert done.returncode == int(leaks), done.stdout + done.stderr


def test_a_commit_in_a_rebase_is_judged_like_any_other(linux: Repository) -> None:
    for number in range(2):
        linux.commit({"README": f"{number}\n"})
    editor = linux.folder.parent / "editor"
    editor.write_text('#!/bin/sh\nsed -i 1s/^pick/edit/ "$1"\n')
    editor.chmod(0o755)
    linux.git("-c", f"sequence.editor={editor}", "rebase", "--quiet", "--interactive", "HEAD~2")
    linux.write({CORE: "leak\n"})

    assert run(linux, "commit", "-qam", "leak").returncode == 1
    linux.write({CORE: "mended\n"})
    assert run(linux, "commit", "-qam", "mended").returncode == 0
    assert run(linux, "rebase", "--continue").returncode == 0
    assert linux.git("log", "--format=%s", "-1", "--", CORE) == "mended"


def test_a_push_is_refused_for_what_the_remote_does_not_have(linux: Repository) -> None:
    linux.write({CORE: "int a;\n"})
    assert run(linux, "commit", "-qam", "clean").returncode == 0
    assert run(linux, "push", "--quiet", "origin", "HEAD:master").returncode == 0
    linux.write({CORE: "leak\n"})
    linux.git("commit", "--quiet", "--no-verify", "-am", "leak")

    for target in ("HEAD:master", "HEAD:refs/heads/topic"):
        assert run(linux, "push", "--quiet", "origin", target).returncode == 1
    assert run(linux, "push", "--quiet", "--no-verify", "origin", "HEAD:topic").returncode == 0
    assert run(linux, "push", "--quiet", "origin", ":topic").returncode == 0
