"""The reports: each format is one pure function from a `ScanResult` to text.

A format's module has ``render(result, options) -> str``, sees results and
rule metadata and nothing of the engine, and is loaded only when it is asked
for. To add a format: write the module and name it in `FORMATS`.
"""

from __future__ import annotations

from importlib import import_module

from fpuscan.report.options import ReportOptions
from fpuscan.result import ScanResult

__all__ = ["FORMATS", "PROVENANCE_FORMATS", "ReportOptions", "render", "render_provenance"]

FORMATS: dict[str, str] = {
    "text": "fpuscan.report.text",
    "json": "fpuscan.report.json_v1",
    "sarif": "fpuscan.report.sarif",
    "github": "fpuscan.report.github",
    "html": "fpuscan.report.page",
    "graphml": "fpuscan.report.graphml",
    "dot": "fpuscan.report.dot",
}
"""Format name -> module, in the order in which --help shows them."""


def render(result: ScanResult, name: str, options: ReportOptions) -> str:
    """Render a result in a format of `FORMATS`; the text ends with a newline."""
    text: str = import_module(FORMATS[name]).render(result, options)
    return text


PROVENANCE_FORMATS: dict[str, str] = {
    "text": "fpuscan.report.provenance_text",
    "json": "fpuscan.report.provenance_json",
    "html": "fpuscan.report.page.provenance",
}
"""Format name -> module, of those that can say what controls a place."""


def render_provenance(result: ScanResult, name: str, options: ReportOptions) -> str:
    """Render the provenance of a result in a format of `PROVENANCE_FORMATS`; the text ends with a newline."""
    text: str = import_module(PROVENANCE_FORMATS[name]).render(result, options)
    return text
