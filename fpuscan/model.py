"""The kernel knowledge, read from TOML: sources, sinks, masks, helpers, effects, barriers.

``load_model()`` reads the built-in rows (``fpuscan/model/*.toml``) and adds the
rows of user files to them. A malformed file is a :class:`ModelError` that names
file, table and key. The engine has no kernel name of its own: what it knows of
the kernel stands here, each row with its reason and, where there is one, its commit.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from fpuscan.errors import ModelError

__all__ = [
    "Barrier",
    "Carrier",
    "Configuration",
    "Consumer",
    "Contract",
    "Effect",
    "Floor",
    "Helper",
    "Input",
    "Instance",
    "Model",
    "PlacePattern",
    "SideGuard",
    "Sink",
    "Source",
    "Subset",
    "load_model",
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
        paths = [".".join(path) for tag, path in chain if tag == self.type and path]
        return bool(paths) and any(fnmatchcase(path, self.member) for path in paths)

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
    them where the tree has it; ``format``: declared kernel-format size.
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
    commit: str = ""

    @property
    def evaluated(self) -> bool:
        """Whether the content is what is stored, too; else the row's word is all, and cheap."""
        return self.kind in {"config", "runtime", "constant"}


@dataclass(frozen=True, slots=True)
class Sink(_Placed):
    """An operand of the user ABI.

    ``kind``: "place" (a store), "argument" (``index`` of a call of ``function``, -2 the last but
    one, inside the function ``inside`` and a file that fits ``path`` if given), "return" (of
    ``function``), "compare" (an operand of a comparison in ``function``), "local" (the
    variable ``variable`` of ``function``, or its ``member``); and for the kernel's own side
    "buffer" (a store), "allocation" (of memory that is used as a ``type``) and "raw" (``function`` copies the buffer).
    ``ends``: the value leaves the kernel here and comes back as user input, if at all;
    ``quiet``: that is no finding; ``local``: a local struct of the type counts, too;
    ``only``: the one kind of sources that the row is about (all, if empty).
    ``case``: only ways over a statement under such a label (a shell pattern) count for the provenance of the place.
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
    path: str = ""
    index: int = -1
    case: str = ""
    side: str = "host"
    informational: bool = False
    ends: bool = False
    quiet: bool = False
    local: bool = False
    only: str = ""
    commit: str = ""


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
    """A uABI mask: by contract it holds user features only (``without`` some masks), whatever is stored into it."""

    why: str
    type: str = ""
    member: str = ""
    variable: str = ""
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Helper:
    """A function that turns a mask into a size: ``mask`` is the argument with the mask,
    ``compacted`` the argument that makes the size a kernel-format one unless it is false
    (-1: none; with ``format`` the size always is one).
    """  # noqa: D205

    function: str
    why: str
    mask: int = -1
    compacted: int = -1
    format: bool = False


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

    A bit of ``severe`` (a mask expression over the tree's own macros) that is missing is worse than any other.
    """

    id: str
    type: str
    part: str
    whole: str
    why: str
    severe: str = ""
    severe_why: str = ""
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
class Scope:
    """Which files a scan reads at once, and which globals it accounts for."""

    folders: tuple[str, ...]
    files: tuple[str, ...]
    required: tuple[str, ...]
    tracked: tuple[str, ...]
    tracked_types: tuple[str, ...]
    boot: tuple[str, ...] = ()  # what marks a function that runs only while the kernel boots

    def holds(self, path: str) -> bool:
        """Whether a C file at a path is read in any case."""
        if path.startswith(tuple(f"{folder}/" for folder in self.folders)):
            return True
        parent = path.rpartition("/")[0]
        return any(pattern.rpartition("/")[0] == parent and fnmatchcase(path, pattern) for pattern in self.files)


