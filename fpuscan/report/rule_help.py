"""The rules in words: --list-rules and --explain, from the metadata alone."""

from __future__ import annotations

import textwrap

from fpuscan.rules.info import RULE_INFOS, RuleInfo

__all__ = ["explanation", "rule_list"]


def rule_list() -> str:
    """One line per rule: id, slug, title."""
    width = max(len(rule.slug) for rule in RULE_INFOS)
    return "".join(f"{rule.id}  {rule.slug:<{width}}  {rule.title}\n" for rule in RULE_INFOS)


def explanation(rule: RuleInfo) -> str:
    """All that there is to say about a rule, for 80 columns."""
    sections = {
        "Why": [rule.why],
        "How to fix": [rule.how_to_fix],
        "Severity": rule.severity.splitlines(),
        "History": [str(commit) for commit in rule.commits],
    }
    blocks = [f"{rule.id} {rule.slug}\n{rule.title}"]
    blocks += [f"{heading}:\n" + "\n".join(map(_paragraph, texts)) for heading, texts in sections.items()]
    examples = {"Wrong": rule.example_bad, "Right": rule.example_good}
    blocks[3:3] = [f"{heading}:\n" + textwrap.indent(code, "    ") for heading, code in examples.items()]
    return "\n\n".join(blocks) + "\n"


def _paragraph(text: str) -> str:
    return textwrap.fill(
        text, 80, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False, break_long_words=False
    )
