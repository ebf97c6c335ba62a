"""The feature bits of a finding: which ones are worth showing, and what each step leaves of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fpuscan.report.page.markup import element, esc
from fpuscan.result import Finding, Step

__all__ = ["Bit", "Bits"]

_WORD = (1 << 64) - 1
_MOST = 24  # cells that a strip has room for


@dataclass(frozen=True, slots=True)
class Bit:
    """A bit that some step holds; ``forbidden`` if it arrives where the user ABI must not have it."""

    number: int
    name: str
    forbidden: bool


class Bits:
    """The strip of a finding: the same bits, in the same order, for every step."""

    def __init__(self, finding: Finding, names: Iterable[tuple[int, str]]) -> None:
        known = dict(names)
        # A word of all ones means "any bit": of those, only what the headers name is worth a cell.
        used = finding.surviving.mask
        for step in finding.trace:
            used |= step.mask if step.mask != _WORD else sum(1 << bit for bit in known if _is_real(known[bit]))
        numbers = [number for number in range(64) if used >> number & 1]
        self.all = tuple(
            Bit(number, known.get(number, f"bit {number}"), bool(finding.surviving.mask >> number & 1))
            for number in numbers[:_MOST]
        )

    def lost(self, step: Step, previous: Step | None) -> list[Bit]:
        """The bits that a step takes away."""
        before = previous.mask if previous else _WORD
        return (
            [bit for bit in self.all if before >> bit.number & 1 and not step.mask >> bit.number & 1]
            if previous
            else []
        )

    def state(self, bit: Bit, step: Step, previous: Step | None) -> str:
        """One of ``on``, ``bad`` (there, and forbidden), ``cut`` (lost here), ``off`` (lost before)."""
        if step.mask >> bit.number & 1:
            return "bad" if bit.forbidden else "on"
        return "cut" if previous and previous.mask >> bit.number & 1 else "off"

    def strip(self, step: Step, previous: Step | None) -> str:
        """The strip as HTML, each bit by name."""
        if not self.all:
            return ""
        words = {"bad": "left, forbidden", "on": "left", "cut": "removed here", "off": "removed before"}
        cells = []
        for bit in self.all:
            state = self.state(bit, step, previous)
            title = f"bit {bit.number}, {bit.name}: {words[state]}"
            cells.append(element("li", esc(bit.name), class_=state, title=title))
        left = ", ".join(bit.name for bit in self.all if step.mask >> bit.number & 1) or "none"
        return element("ul", "".join(cells), class_="bits", aria_label=f"Bits left behind this step: {left}")


def _is_real(name: str) -> bool:
    return not name.startswith(("RSRVD", "RESERVED"))
