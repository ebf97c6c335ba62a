"""Phrases about a finding that several formats share; plain text, still unescaped."""

from __future__ import annotations

from collections import Counter

from fpuscan.result import BaselineEntry, Controlled, Finding, LockEntry, Related, Root, Step, Surviving

__all__ = [
    "KINDS",
    "authors",
    "controlled",
    "effect",
    "former",
    "kinds_of",
    "lock_line",
    "plural",
    "route",
    "surviving",
    "where_to_look",
]

KINDS = {
    "config": "configuration",
    "runtime": "guest state",
    "user": "user input",
    "cpu": "the CPU",
    "mask": "mask",
    "constant": "constant",
    "outside": "from outside",
}
"""The kinds of roots as a reader calls them, in the order of the reports."""

_AUTHORS = frozenset({"added by", "removed by", "introduced by", "in or before", "not committed"})
_SHORT = 3  # steps that a first screen has room for

_WHAT = {"size": "a size of the user ABI", "features": "a feature mask of the user ABI", "sigframe": "the signal frame"}


def surviving(what: Surviving) -> str:
    """What arrives although it must not: ``CET_KERNEL (bit 12), a kernel-format size``; never empty."""
    numbers = [bit for bit in range(64) if what.mask >> bit & 1]
    names = [*what.bits, *[""] * (len(numbers) - len(what.bits))]
    parts = [f"{name} (bit {bit})" if name else f"bit {bit}" for bit, name in zip(numbers, names, strict=False)]
    if what.kernel_format:
        parts.append("a kernel-format size")
    if what.unknown:
        parts.append("content that cannot be evaluated, unmasked")
    return ", ".join(parts) or "nothing that the user ABI forbids"


def authors(finding: Finding) -> tuple[tuple[str, ...], tuple[Related, ...]]:
    """Who brought a finding, as ``added by [PATCH 2/3] x86/fpu: ...``, and what else is related to it."""
    named = tuple(f"{item.kind} {item.place}".strip() for item in finding.related if item.kind in _AUTHORS)
    return named, tuple(item for item in finding.related if item.kind not in _AUTHORS)


def former(entry: BaselineEntry) -> str:
    """A finding that is gone, and which patch took it away."""
    return f"{entry.text} (removed by {entry.removed_by})" if entry.removed_by else entry.text


def effect(step: Step, previous: Step | None) -> str:
    """What a step does to the bits, in words, the engine's own where it has some; may be empty."""
    text = step.effect
    if not text and previous and previous.mask != step.mask:
        text = f"bits left: {step.mask:#x}"
    guard = f"only if {step.guard}" if step.guard else ""
    return "; ".join(part for part in (text, guard) if part)


def route(finding: Finding) -> str:
    """The functions that a long way leads through, from the source to the crossing; empty for a way of a few steps."""
    steps = [step for step in finding.trace if not step.after]
    if len(steps) <= _SHORT:
        return ""
    names = [f"{step.location.function}()" for step in steps if step.location.function]
    ways = [name for number, name in enumerate(names) if not number or name != names[number - 1]]
    return " -> ".join((finding.source.place, *ways))


def where_to_look(finding: Finding) -> str:
    """Where the value comes from and who reads it, in one or two sentences; may be empty."""
    parts = []
    origin = finding.source.location
    if finding.source.place and finding.is_flow:
        parts.append(f"From {finding.source.place} at {origin.path}:{origin.line}.")
    kinds = Counter(item.kind for item in finding.consumers)
    if kinds:
        parts.append(
            "Read by " + ", ".join(f"{kind} ({plural(number, 'place')})" for kind, number in kinds.items()) + "."
        )
    return " ".join(parts)


def plural(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``; nouns that end in y become -ies."""
    if number == 1:
        return f"{number} {noun}"
    return f"{number} {noun[:-1]}ies" if noun.endswith("y") else f"{number} {noun}s"


def controlled(place: Controlled) -> str:
    """What a place is: ``a size of the user ABI, guest side``; empty for a place of no sink row."""
    return ", ".join(text for text in (_WHAT.get(place.kind, ""), f"{place.side} side" if place.side else "") if text)


def kinds_of(place: Controlled) -> list[tuple[str, list[Root]]]:
    """The roots by kind, in the order of the reports."""
    groups = [(title, [root for root in place.roots if root.kind == kind]) for kind, title in KINDS.items()]
    return [(title, roots) for title, roots in groups if roots]


def lock_line(entry: LockEntry, *, gained: bool) -> str:
    """What a reader must know of a lock that does not hold."""
    verb = "now controls" if gained else "no longer controls"
    return f"{entry.root} ({entry.kind}) {verb} {entry.place} ({entry.side} side)"