@dataclass(frozen=True, slots=True)
class Model:
    """All rows, built-in ones first."""

    scope: Scope
    masks: Masks
    sources: tuple[Source, ...] = ()
    sinks: tuple[Sink, ...] = ()
    floors: tuple[Floor, ...] = ()
    contracts: tuple[Contract, ...] = ()
    helpers: dict[str, Helper] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    iterators: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)
    static_calls: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    sides: tuple[SideGuard, ...] = ()
    instances: tuple[Instance, ...] = ()
    barriers: tuple[Barrier, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    carriers: tuple[Carrier, ...] = ()
    inputs: tuple[Input, ...] = ()
    subsets: tuple[Subset, ...] = ()
    silent: frozenset[str] = frozenset()


_TABLES: dict[str, type] = {
    "source": Source,
    "sink": Sink,
    "floor": Floor,
    "contract": Contract,
    "helper": Helper,
    "effect": Effect,
    "side": SideGuard,
    "instance": Instance,
    "barrier": Barrier,
    "consumer": Consumer,
    "configuration": Configuration,
    "carrier": Carrier,
    "input": Input,
    "subset": Subset,
}
_ALLOWED = {
    ("source", "kind"): {"config", "runtime", "constant", "vcpu", "kernel", "uabi"},
    ("sink", "kind"): {"place", "argument", "return", "compare", "local", "buffer", "allocation", "raw"},
    ("sink", "what"): {"size", "features", "sigframe"},
    ("sink", "side"): {"guest", "host", "instance"},
    ("instance", "side"): {"guest", "host"},
    ("input", "kind"): {"user", "cpu"},
    ("effect", "kind"): {"value", "freeze", "truth", "none", "ignore", "store", "load", "copy", "zero", "swap",
                         "exchange", "container_of", "alloc", "enumerate"},
}  # fmt: skip
_PLAIN = {"iterators", "types", "returns", "static_calls", "headers", "silent", "scope", "masks"}


def _convert(file: str, table: str, number: int, key: str, value: Any, wanted: str) -> Any:  # noqa: ANN401
    where = f"{file}: [[{table}]] row {number}: key '{key}'"
    if "tuple" in wanted:
        inner = int if "int" in wanted else str
        if not isinstance(value, list) or not all(isinstance(item, inner) for item in value):
            msg = f"{where} must be a list of {inner.__name__}"
            raise ModelError(msg)
        return tuple(value)
    expected = {"str": str, "int": int, "bool": bool}[wanted]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        msg = f"{where} must be a {expected.__name__}, not {value!r}"
        raise ModelError(msg)
    allowed = _ALLOWED.get((table, key))
    if allowed is not None and value not in allowed:
        msg = f"{where} must be one of {', '.join(sorted(allowed))}, not {value!r}"
        raise ModelError(msg)
    return value


def _row(file: str, table: str, number: int, data: Any) -> Any:  # noqa: ANN401
    kind = _TABLES[table]
    if not isinstance(data, dict):
        msg = f"{file}: [[{table}]] row {number} must be a table"
        raise ModelError(msg)
    known = {item.name: item for item in fields(kind)}
    for key in data:
        if key not in known:
            msg = f"{file}: [[{table}]] row {number}: unknown key '{key}' (known: {', '.join(sorted(known))})"
            raise ModelError(msg)
    for name, item in known.items():
        if item.default is MISSING and name not in data:
            msg = f"{file}: [[{table}]] row {number}: key '{name}' is missing"
            raise ModelError(msg)
    return kind(**{key: _convert(file, table, number, key, value, str(known[key].type)) for key, value in data.items()})


def _parse(file: str, text: bytes) -> dict[str, Any]:
    try:
        data = tomllib.loads(text.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file}: not a TOML file: {error}"
        raise ModelError(msg) from error
    for key, value in data.items():
        if key not in _TABLES and key not in _PLAIN:
            msg = f"{file}: unknown table '{key}' (known: {', '.join(sorted([*_TABLES, *_PLAIN]))})"
            raise ModelError(msg)
        if key in _TABLES and not isinstance(value, list):
            msg = f"{file}: '{key}' must be a list of tables, written [[{key}]]"
            raise ModelError(msg)
    return data


def _named(file: str, table: str, value: Any) -> dict[str, Any]:  # noqa: ANN401
    if not isinstance(value, dict):
        msg = f"{file}: '{table}' must be a table"
        raise ModelError(msg)
    return value


def _plain(file: str, table: str, kind: type, value: dict[str, Any]) -> Any:  # noqa: ANN401
    known = {item.name for item in fields(kind)}
    for key in value:
        if key not in known:
            msg = f"{file}: [{table}]: unknown key '{key}' (known: {', '.join(sorted(known))})"
            raise ModelError(msg)
    return kind(**{key: tuple(item) if isinstance(item, list) else item for key, item in value.items()})


def _built_in() -> list[tuple[str, bytes]]:
    folder = resources.files("fpuscan") / "model"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [(f"fpuscan/model/{name}", (folder / name).read_bytes()) for name in names]


def _check_sink(file: str, number: int, sink: Sink) -> None:
    if sink.kind == "place" and not (sink.member or sink.variable):
        key = "member"
    elif sink.kind in {"argument", "return", "compare", "local"} and not sink.function:
        key = "function"
    elif sink.kind == "argument" and sink.index == -1:
        key = "index"
    elif sink.kind == "local" and not sink.variable:
        key = "variable"
    else:
        return
    msg = f"{file}: [[sink]] row {number}: key '{key}' is missing (kind is '{sink.kind}')"
    raise ModelError(msg)


def load_model(extra: tuple[str, ...] = ()) -> Model:
    """The built-in model with the rows of the ``extra`` files added. Raises :class:`ModelError`."""
    files = _built_in()
    for name in extra:
        try:
            files.append((name, Path(name).read_bytes()))
        except OSError as error:
            msg = f"{name}: cannot read the model: {error.strerror or error}"
            raise ModelError(msg) from error
    rows: dict[str, list[Any]] = {table: [] for table in _TABLES}
    plain: dict[str, dict[str, Any]] = {"iterators": {}, "types": {}, "returns": {}, "static_calls": {}, "headers": {}}
    silent: set[str] = set()
    single: dict[str, Any] = {}
    for file, text in files:
        for key, value in _parse(file, text).items():
            if key in _TABLES:
                for number, data in enumerate(value, 1):
                    row = _row(file, key, number, data)
                    if isinstance(row, Sink):
                        _check_sink(file, number, row)
                    rows[key].append(row)
            elif key in plain:
                plain[key].update(_named(file, key, value))
            elif key == "silent":
                silent.update(_named(file, key, value).get("functions", []))
            else:
                single[key] = _plain(file, key, Scope if key == "scope" else Masks, _named(file, key, value))
    return Model(
        scope=single["scope"],
        masks=single["masks"],
        sources=tuple(rows["source"]),
        sinks=tuple(rows["sink"]),
        floors=tuple(rows["floor"]),
        contracts=tuple(rows["contract"]),
        helpers={row.function: row for row in rows["helper"]},
        effects={name: row for row in rows["effect"] for name in row.names},
        iterators={name: tuple(cursors) for name, cursors in plain["iterators"].items()},
        types=plain["types"],
        returns=plain["returns"],
        static_calls=plain["static_calls"],
        headers=plain["headers"],
        sides=tuple(rows["side"]),
        instances=tuple(rows["instance"]),
        barriers=tuple(rows["barrier"]),
        consumers=tuple(rows["consumer"]),
        configurations=tuple(rows["configuration"]),
        carriers=tuple(rows["carrier"]),
        inputs=tuple(rows["input"]),
        subsets=tuple(rows["subset"]),
        silent=frozenset(silent),
    )
