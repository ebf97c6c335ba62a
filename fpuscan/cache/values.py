"""Results as JSON, and back: the frozen values of :mod:`fpuscan.result`, without loss.

A value is ``{"Name": [fields in order]}``, a tuple a list. The text is for
this very version of fpuscan and no other; reports have a format of their own.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from fpuscan import result

__all__ = ["decode", "encode"]

_FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(each.name for each in fields(value))
    for name, value in vars(result).items()
    if isinstance(value, type) and is_dataclass(value)
}


def encode(value: object) -> Any:  # noqa: ANN401 - what json takes
    """Give what :mod:`json` can write; raises TypeError for what is no value of a result."""
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    if isinstance(value, result.Severity):
        return {"Severity": [int(value)]}
    name = type(value).__name__
    if name not in _FIELDS or isinstance(value, Enum):
        raise TypeError(name)
    return {name: [encode(getattr(value, each)) for each in _FIELDS[name]]}


def decode(data: Any) -> Any:  # noqa: ANN401 - what json gives, and any value
    """Give the value that `encode` was given; raises ValueError, TypeError or KeyError for other data."""
    if isinstance(data, list):
        return tuple([decode(item) for item in data])
    if not isinstance(data, dict):
        return data
    ((name, items),) = data.items()
    if name not in _FIELDS and name != "Severity":
        raise KeyError(name)
    return getattr(result, name)(*map(decode, items))
