"""What the command writes: the report, remarks on stderr, and what is left to say when somebody does not listen."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

import click

from fpuscan import __version__
from fpuscan.errors import UsageError
from fpuscan.report.terminal import printable

__all__ = ["Progress", "fail", "flush", "internal_error", "pipe_closed", "write"]

EXIT_INTERNAL = 70  # EX_SOFTWARE of sysexits.h


def write(text: str, output: str | None, status: int) -> int:
    """Write a report as UTF-8, whatever the locale says: the same tree gives the same bytes. Gives the exit status."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        if output is not None and output != "-":
            Path(output).write_bytes(data)
        elif sys.stdout is None:
            raise UsageError("standard output is closed; name a file with -o FILE")
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        return pipe_closed(status)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{output or 'standard output'}: cannot write the report ({reason}); try -o FILE") from error
    return status


def pipe_closed(status: int) -> int:
    """The reader went away (`fpuscan | head`): the verdict stands, the rest of the report is dropped."""
    _drop_output()
    return fail("the output pipe was closed before the whole report was written; -o FILE keeps it", status)


def flush() -> bool:
    """Whether all that was printed went out; else nothing is left for the interpreter to complain about."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        return False
    except (OSError, ValueError):
        _drop_output()
    return True


def _drop_output() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def fail(message: str, status: int) -> int:
    """Say one line on stderr; gives the exit status."""
    line = printable(" ".join(f"fpuscan: {message}".split()))
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nobody may listen; the status still tells
            click.echo(line, err=True)
    return status


def internal_error(error: Exception, *, verbose: bool) -> int:
    """Say what to report; gives the exit status."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else "?"
    if verbose and sys.stderr is not None:
        for line in traceback.format_exception(error):
            click.echo("\n".join(map(printable, line.splitlines())), err=True)
    return fail(
        f"internal error: {type(error).__name__}: {error} ({place}); please report this line together with fpuscan "
        f"{__version__}, Python {sys.version.split()[0]} and the kernel version; -v shows the traceback",
        EXIT_INTERNAL,
    )


class Progress:
    """One line on stderr that says what runs, from the second second on."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._shown = False

    def __call__(self, what: str) -> None:
        """Show it, if it is time to."""
        if time.monotonic() - self._started >= 1:
            click.echo(f"\r\x1b[K{printable(what)[:70]}...", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        """Take the line away again."""
        if self._shown:
            click.echo("\r\x1b[K", nl=False, err=True)
