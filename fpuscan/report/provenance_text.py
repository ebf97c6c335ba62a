"""What controls a place, as text for a terminal of 80 columns.

One place comes with the shortest way of each root, several as a table::

    struct fpu_guest.uabi_size: a size of the user ABI, guest side

      configuration   fpu_user_cfg.default_size
      user input      arg2 of arch_prctl(), cut by XFEATURE_MASK_USER_SUPPORTED
      ...

      1. fpu_user_cfg.default_size (configuration)
         1. fpu_user_cfg.default_size
            arch/x86/kernel/fpu/core.c:259 in fpu_alloc_guest_fpstate()
              gfpu->uabi_size = fpu_user_cfg.default_size
      => 2. struct fpu_guest.uabi_size
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from fpuscan.report.options import ReportOptions
from fpuscan.report.terminal import paint, printable
from fpuscan.report.text import assumptions, health_lines, steps
from fpuscan.report.words import KINDS, controlled, kinds_of, plural
from fpuscan.result import Controlled, Root, ScanResult

__all__ = ["render"]

_COLUMN = 18  # where the names of the roots begin


def render(result: ScanResult, options: ReportOptions) -> str:
    """Render the answer; ends with a newline."""
    found = result.provenance
    assert found is not None
    lines: list[str] = []
    ways = not options.quiet and (options.verbose or found.asked != "uabi")
    for place in found.places:
        lines += _place(place, options)
        lines.append("")
        for number, root in enumerate(place.roots if ways else (), start=1):
            lines += _way(number, root, options)
            lines.append("")
    if not found.places:
        lines += [f"{printable(found.asked)}: no value that fpuscan can follow reaches it", ""]
    number = sum(len(place.roots) for place in found.places)
    text = f"{plural(len(found.places), 'place')}, {plural(number, 'root')}"
    if not ways and not options.quiet and number:
        text += "; -v, or --provenance with one of the names, shows the ways"
    lines.append(paint(text, "strong", colour=options.colour))
    if not options.quiet:
        lines += assumptions(result, options)
        lines += health_lines(result, options)
    return "\n".join(lines) + "\n"


def _place(place: Controlled, options: ReportOptions) -> Iterator[str]:
    name, what = printable(place.place), controlled(place)
    together = len(name) + len(what) + 2 <= options.width
    yield paint(name, "strong", colour=options.colour) + (f": {what}" if what and together else "")
    if what and not together:
        yield f"  {what}"
    for title, roots in kinds_of(place):
        for number, root in enumerate(roots):
            head = f"  {title if not number else '':<{_COLUMN - 2}}"
            yield from _wrap(head + _root(root), " " * (_COLUMN + 2), options)


# A root, and the masks on its shortest way.
def _root(root: Root) -> str:
    masks = list(dict.fromkeys(mask.text for mask in root.masks))
    cut = f", masked by {', '.join(masks)}" if masks else ""
    return printable(root.name + cut)


def _way(number: int, root: Root, options: ReportOptions) -> Iterator[str]:
    title = f"  {number}. {printable(root.name)} ({KINDS.get(root.kind, root.kind)})"
    yield paint(title, "strong", colour=options.colour)
    for line in steps(root.trace, options):
        yield f"  {line}"


def _wrap(text: str, margin: str, options: ReportOptions) -> list[str]:
    return textwrap.wrap(
        text,
        options.width,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )
