"""The rows of the model: what each kind says, and which places it names."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache

from fpuscan.scope import Scope

__all__ = [
    "Advice",
    "Barrier",
    "Carrier",
    "Chain",
    "Configuration",
    "Consumer",
    "Contract",
    "Effect",
    "Floor",
    "Helper",
    "Input",
    "Instance",
    "Masks",
    "Model",
    "PlacePattern",
    "Scope",
    "SideGuard",
    "Sink",
    "Source",
    "Subset",
]

Chain = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class PlacePattern:
    """Members by type, path and global: ``type`` "struct fpu", ``member`` "guest_perm.*", ``variable`` "*guest*".

    ``member`` and ``variable`` are shell patterns; an empty ``member`` is the
    variable itself, an empty ``variable`` any instance of the type.
    """

    type: str = ""
    member: str = ""
    variable: str = ""

    def matches(self, chain: Chain, variable: str) -> bool:
        """Whether a place matches: ``chain`` lists (struct tag, path below it) for each level, outermost first."""
        if self.variable and not fnmatchcase(variable, self.variable):
            return False
        if not self.type:
            path = ".".join(chain[0][1]) if chain else ""
            return fnmatchcase(path, self.member) if self.member else True
        return any(
            tag == self.type and bool(below) and fnmatchcase(".".join(below), self.member) for tag, below in chain
        )

    def __str__(self) -> str:
        owner = self.variable or self.type
        return f"{owner}.{self.member}" if self.member else owner


@cache
def _place_pattern(type_: str, member: str, variable: str = "") -> PlacePattern:
    return PlacePattern(type_, member, variable)


class _Placed:
    """A row that names places."""

    __slots__ = ()
    type: str
    member: str
    variable: str

    @property
    def pattern(self) -> PlacePattern:
        """The places of the row; a row about a function or a macro names none."""
        return _place_pattern(self.type, self.member, self.variable)


@dataclass(frozen=True, slots=True)
class Source(_Placed):
    """Where a guest-specific value comes from.

    ``kind``: "config" (a guest configuration), "runtime" (guest state of a task or vCPU), "constant" (a
    mask that is a source only for the bits that it sets), "vcpu" (one vCPU's or KVM's own feature
    mask), "kernel" (kernel format, supervisor features) or "uabi" (a size or mask of the user ABI).
    ``bits``: mask names whose bits the content may hold besides what is stored, ``limit`` a mask that bounds
    them where the tree has it; ``format``: declared kernel-format size; ``guess``: of a global that is known to be
    filled otherwise, only what is stored into it counts.
    """

    id: str
    kind: str
    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    function: str = ""
    macro: str = ""
    bits: tuple[str, ...] = ()
    limit: str = ""
    format: bool = False
    guess: bool = False
    commit: str = ""

    @property
    def evaluated(self) -> bool:
        """Whether the content is what is stored, too; else the row's word is all, and cheap."""
        return self.kind in {"config", "runtime", "constant"}


@dataclass(frozen=True, slots=True)
class Sink(_Placed):
    """An operand of the user ABI.

    ``kind``: "place" (a store), "argument" (``index`` of a call of ``function``, -2 the last but
    one, inside the function ``inside`` and not ``unless``, in a file that fits ``path``, if given), "return" (of
    ``function``), "compare" (an operand of a comparison in ``function``), "local" (the
    variable ``variable`` of ``function``, or its ``member``); and for the kernel's own side
    "buffer" (a store), "allocation" (of memory that is used as a ``type``) and "raw" (``function`` copies the buffer).
    ``ends``: the value leaves the kernel here and comes back as user input, if at all;
    ``quiet``: that is no finding; ``guess``: a "buffer" only where its value gets to another one, an "argument" only
    in calls that the rules follow a value into (others give away words of another meaning);
    ``local``: a local struct of the type counts, too; ``shared``: one that was just allocated is a copy, and does not;
    ``only``: the one kind of sources that the row is about (all, if empty).
    ``case``: only ways over a statement under such a label (a shell pattern) count for the provenance of the place.
    ``group``: operands that one local in one function is handed to are one entry: the room for a buffer, its length;
    and so are the members of a local struct and the operand that hands it out.
    ``opted``: opt-in features are part of it from the start, whoever has asked for them (what the machine supports).
    ``what``: "size", "features" or "sigframe". ``side``: "guest", "host" or "instance"
    (decided by the guards of the flow).
    """

    id: str
    kind: str
    what: str
    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    function: str = ""
    inside: str = ""
    unless: str = ""
    path: str = ""
    index: int = -1
    case: str = ""
    side: str = "host"
    informational: bool = False
    ends: bool = False
    quiet: bool = False
    local: bool = False
    shared: bool = False
    opted: bool = False
    guess: bool = False
    group: str = ""
    only: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about a value in some sinks (shell patterns of ids), where the rule's own advice is too general."""

    sinks: tuple[str, ...]
    fix: str


@dataclass(frozen=True, slots=True)
class Floor:
    """A size that must not be smaller than ``sizeof(at_least)``: ``member`` of ``type``, set from ``variable``."""

    id: str
    type: str
    member: str
    variable: str
    at_least: str
    why: str
    commit: str = ""

    @property
    def pattern(self) -> PlacePattern:
        """The places of the row."""
        return PlacePattern(self.type, self.member)


@dataclass(frozen=True, slots=True)
class Contract(_Placed):
    """A uABI mask: by contract it holds user features only (``without`` some masks), whatever is stored into it.

    ``unchecked``: no rule looks at what is stored there, so whoever reads it may get more than the contract says.
    ``opt_in``: a feature that needs an opt-in is there only if the place's own side has asked for it.
    """

    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    without: tuple[str, ...] = ()
    unchecked: bool = False
    opt_in: bool = False


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that turns a mask into a size: ``mask`` is the argument with the mask,
    ``compacted`` the argument that makes the size a kernel-format one unless it is false
    (-1: none; with ``format`` the size always is one). ``among``: the mask of the bits that it looks at ("": all).
    """  # noqa: D205

    function: str
    why: str
    mask: int = -1
    compacted: int = -1
    format: bool = False
    among: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a macro or external function does with its arguments (see ``model/effects.toml``)."""

    kind: str
    names: tuple[str, ...]
    values: tuple[int, ...] = ()
    target: int = 0
    deref: bool = False
    weak: bool = False
    event: bool = False
    returns_target: bool = False
    op: str = ""
    bit: bool = False
    bits: int = 0
    status: bool = False
    user: bool = False
    member: str = ""
    field: int = 0
    typed: bool = False


@dataclass(frozen=True, slots=True)
class SideGuard:
    """A condition that puts a flow on the guest side: a non-NULL pointer to ``pointer``,
    a true ``member`` of ``type``, or a parameter called ``parameter`` that is true or,
    with ``equals``, has the value of that constant.
    """  # noqa: D205

    why: str
    pointer: str = ""
    type: str = ""
    member: str = ""
    parameter: str = ""
    equals: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """Pointers that denote the guest's or the host's instances of a type."""

    type: str
    side: str
    why: str
    pointer_type: str = ""
    pointer_member: str = ""
    variable: str = ""
    barrier: str = ""


@dataclass(frozen=True, slots=True)
class Barrier:
    """A fact about time that no static path shows; reported as an assumption when a scan relied on it."""

    id: str
    what: str
    why: str
    commit: str
    to_type: str
    to_member: str
    from_type: str
    from_member: str


@dataclass(frozen=True, slots=True)
class Subset:
    """Two masks of one struct: every bit of member ``part`` must be in member ``whole``, too.

    A bit of ``severe`` (a mask expression over the tree's own macros) that is missing is worse than any other; the bits
    of ``always`` are in the whole of every object that is in use.
    """

    id: str
    type: str
    part: str
    whole: str
    why: str
    severe: str = ""
    severe_why: str = ""
    always: str = ""
    always_why: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Code that hands a uABI place to user space, shown behind a crossing."""

    kind: str
    functions: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Configuration(_Placed):
    """Members of a configuration object: set once from what the CPU enumerates, and read from then on.

    ``sizes`` is the pattern of the members that a function gives a size to when it sets up the object ("": it has
    none). ``shown``: the consumer that shows the object as it stands, with no reader of the scope between.
    """

    id: str
    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    sizes: str = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Carrier:
    """State of a task or a guest that a configuration is copied into, and the ``kind`` of consumer that shows it."""

    kind: str
    why: str
    type: str
    member: str

    @property
    def pattern(self) -> PlacePattern:
        """The places of the row."""
        return _place_pattern(self.type, self.member)


@dataclass(frozen=True, slots=True)
class Input(_Placed):
    """Where a value comes into the kernel: ``kind`` "user" (user space, a guest) or "cpu" (the hardware).

    A place (``type``, ``member``, ``variable``), the parameters (``parameter``, a shell pattern) of a ``function``
    or of what the macro ``macro`` defines, or what a ``call`` returns or fills. Only provenance asks for it.
    """

    kind: str
    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    function: str = ""
    macro: str = ""
    parameter: str = "*"
    call: str = ""


@dataclass(frozen=True, slots=True)
class Masks:
    """The masks of the contract, as expressions over the tree's own macros."""

    user: str
    dynamic: str
    xss_bits: tuple[int, ...]
    enum: str
    enum_prefix: str
    software_bits: tuple[str, ...] = ()
    mask_prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Model:
    """All rows, built-in ones first."""

    scope: Scope
    masks: Masks
    sources: tuple[Source, ...] = ()
    sinks: tuple[Sink, ...] = ()
    advice: tuple[Advice, ...] = ()
    floors: tuple[Floor, ...] = ()
    contracts: tuple[Contract, ...] = ()
    helpers: dict[str, Helper] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    iterators: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)
    static_calls: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    constants: dict[str, int] = field(default_factory=dict)
    sides: tuple[SideGuard, ...] = ()
    instances: tuple[Instance, ...] = ()
    barriers: tuple[Barrier, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    inputs: tuple[Input, ...] = ()
    subsets: tuple[Subset, ...] = ()
    silent: frozenset[str] = frozenset()

    def advice_for(self, sink: Sink) -> str:
        """What to do about a value in a sink, "" where the rule's own advice fits."""
        rows = (row for row in self.advice if any(fnmatchcase(sink.id, each) for each in row.sinks))
        return next((row.fix for row in rows), "")
