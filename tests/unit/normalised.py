"""How the tests of the normaliser look at text: token by token, without its blanks; and nothing may move."""

from __future__ import annotations

import re
from collections.abc import Callable

from fpuscan.parse.normalise import (
    mask,
    normalise,
)
from fpuscan.parse.normalise.attributes import BUILT_IN
from fpuscan.parse.normalise.text import Text

TOKEN = re.compile(r'"\s*"|\w+|\S')


def tokens(text: str | bytes) -> list[str]:
    """The tokens of normalised text; the content of a string does not count, as there is none."""
    if isinstance(text, bytes):
        text = text.decode()
    return ['""' if token[0] == '"' else token for token in TOKEN.findall(text)]


def alone(rule: Callable[[Text], object], code: str) -> list[str]:
    """What one rule makes of masked code."""
    data = code.encode()
    text = Text(data, mask(data))
    rule(text)
    check_nothing_moved(data, bytes(text.buf))
    return tokens(bytes(text.buf))


def check_nothing_moved(data: bytes, text: bytes) -> None:
    assert len(text) == len(data)
    for sign in (b"\n", b"\t"):
        assert [i for i, b in enumerate(data) if data[i : i + 1] == sign] == [
            i for i, b in enumerate(text) if text[i : i + 1] == sign
        ]


def whole(code: str) -> list[str]:
    """What all rules make of code."""
    data = code.encode()
    text = normalise(data, BUILT_IN).text
    check_nothing_moved(data, text)
    return tokens(text)
