"""git: what a repository says is read, and nothing that it says is run."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from fpuscan.git import GitError, Object, Objects, Place, open_repository
from fpuscan.git import objects as objects_room
from fpuscan.tree import UnreadableFile
from fpuscan.trees import open_index, open_revision
from tests.repositories import CORE, FPU, Repository, environment, kernel_files, make_repository


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    return make_repository(tmp_path / "linux", kernel_files())


def use_all(folder: Path) -> list[str]:
    """Whatever fpuscan asks git for; gives the reasons why files cannot be read."""
    repository = open_repository(folder)
    repository.has_commits()
    reasons = []
    for tree in (open_revision(repository, "HEAD"), open_index(repository)):
        tree.expect("arch/x86")
        for path in tree.list("", ("",)):
            try:
                tree.read(path)
            except UnreadableFile as error:
                reasons.append(error.reason)
    for revision in ("nothing", "HEAD~9", "origin/main", "@{upstream}"):
        with pytest.raises(GitError):
            repository.commit_id(revision)
    return reasons


# A hostile repository


def arm(linux: Repository, trap: str) -> None:
    """Configure everything that git may run so that it springs the trap."""
    commands = """core.fsmonitor core.sshCommand core.pager core.editor core.askPass core.gitProxy diff.external
        core.alternateRefsCommand diff.evil.textconv diff.evil.command filter.evil.clean filter.evil.smudge
        filter.evil.process merge.evil.driver credential.helper gpg.program gpg.ssh.program sequence.editor
        uploadpack.packObjectsHook remote.origin.uploadpack remote.origin.receivepack interactive.diffFilter"""
    settings = dict.fromkeys(commands.split(), trap)
    settings |= {f"alias.{name}": f"!{trap}" for name in ("cat-file", "rev-parse", "ls-files", "ls-tree", "fetch")}
    settings |= {f"pager.{name}": trap for name in ("cat-file", "rev-parse", "ls-files", "blame", "log")}
    settings |= {
        "core.hooksPath": str(linux.folder / ".git/hooks"),
        "core.untrackedCache": "true",
        "filter.evil.required": "true",
        "log.showSignature": "true",
        "remote.origin.url": f"ext::{trap}",
        "remote.origin.promisor": "true",
        "remote.origin.partialclonefilter": "blob:none",
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "branch.main.remote": "origin",
        "branch.main.merge": "refs/heads/main",
    }
    for name, value in settings.items():
        linux.git("config", name, value)
    for hook in ("post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman", "post-checkout"):
        shutil.copy(trap, linux.folder / ".git/hooks" / hook)


@pytest.fixture
def trap(tmp_path: Path) -> tuple[str, Path]:
    """A program that leaves a mark, and the mark."""
    program, mark = tmp_path / "trap", tmp_path / "sprung"
    program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{mark}'\n")
    program.chmod(0o755)
    return str(program), mark


@pytest.mark.parametrize("many", [1, 100])
def test_a_hostile_configuration_runs_nothing(
    linux: Repository, trap: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    program, mark = trap
    files = {f"{FPU}/gone.c": "int gone;\n", f"{FPU}/empty.c": ""}
    linux.commit({".gitattributes": "* filter=evil diff=evil merge=evil\n", **files})
    linux.write({f"{FPU}/intended.c": ""})
    linux.git("add", "--intent-to-add", f"{FPU}/intended.c")
    (linux.folder / ".git/hooks").mkdir(exist_ok=True)
    gone = linux.git("rev-parse", f"HEAD:{FPU}/gone.c")
    (linux.folder / ".git/objects" / gone[:2] / gone[2:]).unlink()  # a promisor remote would be asked for it
    arm(linux, program)
    mark.unlink(missing_ok=True)
    monkeypatch.setattr(objects_room, "_MANY", many)

    assert use_all(linux.folder) == ["is not in this clone (a partial one?); git checkout gets it"] * 2

    assert not mark.exists(), mark.read_text()


def test_the_traps_of_that_test_do_spring(linux: Repository, trap: tuple[str, Path]) -> None:
    """Plain git runs into several of them: the test above proves something."""
    program, mark = trap
    linux.commit({".gitattributes": "* filter=evil diff=evil\n", f"{FPU}/gone.c": "int gone;\n"})
    gone = linux.git("rev-parse", f"HEAD:{FPU}/gone.c")
    (linux.folder / ".git/objects" / gone[:2] / gone[2:]).unlink()
    arm(linux, program)
    sprung = {}
    for command in (["status"], ["diff", "HEAD"], ["cat-file", "-p", gone], ["rev-parse", "HEAD"]):
        mark.unlink(missing_ok=True)
        linux.write({CORE: f"int {command[0]};\n".replace("-", "_")})
        subprocess.run(["git", *command], cwd=linux.folder, env=environment(), capture_output=True, check=False)
        sprung[command[0]] = mark.exists()

    assert sprung["status"]
    assert sprung["diff"]
    assert sprung["cat-file"]


def test_variables_lead_nowhere_else(linux: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = make_repository(tmp_path / "other", {"x": "y"})
    commit = linux.git("rev-parse", "HEAD")
    for name in ("GIT_DIR", "GIT_COMMON_DIR"):
        monkeypatch.setenv(name, str(other.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.folder))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.folder / ".git/objects"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.folder / ".git/index"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    monkeypatch.setenv("GIT_TRACE", str(tmp_path / "trace"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    repository = open_repository(linux.folder)

    assert open_revision(repository, "HEAD").commit == commit
    assert open_index(repository).read(CORE) is not None
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("work_tree", ["..", "", None])
def test_a_repository_that_git_names_for_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, inside: bool, work_tree: str | None
) -> None:
    """`git --git-dir=A --work-tree=B` sets both variables for its hooks, core.worktree or the top folder only one."""
    linux = make_repository(tmp_path / "home/linux", kernel_files())
    (linux.folder / ".git").rename(tmp_path / "a.git")
    if inside:
        make_repository(tmp_path / "home", {"x": "y"})
    if work_tree == "":
        linux.git("--git-dir", tmp_path / "a.git", "config", "core.worktree", linux.folder)
    monkeypatch.chdir({"..": linux.folder / "arch", "": tmp_path / "home", None: linux.folder}[work_tree])
    monkeypatch.setenv("GIT_DIR", os.path.relpath(tmp_path / "a.git", Path.cwd()))
    if work_tree:
        monkeypatch.setenv("GIT_WORK_TREE", work_tree)

    if inside and not work_tree:  # git would take a.git, but nothing says that this folder is meant
        assert open_repository(linux.folder).git_dir == tmp_path / "home/.git"
        return
    repository = open_repository(linux.folder / FPU)

    assert repository.git_dir == tmp_path / "a.git"
    assert repository.prefix == FPU
    for tree in (open_index(repository, enclosing=True), open_revision(repository, "HEAD", enclosing=True)):
        assert tree.read(CORE) is not None


def test_a_repository_below_the_named_one_counts_for_its_own_folders(
    linux: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hook of a repository with submodules looks into one of them."""
    above = make_repository(tmp_path, {"x": "y"})
    monkeypatch.setenv("GIT_DIR", str(above.folder / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(above.folder))

    assert open_repository(linux.folder).git_dir == linux.folder / ".git"


def test_an_index_of_the_users_own_is_what_git_commits(
    linux: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(linux.folder / ".git/index", tmp_path / "index")
    linux.commit({CORE: "int later;\n"})
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))

    tree = open_index(open_repository(linux.folder))

    assert tree.read(CORE) == str(kernel_files()[CORE]).encode()


