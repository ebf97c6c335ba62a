"""Find the tree that a user means: a folder, a commit, the index, or one of two by its name alone."""

from __future__ import annotations

from pathlib import Path

from fpuscan.errors import UsageError
from fpuscan.git import GitError, Repository, open_repository
from fpuscan.tree import KernelTree, enclosing_tree, open_folder
from fpuscan.trees.index import open_index
from fpuscan.trees.revision import open_revision

__all__ = ["open_other", "open_tree"]


def open_tree(folder: str | None, *, revision: str | None = None, staged: bool = False) -> KernelTree:
    """Open a folder (None: what encloses the current one), or a commit or the index of its repository.

    Raises UsageError or NotApplicableError with one line that says what to do.
    """
    if revision is not None and staged:
        raise UsageError("--rev and --staged contradict each other; give one of them")
    if revision is None and not staged:
        return enclosing_tree() if folder is None else open_folder(folder)
    repository = open_repository("." if folder is None else folder)
    if revision is None:
        return open_index(repository, enclosing=folder is None)
    return open_revision(repository, revision, enclosing=folder is None)


def open_other(name: str, folder: str | None) -> KernelTree | None:
    """Open what to compare with: a commit of the repository that `folder` lies in, or another folder.

    None stands for HEAD before the first commit: nothing is there yet. Raises
    UsageError if the name is both or neither.
    """
    is_folder = "\0" not in name and Path(name).is_dir()
    if is_folder and name.startswith(("/", "./", "../")):
        return open_folder(name)
    try:
        repository = open_repository("." if folder is None else folder)
        commit = _commit(repository, name)
        if commit is None:
            return None
    except GitError as error:
        if is_folder:
            return open_folder(name)
        raise UsageError(f"--against {name}: is neither a folder nor a commit ({error})") from error
    if is_folder:
        raise UsageError(f"--against {name}: is both a folder and a commit; write ./{name} for the folder")
    return open_revision(repository, name, enclosing=folder is None, commit=commit)


# None for HEAD before the first commit.
def _commit(repository: Repository, name: str) -> str | None:
    try:
        return repository.commit_id(name)
    except GitError:
        if name == "HEAD" and not repository.has_commits():
            return None
        raise
