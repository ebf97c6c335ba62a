"""Expectations written in the C source of a fixture, and their comparison with findings.

Takes a folder of C files and the findings of a scan, gives the differences. The
words are Semgrep's, source and sink pair by tag as in CodeQL's tests. Each
annotation trails on the line that it is about:

    fps->user_size = n;      /* want FPU101 error bits=SUPERVISOR format =a */
    n = cfg.size;            /* source FPU101 =a */
    set_size(fps, n);        /* step FPU101 =a */
    fps->size = n;           /* ok FPU101: the kernel side is no sink */
    fps->user_size = m;      /* todo-want FPU101 error format: #12 */
    fps->user_size = k;      /* todo-ok FPU101: #13 */

``want`` stands on the first line of the crossing statement. Behind the rule come,
in any order, the severity, ``bits=A,B`` (exactly these survive), ``format`` (the
kernel format survives), ``unknown`` (content that nobody can evaluate), ``side=``,
``sink=`` (the last member of the sink's place), ``source=`` (the same of the
source) and ``=tag``. A severity makes the whole verdict exact: bits that are not
named must not survive, and likewise format and unknown; ``bits=*`` accepts any.
``;`` separates two annotations of one comment, a reason follows ``:``. A comment
that names a rule but is no annotation is an error, so a typing slip cannot hide an
expectation.

Checked both ways: a finding without ``want`` is a difference, an unmet annotation
is one, ``todo-want`` and ``todo-ok`` are strict.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from fpuscan.result import Finding, Place, Severity, Surviving

__all__ = ["AnnotationError", "Difference", "Expectation", "compare", "read_annotations", "read_text", "render"]

# What the guest default holds beyond the user ABI on a 7.x tree.
_SUPERVISOR = ("PASID", "CET_USER", "CET_KERNEL")
_WORDS = ("want", "source", "step", "ok", "todo-want", "todo-ok")
# Rules whose errors are about where a value stands, whatever its bits.
_BY_PLACE = ("FPU201", "FPU203")
_SEVERITIES = {severity.label: severity for severity in Severity}
# Rules whose severity says which bits are missing, and not whether any are.
_GRADED = frozenset({"FPU302"})
_FLAGS = {"format": "kernel_format", "unknown": "unknown"}
_TEXTS = {"": "tag", "side": "side", "sink": "sink", "source": "source"}

_LEXEME = re.compile(
    r"""
      (?P<comment> /\*.*?\*/ | //[^\n]* )     # the only lexeme that may hold an annotation
    | "(?:[^"\\\n]|\\.)*"                     # "a string may hold /* want */"
    | '(?:[^'\\\n]|\\.)*'
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"(?P<word>[a-z-]+)\s+(?P<rule>FPU\d{3})\b(?P<rest>.*)", re.DOTALL)
_RULE = re.compile(r"\bFPU\d{3}\b")


class AnnotationError(ValueError):
    """An annotation that means nothing; the message starts with ``path:line:``."""


