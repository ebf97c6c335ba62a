"""A question that a second process answers while this one goes on.

Comparing two trees takes two scans that know nothing of each other. Where the
machine has a second core, the second costs no time.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["Beside"]

Answer = TypeVar("Answer")


class Beside(Generic[Answer]):
    """Asks `question` in a forked process, or, where there is no second core or no fork, when the answer is wanted.

    The answer must be one that `pickle` can carry. The other process prints nothing.
    """

    def __init__(self, question: Callable[[], Answer]) -> None:
        import multiprocessing  # noqa: PLC0415 - slow, and seldom needed: most answers are known

        self._question = question
        self._reader: Connection | None = None
        if _cores() > 1 and "fork" in multiprocessing.get_all_start_methods():
            context = multiprocessing.get_context("fork")
            self._reader, writer = context.Pipe(duplex=False)
            self._process = context.Process(target=_answer, args=(question, writer), daemon=True)
            self._process.start()
            writer.close()

    def answer(self) -> Answer:
        """Wait for the answer. If the other process had none, it is asked for again here, and raises what it raises."""
        if self._reader is None:
            return self._question()
        try:
            with self._reader:
                found: Answer = self._reader.recv()
        except EOFError:
            return self._question()
        finally:
            self._process.join()
        return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# Nothing but the answer leaves the process: a failure is the silence behind which the question is asked again.
def _answer(question: Callable[[], object], writer: Connection) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
    with contextlib.suppress(Exception, KeyboardInterrupt), writer:
        writer.send(question())
    os._exit(0)
