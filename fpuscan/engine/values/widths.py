"""How many bits of a mask a C type or the type of an operator keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fpuscan.conversions import WORD_BITS, integer_type, narrow
from fpuscan.xfeatures import WORD

if TYPE_CHECKING:
    from fpuscan.ir import Binary, Unary
    from fpuscan.symbols.declarators import CType
    from fpuscan.xfeatures import MaskValue

__all__ = ["fitted", "is_wide", "typed"]


def fitted(ctype: CType | None, value: MaskValue) -> MaskValue:
    """A value after it was stored into a place of that type, or cast to it."""
    kind = narrow(ctype)
    return value.cast(kind[0], signed=kind[1]) if kind is not None else value


def typed(expr: Unary | Binary, value: MaskValue) -> MaskValue:
    """A result of 64-bit arithmetic, as wide as the operator's own type; that of a constant may be any."""
    kind = integer_type(expr)
    if kind is None:
        return value.join(value.cast(32)).join(value.cast(32, signed=True))
    return value.cast(kind[0], signed=kind[1]) if kind[0] < WORD_BITS else value


def is_wide(value: MaskValue) -> bool:
    """Whether a constant does not fit into 32 bits, so that its type is wider, whatever its suffix."""
    return value.may == value.must and value.may >> 32 not in {0, WORD >> 32}
