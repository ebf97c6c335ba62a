"""Pieces of SARIF that stand on their own: locations, messages and the rules' descriptions."""

from __future__ import annotations

import re
from urllib.parse import quote

from fpuscan.report.json_text import Object
from fpuscan.report.lines import SourceLines
from fpuscan.result import Location
from fpuscan.rules.info import RULE_INFOS, RuleInfo

__all__ = ["Places", "message", "rules"]

# What a viewer would take for a link: "[text](1)" (SARIF 3.11.6).
_LINK = re.compile(r"([\[\]])")


def message(text: str) -> Object:
    """A message that is shown as it is: braces and brackets mean something in SARIF (3.11.5, 3.11.6)."""
    text = text.replace("{", "{{").replace("}", "}}")
    return {"text": _LINK.sub(r"\\\1", text) if "](" in text else text}


class Places:
    """Makes SARIF locations of places in the tree; needs the quoted lines for the columns."""

    def __init__(self, lines: SourceLines, base: str) -> None:
        self._lines = lines
        self._base = base

    def location(self, at: Location, *, snippet: bool = False) -> Object:
        """A location with its region and function; a snippet only where the lines are known."""
        region: Object = {
            "startLine": at.line,
            "startColumn": self._lines.utf16_column(at.path, at.line, at.column),
            "endLine": at.end_line,
            "endColumn": self._lines.utf16_column(at.path, at.end_line, at.end_column),
        }
        if snippet and (text := self._snippet(at)) is not None:
            region["snippet"] = {"text": text}
        return self._make(at.path, at.function, region)

    def point(self, path: str, line: int, function: str) -> Object:
        """A location of a line, or of a whole file where the line is 0."""
        return self._make(path, function, {"startLine": line} if line else None)

    def _make(self, path: str, function: str, region: Object | None) -> Object:
        # A path that is no UTF-8 keeps its bytes: quote() encodes what `surrogateescape` decoded.
        uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
        physical: Object = {"artifactLocation": {"uri": uri, "uriBaseId": self._base}}
        if region is not None:
            physical["region"] = region
        document: Object = {"physicalLocation": physical}
        if function:
            document["logicalLocations"] = [{"name": function, "kind": "function"}]
        return document

    # Exactly the text of the region, as the standard wants it.
    def _snippet(self, at: Location) -> str | None:
        texts = [self._lines.line(at.path, number) for number in range(at.line, at.end_line + 1)]
        data = [text.encode("utf-8", "surrogateescape") for text in texts if text is not None]
        if not data or len(data) < len(texts):
            return None
        data[-1] = data[-1][: at.end_column - 1]
        data[0] = data[0][at.column - 1 :]
        return b"\n".join(data).decode("utf-8", "replace")


def rules() -> list[Object]:
    """The descriptions of all rules, sorted by id, with help as text and as Markdown."""
    return [_rule(rule) for rule in RULE_INFOS]


def _rule(rule: RuleInfo) -> Object:
    history = [str(commit) for commit in rule.commits]
    return {
        "id": rule.id,
        "name": "".join(word.capitalize() for word in rule.slug.split("-")),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {
            "text": "\n\n".join(
                (
                    rule.why,
                    f"How to fix: {rule.how_to_fix}",
                    f"Wrong: {rule.example_bad}",
                    f"Right: {rule.example_good}",
                    rule.severity,
                    *history,
                )
            ),
            "markdown": _markdown(rule, history),
        },
        "defaultConfiguration": {"level": "error"},
        "properties": {"precision": "high", "problem.severity": "error", "tags": ["x86", "fpu", "kvm", "uabi"]},
    }


def _markdown(rule: RuleInfo, history: list[str]) -> str:
    levels = "\n".join(f"- {_escape(line)}" for line in rule.severity.splitlines())
    commits = "\n".join(f"- {_escape(commit)}" for commit in history)
    return (
        f"**{_escape(rule.title)}**\n\n{_escape(rule.why)}\n\n## How to fix\n\n{_escape(rule.how_to_fix)}\n\n"
        f"Wrong:\n\n```c\n{rule.example_bad}\n```\n\nRight:\n\n```c\n{rule.example_good}\n```\n\n"
        f"## Severity\n\n{levels}\n\n## History\n\n{commits}\n"
    )


# Identifiers are full of what Markdown takes for emphasis.
def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)
