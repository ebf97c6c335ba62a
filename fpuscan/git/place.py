"""Which repository a folder belongs to: the one around it, or the one that git named to the hook that runs here.

``git --git-dir=A --work-tree=B commit`` runs hooks in B, where no ``.git`` leads to A; only the environment
does (GIT_DIR, GIT_WORK_TREE). What is exported for some other repository must lead nowhere: a repository
counts by its name in the environment only for folders of the work tree that is named with it, or that are in
no repository.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fpuscan.git.command import command, environment, failure

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to run git in, and the variables (GIT_DIR, GIT_WORK_TREE) that name its repository, if any do."""

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def environment(self, **more: str) -> dict[str, str]:
        """The variables that git is run with."""
        return {**environment(), **self.variables, **more}

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """Run one git command to its end."""
        return subprocess.run(  # noqa: S603 - git alone, see command.py
            command(self.folder, *arguments),
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )

    def call(self, *arguments: str, **variables: str) -> bytes:
        """Run one git command and give its output; raises GitError with git's own reason."""
        done = self.run(*arguments, **variables)
        if done.returncode:
            raise failure(self.folder, arguments[0], done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def named(self) -> Place | None:
        """The same folder in the repository that the environment names; None if it names none for this folder."""
        git_dir, work_tree = os.environ.get("GIT_DIR", ""), os.environ.get("GIT_WORK_TREE", "")
        if not git_dir or not Path(git_dir).is_dir():
            return None
        absolute = str(Path(git_dir).resolve())
        if work_tree:
            return None if self._is_nested(Path(work_tree)) else self._within(absolute, work_tree)
        if not self._is_alone():
            return None
        # git's own reading: the top is where the variable is set, or what core.worktree says.
        asked = Place(Path.cwd(), {"GIT_DIR": absolute}).run("rev-parse", "--show-toplevel")
        return self._within(absolute, os.fsdecode(asked.stdout.removesuffix(b"\n")))

    def _within(self, git_dir: str, work_tree: str) -> Place | None:
        top = Path(work_tree).resolve()
        if not work_tree or not self.folder.resolve().is_relative_to(top):
            return None
        return Place(self.folder, {"GIT_DIR": git_dir, "GIT_WORK_TREE": str(top)})

    # Whether no .git leads to a repository.
    def _is_alone(self) -> bool:
        return b"not a git repository" in self.run("rev-parse", "--git-dir").stderr

    # Whether the folder is in a repository, such as a submodule, that lies inside of a work tree.
    def _is_nested(self, work_tree: Path) -> bool:
        top = os.fsdecode(self.run("rev-parse", "--show-toplevel").stdout.removesuffix(b"\n"))
        return bool(top) and work_tree.resolve() in Path(top).resolve().parents
