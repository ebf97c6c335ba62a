"""The pipeline: from a tree to a result."""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fpuscan.engine.analysis import Analysis
from fpuscan.engine.graph.def_use import DefUseGraph
from fpuscan.engine.search.flows import Flows
from fpuscan.engine.search.network import flow_graph
from fpuscan.engine.search.sinks import Sinks
from fpuscan.errors import NotApplicableError
from fpuscan.footprint import Footprint
from fpuscan.health import examine
from fpuscan.model import load_model
from fpuscan.parse.reuse import ParseCache
from fpuscan.program import Program
from fpuscan.program.renamed import renamed, settled
from fpuscan.result import Assumption, ScanResult
from fpuscan.rules import crossings, not_subset, partial_reset
from fpuscan.xfeatures import FeatureBits

if TYPE_CHECKING:
    from fpuscan.model.rows import Model
    from fpuscan.tree import KernelTree

__all__ = ["ScanMemory", "ScanOptions", "scan"]


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """What to check: rule ids (none: all), model files to add; who wants to hear of progress.

    ``graph``: the whole def-use graph is wanted beside the findings; ``provenance``: the place of which to say what
    controls it; ``memory``: what earlier scans of the same run left for this one.
    """

    select: Sequence[str] = ()
    ignore: Sequence[str] = ()
    model_files: Sequence[str | Path] = ()
    progress: Callable[[str], None] | None = None
    graph: bool = False
    provenance: str | None = None
    memory: ScanMemory | None = None


class ScanMemory:
    """What the scans of one run share: parsed files, and the footprint of the last scan (None: it had no answer)."""

    def __init__(self) -> None:
        self.parsed = ParseCache()
        self.footprint: Footprint | None = None


class _Clock:
    def __init__(self) -> None:
        self.laps: list[tuple[str, float]] = []
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps.append((name, now - self._last))
        self._last = now


def scan(tree: KernelTree, options: ScanOptions | None = None) -> ScanResult:
    """Scan a tree. Raises :class:`~fpuscan.errors.FpuscanError` for what a user can mend."""
    options = options or ScanOptions()
    clock = _Clock()
    model = load_model(tuple(str(name) for name in options.model_files))
    enabled = gc.isenabled()
    gc.disable()  # nothing of a scan is garbage before its end
    try:
        return _scan(tree, options, model, clock)
    finally:
        if enabled:
            gc.enable()


def _scan(tree: KernelTree, options: ScanOptions, model: Model, clock: _Clock) -> ScanResult:
    progress = options.progress or (lambda _: None)
    progress("reading")
    memory = options.memory
    if memory is not None:
        memory.footprint = None
    program = Program(tree, model, progress, memory.parsed if memory is not None else None)
    program.load()
    clock.lap("parse")
    _check_applicable(program, model)
    model = program.model = settled(model, renamed(program, model))
    progress("following the flows")
    analysis = Analysis(program, model)
    graph = DefUseGraph(analysis)
    flows = Flows(analysis, graph)
    sinks = Sinks(analysis)
    bits = FeatureBits.from_tree(program.types.enum_constants(f"enum {model.masks.enum}"), program.evaluate)
    findings, used = crossings.find(flows, sinks, bits)
    clock.lap("flows")
    partial, cut_at = partial_reset.find(flows, sinks)
    findings += partial
    clock.lap("resets")
    findings += not_subset.find(analysis, bits)
    clock.lap("subsets")
    wanted = [
        finding
        for finding in findings
        if (not options.select or finding.rule in options.select) and finding.rule not in options.ignore
    ]
    provenance = None
    if options.provenance is not None:
        from fpuscan.provenance import answer  # noqa: PLC0415 - a plain scan does without

        progress("searching for roots")
        provenance = answer(flows, options.provenance, bits, sinks.entered)
        clock.lap("provenance")
    health = examine(analysis, used, cut_at, truncated=flows.truncated, inputs=options.provenance is not None)
    if memory is not None:
        memory.footprint = Footprint.of(program, memory.parsed)
    clock.lap("health")
    assumptions = tuple(
        Assumption("barrier", row.what, row.why, row.commit)
        for row in model.barriers
        if row.id in analysis.barriers_used
    )
    return ScanResult(
        tree=tree.info(),
        health=health,
        findings=tuple(sorted(wanted, key=lambda each: (each.location, each.rule, each.fingerprint))),
        assumptions=assumptions,
        bit_names=tuple(sorted(bits.names.items())),
        timings=tuple(clock.laps),
        counts=(
            ("definitions", len(graph.definitions)),
            ("edges", len(graph.edges)),
            ("states", flows.states),
            ("functions lowered", sum(unit.lowered for unit in program.units)),
        ),
        graph=flow_graph(graph) if options.graph else None,
        files=tuple(sorted(program.scope_files)),
        provenance=provenance,
    )


def _check_applicable(program: Program, model: Model) -> None:
    pattern = re.compile("|".join(model.scope.tracked).encode())
    if not any(pattern.search(parsed.normalised.text) for parsed in program.files.values()):
        names = ", ".join(model.scope.tracked[:3])
        msg = f"none of the tracked symbols ({names}) is in this tree; fpuscan knows Linux 5.16 and later"
        raise NotApplicableError(msg)
