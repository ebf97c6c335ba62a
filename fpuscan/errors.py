"""The one family of errors that a user can meet.

Each message says what failed, where, and what to do about it, in one line.
``exit_code`` is the process exit status documented in the README.
"""

from __future__ import annotations

__all__ = ["FpuscanError", "ModelError", "NotApplicableError", "UsageError"]


class FpuscanError(Exception):
    """Base of every expected failure: one line for the user, never a traceback."""

    exit_code = 2


class UsageError(FpuscanError):
    """Wrong usage or unreadable input (exit 2)."""


class ModelError(UsageError):
    """A model file is malformed; the message names file and key (exit 2)."""


class NotApplicableError(FpuscanError):
    """The folder is no Linux tree, or holds none of the tracked symbols (exit 3)."""

    exit_code = 3
