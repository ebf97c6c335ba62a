"""The hook under the real pre-commit, on a small git repository that holds a kernel tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CLEAN_SIZE = "gfpu->uabi_size = sizeof(struct kvm_xsave);"
LEAKING_SIZE = "gfpu->uabi_size = guest_default_cfg.size;"
CORE = "arch/x86/kernel/fpu/core.c"
SHIPPED = ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml", "fpuscan", "queries", "fixtures/demo")


@dataclass(frozen=True)
class Repository:
    """A git repository with the hook installed."""

    folder: Path
    environment: dict[str, str]

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    def commit(self, path: str, text: str) -> subprocess.CompletedProcess[str]:
        """Write one file and try to commit it; stdout has what the hook printed."""
        (self.folder / path).write_text(text)
        self.git("add", path)
        done = self.git("commit", "-m", "change")
        done.stdout += done.stderr
        return done


def environment(home: Path) -> dict[str, str]:
    """The environment without anybody's git: no configuration, no repository that this test may run inside of."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))}
    person = {
        f"GIT_{who}_{what}": "fpuscan@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    return {
        **kept,
        **person,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "PRE_COMMIT_HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "PRE_COMMIT_COLOR": "never",
    }


def repository(folder: Path, variables: dict[str, str]) -> Repository:
    made = Repository(folder, variables)
    for arguments in (("init", "-q", "-b", "main"), ("add", "--all", "--force"), ("commit", "-qm", "start")):
        done = made.git(*arguments)
        assert done.returncode == 0, done.stderr
    return made


def hook_source(root: Path, top: Path, variables: dict[str, str]) -> tuple[Path, str]:
    """A git repository made of this checkout, as pre-commit takes hooks from, and its revision."""
    for name in SHIPPED:
        source, target = root / name, top / "fpuscan" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return top / "fpuscan", repository(top / "fpuscan", variables).git("rev-parse", "HEAD").stdout.strip()


def install_hook(made: Repository, source: tuple[Path, str]) -> None:
    """Have pre-commit run the hook at every commit."""
    folder, revision = source
    (made.folder / ".pre-commit-config.yaml").write_text(
        f"repos:\n- repo: {folder}\n  rev: {revision}\n  hooks:\n  - id: fpuscan\n"
    )
    made.git("add", "--force", ".pre-commit-config.yaml")
    made.git("commit", "-qm", "check with fpuscan")
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "install", "--install-hooks"],
        cwd=made.folder,
        env=made.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def kernel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The demo tree, mended, with the hook installed."""
    top = tmp_path_factory.mktemp("hook")
    variables = environment(top / "home")
    shutil.copytree(root / "fixtures/demo", top / "linux")
    core = top / "linux" / CORE
    text = core.read_text()
    for leak, mended in (
        ("gfpu->uabi_size = guest_buffer_size();", CLEAN_SIZE),
        ("user_xfeatures = guest_default_cfg.features;", "user_xfeatures = fpu_user_cfg.default_features;"),
    ):
        assert leak in text
        text = text.replace(leak, mended)
    core.write_text(text)
    made = repository(top / "linux", variables)
    install_hook(made, hook_source(root, top, variables))
    return made


def test_a_clean_commit_passes(kernel: Repository) -> None:
    text = (kernel.folder / CORE).read_text()

    done = kernel.commit(CORE, text + "/* a comment */\n")

    assert done.returncode == 0, done.stdout
    assert "fpuscan" in done.stdout
    assert "Passed" in done.stdout


def test_a_leaking_commit_is_refused_and_shows_the_finding(kernel: Repository) -> None:
    text = (kernel.folder / CORE).read_text()
    leaking = text.replace(CLEAN_SIZE, LEAKING_SIZE)
    line = leaking[: leaking.index(LEAKING_SIZE)].count("\n") + 1

    done = kernel.commit(CORE, leaking)

    assert done.returncode != 0
    assert "Failed" in done.stdout
    assert f"{CORE}:{line}:2: error: " in done.stdout
    assert "[FPU101]" in done.stdout
    kernel.git("reset", "-q", "--hard")


def test_a_commit_passes_where_the_tree_had_the_finding_before(kernel: Repository) -> None:
    start = kernel.git("rev-parse", "HEAD").stdout.strip()
    leaking = (kernel.folder / CORE).read_text().replace(CLEAN_SIZE, LEAKING_SIZE)
    (kernel.folder / CORE).write_text(leaking)
    kernel.git("commit", "-qam", "leak", "--no-verify")

    done = kernel.commit(CORE, "/* one line more in front of it */\n" + leaking)

    assert done.returncode == 0, done.stdout
    assert "Passed" in done.stdout
    kernel.git("reset", "-q", "--hard", start)


def test_only_what_is_staged_counts(kernel: Repository) -> None:
    text = (kernel.folder / CORE).read_text()
    (kernel.folder / CORE).write_text(text + "/* staged */\n")
    kernel.git("add", CORE)
    (kernel.folder / CORE).write_text(text.replace(CLEAN_SIZE, LEAKING_SIZE))

    done = kernel.git("commit", "-m", "clean")

    assert done.returncode == 0, done.stdout + done.stderr
    kernel.git("reset", "-q", "--hard")


def test_an_unrelated_commit_skips_the_scan(kernel: Repository) -> None:
    done = kernel.commit("NOTES", "nothing about the FPU\n")

    assert done.returncode == 0, done.stdout
    assert "Skipped" in done.stdout
