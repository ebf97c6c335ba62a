"""A second process answers, or this one does; either way the answer and the errors are the same."""

from __future__ import annotations

import os
import sys

import pytest

from fpuscan.commands import beside
from fpuscan.commands.beside import Beside
from fpuscan.errors import UsageError
from fpuscan.result import Health, ScanResult, TreeInfo


@pytest.fixture(params=[1, 2])
def cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(beside, "_cores", lambda: request.param)
    return int(request.param)


def test_the_answer_is_that_of_the_question(cores: int) -> None:
    asked = Beside(lambda: (os.getpid(), ScanResult(TreeInfo("7.3.0"), Health(files=3))))

    process, result = asked.answer()

    assert result == ScanResult(TreeInfo("7.3.0"), Health(files=3))
    assert (process == os.getpid()) == (cores == 1 or sys.platform == "win32")


def test_an_answer_larger_than_a_pipe(cores: int) -> None:
    assert cores
    assert Beside(lambda: b"x" * 5_000_000).answer() == b"x" * 5_000_000


def test_an_error_is_raised_here(cores: int) -> None:
    assert cores

    def question() -> int:
        raise UsageError("no such tree")

    with pytest.raises(UsageError, match="no such tree"):
        Beside(question).answer()


def test_nothing_is_printed_by_the_other_process(capfd: pytest.CaptureFixture[str]) -> None:
    mine = os.getpid()

    def question() -> int:
        if os.getpid() != mine:
            print("noise")
            print("noise", file=sys.stderr)
            sys.stdout.flush()
            raise KeyboardInterrupt
        return 1

    assert Beside(question).answer() == 1
    assert capfd.readouterr() == ("", "")