def test_the_index_that_git_hands_to_a_hook_is_what_is_committed(linux: Repository) -> None:
    """`git commit FILE` commits an index of its own while other files stay staged."""
    hook = linux.folder / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    root = Path(__file__).resolve().parents[2]
    hook.write_text(
        "#!/bin/sh\n"
        f"PYTHONPATH={root} {shutil.which('python3')} -c '\n"
        "from fpuscan.git import open_repository\n"
        "from fpuscan.trees import open_index\n"
        'tree = open_index(open_repository("."))\n'
        f'print(tree.read("{CORE}"), tree.read("{FPU}/xstate.h"))\n'
        "' > seen\n"
    )
    hook.chmod(0o755)
    linux.write({CORE: "int committed;\n", f"{FPU}/xstate.h": "int staged;\n"})
    linux.git("add", f"{FPU}/xstate.h")

    linux.git("commit", "-qm", "one file", CORE)

    assert (linux.folder / "seen").read_text() == "b'int committed;\\n' b'int header;\\n'\n"


def test_a_git_that_a_tree_brings_along_is_not_run(
    linux: Repository, trap: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(trap[0], linux.folder / "git")
    monkeypatch.chdir(linux.folder)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{os.environ['PATH']}")

    use_all(linux.folder)

    assert not trap[1].exists()


# What cannot be read is one line


def one_line(action: Callable[[], object]) -> str:
    with pytest.raises(GitError) as caught:
        action()
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in message
    return message


def test_a_missing_git(linux: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "git was not found in PATH" in one_line(lambda: open_repository(linux.folder))


def test_a_folder_without_repository(tmp_path: Path) -> None:
    assert "is in no git repository" in one_line(lambda: open_repository(tmp_path))
    assert "is no folder" in one_line(lambda: open_repository(tmp_path / "nothing"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_a_repository_of_somebody_else(linux: Repository) -> None:
    for path in (linux.folder, linux.folder / ".git"):
        os.chown(path, 54321, 54321)

    message = one_line(lambda: open_repository(linux.folder))

    assert "belongs to somebody else" in message
    assert f"git config --global --add safe.directory {linux.folder}" in message


@pytest.mark.parametrize(
    "revision", ["", "-h", "--all", "nothing", "HEAD:Makefile", "HEAD^{tree}", "a..b", "HEAD\nHEAD", "a\0b", "x\x1b[2J"]
)
def test_what_names_no_commit(linux: Repository, revision: str) -> None:
    message = one_line(lambda: open_repository(linux.folder).commit_id(revision))

    assert "is no revision" in message or "there is no such commit" in message
    assert message.isprintable()


def test_a_repository_before_its_first_commit(tmp_path: Path) -> None:
    repository = open_repository(make_repository(tmp_path / "new").folder)

    assert not repository.has_commits()
    assert "there is no such commit" in one_line(lambda: repository.commit_id("HEAD"))


def test_a_shallow_clone(linux: Repository, tmp_path: Path) -> None:
    linux.commit({CORE: "int second;\n"})
    linux.git("clone", "--quiet", "--depth=1", f"file://{linux.folder}", tmp_path / "shallow")
    repository = open_repository(tmp_path / "shallow")

    assert open_revision(repository, "HEAD").read(CORE) == b"int second;\n"
    assert "the clone is shallow" in one_line(lambda: repository.commit_id("HEAD~1"))


def test_a_partial_clone_says_which_file_is_missing(linux: Repository, tmp_path: Path) -> None:
    linux.git("config", "uploadpack.allowFilter", "true")
    old = linux.git("rev-parse", "HEAD")
    linux.commit({CORE: "int second;\n"})
    linux.git("clone", "--quiet", "--filter=blob:none", f"file://{linux.folder}", tmp_path / "partial")
    repository = open_repository(tmp_path / "partial")

    assert open_revision(repository, "HEAD").read(CORE) == b"int second;\n"
    tree = open_revision(repository, old)
    for _ in range(2):
        with pytest.raises(UnreadableFile, match="is not in this clone"):
            tree.read(CORE)
    assert tree.read(f"{FPU}/xstate.h") == b"int header;\n"


def test_a_partial_clone_without_a_checkout(linux: Repository, tmp_path: Path) -> None:
    linux.git("config", "uploadpack.allowFilter", "true")
    linux.git("clone", "--quiet", "--no-checkout", "--filter=blob:none", f"file://{linux.folder}", tmp_path / "partial")
    Repository(tmp_path / "partial").git("read-tree", "HEAD")
    repository = open_repository(tmp_path / "partial")

    for opened in (lambda: open_revision(repository, "HEAD"), lambda: open_index(repository)):
        with pytest.raises(UnreadableFile, match=r"^Makefile: is not in this clone .*; git checkout gets it$"):
            opened()


def test_a_damaged_repository(linux: Repository) -> None:
    core = linux.git("rev-parse", f"HEAD:{CORE}")
    file = linux.folder / ".git/objects" / core[:2] / core[2:]
    file.chmod(0o644)
    file.write_bytes(b"damaged")
    tree = open_revision(open_repository(linux.folder), "HEAD")

    with pytest.raises((GitError, UnreadableFile)) as caught:
        tree.read(CORE)

    assert "\n" not in str(caught.value)
    (linux.folder / ".git/HEAD").write_text("nonsense")
    one_line(lambda: open_repository(linux.folder))


# The reader of objects


def test_only_full_object_ids_are_asked_for(linux: Repository) -> None:
    objects = Objects(Place(linux.folder))

    for name in ("HEAD", "", "0" * 39, "0" * 40 + "\nHEAD", "A" * 40):
        with pytest.raises(ValueError, match=r".*"):
            objects.get(name, 100)
    assert objects.get("0" * 40, 100) is None
    objects.close()
    objects.close()


def test_an_id_is_that_of_its_own_bytes(linux: Repository) -> None:
    """refs/replace, which anybody may have put there, can name other bytes for an id."""
    one, other = (linux.git("hash-object", "-w", "--stdin", data=text) for text in (b"one", b"other"))
    linux.git("replace", one, other)

    found = Objects(Place(linux.folder)).get(one, 100)

    assert found is not None
    assert found.data == b"one"


def test_a_blob_is_asked_for_once_while_there_is_place(linux: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [linux.git("hash-object", "-w", "--stdin", data=bytes([65 + number]) * 10) for number in range(4)]
    objects = Objects(Place(linux.folder))
    asked: list[int] = []
    ask = objects._ask

    def noted(name: str, limit: int) -> Object | None:
        asked.append(ids.index(name))
        return ask(name, limit)

    monkeypatch.setattr(objects, "_ask", noted)
    monkeypatch.setattr(objects_room, "_REMEMBERED", 30)

    def read(number: int, limit: int = 10) -> bytes | None:
        found = objects.get(ids[number], limit)
        assert found is not None
        return found.data

    assert [read(number) for number in (0, 1, 0, 2, 1, 3)] == [
        bytes([65 + number]) * 10 for number in (0, 1, 0, 2, 1, 3)
    ]
    assert asked == [0, 1, 2, 3]
    assert read(3, 9) is None
    assert read(3) == b"D" * 10
    assert read(0) == b"A" * 10
    assert asked == [0, 1, 2, 3, 3, 0]


@pytest.mark.parametrize("odd", ["none", "missing", "large", "no blob"])
def test_objects_that_git_reads_ahead_are_those_that_it_is_asked_for(
    linux: Repository, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    """One that is not there, or too large, ends the reading ahead and is no other answer than without."""
    texts = [bytes([65 + number]) * 10 for number in range(6)]
    ids = [linux.git("hash-object", "-w", "--stdin", data=text) for text in texts]
    extra = {
        "missing": "0" * 40,
        "large": linux.git("hash-object", "-w", "--stdin", data=b"x" * 11),
        "no blob": linux.git("rev-parse", "HEAD"),
    }
    expected = [*ids[:3], *([extra[odd]] if odd != "none" else []), *ids[3:]]
    objects, plain = Objects(Place(linux.folder)), Objects(Place(linux.folder))
    alone: list[str] = []
    ask = objects._ask

    def noted(name: str, limit: int) -> Object | None:
        alone.append(name)
        return ask(name, limit)

    monkeypatch.setattr(objects, "_ask", noted)
    monkeypatch.setattr(objects_room, "_MANY", 2)
    objects.expect(expected, 10)

    order = [ids[2], ids[0], *expected[3:], ids[1]]
    assert [objects.get(name, 10) for name in order] == [plain.get(name, 10) for name in order]
    assert set(alone) <= (set() if odd == "none" else set(expected[3:]))
    assert not {*ids[:3]} & set(alone)


def test_what_is_known_or_little_is_not_read_ahead(linux: Repository) -> None:
    objects = Objects(Place(linux.folder))

    objects.expect([linux.git("rev-parse", f"HEAD:{CORE}")], 100)

    assert objects._ahead is None


def test_the_process_ends_with_its_reader(linux: Repository) -> None:
    objects = Objects(Place(linux.folder))
    objects.get("0" * 40, 100)
    objects.expect([f"{number:040x}" for number in range(200)], 100)
    process, ahead = objects._process, objects._ahead
    assert process is not None
    assert ahead is not None
    other = ahead._process
    del ahead

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del objects
        gc.collect()

    assert process.poll() is not None
    assert other.poll() is not None
