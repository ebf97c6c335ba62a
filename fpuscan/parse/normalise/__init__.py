"""Kernel C made readable for tree-sitter-c, without moving a byte.

    normalise(bytes of a .c or .h file, attributes) -> Normalised

The kernel is written for a preprocessor that fpuscan does not run: iterators that look like calls followed by
blocks, attributes between types and names, `#ifdef`s in the middle of an expression. Each rule replaces one such
shape by plain C of the same length, so an offset in the mended text is the same offset in the file, and what a
node says is always read from the file. `test_normalise.py` shows each rule alone.

The rules run in a fixed order (R1 to R11); each relies on the ones before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from fpuscan.parse.normalise.asm import rewrite_asm, rewrite_asm_macros
from fpuscan.parse.normalise.attributes import (
    ATTRIBUTE_HEADERS,
    BUILT_IN,
    blank_attributes,
    learn_attributes,
    local_attributes,
)
from fpuscan.parse.normalise.directives import alternatives, read_directives
from fpuscan.parse.normalise.macros import blank_top_level_calls, loop_macros, rewrite_declaring, rewrite_iterators
from fpuscan.parse.normalise.mask import mask, strip_comments
from fpuscan.parse.normalise.shapes import (
    rewrite_named_calls,
    rewrite_ranges,
    rewrite_small_shapes,
    rewrite_type_arguments,
    selecting_macros,
)
from fpuscan.parse.normalise.text import Text
from fpuscan.parse.normalise.values import Arm, Attributes, Directive, DroppedArm, Group, MacroCall, Normalised

__all__ = [
    "ATTRIBUTE_HEADERS",
    "BUILT_IN",
    "Arm",
    "Attributes",
    "Directive",
    "DroppedArm",
    "Group",
    "MacroCall",
    "Normalised",
    "alternatives",
    "learn_attributes",
    "loop_macros",
    "mask",
    "normalise",
    "selecting_macros",
    "strip_comments",
]

_FIRST_ARMS: Mapping[int, int] = {}


def normalise(
    data: bytes,
    attributes: Attributes,
    *,
    choose: Mapping[int, int] = _FIRST_ARMS,
) -> Normalised:
    """Mend one file. Never raises, whatever `data` holds.

    `choose` names, by the offset of its group, the arm that an `#if` group keeps if it splits a construct;
    `alternatives` gives the choices that bring each dropped arm back.
    """
    text = Text(data, mask(data))
    table = read_directives(text, choose)
    blank_attributes(text, local_attributes(table.directives, attributes))
    labels = rewrite_asm(text)
    labels.update(rewrite_asm_macros(text))
    macro_calls = rewrite_declaring(text)
    macro_calls += blank_top_level_calls(text)
    iterators = rewrite_iterators(text, attributes.loops | loop_macros(table.directives))
    applied = rewrite_named_calls(text, attributes.selectors | selecting_macros(table.directives))
    rewrite_ranges(text)
    rewrite_type_arguments(text)
    rewrite_small_shapes(text)
    return Normalised(
        text=bytes(text.buf),
        directives=tuple(table.directives),
        groups=tuple(table.groups),
        macro_calls=tuple(sorted(macro_calls, key=lambda call: call.start)),
        iterators=frozenset(iterators),
        dropped=tuple(table.dropped),
        goto_labels=labels,
        halves=tuple(table.halves),
        applied=applied,
    )
