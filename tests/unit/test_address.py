"""The address of a repository is an absolute URI, and holds nothing that was meant for git alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from fpuscan.trees import open_tree
from fpuscan.trees.address import address
from tests.repositories import kernel_files, make_repository

HERE = Path("/srv/linux/.git")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://git.example.org/linux.git", "https://git.example.org/linux.git"),
        ("https://me:secret@git.example.org:8443/a b.git", "https://git.example.org:8443/a%20b.git"),
        ("https://oauth2:token@git.example.org/linux.git?private_token=x#y", "https://git.example.org/linux.git"),
        ("ssh://git@git.example.org/linux.git", "ssh://git.example.org/linux.git"),
        ("git@git.example.org:torvalds/linux.git", "ssh://git.example.org/torvalds/linux.git"),
        ("git.example.org:linux.git", "ssh://git.example.org/linux.git"),
        ("git://[2001:db8::1]:9418/linux.git", "git://[2001:db8::1]:9418/linux.git"),
        ("/srv/git/linux.git", "file:///srv/git/linux.git"),
        ("file:///srv/git/linux.git", "file:///srv/git/linux.git"),
        ("", "file:///srv/linux"),
        ("../linux.git", "file:///srv/linux"),
        ("ext::sh -c evil%20user:secret@host", "file:///srv/linux"),
        ("https://[broken", "file:///srv/linux"),
        ("https://host:port/x", "file:///srv/linux"),
    ],
)
def test_what_is_shown_of_a_remote(url: str, shown: str) -> None:
    assert address(url, HERE) == shown


@pytest.mark.parametrize(
    ("git_dir", "shown"),
    [("/srv/linux.git", "file:///srv/linux.git"), ("/srv/linux/.git/worktrees/topic", "file:///srv/linux")],
)
def test_bare_repositories_and_linked_worktrees_have_a_folder(git_dir: str, shown: str) -> None:
    assert address("", Path(git_dir)) == shown


def test_a_commit_knows_where_it_comes_from(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "linux", kernel_files())

    def info() -> str:
        return open_tree(str(repository.folder), revision="HEAD").info().repository

    assert info() == repository.folder.as_uri()
    repository.git("remote", "add", "vendor", "https://me:secret@vendor.example.org/linux")
    assert info() == "https://vendor.example.org/linux"
    repository.git("remote", "add", "origin", "git@kernel.example.org:linux.git")
    assert info() == "ssh://kernel.example.org/linux.git"
    repository.git("remote", "add", "other", "https://other.example.org/linux")
    assert info() == "ssh://kernel.example.org/linux.git"
    assert open_tree(str(repository.folder), revision="HEAD").info().revision == repository.git("rev-parse", "HEAD")
    assert open_tree(str(repository.folder)).info().repository == ""


def test_of_several_remotes_none_is_guessed(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "linux", kernel_files())
    for name in ("one", "two"):
        repository.git("remote", "add", name, f"https://{name}.example.org/linux")

    assert open_tree(str(repository.folder), revision="HEAD").info().repository == repository.folder.as_uri()
