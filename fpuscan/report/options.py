"""What a user may choose about a report; a format takes what it knows and ignores the rest."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ReportOptions"]


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Choices for one report.

    ``notes`` shows notes in full, ``colour`` permits SGR sequences, ``quiet``
    keeps to one line per finding, ``verbose`` lists what is else only
    counted. ``width`` is the number of columns that prose is wrapped to: a
    constant, so that a report does not depend on the terminal.
    """

    notes: bool = False
    colour: bool = False
    quiet: bool = False
    verbose: bool = False
    width: int = 80
