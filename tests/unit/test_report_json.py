"""The JSON report: the published schema, the promised keys in the promised order, the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest

from fpuscan import __version__
from fpuscan.report import ReportOptions, render
from fpuscan.report.json_v1 import SCHEMA, SCHEMA_MINOR
from fpuscan.report.json_v1 import schema as published
from fpuscan.result import ScanResult, TreeInfo
from tests.samples import CLEAN, ERROR, INCOMPLETE, LEAKY, TRIAGED


def report(result: ScanResult) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(render(result, "json", ReportOptions()))
    return document


def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(published())
    return document


@pytest.mark.parametrize("result", [CLEAN, LEAKY, INCOMPLETE, TRIAGED], ids=["clean", "leaky", "incomplete", "triaged"])
def test_every_report_meets_the_published_schema(result: ScanResult) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())

    jsonschema.validate(report(result), schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_is_strict() -> None:
    """An internal value that leaks into the report fails the schema."""
    document = report(LEAKY)
    document["findings"][0]["trace"][0]["node"] = 7

    with pytest.raises(jsonschema.ValidationError, match="node"):
        jsonschema.validate(document, schema())


def test_the_keys_come_in_the_documented_order() -> None:
    document = report(LEAKY)

    def keys(value: dict[str, Any]) -> str:
        return " ".join(value)

    assert keys(document) == (
        "schema schema_minor tool tree health summary findings baselined gone suppressed ignore_problems "
        "assumptions lock"
    )
    assert keys(document["findings"][0]) == (
        "rule slug severity message fingerprint path line column end_line end_column function statement source sink "
        "surviving config side other_sources trace consumers related fix"
    )
    assert keys(document["findings"][0]["trace"][0]) == (
        "path line column function place kind text mask after crossing effect guard side"
    )
    assert keys(document["health"]) == (
        "files functions functions_parsed error_bytes occurrences unaccounted unresolved_calls unmatched_model_rows "
        "incomplete"
    )


def test_a_member_is_added_with_a_new_minor_number() -> None:
    """The schema names the minor number that the report writes, and requires every member but the optional ones."""
    document = schema()
    finding = document["$defs"]["finding"]

    assert document["properties"]["schema_minor"]["const"] == SCHEMA_MINOR
    assert document["required"] == [*document["properties"]]
    assert finding["required"] == [*finding["properties"]] == [*report(LEAKY)["findings"][0]]


def test_what_was_set_aside_is_counted_and_listed() -> None:
    document = report(TRIAGED)

    assert document["summary"] == {"error": 1, "warning": 0, "note": 0, "suppressed": 1, "baselined": 1}
    assert [item["finding"]["rule"] for item in document["suppressed"]] == ["FPU102"]
    assert document["suppressed"][0]["reason"].startswith("the mask is cut")
    assert [item["severity"] for item in document["baselined"]] == ["note"]
    assert document["gone"] == [
        {
            "rule": "FPU103",
            "severity": "error",
            "fingerprint": "3123456789abcdef",
            "text": "arch/x86/kernel/fpu/core.c f(): a.b -> c.d",
            "removed_by": "[PATCH 2/3] mend",
        }
    ]
    assert [(item["kind"], item["line"]) for item in document["ignore_problems"]] == [("unused", 8), ("no-reason", 9)]


def test_values_are_given_as_documented() -> None:
    document = report(LEAKY)
    finding = document["findings"][0]

    assert document["schema"] == SCHEMA
    assert document["tool"] == {"name": "fpuscan", "version": __version__}
    assert document["tree"] == {"kernel_version": "7.3.0-rc7"}
    assert document["summary"] == {"error": 1, "warning": 1, "note": 1, "suppressed": 0, "baselined": 0}
    assert finding["surviving"] == {"bits": ["CET_KERNEL"], "mask": "0x101000", "kernel_format": True, "unknown": False}
    assert finding["sink"] == {
        "place": "struct fpu_guest.uabi_size",
        "kind": "size",
        "path": "arch/x86/kernel/fpu/core.c",
        "line": 31,
    }
    assert [step["after"] for step in finding["trace"]] == [False, False, False, True]


def test_a_revision_and_patches_are_named_where_there_are_some() -> None:
    document = report(replace(CLEAN, tree=TreeInfo("7.3.0", "0123abcd", ("a.patch",), "https://example.org/linux")))

    assert document["tree"] == {
        "kernel_version": "7.3.0",
        "revision": "0123abcd",
        "patches": ["a.patch"],
        "repository": "https://example.org/linux",
    }
    jsonschema.validate(document, schema())


def test_equal_results_give_equal_bytes_whatever_the_run_took() -> None:
    slow = replace(LEAKY, timings=(("parse", 99.0),))

    assert render(slow, "json", ReportOptions()) == render(LEAKY, "json", ReportOptions(notes=True, colour=True))


def test_odd_bytes_of_the_source_stay_legal_json_in_ascii() -> None:
    odd = replace(ERROR, message="a\x1b\u202e\udcff\x9b", fix="\u00e9")

    data = render(replace(CLEAN, findings=(odd,)), "json", ReportOptions()).encode("ascii")

    assert b"\x1b" not in data
    assert json.loads(data)["findings"][0]["message"] == "a\x1b\u202e\\udcff\x9b"
