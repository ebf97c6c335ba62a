"""JSON text that is the same bytes everywhere and legal whatever the source holds."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["Object", "dump"]

Object = dict[str, Any]


def dump(document: Object) -> str:
    """ASCII with escapes, two columns of indent, the order of the keys as given, a newline at the end."""
    return json.dumps(_clean(document), indent=2, ensure_ascii=True) + "\n"


# A lone surrogate (a byte of a file name that is no UTF-8) is no legal JSON text; it becomes "\\udcff".
def _clean(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case _:
            return value
