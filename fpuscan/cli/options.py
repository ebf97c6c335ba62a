"""The options of the command: what the user chose, and how --help shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

__all__ = ["Command", "Options", "option"]

_HEADINGS = ("Read", "Check", "Report", "Help")  # of --help, in this order


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose: one field per parameter of `command`, of the same name."""

    tree: str | None
    rev: str | None
    staged: bool
    patch: tuple[str, ...]
    each: bool
    history: str | None
    against: str | None
    blame: bool
    no_cache: bool
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    fail_on: str
    model: tuple[str, ...]
    baseline: str | None
    write_baseline: str | None
    lock: str | None
    write_lock: str | None
    provenance: str | None
    format_: str
    output: str | None
    notes: bool
    stats: bool
    color: str
    quiet: bool
    verbose: bool
    list_rules: bool
    explain: str | None
    json_schema: bool
    demo: bool


class Option(click.Option):
    """An option that stands under a heading of --help."""

    def __init__(self, *names: Any, heading: str, **settings: Any) -> None:  # noqa: ANN401 - click's own signature
        super().__init__(*names, **settings)
        self.heading = heading


class Command(click.Command):
    """A command whose --help groups options by what they are about."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each heading."""
        for heading in _HEADINGS:
            options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
            records = [
                record
                for option in options
                if getattr(option, "heading", _HEADINGS[-1]) == heading and (record := option.get_help_record(ctx))
            ]
            with formatter.section(heading):
                formatter.write_dl(records, col_max=24)


def option(heading: str, *names: str, **settings: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - click's own
    """An option of the command under a heading of --help."""
    return click.option(*names, cls=Option, heading=heading, **settings)