@dataclass(frozen=True, slots=True, order=True)
class Expectation:
    """One annotation: where it stands (1-based line) and what it says.

    ``bits``, ``kernel_format`` and ``unknown`` are None where anything is accepted.
    """

    path: str
    line: int
    word: str
    rule: str
    tag: str = ""
    severity: Severity | None = None
    bits: frozenset[str] | None = None
    kernel_format: bool | None = None
    unknown: bool | None = None
    side: str = ""
    sink: str = ""
    source: str = ""
    reason: str = ""

    @property
    def spot(self) -> tuple[str, int, str]:
        """Where and for which rule."""
        return (self.path, self.line, self.rule)

    def __str__(self) -> str:
        words: list[str] = [self.severity.label] if self.severity else []
        if self.bits:
            words.append("bits=" + ",".join(sorted(self.bits)))
        words += [word for word, wanted in (("format", self.kernel_format), ("unknown", self.unknown)) if wanted]
        words += [f"{key}={value}" for key, value in (("side", self.side), ("sink", self.sink)) if value]
        words += [f"source={self.source}"] if self.source else []
        return " ".join(words) or "any verdict"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the diff: ``-`` is expected and missing, ``+`` is found and not expected."""

    path: str
    line: int
    rule: str
    sign: str
    tag: str
    what: str

    def __str__(self) -> str:
        tag = f" ={self.tag}" if self.tag else ""
        return f"{self.sign} {self.path}:{self.line}: {self.rule}{tag}: {self.what}"


# --- reading ---------------------------------------------------------------------


def read_annotations(root: Path) -> tuple[Expectation, ...]:
    """All annotations of the ``.c`` and ``.h`` files below ``root``, sorted.

    AnnotationError if one is wrong, if a tag lacks an end, or if there is none at all.
    """
    found: list[Expectation] = []
    for file in sorted(root.rglob("*.[ch]")):
        found += read_text(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
    if not found:
        raise AnnotationError(f"{root.name}:0: the fixture has no annotation")
    _check_tags(found)
    return tuple(sorted(found, key=_order))


def read_text(path: str, text: str) -> list[Expectation]:
    """The annotations of one file, in order; AnnotationError if one is wrong."""
    found: list[Expectation] = []
    for match in _LEXEME.finditer(text):
        comment = match["comment"]
        if comment and _RULE.search(comment):
            line = text.count("\n", 0, match.start()) + 1
            begin = text.rfind("\n", 0, match.start()) + 1
            if not text[begin : match.start()].strip():
                raise AnnotationError(f"{path}:{line}: an annotation trails behind code")
            body = comment[2:].removesuffix("*/").strip()
            found += [_parse(path, line, part.strip()) for part in body.split(";")]
    return found


def _order(item: Expectation) -> tuple[str, int, str, str, str]:
    return (item.path, item.line, item.word, item.rule, item.tag)


# "want FPU101 error =a: why" -> Expectation
def _parse(path: str, line: int, text: str) -> Expectation:
    match = _WORD.fullmatch(text)
    if not match or match["word"] not in _WORDS:
        raise AnnotationError(f"{path}:{line}: a comment that names a rule must be an annotation, not {text!r}")
    claims, colon, reason = match["rest"].partition(":")
    expectation = Expectation(path, line, match["word"], match["rule"], reason=reason.strip())
    for claim in claims.split():
        expectation = _with_claim(expectation, claim)
    return _checked(expectation, has_reason=bool(colon and reason.strip()))


def _with_claim(item: Expectation, claim: str) -> Expectation:
    key, equals, value = claim.partition("=")
    if not equals and claim in _SEVERITIES:
        return replace(item, severity=_SEVERITIES[claim])
    if not equals and claim in _FLAGS:
        return replace(item, **{_FLAGS[claim]: True})  # type: ignore[arg-type] # a name of _FLAGS is a bool field
    if value and key == "bits":
        return replace(item, bits=_bits(value))
    if value and key in _TEXTS:
        return replace(item, **{_TEXTS[key]: value})  # type: ignore[arg-type] # a name of _TEXTS is a str field
    raise AnnotationError(f"{item.path}:{item.line}: {claim!r} says nothing")


# "*" stays as a bit name that no tree has, until _exact() makes it None.
def _bits(value: str) -> frozenset[str]:
    names: set[str] = set()
    for name in value.split(","):
        names.update(_SUPERVISOR if name == "SUPERVISOR" else (name,))
    return frozenset(names)


def _checked(item: Expectation, *, has_reason: bool) -> Expectation:
    where = f"{item.path}:{item.line}"
    if item.word in ("ok", "todo-want", "todo-ok") and not has_reason:
        raise AnnotationError(f"{where}: {item.word} needs a reason behind a colon")
    verdict = (item.severity, item.bits, item.kernel_format, item.unknown)
    if item.word in ("want", "todo-want"):
        return _exact(item, where)
    if any(claim is not None for claim in verdict) or item.side or item.sink or item.source:
        raise AnnotationError(f"{where}: only want and todo-want describe a verdict")
    if item.word in ("source", "step") and not item.tag:
        raise AnnotationError(f"{where}: {item.word} needs a tag")
    return item


# With a severity the verdict is complete: what is not named must not survive.
def _exact(item: Expectation, where: str) -> Expectation:
    if item.severity is None:
        return item
    survives = bool(item.bits or item.kernel_format or item.unknown)
    if item.rule in _BY_PLACE and not survives:
        return replace(item, bits=frozenset(), kernel_format=False, unknown=False)
    if item.rule not in _GRADED and (item.severity is Severity.ERROR) != survives:
        raise AnnotationError(f"{where}: an error says what survives (bits=, format, unknown), nothing else does")
    bits = item.bits if item.bits is not None else frozenset()
    return replace(
        item,
        bits=None if "*" in bits else bits,
        kernel_format=bool(item.kernel_format),
        unknown=bool(item.unknown),
    )


def _check_tags(found: Sequence[Expectation]) -> None:
    sinks = {(item.rule, item.tag) for item in found if item.word in ("want", "todo-want") and item.tag}
    sources = {(item.rule, item.tag) for item in found if item.word == "source"}
    for item in found:
        key = (item.rule, item.tag)
        if item.word in ("want", "todo-want") and item.tag and key not in sources:
            raise AnnotationError(f"{item.path}:{item.line}: no source has the tag ={item.tag} of {item.rule}")
        if item.word in ("source", "step") and key not in sinks:
            raise AnnotationError(f"{item.path}:{item.line}: no want has the tag ={item.tag} of {item.rule}")


# --- comparing -------------------------------------------------------------------


@dataclass(slots=True)
class _Spot:
    """Everything about one line and rule."""

    wants: list[Expectation] = field(default_factory=list)
    todos: list[Expectation] = field(default_factory=list)
    oks: list[Expectation] = field(default_factory=list)
    todo_oks: list[Expectation] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


_Sources = Mapping[tuple[str, str], frozenset[tuple[str, int]]]


def compare(expectations: Iterable[Expectation], findings: Iterable[Finding]) -> tuple[Difference, ...]:
    """What differs between the annotations and the findings, sorted; empty if each meets the other."""
    expected = tuple(expectations)
    sources = _sources(expected)
    spots = _spots(expected, findings)
    differences: list[Difference] = []
    reported: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for spot in spots.values():
        pairs = _pair(spot.wants, spot.findings, sources)
        for index, want in enumerate(spot.wants):
            if index in pairs and want.tag:
                reported[want.rule, want.tag].append(spot.findings[pairs[index]])
        differences += _judge(spot, pairs, sources)
    differences += _path_differences(expected, reported)
    return tuple(sorted(differences, key=lambda item: (item.path, item.line, item.rule, item.sign == "+", item.what)))


def render(differences: Iterable[Difference]) -> str:
    """The diff as text, one line each, for the message of an assertion."""
    return "\n".join(("expected (-) and found (+) differ:", *(str(difference) for difference in differences)))


def _sources(expected: Sequence[Expectation]) -> _Sources:
    lines: dict[tuple[str, str], set[tuple[str, int]]] = defaultdict(set)
    for item in expected:
        if item.word == "source":
            lines[item.rule, item.tag].add((item.path, item.line))
    return {key: frozenset(places) for key, places in lines.items()}


def _spots(expected: Sequence[Expectation], findings: Iterable[Finding]) -> dict[tuple[str, int, str], _Spot]:
    spots: dict[tuple[str, int, str], _Spot] = defaultdict(_Spot)
    for item in expected:
        spot = spots[item.spot]
        lists = {"want": spot.wants, "todo-want": spot.todos, "ok": spot.oks, "todo-ok": spot.todo_oks}
        if item.word in lists:
            lists[item.word].append(item)
    for finding in findings:
        spots[finding.location.path, finding.location.line, finding.rule].findings.append(finding)
    return spots


# A maximum matching: index of the want -> index of its finding.
def _pair(wants: Sequence[Expectation], findings: Sequence[Finding], sources: _Sources) -> dict[int, int]:
    owner: dict[int, int] = {}

    def place(want: int, tried: set[int]) -> bool:
        for index, finding in enumerate(findings):
            if index in tried or any(_misfits(wants[want], finding, sources)):
                continue
            tried.add(index)
            if index not in owner or place(owner[index], tried):
                owner[index] = want
                return True
        return False

    for want in range(len(wants)):
        place(want, set())
    return {want: finding for finding, want in owner.items()}


# What keeps a finding from meeting a want, in words.
def _misfits(want: Expectation, finding: Finding, sources: _Sources) -> Iterator[str]:
    if want.severity is not None and want.severity is not finding.severity:
        yield f"is {finding.severity.label}"
    yield from _misfits_of_content(want, finding.surviving)
    if want.side and want.side != finding.side:
        yield f"side={finding.side}"
    if want.sink and want.sink != _member(finding.sink):
        yield f"sink is {finding.sink.place}"
    if want.source and want.source != _member(finding.source):
        yield f"source is {finding.source.place}"
    if want.tag and _line(finding.source) not in sources[want.rule, want.tag]:
        yield f"source is {finding.source.place} at {finding.source.location.path}:{finding.source.location.line}"


def _misfits_of_content(want: Expectation, surviving: Surviving) -> Iterator[str]:
    if want.bits is not None and want.bits != frozenset(surviving.bits):
        yield "bits=" + (",".join(surviving.bits) or "none")
    if want.kernel_format is not None and want.kernel_format != surviving.kernel_format:
        yield "kernel format survives" if surviving.kernel_format else "no kernel format survives"
    if want.unknown is not None and want.unknown != surviving.unknown:
        yield "content is unknown" if surviving.unknown else "content is known"


def _member(place: Place) -> str:
    return re.split(r"\.|->", place.place)[-1]


def _line(place: Place) -> tuple[str, int]:
    return (place.location.path, place.location.line)


def _judge(spot: _Spot, pairs: Mapping[int, int], sources: _Sources) -> Iterator[Difference]:
    rest = [finding for index, finding in enumerate(spot.findings) if index not in pairs.values()]
    for index, want in enumerate(spot.wants):
        if index not in pairs:
            but = " | ".join("; ".join(_misfits(want, finding, sources)) for finding in rest)
            yield _missing(want, f"want {want}" + (f", but the finding {but}" if but else ", found nothing"))
    if not spot.todos and not spot.todo_oks:
        yield from (_unexpected(finding, spot) for finding in rest)
    yield from _judge_todos(spot, rest, sources)


# Both are strict: what works now must lose its "todo-".
def _judge_todos(spot: _Spot, rest: Sequence[Finding], sources: _Sources) -> Iterator[Difference]:
    for todo in spot.todos:
        if any(not any(_misfits(todo, finding, sources)) for finding in rest):
            yield _missing(todo, "todo-want is met now: make it a want")
    if not rest:
        yield from (_missing(todo, "todo-ok is silent now: make it an ok") for todo in spot.todo_oks)


def _missing(item: Expectation, what: str) -> Difference:
    return Difference(item.path, item.line, item.rule, "-", item.tag, what)


def _unexpected(finding: Finding, spot: _Spot) -> Difference:
    surviving = finding.surviving
    verdict = Expectation(
        "",
        0,
        "want",
        finding.rule,
        severity=finding.severity,
        bits=frozenset(surviving.bits),
        kernel_format=surviving.kernel_format,
        unknown=surviving.unknown,
        side=finding.side,
    )
    source = f"{finding.source.place} ({finding.source.location.path}:{finding.source.location.line})"
    reason = f" although ok: {spot.oks[0].reason}" if spot.oks else ""
    what = f"{verdict} from {source} into {finding.sink.place}{reason}"
    return Difference(finding.location.path, finding.location.line, finding.rule, "+", "", what)


# Every source and step of a tag that was found must be named by one of its findings.
def _path_differences(
    expected: Sequence[Expectation], reported: Mapping[tuple[str, str], Sequence[Finding]]
) -> Iterator[Difference]:
    for item in expected:
        if item.word not in ("source", "step"):
            continue
        findings = reported.get((item.rule, item.tag), ())
        if findings and (item.path, item.line) not in set(_visited(item.word, findings)):
            yield _missing(item, f"no trace to ={item.tag} has this {item.word}")


def _visited(word: str, findings: Sequence[Finding]) -> Iterator[tuple[str, int]]:
    for finding in findings:
        if word == "source":
            yield from (_line(place) for place in (finding.source, *finding.other_sources))
        else:
            yield from ((step.location.path, step.location.line) for step in finding.trace)
