"""What controls a place, as JSON, schema ``fpuscan-provenance/1``; written field by field like the report."""

from __future__ import annotations

from importlib import resources

from fpuscan import __version__
from fpuscan.report.json_text import Object, dump
from fpuscan.report.json_v1 import assumption, health_object, step_object, tree_object
from fpuscan.report.options import ReportOptions
from fpuscan.result import Controlled, Location, MaskOnWay, Root, ScanResult

__all__ = ["SCHEMA", "SCHEMA_FILE", "SCHEMA_MINOR", "render", "schema"]

SCHEMA = "fpuscan-provenance/1"
SCHEMA_MINOR = 0
SCHEMA_FILE = "schema/provenance-1.json"


def render(result: ScanResult, options: ReportOptions) -> str:  # noqa: ARG001 - one signature for all formats
    """Render the answer as JSON; ends with a newline."""
    found = result.provenance
    assert found is not None
    return dump(
        {
            "schema": SCHEMA,
            "schema_minor": SCHEMA_MINOR,
            "tool": {"name": "fpuscan", "version": __version__},
            "tree": tree_object(result.tree),
            "health": health_object(result.health),
            "asked": found.asked,
            "places": [_place(place) for place in found.places],
            "assumptions": [assumption(item) for item in result.assumptions],
        }
    )


def schema() -> str:
    """The published JSON Schema of the answer, as it stands in the package."""
    return (resources.files("fpuscan.report") / SCHEMA_FILE).read_text(encoding="utf-8")


def _place(place: Controlled) -> Object:
    return {
        "place": place.place,
        "kind": place.kind,
        "side": place.side,
        "roots": [_root(root) for root in place.roots],
    }


def _root(root: Root) -> Object:
    return {
        "kind": root.kind,
        "name": root.name,
        **_point(root.location),
        "masks": [_mask(mask) for mask in root.masks],
        "trace": [step_object(step) for step in root.trace],
    }


def _mask(mask: MaskOnWay) -> Object:
    return {"text": mask.text, "mask": f"{mask.mask:#x}", **_point(mask.location)}


def _point(at: Location) -> Object:
    return {"path": at.path, "line": at.line, "column": at.column, "function": at.function}
