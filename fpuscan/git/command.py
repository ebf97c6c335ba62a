"""How git is called so that nothing but git runs, and what is said when it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from fpuscan.errors import UsageError

__all__ = ["GitError", "command", "environment", "failure"]

# What a repository's configuration may say and must not get. Names of filters and text converters
# are free and cannot be listed; no command that is called here applies them.
_OFF = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.alternateRefsCommand=false",
    "core.askPass=false",
    "core.gitProxy=",
    "core.sshCommand=false",
    "credential.helper=",
    "diff.external=",
    "diff.relative=false",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "submodule.recurse=false",
)
_ENVIRONMENT = {
    "GIT_ALLOW_PROTOCOL": "",  # none: a missing object of a partial clone is not fetched
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",  # messages are looked into
    "LANGUAGE": "C",
}


class GitError(UsageError):
    """git is missing, refuses, or does not know what it was asked for (exit 2)."""


def command(folder: Path, *arguments: str) -> list[str]:
    """The whole command line; raises GitError where there is no git."""
    settings = [part for setting in _OFF for part in ("-c", setting)]
    return [_program(), "--no-pager", *settings, "-C", str(folder), *arguments]


# git by its full path: a relative entry of PATH could name one that a tree brings along.
def _program() -> str:
    folders = [name for name in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(name).is_absolute()]
    found = shutil.which("git", path=os.pathsep.join(folders))
    if found is None:
        raise GitError("git was not found in PATH; install it, or scan a folder without it")
    return found


def environment() -> dict[str, str]:
    """The variables that git is run with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **_ENVIRONMENT}


def failure(folder: Path, command: str, complaint: str) -> GitError:
    """The one line for what git wrote to stderr."""
    if "not a git repository" in complaint:
        return GitError(f"{folder}: is in no git repository")
    if "dubious ownership" in complaint:
        return GitError(
            f"{folder}: the repository belongs to somebody else, and git refuses to read it; "
            f"if you trust it: git config --global --add safe.directory {folder}"
        )
    if "promisor" in complaint:
        return GitError(
            f"{folder}: git {command} needs objects that this partial clone lacks; git fetch --refetch gets them"
        )
    lines = [line for line in complaint.splitlines() if line.startswith(("fatal:", "error:"))] or [complaint]
    return GitError(f"{folder}: git {command} failed: {' '.join(lines[0].split())}")
