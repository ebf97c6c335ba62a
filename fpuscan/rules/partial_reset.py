"""FPU301: a function resets the configuration of the FPU in part.

What a function leaves says ``engine/boot/partial.py``, who reads it ``readers.py`` there;
here it becomes a finding: one for each function, at its first reset.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fpuscan.engine.boot.partial import Partials
from fpuscan.engine.boot.readers import Reader, Readers
from fpuscan.engine.search.explain import Explainer
from fpuscan.result import CONFIGURATION, Consumer, Finding, Location, Place, Related, Severity, Step, Surviving
from fpuscan.rules.info import FPU301

if TYPE_CHECKING:
    from fpuscan.engine.boot.partial import Partial
    from fpuscan.engine.search.flows import Flows
    from fpuscan.engine.search.sinks import Sinks
    from fpuscan.places import Place as Member
    from fpuscan.program import Unit

__all__ = ["find"]

_PARTS = 12  # of a fingerprint


def find(flows: Flows, sinks: Sinks) -> tuple[list[Finding], Unit | None]:
    """The findings of the rule, and the function that calls others in too many ways to judge it and what follows."""
    partials = Partials(flows.analysis)
    readers = Readers(flows, sinks, partials)
    found = []
    for partial in partials.find():
        stale = [member for member in partial.stale if readers.of(member)]
        unset = [member for member in partial.unset if readers.is_read(member)]
        if stale or unset:
            found.append(_Report(flows, readers, partial, stale, unset).finding())
    return found, partials.cut_at


class _Report:
    """One function's finding."""

    def __init__(
        self, flows: Flows, readers: Readers, partial: Partial, stale: list[Member], unset: list[Member]
    ) -> None:
        self.explainer = Explainer(flows.analysis)
        self.readers = readers
        self.partial = partial
        self.stale = sorted(stale, key=self._name)
        self.unset = sorted(unset, key=self._name)
        self.location = self.explainer.location(partial.function, partial.node)

    def finding(self) -> Finding:
        """The finding."""
        members = [*self.stale, *self.unset]
        first = members[0]
        return Finding(
            rule=FPU301.id,
            slug=FPU301.slug,
            severity=Severity.WARNING,
            message=self._message(),
            fingerprint=self._fingerprint(),
            location=self.location,
            source=Place(self._name(first), self._set_at(first)),
            sink=Place(self._target(), self.location, CONFIGURATION),
            surviving=Surviving(),
            side="host",
            trace=self._trace(),
            fix=FPU301.how_to_fix,
            consumers=self._consumers(),
            related=self._related(),
            statement=self.explainer.text(self.partial.function, self.partial.node),
        )

    def _name(self, member: Member) -> str:
        return self.explainer.place(member).removesuffix("[*]")

    def _names(self, members: list[Member]) -> str:
        return ", ".join(map(self._name, members))

    def _message(self) -> str:
        parts = []
        if self.stale:
            parts.append(
                f"resets the FPU configuration in part: {self._names(self.stale)} keep what the CPU enumerated"
            )
        if self.unset:
            parts.append(f"gives no first value to {self._names(self.unset)}, unlike the other sizes")
        return f"{self.location.function}() {' and '.join(parts)}"

    def _target(self) -> str:
        return self._name(self.partial.resets[0].place) if self.partial.resets else self.location.function

    def _set_at(self, member: Member) -> Location:
        settings = self.partial.stale.get(member)
        return self.explainer.location(*settings[0]) if settings else self.location

    def _fingerprint(self) -> str:
        """Where, and behind it four digits for each member that is left, whoever reads it: no lines, no text."""
        left = sorted({self._name(each) for each in (*self.partial.stale, *self.partial.unset)})
        single, rest = left[: _PARTS - 1], left[_PARTS - 1 :]
        parts = [_digest(name)[:4] for name in (*single, *([",".join(rest)] if rest else []))]
        return _digest(FPU301.id, self.location.path, self.location.function)[:16] + "".join(sorted(parts))

    def _trace(self) -> tuple[Step, ...]:
        statements: dict[tuple[int, int], list[str]] = {}
        for reset in self.partial.resets:
            statements.setdefault((reset.function, reset.node), []).append(self._name(reset.place))
        if not statements:
            statements[self.partial.function, self.partial.node] = [self._target()]
        return tuple(
            Step(
                ", ".join(places),
                self.explainer.location(*statement),
                "reset",
                self.explainer.text(*statement),
                0,
            )
            for statement, places in statements.items()
        )

    def _consumers(self) -> tuple[Consumer, ...]:
        found = {reader for member in self.stale for reader in self.readers.of(member)}
        return tuple(sorted({Consumer(each.kind, self._at(each)) for each in found}))

    def _at(self, reader: Reader) -> Location:
        return self.explainer.location(reader.function, reader.node)

    def _related(self) -> tuple[Related, ...]:
        found: dict[Related, None] = {}
        for member in self.stale:
            name = self._name(member)
            found.update(
                (Related("set", self.explainer.location(*each), name), None) for each in self.partial.stale[member]
            )
            reads = sorted({Related("read", self._at(each), name) for each in self.readers.of(member)})
            found.update((each, None) for each in reads)
        return tuple(found)


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()
