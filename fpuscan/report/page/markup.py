"""HTML from text: everything that comes from a tree goes through `esc`, and nothing else makes markup of it."""

from __future__ import annotations

import html
import re

from fpuscan.report.terminal import printable
from fpuscan.result import Location

__all__ = ["code", "element", "esc", "place_text", "where"]

# What a reader of C wants to tell apart at a glance. A line that opens with * is inside a comment, in kernel style.
_TOKEN = re.compile(
    r"""
    (?P<c> ^[ \t]*\*(?:[ \t/].*|$) | /\*.*?(?:\*/|$) | //.*$ )
    | (?P<s> "(?:\\.|[^"\\])*"? | '(?:\\.|[^'\\])*'? )
    | (?P<p> ^[ \t]*\#[ \t]*[a-z]+ )
    | (?P<k> \b(?:if|else|for|while|do|switch|case|default|break|continue|return|goto|sizeof|static|const|struct|union
             |enum|inline|void|bool|int|unsigned|char|long|u8|u16|u32|u64|size_t|true|false|NULL)\b )
    """,
    re.VERBOSE,
)


def esc(text: str) -> str:
    """Text as HTML text or attribute value: control and bidirectional characters become visible escapes."""
    return html.escape("\t".join(map(printable, text.split("\t"))), quote=True)


def element(name: str, body: str, **attributes: str) -> str:
    """One element; `body` is HTML, attribute values are text; ``class_`` is class, ``aria_label`` is aria-label."""
    pairs = "".join(f' {key.rstrip("_").replace("_", "-")}="{esc(value)}"' for key, value in attributes.items())
    return f"<{name}{pairs}>{body}</{name}>"


def code(text: str) -> str:
    """A line of C with its comments, strings and keywords marked."""
    parts, end = [], 0
    for match in _TOKEN.finditer(text):
        parts.append(esc(text[end : match.start()]))
        parts.append(f'<span class="{match.lastgroup}">{esc(match[0])}</span>')
        end = match.end()
    return "".join(parts) + esc(text[end:])


def where(at: Location) -> str:
    """``path:line in function()``, as HTML."""
    function = f" in <b>{esc(at.function)}()</b>" if at.function else ""
    # <wbr>: a long path may break behind a slash, and only there
    return f'<span class="at">{esc(at.path).replace("/", "/<wbr>")}:{at.line}{function}</span>'


def place_text(place: str) -> str:
    """A place as HTML that may break where a reader would break it."""
    return re.sub(r"(\.|-&gt;)", r"<wbr>\1", esc(place))
