"""What every test shares: real kernel trees, found through FPUSCAN_TREES, and a hermetic environment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import effort, invariants, tables
from tests.kernel_trees import TREES_VARIABLE, outer_trees, real_trees

invariants.install()
# A run that nobody asked to start elsewhere tries what the one before tried: it is not red by chance.
settings.register_profile("fpuscan", derandomize=not effort.LONG and effort.SEED == 1)
settings.load_profile("fpuscan")

ROOT = Path(__file__).resolve().parent.parent


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `real_tree` once per real tree, for `outer_tree` on the oldest and the newest one."""
    for name, find in (("real_tree", real_trees), ("outer_tree", outer_trees)):
        if name in metafunc.fixturenames:
            found = find()
            metafunc.parametrize(name, found or [None], ids=[tree.name for tree in found] or ["none"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take a sample in a short run; skip the realtree tests with a printed reason where there is no tree."""
    if not effort.WIDE and not effort.names_tests(config.args, config.getoption("keyword")):
        _sample(config, items)
    if real_trees():
        return
    reason = f"{TREES_VARIABLE} does not name a folder of kernel trees (see README, Tests)"
    for item in items:
        if item.get_closest_marker("realtree"):
            item.add_marker(pytest.mark.skip(reason=reason))


def _sample(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what only a wide run takes."""
    marks = ((item, item.get_closest_marker("sampled")) for item in items)
    found = [effort.Sampled(item.nodeid.partition("[")[0], *mark.args) if mark else None for item, mark in marks]
    taken = effort.sample(found, effort.SEED)
    config.hook.pytest_deselected(items=[item for item, is_taken in zip(items, taken, strict=True) if not is_taken])
    items[:] = [item for item, is_taken in zip(items, taken, strict=True) if is_taken]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables that tests have handed over."""
    reports = [each for kind in ("passed", "failed", "xfailed") for each in terminalreporter.getreports(kind)]
    found = list(tables.lines(row for each in reports if each.when == "call" for row in each.user_properties))
    if found:
        terminalreporter.section("tables")
        for line in found:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def trees() -> tuple[Path, ...]:
    """All real kernel trees; a test that asks for them is marked realtree."""
    return real_trees()


@pytest.fixture(autouse=True)
def _no_colour_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's colour settings change no expected output."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_developer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a fixture of many tests runs reads and writes no cache but this one, either."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patched.delenv("FPUSCAN_NO_CACHE", raising=False)
        yield


@pytest.fixture(autouse=True)
def _cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test finds what another one has kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
