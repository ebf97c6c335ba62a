"""The SARIF 2.1.0 report (OASIS, errata 01), for code scanning services and editors.

One run; one result per finding, with the way of the value as one code flow::

    {"ruleId": "FPU101", "level": "error", "message": {"text": "guest_default_cfg.size reaches ..."},
     "locations": [{"physicalLocation": {"artifactLocation": {"uri": "arch/x86/kernel/fpu/core.c", ...}, ...}}],
     "codeFlows": [{"threadFlows": [{"locations": [...]}]}], "relatedLocations": [...],
     "partialFingerprints": {"fpuscanFlow/v1": "0123456789abcdef", ...}}

URIs are relative to the top of the tree, so the report does not depend on the
machine. Columns are in UTF-16 code units, as the standard wants them by
default; the source lines for that come from the result's excerpts.
"""

from __future__ import annotations

from fpuscan import __version__
from fpuscan.report.json_text import Object, dump
from fpuscan.report.lines import SourceLines
from fpuscan.report.options import ReportOptions
from fpuscan.report.sarif_parts import Places, message, rules
from fpuscan.report.words import effect, former, lock_line, surviving, where_to_look
from fpuscan.result import Finding, Health, Location, Root, ScanResult, Severity, Step, SuppressedFinding
from fpuscan.rules.info import RULE_INFOS

__all__ = ["SCHEMA", "VERSION", "render"]

VERSION = "2.1.0"
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

