"""The JSON report, schema ``fpuscan-report/1``.

A versioned copy, written field by field: what the engine calls its values may
change, this does not. `SCHEMA_FILE`, which ships in the package, describes it;
a member is only ever added, together with a new minor number. Keys come in
the order of the schema, text is ASCII with escapes, so the same tree gives the
same bytes everywhere.
"""

from __future__ import annotations

from importlib import resources

from fpuscan import __version__
from fpuscan.report.json_text import Object, dump
from fpuscan.report.options import ReportOptions
from fpuscan.result import (
    Assumption,
    BaselineEntry,
    Finding,
    Health,
    IgnoreProblem,
    Location,
    LockComparison,
    LockEntry,
    Place,
    ScanResult,
    Severity,
    Step,
    SuppressedFinding,
    TreeInfo,
)

__all__ = [
    "SCHEMA",
    "SCHEMA_FILE",
    "SCHEMA_MINOR",
    "assumption",
    "health_object",
    "render",
    "schema",
    "step_object",
    "tree_object",
]

SCHEMA = "fpuscan-report/1"
SCHEMA_MINOR = 3
SCHEMA_FILE = "schema/report-1.json"


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the report as JSON; it always holds the notes and ends with a newline."""
    levels = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
    document: Object = {
        "schema": SCHEMA,
        "schema_minor": SCHEMA_MINOR,
        "tool": {"name": "fpuscan", "version": __version__},
        "tree": tree_object(result.tree),
        "health": health_object(result.health),
        "summary": {
            **{level.label: sum(finding.severity is level for finding in result.findings) for level in levels},
            "suppressed": len(result.suppressed),
            "baselined": len(result.baselined),
        },
        "findings": [_finding(finding) for finding in result.findings],
        "baselined": [_finding(finding) for finding in result.baselined],
        "gone": [_gone(entry) for entry in result.gone],
        "suppressed": [_suppressed(item) for item in result.suppressed],
        "ignore_problems": [_problem(item) for item in result.ignore_problems],
        "assumptions": [assumption(item) for item in result.assumptions],
        "lock": _lock(result.lock) if result.lock is not None else None,
    }
    return dump(document)


def schema() -> str:
    """The published JSON Schema of the report, as it stands in the package."""
    return (resources.files("fpuscan.report") / SCHEMA_FILE).read_text(encoding="utf-8")


def tree_object(tree: TreeInfo) -> Object:
    """What was scanned."""
    document: Object = {"kernel_version": tree.kernel_version}
    if tree.revision:
        document["revision"] = tree.revision
    if tree.patches:
        document["patches"] = list(tree.patches)
    if tree.repository:
        document["repository"] = tree.repository
    return document


def health_object(health: Health) -> Object:
    """What was seen."""
    return {
        "files": health.files,
        "functions": health.functions,
        "functions_parsed": health.parsed,
        "error_bytes": health.error_bytes,
        "occurrences": health.occurrences,
        "unaccounted": [_point(at) for at in health.unaccounted],
        "unresolved_calls": list(health.unresolved_calls),
        "unmatched_model_rows": list(health.unmatched_model_rows),
        "incomplete": [
            {"path": item.path, "line": item.line, "function": item.function, "reason": item.reason}
            for item in health.incomplete
        ],
    }


def _finding(finding: Finding) -> Object:
    at = finding.location
    return {
        "rule": finding.rule,
        "slug": finding.slug,
        "severity": finding.severity.label,
        "message": finding.message,
        "fingerprint": finding.fingerprint,
        "path": at.path,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
        "function": at.function,
        "statement": finding.statement,
        "source": _source(finding.source),
        "sink": {
            "place": finding.sink.place,
            "kind": finding.sink.kind,
            "path": finding.sink.location.path,
            "line": finding.sink.location.line,
        },
        "surviving": {
            "bits": list(finding.surviving.bits),
            "mask": f"{finding.surviving.mask:#x}",
            "kernel_format": finding.surviving.kernel_format,
            "unknown": finding.surviving.unknown,
        },
        "config": list(finding.config),
        "side": finding.side,
        "other_sources": [_source(place) for place in finding.other_sources],
        "trace": [step_object(step) for step in finding.trace],
        "consumers": [{"kind": item.kind, **_spot(item.location)} for item in finding.consumers],
        "related": [{"kind": item.kind, **_spot(item.location), "place": item.place} for item in finding.related],
        "fix": finding.fix,
    }


def step_object(step: Step) -> Object:
    """One step of a way."""
    return {
        **_point(step.location),
        "place": step.place,
        "kind": step.kind,
        "text": step.text,
        "mask": f"{step.mask:#x}",
        "after": step.after,
        "crossing": step.crossing,
        "effect": step.effect,
        "guard": step.guard,
        "side": step.side,
    }


def assumption(item: Assumption) -> Object:
    """A declared barrier."""
    return {"kind": item.kind, "what": item.what, "why": item.why, "commit": item.commit}


def _lock(lock: LockComparison) -> Object:
    return {
        "gained": [{**_entry(entry), "trace": [step_object(step) for step in root.trace]} for entry, root in lock.ways],
        "lost": [_entry(entry) for entry in lock.lost],
    }


def _entry(entry: LockEntry) -> Object:
    return {"place": entry.place, "side": entry.side, "kind": entry.kind, "root": entry.root}


def _suppressed(item: SuppressedFinding) -> Object:
    return {
        "finding": _finding(item.finding),
        "reason": item.reason,
        "path": item.location.path,
        "line": item.location.line,
    }


def _problem(item: IgnoreProblem) -> Object:
    at = item.location
    return {"kind": item.kind, "message": item.message, "path": at.path, "line": at.line, "column": at.column}


def _gone(entry: BaselineEntry) -> Object:
    return {
        "rule": entry.rule,
        "severity": entry.severity.label,
        "fingerprint": entry.fingerprint,
        "text": entry.text,
        "removed_by": entry.removed_by,
    }


def _source(place: Place) -> Object:
    return {"place": place.place, "path": place.location.path, "line": place.location.line}


def _spot(at: Location) -> Object:
    return {"path": at.path, "line": at.line, "function": at.function}


def _point(at: Location) -> Object:
    return {"path": at.path, "line": at.line, "column": at.column, "function": at.function}
