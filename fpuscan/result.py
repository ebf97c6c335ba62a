"""What a scan gives to the reports: plain frozen values, nothing of the engine.

Every collection is sorted on a total key, so that a report is a pure function
of the scanned bytes. Lines and columns are 1-based; columns count bytes of the
UTF-8 line. Masks are 64-bit xfeature words (bit 12 = CET_KERNEL).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

__all__ = [
    "CONFIGURATION",
    "Assumption",
    "BaselineEntry",
    "Consumer",
    "Controlled",
    "Finding",
    "FlowEdge",
    "FlowGraph",
    "FlowNode",
    "Health",
    "IgnoreProblem",
    "Incomplete",
    "Location",
    "LockComparison",
    "LockEntry",
    "MaskOnWay",
    "Place",
    "Provenance",
    "Related",
    "Root",
    "ScanResult",
    "Severity",
    "SourceExcerpt",
    "Step",
    "SuppressedFinding",
    "Surviving",
    "TreeInfo",
]


CONFIGURATION = "configuration"
"""The kind of a sink that is a configuration object: its finding is about members that do not fit together."""


class Severity(enum.IntEnum):
    """Verdict of a finding; a larger value is worse."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The lower-case word that every report prints."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A span of source text: path relative to the tree with ``/``, all numbers 1-based."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    function: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place where a value lives, e.g. ``guest_default_cfg.size``, and where it is read or stored."""

    place: str
    location: Location
    kind: str = ""  # sink kind: "size", "features", "sigframe", "configuration"; empty for a source


@dataclass(frozen=True, slots=True)
class Surviving:
    """What of the source arrives at the sink although the sink's contract forbids it.

    ``mask`` is the 64-bit word of surviving bits, ``bits`` their names in bit
    order, ``kernel_format`` whether the value is a kernel-format (XSAVES,
    maybe compacted) size.
    """

    mask: int = 0
    bits: tuple[str, ...] = ()
    kernel_format: bool = False
    unknown: bool = False  # content that could not be evaluated arrived unmasked


@dataclass(frozen=True, slots=True)
class Step:
    """One definition on the way of the value.

    ``text`` is the statement as written, on one line; ``effect`` says what the
    step does to the bits in words ("cut to 0xe02ff by XFEATURE_MASK_USER_SUPPORTED");
    ``mask`` is the word of bits of the source that are still in the value
    behind this step; ``after`` marks the steps behind the crossing; ``crossing``
    marks the crossing itself.
    """

    place: str
    location: Location
    kind: str
    text: str
    mask: int
    effect: str = ""
    guard: str = ""
    after: bool = False
    crossing: bool = False
    side: str = ""  # "guest", "kernel" or "uabi"; empty: the reports judge by the place's name


@dataclass(frozen=True, slots=True, order=True)
class Consumer:
    """Code that reads the uABI place behind the crossing (``kind``: sigframe, kvm, ptrace, prctl, coredump, ...)."""

    kind: str
    location: Location