_BASE = "%SRCROOT%"
_NOTIFICATIONS = {
    "incomplete": "A file or function of the scope could not be read or parsed; findings may be missing.",
    "unaccounted": "An occurrence of a tracked global is tied to no fact of the analysis; findings may be missing.",
    "ignore-comment": "An ignore comment does not do what it says.",
    "lock": "A place of the user ABI gained or lost a root since the lock was written.",
}


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the report as SARIF; it always holds the notes and ends with a newline."""
    places = Places(SourceLines(result.excerpts), _BASE)
    return dump({"$schema": SCHEMA, "version": VERSION, "runs": [_run(result, places)]})


def _run(result: ScanResult, places: Places) -> Object:
    run: Object = {
        "tool": {
            "driver": {
                "name": "fpuscan",
                "version": __version__,
                "semanticVersion": __version__,
                "shortDescription": {"text": "Finds guest-specific FPU defaults that reach the user ABI of x86 Linux."},
                "rules": rules(),
                "notifications": [
                    {"id": name, "shortDescription": {"text": text}} for name, text in _NOTIFICATIONS.items()
                ],
            }
        },
        "invocations": [_invocation(result, places)],
        "originalUriBaseIds": {_BASE: {"description": {"text": "The top folder of the kernel tree."}}},
        "columnKind": "utf16CodeUnits",
        "results": _results(result, places),
        "properties": _properties(result),
    }
    if result.tree.repository:
        details = {"repositoryUri": result.tree.repository, "mappedTo": {"uriBaseId": _BASE}}
        if result.tree.revision:
            details["revisionId"] = result.tree.revision
        run["versionControlProvenance"] = [details]
    return run


# Whether the run saw all of its scope, and each thing that it did not.
def _invocation(result: ScanResult, places: Places) -> Object:
    health = result.health
    execution = [
        _notification("incomplete", "error", item.reason, places.point(item.path, item.line, item.function))
        for item in health.incomplete
    ]
    execution += [
        _notification("unaccounted", "warning", _NOTIFICATIONS["unaccounted"], places.location(at))
        for at in health.unaccounted
    ]
    configuration = [
        _notification("ignore-comment", "warning", f"{item.kind}: {item.message}", places.location(item.location))
        for item in result.ignore_problems
    ]
    if result.lock is not None:
        execution += [
            _notification("lock", "error", lock_line(entry, gained=True), places.location(_last(root)))
            for entry, root in result.lock.ways
        ]
        execution += [_notification("lock", "error", lock_line(entry, gained=False)) for entry in result.lock.lost]
    return {
        "executionSuccessful": not health.incomplete,
        "toolExecutionNotifications": execution,
        "toolConfigurationNotifications": configuration,
    }


def _last(root: Root) -> Location:
    return root.trace[-1].location if root.trace else root.location


def _notification(name: str, level: str, text: str, location: Object | None = None) -> Object:
    index = [*_NOTIFICATIONS].index(name)
    return {
        "descriptor": {"id": name, "index": index},
        "level": level,
        "message": message(text),
        "locations": [location] if location is not None else [],
    }


# All findings in one order. Either every result has `suppressions` or none has (SARIF 3.27.23).
def _results(result: ScanResult, places: Places) -> list[Object]:
    set_aside: dict[int, SuppressedFinding] = {id(item.finding): item for item in result.suppressed}
    known = {id(finding) for finding in result.baselined}
    findings = [*result.findings, *result.baselined, *(item.finding for item in result.suppressed)]
    findings.sort(key=lambda finding: (finding.location, finding.rule, finding.fingerprint))
    documents = []
    for finding in findings:
        document = _result(finding, places)
        if result.compared and id(finding) not in set_aside:
            document["baselineState"] = "unchanged" if id(finding) in known else "new"
        if result.suppressed:
            item = set_aside.get(id(finding))
            document["suppressions"] = [_suppression(item, places)] if item else []
        documents.append(document)
    return documents


def _suppression(item: SuppressedFinding, places: Places) -> Object:
    return {
        "kind": "inSource",
        "status": "accepted",
        "justification": item.reason,
        "location": places.location(item.location),
    }


def _result(finding: Finding, places: Places) -> Object:
    document: Object = {
        "ruleId": finding.rule,
        "ruleIndex": next(index for index, rule in enumerate(RULE_INFOS) if rule.id == finding.rule),
        "level": finding.severity.label,
        "message": message(_text(finding)),
        "locations": [places.location(finding.location, snippet=True)],
        "partialFingerprints": {
            "fpuscanFlow/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint}:1",  # the one that GitHub reads
        },
        "properties": _finding_properties(finding),
    }
    if related := _related(finding, places):
        document["relatedLocations"] = related
    if finding.trace:
        steps = [_step(number, finding, places) for number in range(len(finding.trace))]
        told = f"How {finding.source.place} gets there" if finding.is_flow else "What belongs together"
        document["codeFlows"] = [{"message": message(told), "threadFlows": [{"locations": steps}]}]
    return document


def _text(finding: Finding) -> str:
    parts = [f"{finding.message}."]
    if finding.severity > Severity.NOTE and finding.is_flow:
        parts.append(f"What survives: {surviving(finding.surviving)}.")
    return " ".join(part for part in (*parts, where_to_look(finding), finding.fix) if part)


# NOTE: The statement is the snippet and no part of the message: text in messages has a markup of its own.
def _step(number: int, finding: Finding, places: Places) -> Object:
    step = finding.trace[number]
    words = effect(step, finding.trace[number - 1] if number else None)
    label = _label(number, step)
    location = places.location(step.location, snippet=True)
    location["message"] = message(f"{label}: {step.place}" + (f" ({words})" if words else ""))
    return {
        "location": location,
        "kinds": [step.kind] if step.kind else [],
        "executionOrder": number + 1,
        "importance": "essential" if step.crossing or not number else "important",
        "properties": {"mask": f"{step.mask:#x}", "text": step.text},
    }


def _label(number: int, step: Step) -> str:
    if step.crossing:
        return "crossing into the user ABI"
    if step.after:
        return "behind the crossing"
    return step.kind if number else "source"


def _related(finding: Finding, places: Places) -> list[Object]:
    items = [(finding.source.location, f"source: {finding.source.place}")]
    items += [(place.location, f"other source: {place.place}") for place in finding.other_sources]
    items += [(item.location, f"consumer: {item.kind}") for item in finding.consumers]
    items += [(item.location, f"{item.kind}: {item.place}" if item.place else item.kind) for item in finding.related]
    related = []
    for number, (at, text) in enumerate(items, start=1):
        related.append({"id": number, **places.location(at), "message": message(text)})
    return related


def _finding_properties(finding: Finding) -> Object:
    return {
        "side": finding.side,
        "source": finding.source.place,
        "sink": finding.sink.place,
        "sinkKind": finding.sink.kind,
        "surviving": {
            "bits": list(finding.surviving.bits),
            "mask": f"{finding.surviving.mask:#x}",
            "kernelFormat": finding.surviving.kernel_format,
            "unknown": finding.surviving.unknown,
        },
        "config": list(finding.config),
    }


def _properties(result: ScanResult) -> Object:
    return {
        "kernelVersion": result.tree.kernel_version,
        "revision": result.tree.revision,
        "patches": list(result.tree.patches),
        "health": _health(result.health),
        "assumptions": [f"{item.kind}: {item.what}: {item.why} [{item.commit}]" for item in result.assumptions],
        "goneFromBaseline": [f"{entry.rule} {entry.fingerprint} {former(entry)}" for entry in result.gone],
    }


def _health(health: Health) -> Object:
    return {
        "files": health.files,
        "functions": health.functions,
        "errorBytes": health.error_bytes,
        "occurrences": health.occurrences,
        "unaccounted": len(health.unaccounted),
        "unresolvedCalls": list(health.unresolved_calls),
        "unmatchedModelRows": list(health.unmatched_model_rows),
    }
