"""The command: options in, one scan, one report, one exit status.

The only room that imports click and the only one that prints. Every expected
failure is one line on stderr; the table of exit statuses is in the README.
Whatever is slow to import (tree_sitter, networkx) is imported by the scan, so
--help, --version, --list-rules and --explain answer at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fpuscan import __version__
from fpuscan.cli.options import Command, Options, option
from fpuscan.cli.output import Progress, fail, flush, internal_error, pipe_closed, write
from fpuscan.errors import FpuscanError, UsageError
from fpuscan.lock import compare_lock, load_lock, write_lock
from fpuscan.report import FORMATS, PROVENANCE_FORMATS, ReportOptions, render, render_provenance
from fpuscan.report.rule_help import explanation, rule_list
from fpuscan.report.terminal import printable
from fpuscan.result import BaselineEntry, LockEntry, ScanResult, Severity
from fpuscan.rules.info import RULE_INFOS, RuleInfo, find_rule
from fpuscan.shipped import shipped_folder
from fpuscan.tree import enclosing_tree, open_folder
from fpuscan.triage.aside import compare_with
from fpuscan.triage.baseline import entry_of, load
from fpuscan.triage.baseline import write as write_baseline

if TYPE_CHECKING:
    from fpuscan.commands.scanning import Scans

__all__ = ["command", "run"]

EXIT_CLEAN = 0
EXIT_FINDINGS = 1
EXIT_INCOMPLETE = 4
EXIT_LOCK = 5

_FAIL_ON: dict[str, int] = {
    **{severity.label: severity for severity in sorted(Severity, reverse=True)},
    "never": max(Severity) + 1,
}


@click.command(
    cls=Command,
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": 80},
    epilog="Exit status: 0 clean, 1 findings, 2 wrong usage or unreadable input, 3 not applicable, "
    "4 incomplete, 5 the lock does not hold, 70 internal error.",
)
@click.argument("tree", required=False)
@option("Read", "--rev", metavar="REV", help="Scan a commit, straight from git's objects.")
@option("Read", "--staged", is_flag=True, help="Scan the index: what git commit would record.")
@option(
    "Read",
    "--patch",
    multiple=True,
    metavar="FILE",
    help="Report what patches add: a diff, mail or mbox with a series, applied in memory; - is standard input.",
)
@option("Read", "--history", metavar="A..B", help="Print what each commit of a range brought and took away.")
@option("Read", "--each", is_flag=True, help="With --patch: check the tree after every patch of the series.")
@option("Check", "--select", multiple=True, metavar="RULE", help="Check these rules only (id or slug, commas allowed).")
@option("Check", "--ignore", multiple=True, metavar="RULE", help="Do not check these rules.")
@option(
    "Check",
    "--fail-on",
    type=click.Choice([*_FAIL_ON]),
    default="warning",
    show_default=True,
    help="Exit 1 from this severity on.",
)
@option("Check", "--against", metavar="REV|TREE", help="Report only what is new compared with a commit or folder.")
@option(
    "Check",
    "--no-cache",
    is_flag=True,
    envvar="FPUSCAN_NO_CACHE",
    help="Scan what --against and --patch compare with even if its answer is known; keep none. "
    "FPUSCAN_NO_CACHE=1 does the same.",
)
@option("Check", "--model", multiple=True, metavar="FILE", help="Add sources, sinks, masks... from a TOML file.")
@option("Check", "--baseline", metavar="FILE", help="Report and count only what FILE does not know.")
@option("Check", "--write-baseline", metavar="FILE", help="Write all findings to FILE, as known from now on.")
@option("Check", "--lock", metavar="FILE", help="Fail where what controls the user ABI is not what FILE says.")
@option("Check", "--write-lock", metavar="FILE", help="Write what controls the user ABI to FILE.")
@option(
    "Report",
    "--provenance",
    metavar="PLACE",
    help="Say what controls PLACE, like 'struct fpu_guest.uabi_size' or save_sw_bytes; uabi is all of the user ABI.",
)
@option(
    "Report",
    "--format",
    "format_",
    type=click.Choice([*FORMATS]),
    default="text",
    show_default=True,
    help="Format of the report.",
)
@option("Report", "-o", "--output", metavar="FILE", help="Write the report to FILE.")
@option("Report", "--notes", is_flag=True, help="Show notes too (JSON, SARIF and HTML always hold them).")
@option("Report", "--blame", is_flag=True, help="Name the commit that introduced each finding's statement.")
@option("Report", "--stats", is_flag=True, help="Print time per phase and sizes to stderr.")
@option(
    "Report",
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the text report.",
)
@option("Report", "-q", "--quiet", is_flag=True, help="One line per finding.")
@option("Report", "-v", "--verbose", is_flag=True, help="List what is else only counted; tracebacks.")
@option("Help", "--list-rules", is_flag=True, help="List the rules.")
@option("Help", "--explain", metavar="RULE", help="Explain a rule: why, how to fix, examples.")
@option("Help", "--json-schema", is_flag=True, help="Print the JSON Schema of --format json.")
@option("Help", "--demo", is_flag=True, help="Scan a small leaking tree that comes with fpuscan.")
@click.version_option(__version__, "--version", message="fpuscan %(version)s", help="Print the version.")
def command(**chosen: Any) -> int:  # noqa: ANN401 - one argument per field of Options
    """Find guest-specific FPU defaults that reach the user ABI of an x86 Linux tree.

    TREE is the top folder of a kernel source tree; without it, the tree that
    encloses the current folder. No build and no .config is needed.
    """
    options = Options(**chosen)
    if options.quiet and options.verbose:
        raise UsageError("-q and -v contradict each other; give one of them")
    if options.list_rules:
        return write(rule_list(), options.output, EXIT_CLEAN)
    if options.explain is not None:
        return write(explanation(_rule(options.explain, "--explain")), options.output, EXIT_CLEAN)
    if options.json_schema:
        return write(_schema(options), options.output, EXIT_CLEAN)
    if options.history is not None:
        return _history(options, options.history)
    if options.provenance is not None:
        return _provenance(options)
    known = None if options.baseline is None else load(Path(options.baseline))
    locked = None if options.lock is None else load_lock(Path(options.lock))
    result = _locked(_without_known(_result(options), known, options), locked, options)
    if options.stats:
        _print_stats(result)
    return write(render(result, options.format_, _report_options(options)), options.output, _verdict(result, options))


def run(arguments: Sequence[str]) -> int:
    """Run the command; gives the exit status, raises only KeyboardInterrupt."""
    context = None
    try:
        context = command.make_context("fpuscan", list(arguments))
        with context:
            status = int(command.invoke(context))
    except click.exceptions.Exit as done:
        status = done.exit_code
    except click.ClickException as error:
        globbed = "--patch" in arguments and "extra argument" in error.message
        more = " For several patches: cat *.patch | fpuscan --patch -;" if globbed else ""
        status = fail(f"error: {error.format_message().rstrip('.')}.{more} See fpuscan --help.", error.exit_code)
    except FpuscanError as error:
        status = fail(f"error: {error}", error.exit_code)
    except BrokenPipeError:
        status = pipe_closed(EXIT_CLEAN)
    except Exception as error:  # noqa: BLE001 - the one place where an unexpected failure becomes a message
        status = internal_error(error, verbose=bool(context and context.params.get("verbose")))
    return status if flush() else pipe_closed(status)


def _schema(options: Options) -> str:
    if options.provenance is not None:
        from fpuscan.report.provenance_json import schema as provenance_schema

        return provenance_schema()
    from fpuscan.report.json_v1 import schema

    return schema()


# What controls a place; no verdict.
def _provenance(options: Options) -> int:
    named = (options.baseline, options.write_baseline, options.lock, options.write_lock, options.against)
    if any((*named, options.each, options.blame)):
        raise UsageError("--provenance asks about one state and has no verdict; give it without --against, --each, "
                         "--blame, --baseline and --lock")  # fmt: skip
    if options.format_ not in PROVENANCE_FORMATS:
        raise UsageError(f"--provenance has no format {options.format_}; it has {', '.join(PROVENANCE_FORMATS)}")
    result = _result(options)
    if options.stats:
        _print_stats(result)
    status = EXIT_INCOMPLETE if result.health.incomplete else EXIT_CLEAN
    return write(render_provenance(result, options.format_, _report_options(options)), options.output, status)


def _result(options: Options) -> ScanResult:
    named = options.rev is not None or options.against is not None
    more = named or options.staged or options.patch or options.each or options.blame
    if options.demo and (more or options.tree is not None):
        raise UsageError(
            "--demo scans a tree of its own; give it without TREE, --rev, --staged, --patch, --against and --blame"
        )
    scans = _scans(options)
    if options.demo:
        return scans.once(open_folder(shipped_folder("demo")))
    if not more:
        return scans.once(enclosing_tree() if options.tree is None else open_folder(options.tree))
    from fpuscan.commands.request import Request, answer

    cache = not options.no_cache and bool(options.against or options.patch)
    brief = options.format_ in {"text", "github"} and not options.verbose
    request = Request(
        options.tree, options.rev, options.staged, options.patch, options.each, options.against, options.blame, brief
    )
    answered = answer(request, scans.scanner(cache=cache), _standard_input)
    for note in answered.notes:
        fail(f"note: {note}", EXIT_CLEAN)
    return answered.result


# A row for each commit that changed something; each is shown as soon as it is known.
def _history(options: Options, commits: str) -> int:
    named = (options.rev, options.against, options.baseline, options.write_baseline, options.lock, options.write_lock)
    if any((*named, options.staged, options.patch, options.each, options.blame, options.demo)):
        raise UsageError("--history goes through commits; of the options that name a state it takes TREE alone")
    if options.format_ != "text" or options.output is not None:
        raise UsageError("--history prints a table as it goes; give it without --format and -o")
    from fpuscan.commands.history import history, what_is_left

    status, shown, scans = EXIT_CLEAN, 0, _scans(options)
    done: list[str] = []
    try:
        for full in history(options.tree, commits, scans, scans):
            row = full if options.notes else full.without_notes()
            done.append(row.commit)
            if row.new or row.gone or row.incomplete or options.verbose:
                click.echo("\n".join(map(printable, row.lines())))
                shown += 1
            _show_progress(f"{row.number}/{row.total} commits, {row.scans} scans", options)
            bad = any(finding.severity >= _FAIL_ON[options.fail_on] for finding in row.new)
            status = EXIT_FINDINGS if bad else status or EXIT_INCOMPLETE * row.incomplete
    except KeyboardInterrupt:
        if done:
            left = what_is_left(options.tree, commits, done)
            fail(f"stopped behind {done[-1][:12]}; --history {left} goes on", status)
        raise
    if not shown and not options.quiet:
        fail(f"note: no commit of {commits} brought or took away a finding", status)
    return status


def _show_progress(text: str, options: Options) -> None:
    if sys.stderr and sys.stderr.isatty() and not options.quiet:
        click.echo(f"\r\x1b[K{text}\r", nl=False, err=True)


def _standard_input(limit: int) -> bytes:
    if sys.stdin is None:
        raise UsageError("--patch -: standard input is closed")
    return sys.stdin.buffer.read(limit)


def _scans(options: Options) -> Scans:
    from fpuscan.commands.scanning import Question, Scans

    checked = _checked(options)
    if not checked:
        raise UsageError("--select and --ignore leave no rule to check; --list-rules shows them all")
    locks = options.lock is not None or options.write_lock is not None
    question = Question(
        select=_rules(options.select, "--select"),
        ignore=_rules(options.ignore, "--ignore"),
        checked=checked,
        model_files=tuple(map(Path, options.model)),
        graph=options.format_ in {"graphml", "dot", "html"} and options.provenance is None,
        provenance="uabi" if locks else options.provenance,
    )
    return Scans(question, lambda: _progress(options))


@contextlib.contextmanager
def _progress(options: Options) -> Iterator[Progress | None]:
    progress = Progress() if sys.stderr and sys.stderr.isatty() and not options.quiet else None
    try:
        yield progress
    finally:
        if progress:
            progress.clear()


# Sets aside what the baseline knows; one that was just written knows all that it was written from.
def _without_known(result: ScanResult, known: tuple[BaselineEntry, ...] | None, options: Options) -> ScanResult:
    compared = result if known is None else compare_with(result, known, _checked(options))
    if options.write_baseline is None:
        return compared
    everything = (*result.findings, *result.baselined)
    write_baseline(Path(options.write_baseline), everything)
    return compare_with(result, tuple(map(entry_of, everything)), _checked(options)) if known is None else compared


def _locked(result: ScanResult, locked: frozenset[LockEntry] | None, options: Options) -> ScanResult:
    if options.write_lock is not None:
        assert result.provenance is not None
        write_lock(Path(options.write_lock), result.provenance)
    if locked is None:
        return result
    assert result.provenance is not None
    return replace(result, lock=compare_lock(result.provenance, locked))


def _checked(options: Options) -> frozenset[str]:
    select, ignore = _rules(options.select, "--select"), _rules(options.ignore, "--ignore")
    return frozenset({rule.id for rule in RULE_INFOS if not select or rule.id in select} - set(ignore))


def _rules(names: Sequence[str], option: str) -> tuple[str, ...]:
    split = [name for text in names for name in text.split(",")]
    return tuple(sorted({_rule(name, option).id for name in split}))


def _rule(name: str, option: str) -> RuleInfo:
    rule = find_rule(name)
    if rule is None:
        raise UsageError(f"{option} {name}: there is no such rule; --list-rules shows the rules")
    return rule


def _verdict(result: ScanResult, options: Options) -> int:
    if any(finding.severity >= _FAIL_ON[options.fail_on] for finding in result.findings):
        return EXIT_FINDINGS
    if result.lock is not None and (result.lock.gained or result.lock.lost):
        return EXIT_LOCK
    return EXIT_INCOMPLETE if result.health.incomplete else EXIT_CLEAN


def _report_options(options: Options) -> ReportOptions:
    terminal = options.output is None and sys.stdout is not None and sys.stdout.isatty()
    wanted = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    colour = options.color == "always" or (options.color == "auto" and wanted)
    return ReportOptions(notes=options.notes, colour=colour, quiet=options.quiet, verbose=options.verbose)


def _print_stats(result: ScanResult) -> None:
    for name, seconds in result.timings:
        click.echo(f"{name:<24}{seconds * 1000:10.1f} ms", err=True)
    for name, number in result.counts:
        click.echo(f"{name:<24}{number:10d}", err=True)
