"""The one room that runs git, and the one safe way to do it.

Takes a folder that lies in a repository (bare and linked worktrees included),
gives commit ids, raw objects and the staged entries. Only plumbing that reads
is called, and nothing that a repository's own configuration names is ever
run: hooks, fsmonitor, pagers, external diffs, text conversion, filters,
credential helpers and every network protocol are off, variables like GIT_DIR
are handed on only where git itself has set them for this folder (place.py),
and a name that somebody typed is validated before git sees it.

git itself refuses a repository that belongs to somebody else; that, and a
missing git, become one line that says what to do.
"""

from __future__ import annotations

from fpuscan.git.ahead import Object
from fpuscan.git.command import GitError
from fpuscan.git.objects import Objects
from fpuscan.git.place import Place
from fpuscan.git.repository import Repository, open_repository
from fpuscan.git.staged import Staged, StagedEntry

__all__ = ["GitError", "Object", "Objects", "Place", "Repository", "Staged", "StagedEntry", "open_repository"]
