"""What an answer depends on beside the tree: this very fpuscan, what it runs on, and what it was asked."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from fpuscan import __version__
from fpuscan.shipped import shipped_folder

__all__ = ["question_key"]

_LIBRARIES = ("tree_sitter", "tree_sitter_c")  # what decides how a text is understood; networkx only draws
_PACKAGE = Path(__file__).parents[1]


def question_key(select: Iterable[str], ignore: Iterable[str], model_files: Iterable[str | Path]) -> str:
    """Digest the question: which rules, which rows of a model beside the built-in ones, and who answers it.

    Raises OSError if a file of it cannot be read, or not twice, like a pipe.
    """
    asked = {"version": __version__, "python": sys.version, "select": sorted(select), "ignore": sorted(ignore)}
    digest = hashlib.blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16)
    for name in model_files:
        if not Path(name).is_file():
            raise OSError(name)
        digest.update(hashlib.blake2b(Path(name).read_bytes()).digest())
    digest.update(b"code")
    for folder in (str(_PACKAGE), str(shipped_folder("queries"))):
        for file in _files(folder):
            with open(os.path.join(folder, file), "rb", buffering=0) as opened:
                digest.update(file.encode() + b"\0" + hashlib.blake2b(opened.read()).digest())
    for name in _LIBRARIES:
        digest.update(json.dumps([name, [*_library(name)]]).encode())
    return digest.hexdigest()


# The code, the model and the queries; what the interpreter made of them and the shipped demo decide nothing.
def _files(folder: str) -> list[str]:
    found = []
    for base, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"__pycache__", "demo"}]
        inside = os.path.join(base, "")[len(os.path.join(folder, "")) :]
        found += [inside + name for name in names if name.endswith((".py", ".toml", ".scm"))]
    return sorted(found)


# Which build of a library: an installation writes its files anew.
def _library(name: str) -> Iterator[tuple[str, int, int]]:
    spec = PathFinder.find_spec(name)
    for folder in sorted(spec.submodule_search_locations or ()) if spec is not None else ():
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if entry.is_file()]
        yield from sorted((file, status.st_size, status.st_mtime_ns) for file, status in found)
