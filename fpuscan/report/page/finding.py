"""One finding as HTML: what, where, which bits, how it got there, who reads it, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fpuscan.report.lines import SourceLines
from fpuscan.report.page.bits import Bits
from fpuscan.report.page.drawing import figure
from fpuscan.report.page.layout import lane_of, readers
from fpuscan.report.page.markup import code, element, esc, place_text, where
from fpuscan.report.words import effect, plural
from fpuscan.result import Finding, Location, Place

__all__ = ["article", "statement", "steps"]

_CONTEXT = 3
_MANY = 6  # consumers that are listed without a click


def article(finding: Finding, anchor: str, names: Iterable[tuple[int, str]], lines: SourceLines) -> str:
    """The body of a finding; `anchor` is a name that is unique on the page."""
    bits = Bits(finding, names)
    parts = [
        f'<p class="spot">{where(finding.location)}</p>',
        statement(finding),
        _facts(finding),
        f'<div class="fix"><h4>What to do</h4><p>{esc(finding.fix)}</p></div>' if finding.fix else "",
        figure(finding, bits, anchor) if finding.is_flow else "",
        steps(finding, bits, anchor, lines),
        _consumers(finding),
        _places("Other sources", finding.other_sources),
        _places("Related", (Place(f"{item.kind} {item.place}".strip(), item.location) for item in finding.related)),
        f'<p class="print">fingerprint <code>{esc(finding.fingerprint)}</code></p>',
    ]
    return "".join(parts)


def statement(finding: Finding) -> str:
    """The crossing statement, if it is known."""
    if not finding.statement:
        return ""
    return f'<pre class="statement"><code>{code(finding.statement)}</code></pre>'


def _facts(finding: Finding) -> str:
    surviving = finding.surviving
    numbers = [bit for bit in range(64) if surviving.mask >> bit & 1]
    names = [*surviving.bits, *[""] * (len(numbers) - len(surviving.bits))]
    chips = [
        element("li", esc(name or f"bit {bit}"), class_="chip bad", title=f"bit {bit}")
        for bit, name in zip(numbers, names, strict=False)
    ]
    if surviving.kernel_format and finding.severity > finding.severity.NOTE:
        chips.append('<li class="chip bad">kernel-format size</li>')
    if surviving.unknown:
        chips.append('<li class="chip bad">content that cannot be evaluated, unmasked</li>')
    if not chips:
        chips.append('<li class="chip good">nothing that the user ABI forbids</li>')
    rows = [("Survives", f'<ul class="chips">{"".join(chips)}</ul>')] if finding.is_flow else []
    rows.append(("Side", f'<span class="chip {esc(finding.side)}">{esc(finding.side)}</span>'))
    if finding.config:
        rows.append(("Only with", "".join(element("span", esc(name), class_="chip") for name in finding.config)))
    return f'<dl class="facts">{"".join(f"<div><dt>{title}</dt><dd>{body}</dd></div>" for title, body in rows)}</dl>'


def steps(finding: Finding, bits: Bits, anchor: str, lines: SourceLines) -> str:
    """The way of a finding, step by step, with the source around each."""
    if not finding.trace:
        return ""
    items = []
    quoted: set[tuple[str, int]] = set()
    for number, step in enumerate(finding.trace):
        at = step.location
        source = "" if (at.path, at.line) in quoted else _excerpt(at, lines)
        quoted.add((at.path, at.line))
        items.append(_step(number, finding, bits, anchor, source))
    return f'<h4>Step by step</h4><ol class="steps">{"".join(items)}</ol>'


def _step(number: int, finding: Finding, bits: Bits, anchor: str, source: str) -> str:
    step = finding.trace[number]
    previous = finding.trace[number - 1] if number else None
    tags = "".join(f'<span class="tag{extra}">{esc(text)}</span>' for text, extra in _tags(number, finding))
    words = effect(step, previous)
    same = previous is not None and (previous.text, previous.location.line) == (step.text, step.location.line)
    parts = [
        f'<h5><span class="n">{number + 1}</span> <code>{place_text(step.place)}</code> {tags}</h5>',
        f'<p class="spot">{where(step.location)}</p>',
        f'<pre class="text{" again" if same else ""}"><code>{code(step.text)}</code></pre>' if step.text else "",
        f'<p class="effect">{esc(words)}</p>' if words else "",
        bits.strip(step, previous) if not previous or step.crossing or previous.mask != step.mask else "",
    ]
    lane = lane_of(finding, number)
    body = f'<div class="told">{"".join(parts)}</div>{source}'
    classes = f"step {lane}" + (" crossing" if step.crossing else "")
    return f'<li class="{classes}" id="{anchor}-s{number + 1}" tabindex="-1">{body}</li>'


def _tags(number: int, finding: Finding) -> Iterator[tuple[str, str]]:
    step = finding.trace[number]
    if number == 0 and finding.is_flow:
        yield "source", ""
    elif step.kind:
        yield step.kind, ""
    if step.crossing:
        yield "crossing into the user ABI", " hot"


def _excerpt(at: Location, lines: SourceLines) -> str:
    rows = []
    for number, text in lines.around(at, _CONTEXT):
        marked = at.line <= number <= at.end_line
        body = _marked(text, at) if marked and at.line == at.end_line else code(text)
        mark = ' class="hit"' if marked else ""
        rows.append(f'<tr{mark}><td class="ln" data-n="{number}"></td><td><code>{body}</code></td></tr>')
    if not rows:
        return ""
    label = esc(f"{at.path}, lines around {at.line}")
    return f'<div class="excerpt" tabindex="0" role="region" aria-label="{label}"><table>{"".join(rows)}</table></div>'


# A line with the part that is meant marked. Columns count bytes.
def _marked(text: str, at: Location) -> str:
    data = text.encode("utf-8", "surrogateescape")
    pieces = (data[: at.column - 1], data[at.column - 1 : at.end_column - 1], data[at.end_column - 1 :])
    before, hit, after = (code(piece.decode("utf-8", "replace")) for piece in pieces)
    return f"{before}<mark>{hit}</mark>{after}" if hit else before + after


def _consumers(finding: Finding) -> str:
    if not finding.consumers:
        return ""
    rows = []
    for reader in readers(finding.consumers):
        spots: dict[tuple[str, str], list[int]] = {}
        for item in finding.consumers:
            if item.kind == reader.kind:
                spots.setdefault((item.location.path, item.location.function), []).append(item.location.line)
        listed = "".join(
            f'<li><b>{esc(function)}{"()" if function else ""}</b> <span class="at">{esc(path).replace("/", "/<wbr>")}:'
            f"{', '.join(map(str, dict.fromkeys(numbers)))}</span></li>"
            for (path, function), numbers in spots.items()
        )
        opened = " open" if len(spots) <= _MANY else ""
        rows.append(
            f"<details{opened}><summary>{esc(reader.title)} <span>{plural(reader.places, 'place')} in "
            f"{plural(len(reader.functions), 'function')}</span></summary><ul>{listed}</ul></details>"
        )
    return f'<h4>Who reads it</h4><div class="consumers">{"".join(rows)}</div>'


def _places(title: str, places: Iterable[Place]) -> str:
    rows = "".join(f"<li><code>{place_text(item.place)}</code> {where(item.location)}</li>" for item in places)
    return f'<h4>{title}</h4><ul class="plain">{rows}</ul>' if rows else ""
