"""The rooms of fpuscan stand in one order, and each import leads downwards.

Imports that only the type checker sees count as well: an object that is handed
upwards is a circle, too. A new room must be given its place in `LAYERS`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "fpuscan"

# From the bottom up; rooms of one layer do not know each other.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(rooms.split())
    for rooms in (
        "fpuscan parse symbols triage commands",
        "errors result places scope shipped rules.info symbols.integers parse.pieces",
        "tree model git lock parse.source triage.excerpts triage.suppress triage.baseline",
        "trees triage.aside commands.beside",
        "triage.compare",
        "patch cache commands.blame",
        "commands.review",
        "commands.request commands.history",
        "parse.normalise",
        "parse.syntax",
        "parse.arms parse.reuse",
        "symbols.cpp",
        "symbols.expansion",
        "symbols.constexpr",
        "xfeatures symbols.enums symbols.declarators",
        "symbols.records",
        "symbols.types",
        "ir",
        "conversions",
        "lower",
        "program",
        "engine footprint",
        "engine.graph engine.words",
        "engine.search",
        "engine.boot",
        "provenance",
        "rules unmatched",
        "health",
        "scan",
        "commands.scanning",
        "report",
        "cli",
        "__main__ bench",
    )
)
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}

# Who (a room, or a module of one) may import what the rest of the world calls by these names.
EXTERNAL = {
    "tree_sitter": {"parse.syntax", "bench"},
    "tree_sitter_c": {"parse.syntax", "bench"},
    "networkx": {"engine.search.network"},
    "click": {"cli"},
}


def room_of(module: str) -> str:
    """``fpuscan.report.text`` stands in the room ``report``; some rooms have rooms of their own inside."""
    parts = module.split(".")[1:]
    inner = ".".join(parts[:2])
    if inner in LEVEL:
        return inner
    return parts[0] if parts else "fpuscan"


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, with the line, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield node.lineno, node.module or ""
            if node.module in {"fpuscan", "fpuscan.rules"}:
                named = (f"{node.module}.{alias.name}" for alias in node.names)
                yield from ((node.lineno, name) for name in named if (PACKAGE.parent / _file(name)).exists())


def _file(module: str) -> str:
    return module.replace(".", "/") + ".py"


@cache
def edges() -> tuple[tuple[str, str, str], ...]:
    """(place, room, imported module) of the whole package."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        relative = file.relative_to(PACKAGE.parent)
        module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        for line, imported in imports(ast.parse(file.read_text())):
            found.append((f"{relative}:{line}", room_of(module), imported))
    return tuple(found)


def test_every_room_has_its_place() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if "demo" not in file.parts]
    rooms = {room_of(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)) for file in files}

    assert sorted((rooms - {"__init__"}) ^ (set(LEVEL) - {"fpuscan"})) == []


def test_imports_lead_downwards() -> None:
    wrong = []
    for place, room, imported in edges():
        if not imported.startswith("fpuscan"):
            continue
        other = room_of(imported)
        if other != room and LEVEL[other] >= LEVEL[room]:
            wrong.append(f"{place}: {room} imports {other}")

    assert wrong == []


def _may(place: str, owners: set[str]) -> bool:
    module = place.partition(":")[0].removeprefix("fpuscan/").removesuffix(".py").replace("/", ".")
    return any(module == owner or module.startswith(f"{owner}.") for owner in owners)


def test_each_library_has_its_room() -> None:
    wrong = [
        f"{place}: {room} imports {imported}"
        for place, room, imported in edges()
        if not _may(place, EXTERNAL.get(imported.split(".")[0], {room}))
    ]

    assert wrong == []


def test_reports_see_results_and_metadata_only() -> None:
    seen = {room_of(imported) for _, room, imported in edges() if room == "report" and imported.startswith("fpuscan")}

    assert seen <= {"fpuscan", "report", "result", "rules.info"}
