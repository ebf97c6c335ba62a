"""The cache folder: what is written comes back, and whatever is wrong with the folder is no error and no answer."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import pytest

from fpuscan.cache import CacheFolder, cache_folder
from fpuscan.cache import folder as folder_room

NAME, OTHER = "a" * 64, "b" * 64
BODY = b'{"some": "text"}\n\xff and bytes\n' * 50


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "fpuscan"


@pytest.fixture
def folder(path: Path) -> CacheFolder:
    made = CacheFolder(path)
    made.write(NAME, BODY)
    return made


def file(folder: CacheFolder, name: str = NAME) -> Path:
    return folder.path / f"{name}.answer"


def test_what_is_written_comes_back(folder: CacheFolder) -> None:
    folder.write(OTHER, b"")

    assert folder.read(NAME) == BODY
    assert folder.read(OTHER) == b""
    assert folder.read("c" * 64) is None
    assert sorted(folder.names()) == [NAME, OTHER]


def test_nobody_else_may_look_into_it(folder: CacheFolder) -> None:
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(file(folder).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("cache", "home", "expected"),
    [
        ("/c", "/h", "/c/fpuscan"),
        ("", "/h", "/h/.cache/fpuscan"),
        ("relative", "/h", "/h/.cache/fpuscan"),  # to be ignored, says the specification
        ("", "relative", None),
    ],
)
def test_where_it_is(monkeypatch: pytest.MonkeyPatch, cache: str, home: str, expected: str | None) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache)
    monkeypatch.setenv("HOME", home)

    assert cache_folder() == (None if expected is None else Path(expected))


def test_tests_have_a_cache_of_their_own() -> None:
    """See conftest: no test may read or write what belongs to the developer."""
    folder = cache_folder()

    assert folder is not None
    assert not folder.is_relative_to(Path.home() / ".cache")


# Damage


@pytest.mark.parametrize("cut", [0, 1, 10, 30, 49, 50, 51, 200, len(BODY)])
def test_a_piece_that_was_cut_off_is_none(folder: CacheFolder, cut: int) -> None:
    file(folder).write_bytes(file(folder).read_bytes()[:cut])

    assert folder.read(NAME) is None


@pytest.mark.parametrize("at", [0, 14, 20, 49, 60, -1])
def test_a_piece_with_another_byte_is_none(folder: CacheFolder, at: int) -> None:
    data = bytearray(file(folder).read_bytes())
    data[at] ^= 1
    file(folder).write_bytes(data)

    assert folder.read(NAME) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\0" * 100, b"fpuscan-cache 2 " + b"0" * 32 + b"\nx", b"{}"])
def test_foreign_content_is_none_and_is_written_over(folder: CacheFolder, content: bytes) -> None:
    file(folder).write_bytes(content)

    assert folder.read(NAME) is None
    folder.write(NAME, BODY)
    assert folder.read(NAME) == BODY


def test_foreign_files_are_left_alone(folder: CacheFolder) -> None:
    for name in ("README", NAME, f"{NAME}.answer.old", "x.answer", f"{'A' * 64}.answer"):
        (folder.path / name).write_text("not ours")
    (folder.path / f"{OTHER}.answer").mkdir()

    assert folder.names() == [NAME, OTHER] or folder.names() == [OTHER, NAME]
    assert folder.read(OTHER) is None
    for number in range(100):
        folder.write(f"{number:064x}", b"")
    assert (folder.path / "README").read_text() == "not ours"
    assert (folder.path / NAME).exists()


# Whose it is


def others_may_write(folder: CacheFolder) -> None:
    folder.path.chmod(0o722)


def the_group_may_write(folder: CacheFolder) -> None:
    folder.path.chmod(0o770)


def a_link(folder: CacheFolder) -> None:
    folder.path.rename(folder.path.with_name("real"))
    folder.path.symlink_to("real")


def a_file(folder: CacheFolder) -> None:
    folder.path.rename(folder.path.with_name("real"))
    folder.path.write_text("")


@pytest.mark.parametrize("spoil", [others_may_write, the_group_may_write, a_link, a_file])
def test_a_folder_that_others_can_change_is_neither_read_nor_written(folder: CacheFolder, spoil: object) -> None:
    assert callable(spoil)
    spoil(folder)
    before = sorted(folder.path.parent.rglob("*"))

    assert folder.names() == []
    assert folder.read(NAME) is None
    folder.write(OTHER, BODY)
    assert sorted(folder.path.parent.rglob("*")) == before


def test_a_folder_of_somebody_else_is_neither_read_nor_written(
    folder: CacheFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: folder.path.stat().st_uid + 1)

    assert folder.names() == []
    assert folder.read(NAME) is None
    folder.write(OTHER, BODY)
    assert not file(folder, OTHER).exists()


def test_a_file_that_others_can_change_is_not_read(folder: CacheFolder) -> None:
    for mode, expected in ((0o666, None), (0o620, None), (0o644, BODY)):
        file(folder).chmod(mode)
        assert folder.read(NAME) == expected


def test_a_file_of_somebody_else_is_not_read(folder: CacheFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fstat

    def foreign(number: int) -> object:
        status = real(number)
        if stat.S_ISDIR(status.st_mode):
            return status
        return SimpleNamespace(st_uid=status.st_uid + 1, st_mode=status.st_mode, st_size=status.st_size)

    monkeypatch.setattr(os, "fstat", foreign)

    assert folder.read(NAME) is None


def test_a_link_or_a_pipe_in_place_of_a_piece_is_not_read(folder: CacheFolder) -> None:
    file(folder).rename(folder.path / "elsewhere")
    file(folder).symlink_to("elsewhere")
    os.mkfifo(file(folder, OTHER))

    assert folder.read(NAME) is None
    assert folder.read(OTHER) is None


# What cannot be done is left undone


@pytest.fixture
def unwritable(folder: CacheFolder) -> Iterator[CacheFolder]:
    folder.path.chmod(0o500)
    yield folder
    folder.path.chmod(0o700)


def test_a_folder_that_cannot_be_written_can_be_read(unwritable: CacheFolder) -> None:
    unwritable.write(OTHER, BODY)

    assert unwritable.read(NAME) == BODY
    assert unwritable.read(OTHER) == (BODY if os.geteuid() == 0 else None)  # root writes everywhere


@pytest.mark.parametrize("call", ["open", "replace", "mkdir", "utime", "unlink", "scandir"])
def test_a_system_call_that_fails_costs_the_piece_at_most(
    folder: CacheFolder, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)

    folder.write(OTHER, BODY)
    folder.use(NAME)
    assert folder.read(NAME) in {None, BODY}
    assert set(folder.names()) <= {NAME, OTHER}
    monkeypatch.undo()
    assert folder.read(NAME) == BODY
    assert folder.read(OTHER) in {None, BODY}


def test_a_full_disk_leaves_what_was_there(folder: CacheFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __init__(self, file: int, *_: object, **__: object) -> None:
            self.file = file

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            os.close(self.file)

        def write(self, data: bytes) -> None:
            os.write(self.file, data[:10])
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_room, "open", Full, raising=False)
    folder.write(NAME, b"new")
    folder.write(OTHER, b"new")
    monkeypatch.undo()

    assert folder.read(NAME) == BODY
    assert [each.name for each in folder.path.iterdir()] == [f"{NAME}.answer"]


def test_a_missing_home_is_made_when_there_is_something_to_keep(path: Path) -> None:
    folder = CacheFolder(path)

    assert (folder.names(), folder.read(NAME), path.parent.exists()) == ([], None, False)
    folder.write(NAME, BODY)
    assert folder.read(NAME) == BODY


# Its size


def test_the_pieces_that_were_not_used_for_longest_make_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_room, "_MOST_PIECES", 3)
    folder = CacheFolder(path)
    for number in range(3):
        folder.write(f"{number:064x}", b"x")
        os.utime(file(folder, f"{number:064x}"), (number, number))

    assert folder.read(f"{1:064x}") == b"x"  # looked at, and of no use
    folder.use(f"{0:064x}")
    assert folder.names()[0] == f"{0:064x}"
    folder.write(f"{3:064x}", b"x")

    assert sorted(folder.names()) == [f"{number:064x}" for number in (0, 2, 3)]


def test_all_pieces_together_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_room, "_MOST_BYTES", 1000)
    folder = CacheFolder(path)
    for number in range(20):
        folder.write(f"{number:064x}", b"x" * 200)
        assert sum(each.stat().st_size for each in path.iterdir()) <= 1000
    assert folder.read(f"{19:064x}") == b"x" * 200


def test_a_piece_that_is_too_large_is_not_kept(folder: CacheFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_room, "_LARGEST", 1000)

    folder.write(OTHER, b"x" * 1000)
    assert not file(folder, OTHER).exists()
    assert folder.read(NAME) is None  # from a time with other limits


def test_what_a_killed_run_left_is_swept_away(folder: CacheFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    part = folder.path / f"{OTHER}.answer.0123456789abcdef.part"
    part.write_bytes(b"half")
    os.utime(part, (0, 0))
    monkeypatch.setattr(folder_room, "_MOST_PIECES", 2)

    assert folder.names() == [NAME]
    folder.write("c" * 64, b"x")

    assert not part.exists()
    assert sorted(folder.names()) == [NAME, "c" * 64]


def test_many_at_once_see_whole_pieces_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_room, "_MOST_PIECES", 3)
    bodies = [bytes([65 + number]) * 100_000 for number in range(8)]

    def use(number: int) -> list[bytes | None]:
        folder, seen = CacheFolder(path), []
        for turn in range(25):
            name = f"{turn % 4:064x}"
            folder.write(name, bodies[number])
            seen.append(folder.read(name))
        return seen

    with ThreadPoolExecutor(8) as pool:
        seen = [body for found in pool.map(use, range(8)) for body in found]

    assert set(seen) <= {None, *bodies}
    assert any(body is not None for body in seen)
    assert len([each for each in path.iterdir() if each.suffix == ".part"]) == 0
