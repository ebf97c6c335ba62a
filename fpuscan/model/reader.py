"""Reads model files.

Each value is checked against the type that its row declares, so that a malformed
file is one line with file, table and key, whoever wrote it.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpuscan.errors import ModelError
from fpuscan.model.rows import (
    Advice,
    Barrier,
    Carrier,
    Configuration,
    Consumer,
    Contract,
    Effect,
    Floor,
    Helper,
    Input,
    Instance,
    Masks,
    Model,
    Scope,
    SideGuard,
    Sink,
    Source,
    Subset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["load_model"]

# The lists of rows, written [[name]].
_ROWS: dict[str, type] = {
    "source": Source,
    "sink": Sink,
    "advice": Advice,
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
# The tables with keys of their author, written [name], and the type of their values.
_NAMES = {
    "accessors": "tuple[str, ...]",
    "iterators": "tuple[int, ...]",
    "types": "str",
    "returns": "str",
    "static_calls": "str",
    "headers": "str",
    "constants": "int",
}
# The tables that every model has once; a further file extends their lists and replaces their texts.
_SINGLE: dict[str, type] = {"scope": Scope, "masks": Masks}
_SILENT = {"functions": "tuple[str, ...]"}
_TABLES = (*_ROWS, *_NAMES, *_SINGLE, "silent")

_ALLOWED = {
    ("source", "kind"): {"config", "runtime", "constant", "vcpu", "kernel", "uabi"},
    ("sink", "kind"): {"place", "argument", "return", "compare", "local", "buffer", "allocation", "raw"},
    ("sink", "what"): {"size", "features", "sigframe"},
    ("sink", "side"): {"guest", "host", "instance"},
    ("instance", "side"): {"guest", "host"},
    ("input", "kind"): {"user", "cpu"},
    ("effect", "kind"): {"value", "extreme", "freeze", "truth", "none", "ignore", "store", "load", "copy", "zero",
                         "swap", "exchange", "container_of", "alloc", "enumerate", "update", "choose", "field",
                         "calls", "compare"},
    ("effect", "op"): {"", "&", "|", "^", "&~", ">>", "<<", "+", "-", "min", "max", "clamp"},
}  # fmt: skip
# How a message names the types of values: one of them, several of them.
_SAID = {str: ("a string", "strings"), int: ("a number", "numbers"), bool: ("true or false", "truth values")}


@dataclass
class _Collected:
    """What the files read so far say."""

    rows: dict[str, list[Any]] = field(default_factory=lambda: {table: [] for table in _ROWS})
    names: dict[str, dict[str, Any]] = field(default_factory=lambda: {table: {} for table in _NAMES})
    single: dict[str, Any] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)


def load_model(extra: tuple[str, ...] = ()) -> Model:
    """The built-in model with the rows of the ``extra`` files added. Raises :class:`ModelError`."""
    found = _Collected()
    for file, data in [*_built_in(), *((name, _bytes_of(name)) for name in extra)]:
        for table, value in _parse(file, data).items():
            _add(found, file, table, value)
    rows, names = found.rows, found.names
    return Model(
        scope=found.single["scope"],
        masks=found.single["masks"],
        sources=tuple(rows["source"]),
        sinks=tuple(_each_accessor(rows["sink"], names["accessors"])),
        advice=tuple(rows["advice"]),
        floors=tuple(rows["floor"]),
        contracts=tuple(rows["contract"]),
        helpers={row.function: row for row in rows["helper"]},
        effects={name: row for row in rows["effect"] for name in row.names},
        iterators=names["iterators"],
        types=names["types"],
        returns=names["returns"],
        static_calls=names["static_calls"],
        headers=names["headers"],
        constants=names["constants"],
        sides=tuple(rows["side"]),
        instances=tuple(rows["instance"]),
        barriers=tuple(rows["barrier"]),
        consumers=tuple(rows["consumer"]),
        configurations=tuple(rows["configuration"]),
        carriers=tuple(rows["carrier"]),
        inputs=tuple(rows["input"]),
        subsets=tuple(rows["subset"]),
        silent=frozenset(found.silent),
    )


def _each_accessor(sinks: Iterable[Sink], accessors: dict[str, tuple[str, ...]]) -> Iterator[Sink]:
    """The rows, and for one that names an accessor of user memory the same of the others with its operands."""
    for sink in sinks:
        yield sink
        yield from (replace(sink, function=name) for name in accessors.get(sink.function, ()))


def _built_in() -> list[tuple[str, bytes]]:
    folder = resources.files("fpuscan") / "model"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return [(f"fpuscan/model/{name}", (folder / name).read_bytes()) for name in names]


def _bytes_of(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        msg = f"{name}: cannot read the model: {error.strerror or error}"
        raise ModelError(msg) from error


def _parse(file: str, data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{file}: not a TOML file: {error}"
        raise ModelError(msg) from error


def _add(found: _Collected, file: str, table: str, value: object) -> None:
    """Take in one table of a file."""
    if table in _ROWS:
        if not isinstance(value, list):
            msg = f"{file}: '{table}' must be a list of tables, written [[{table}]]"
            raise ModelError(msg)
        for number, entry in enumerate(value, 1):
            row = _row(f"{file}: [[{table}]] row {number}", table, entry)
            _check_new(f"{file}: [[{table}]] row {number}", row, found.rows[table])
            found.rows[table].append(row)
        return
    if table not in _TABLES:
        msg = f"{file}: unknown table '{table}' (known: {', '.join(sorted(_TABLES))})"
        raise ModelError(msg)
    where = f"{file}: [{table}]"
    if not isinstance(value, dict):
        msg = f"{file}: '{table}' must be a table, written [{table}]"
        raise ModelError(msg)
    if table in _NAMES:
        found.names[table].update({key: _value(where, key, item, _NAMES[table]) for key, item in value.items()})
    elif table in _SINGLE:
        found.single[table] = _single(where, _SINGLE[table], value, found.single.get(table))
    else:
        _check_keys(where, value, _SILENT)
        for key, item in value.items():
            found.silent.update(_value(where, key, item, _SILENT[key]))


def _row(where: str, table: str, data: object) -> Any:  # noqa: ANN401
    """One row of a list; its keys, their types and its own rules hold."""
    if not isinstance(data, dict):
        msg = f"{where} must be a table"
        raise ModelError(msg)
    kind = _ROWS[table]
    known = {item.name: str(item.type) for item in fields(kind)}
    _check_keys(where, data, known)
    _check_complete(where, kind, data)
    values = {key: _value(where, key, item, known[key]) for key, item in data.items()}
    for key, value in values.items():
        allowed = _ALLOWED.get((table, key))
        if allowed is not None and value not in allowed:
            msg = f"{where}: key '{key}' must be one of {', '.join(sorted(allowed))}, not {value!r}"
            raise ModelError(msg)
    row = kind(**values)
    if missing := _missing(row):
        msg = f"{where}: key '{missing}' is missing" + (f" (kind is '{row.kind}')" if isinstance(row, Sink) else "")
        raise ModelError(msg)
    return row


def _missing(row: object) -> str:
    """The key without which a row would name nothing; "" where it has it."""
    if isinstance(row, Source):
        return "" if row.type or row.variable or row.function or row.macro else "variable"
    if isinstance(row, Sink):
        if row.kind == "place":
            return "" if row.member or row.variable else "member"
        if row.kind in {"argument", "return", "compare", "local"} and not row.function:
            return "function"
        if row.kind == "argument" and row.index == -1:
            return "index"
        if row.kind == "local" and not row.variable:
            return "variable"
    return ""


def _check_new(where: str, row: object, rows: Iterable[object]) -> None:
    """Refuse a second row of one name: the report could not tell them apart."""
    name = getattr(row, "id", "")
    if name and any(getattr(other, "id", "") == name for other in rows):
        msg = f"{where}: key 'id' is taken already: {name!r}"
        raise ModelError(msg)


def _single(where: str, kind: type[Any], data: dict[str, Any], before: Scope | Masks | None) -> Scope | Masks:
    """A table that every model has once: as written, or added to what there is."""
    known = {item.name: str(item.type) for item in fields(kind)}
    _check_keys(where, data, known)
    values = {key: _value(where, key, item, known[key]) for key, item in data.items()}
    if before is None:
        _check_complete(where, kind, data)
        made: Scope | Masks = kind(**values)
        return made
    for key, value in values.items():
        if isinstance(value, tuple):
            values[key] = tuple(dict.fromkeys((*getattr(before, key), *value)))
    return replace(before, **values)


def _check_keys(where: str, data: dict[str, Any], known: Iterable[str]) -> None:
    for key in data:
        if key not in known:
            msg = f"{where}: unknown key '{key}' (known: {', '.join(sorted(known))})"
            raise ModelError(msg)


def _check_complete(where: str, kind: type, data: dict[str, Any]) -> None:
    for item in fields(kind):
        if item.default is MISSING and item.name not in data:
            msg = f"{where}: key '{item.name}' is missing"
            raise ModelError(msg)


def _value(where: str, key: str, value: object, wanted: str) -> Any:  # noqa: ANN401
    """A value of the type that its key declares: text, number, truth value or a list of one of them."""
    many = wanted.startswith("tuple")
    kind = next(kind for kind in _SAID if kind.__name__ in wanted)
    if not many and _is_a(value, kind):
        return value
    if many and isinstance(value, list) and all(_is_a(item, kind) for item in value):
        return tuple(value)
    one, several = _SAID[kind]
    msg = f"{where}: key '{key}' must be {f'a list of {several}' if many else one}, not {value!r}"
    raise ModelError(msg)


def _is_a(value: object, kind: type) -> bool:
    """Whether a value has a type; TOML's ``true`` is no number, though Python takes it for one."""
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