@dataclass(frozen=True, slots=True, order=True)
class Related:
    """Another place that helps to judge the finding."""

    kind: str
    location: Location
    place: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One crossing into the user ABI, with the whole way of the value."""

    rule: str
    slug: str
    severity: Severity
    message: str
    fingerprint: str
    location: Location
    source: Place
    sink: Place
    surviving: Surviving
    side: str  # "guest" or "host"
    trace: tuple[Step, ...]
    fix: str
    config: tuple[str, ...] = ()
    other_sources: tuple[Place, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    related: tuple[Related, ...] = ()
    statement: str = ""  # the crossing statement as written, on one line

    @property
    def is_flow(self) -> bool:
        """Whether the trace is the way of one value; else it is statements that belong together, and no bits."""
        return self.sink.kind != CONFIGURATION


@dataclass(frozen=True, slots=True, order=True)
class Incomplete:
    """Something of the scope that could not be read or parsed, and why (makes exit 4)."""

    path: str
    line: int
    reason: str
    function: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Assumption:
    """A declared barrier that the scan relied on."""

    kind: str
    what: str
    why: str
    commit: str


@dataclass(frozen=True, slots=True)
class Health:
    """What the scan saw and what it could not see.

    ``parsed`` counts the functions whose body was parsed; the text of the others holds no name that a flow asked for.
    ``error_bytes`` counts bytes in tree-sitter error nodes inside the parsed ones;
    ``occurrences`` every textual occurrence of a tracked global in the scope,
    ``unaccounted`` those that are tied to no fact.
    """

    files: int = 0
    functions: int = 0
    parsed: int = 0
    analysed: int = 0
    bytes: int = 0
    error_bytes: int = 0
    occurrences: int = 0
    unaccounted: tuple[Location, ...] = ()
    unresolved_calls: tuple[str, ...] = ()
    unmatched_model_rows: tuple[str, ...] = ()
    incomplete: tuple[Incomplete, ...] = ()
    unmodelled: tuple[Location, ...] = ()


@dataclass(frozen=True, slots=True)
class TreeInfo:
    """What was scanned. ``kernel_version`` as in ``7.3.0-rc7``."""

    kernel_version: str = ""
    revision: str = ""
    patches: tuple[str, ...] = ()
    repository: str = ""  # absolute URI of the repository that holds `revision`, where it is known


@dataclass(frozen=True, slots=True)
class SuppressedFinding:
    """A finding that a comment takes back; ``location`` is the comment, ``reason`` what it says after ``--``."""

    finding: Finding
    reason: str
    location: Location


@dataclass(frozen=True, slots=True, order=True)
class IgnoreProblem:
    """An ignore comment that does not do what it says; ``kind``: unused, unknown-rule, no-reason or malformed."""

    location: Location
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """One line of a baseline: a known finding, how bad it was, and what a reader sees in the file.

    ``removed_by`` is the patch of a series that took the finding away, where that is known.
    """

    rule: str
    severity: Severity
    fingerprint: str
    text: str
    removed_by: str = ""


@dataclass(frozen=True, slots=True, order=True)
class SourceExcerpt:
    """Consecutive lines of one file, from the 1-based ``first_line`` on, without line ends.

    Bytes that are no UTF-8 are lone surrogates (``surrogateescape``), so the
    bytes can be counted from the text.
    """

    path: str
    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, order=True)
class FlowNode:
    """A node of the def-use graph: one definition of a place; ``side``: guest, kernel, uabi or empty."""

    id: str
    label: str
    place: str
    path: str
    line: int
    function: str = ""
    side: str = ""


@dataclass(frozen=True, slots=True, order=True)
class FlowEdge:
    """An edge of the def-use graph between two node ids; ``mask`` is the 64-bit word of the bits that it keeps."""

    source: str
    target: str
    kind: str
    mask: int
    guard: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class FlowGraph:
    """The def-use graph that the scan grew, both tuples sorted."""

    nodes: tuple[FlowNode, ...] = ()
    edges: tuple[FlowEdge, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class MaskOnWay:
    """A mask that a value goes through: as written, the 64-bit word that it may let through, and where."""

    text: str
    mask: int
    location: Location


@dataclass(frozen=True, slots=True)
class Root:
    """Something that a value comes from, with the shortest way of it to the place.

    ``kind``: "config" (a configuration global), "runtime" (guest state of a
    task or vCPU), "mask" (a constant that selects bits), "constant", "user"
    (user input), "cpu" (what the hardware says) or "outside" (code or memory
    that the scan does not see). ``masks`` stand on the shortest way, in its order.
    """

    kind: str
    name: str
    location: Location
    masks: tuple[MaskOnWay, ...] = ()
    trace: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Controlled:
    """A place and its roots, sorted by kind and name; ``kind`` and ``side`` as for a sink, empty for other places."""

    place: str
    kind: str = ""
    side: str = ""
    roots: tuple[Root, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """What controls the places that were asked for, sorted by place, kind and side."""

    asked: str
    places: tuple[Controlled, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class LockEntry:
    """One line of a lock: a user-ABI place of one side, and one of its roots."""

    place: str
    side: str
    kind: str
    root: str


@dataclass(frozen=True, slots=True)
class LockComparison:
    """How the roots of the user ABI differ from a lock; all three sorted.

    ``ways`` are the shortest ways of what was gained.
    """

    gained: tuple[LockEntry, ...] = ()
    lost: tuple[LockEntry, ...] = ()
    ways: tuple[tuple[LockEntry, Root], ...] = ()


@dataclass(frozen=True, slots=True)
class ScanResult:
    """The whole answer of one run; findings sorted by path, position, rule and fingerprint."""

    tree: TreeInfo
    health: Health
    findings: tuple[Finding, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    bit_names: tuple[tuple[int, str], ...] = ()
    # seconds per phase, for --stats only; never part of a report's body
    timings: tuple[tuple[str, float], ...] = field(default=(), compare=False)
    counts: tuple[tuple[str, int], ...] = ()  # nodes, edges, states..., for --stats
    suppressed: tuple[SuppressedFinding, ...] = ()
    ignore_problems: tuple[IgnoreProblem, ...] = ()
    baselined: tuple[Finding, ...] = ()
    gone: tuple[BaselineEntry, ...] = ()  # entries of the baseline that no finding matches
    compared: bool = False  # a baseline was given: `findings` are the new ones
    excerpts: tuple[SourceExcerpt, ...] = ()
    graph: FlowGraph | None = None
    files: tuple[str, ...] = ()  # every file of the scope that was read, sorted
    provenance: Provenance | None = None
    lock: LockComparison | None = None  # a lock was given
    unscanned: tuple[str, ...] = ()  # files that differ from what was scanned, in what no finding depends on
