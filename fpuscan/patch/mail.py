"""Patches out of mails: one diff, one mail, or the mbox of a whole series.

Bodies are decoded as their mail says (quoted-printable, base64), a series is
put into the order of its numbers; cover letters and replies are left out.
"""

from __future__ import annotations

import email
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from email.header import decode_header, make_header
from email.message import Message

from fpuscan.patch.diff import FileDiff, PatchError, parse_diff

__all__ = ["Patch", "read_patches"]

# The line between two mails of an mbox, as git's mailsplit knows it: a sender and a time.
_SEPARATOR = re.compile(rb"^From \S.*\d\d:\d\d(?::\d\d)?.*\d{4}.*\r?\n", re.MULTILINE)
_HEADER = re.compile(rb"\s*(?:(?!\s)[!-9;-~]+:[^\n]*\n(?:[ \t][^\n]*\n)*)*?(?:From|Subject|Message-ID):", re.IGNORECASE)
_TAG = re.compile(r"\[([^\]]*)\]")
_NUMBER = re.compile(r"(?<!\S)(\d{1,4})/(\d{1,4})(?!\S)")
_VERSION = re.compile(r"(?<![^\s,])v(\d{1,3})(?![^\s,])|PATCHv(\d{1,3})", re.IGNORECASE)
_REPLY = re.compile(r"\s*(?:re|aw|sv|vs|antw|fwd?)\s*(?:\[\d+\])?:", re.IGNORECASE)
_DIFF_TYPES = {"application/x-patch", "application/x-diff"}
_DIFF_NAMES = (".patch", ".diff")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: ``name`` for people (the subject, else where it came from), what it changes, its place in the series.

    ``number`` and ``total`` are those of ``[PATCH number/total]``, 0 where there are none.
    """

    name: str
    files: tuple[FileDiff, ...]
    number: int = 0
    total: int = 0
    version: int = 1


def read_patches(data: bytes, origin: str) -> tuple[Patch, ...]:
    """Read all patches of a file, in the order in which they apply.

    `origin` names the file in messages. Raises PatchError if there is no patch
    in it, if one is damaged, or if it is no one series.
    """
    if data.startswith(_GZIP):
        raise PatchError(f"{origin}: is compressed; gzip -dc FILE | fpuscan --patch -")
    mails = tuple(_mails(data))
    if not mails:
        patches = [Patch(origin, _parsed(data, origin))]
    else:
        patches = [patch for mail in _once(mails) if (patch := _patch(mail, origin)) is not None]
    found = [patch for patch in patches if patch.files]
    if not found:
        detail = f" (no mail of {len(mails)} that is neither a cover letter nor a reply has a diff)" if mails else ""
        raise PatchError(f"{origin}: holds no patch{detail}")
    return _in_order(found, origin)


def _mails(data: bytes) -> Iterator[Message]:
    starts = [match for match in _SEPARATOR.finditer(data) if _begins_mail(data, match.start())]
    if starts and not data[: starts[0].start()].strip():
        ends = [match.start() for match in starts[1:]] + [len(data)]
        for match, end in zip(starts, ends, strict=True):
            yield email.message_from_bytes(data[match.end() : end])
    elif _HEADER.match(data):
        yield email.message_from_bytes(data.lstrip())


# In a commit message "From ..." may begin a line, too; a mail begins behind an empty line.
def _begins_mail(data: bytes, start: int) -> bool:
    return start == 0 or data[max(0, start - 3) : start].endswith((b"\n\n", b"\n\r\n")) or not data[:start].strip()


# A mail to two lists is two mails of one name in an mbox that holds both.
def _once(mails: Sequence[Message]) -> Iterator[Message]:
    seen = set()
    for mail in mails:
        name = (str(mail.get("Message-ID", "")).strip(), _body(mail))
        if not name[0] or name not in seen:
            seen.add(name)
            yield mail


def _patch(mail: Message, origin: str) -> Patch | None:
    subject = _subject(mail)
    if _REPLY.match(subject):
        return None
    tags = " ".join(_TAG.findall(subject))
    number = _NUMBER.search(tags)
    version = _VERSION.search(tags)
    if number and int(number[1]) == 0:
        return None  # the cover letter
    name = subject or origin
    return Patch(
        name=name,
        files=_files(mail, f"{origin}: {name}" if subject else origin),
        number=int(number[1]) if number else 0,
        total=int(number[2]) if number else 0,
        version=int(version[1] or version[2]) if version else 1,
    )


# A body may say that it is flowed when it is not; git am takes it at its word, and so does a patch that can be read.
def _files(mail: Message, origin: str) -> tuple[FileDiff, ...]:
    if any(part.get_param("format") == "flowed" for part in mail.walk()):
        with suppress(PatchError):
            return parse_diff(_body(mail, flowed=True))
    return _parsed(_body(mail), origin)


def _parsed(text: bytes, origin: str) -> tuple[FileDiff, ...]:
    try:
        return parse_diff(text)
    except PatchError as error:
        raise PatchError(f"{origin}: {error}") from error


def _subject(mail: Message) -> str:
    raw = mail.get("Subject", "")
    try:
        text = str(make_header(decode_header(raw)))
    except (LookupError, ValueError):  # an unknown charset or a damaged encoded word
        text = str(raw)
    return " ".join(text.split())


# The text of a mail as bytes; of several parts all that may hold a diff, one behind the other.
def _body(mail: Message, *, flowed: bool = False) -> bytes:
    parts = []
    for part in mail.walk():
        payload = part.get_payload(decode=True) if not part.is_multipart() and _may_hold_a_diff(part) else None
        if isinstance(payload, bytes):
            joined = flowed and part.get_param("format") == "flowed"
            parts.append(_unflowed(payload, delete=part.get_param("delsp") == "yes") if joined else payload)
    return b"\n".join(parts)


def _may_hold_a_diff(part: Message) -> bool:
    kind = part.get_content_type()
    name = (part.get_filename() or "").lower()
    return kind in _DIFF_TYPES or name.endswith(_DIFF_NAMES) or (kind.startswith("text/") and kind != "text/html")


# RFC 3676: a blank that was put in front of a line is taken off, and a line that ends in one goes on in the next.
def _unflowed(text: bytes, *, delete: bool) -> bytes:
    joined = []
    for line in text.splitlines(keepends=True):
        body = line.rstrip(b"\r\n")
        stuffed = body.removeprefix(b" ")
        if body == b"-- " or not stuffed.endswith(b" "):
            joined += [body if body == b"-- " else stuffed, line[len(body) :]]
        else:
            joined.append(stuffed[:-1] if delete else stuffed)
    return b"".join(joined)


# A file may hold one series in any order; several series, or patches without numbers, stay as they come.
def _in_order(patches: Sequence[Patch], origin: str) -> tuple[Patch, ...]:
    series: dict[tuple[int, int], list[Patch]] = {}
    for patch in patches:
        key = (patch.total, patch.version) if patch.number else (0, 0)
        series.setdefault(key, []).append(patch)
    versions = sorted({version for total, version in series if total})
    if len(versions) > 1:
        listed = " and ".join(f"v{version}" for version in versions)
        raise PatchError(f"{origin}: holds {listed} of a series; give one version (b4 am picks the newest)")
    ordered: list[Patch] = []
    for (total, _), found in series.items():
        members = _each_once(found) if total else found
        twice = [number for number, times in Counter(patch.number for patch in members).items() if times > 1]
        if total and twice:
            raise PatchError(f"{origin}: holds patch {twice[0]}/{total} twice; give one series at a time")
        ordered += sorted(members, key=lambda patch: patch.number) if total else members
    return tuple(ordered)


# Without those that were sent again, whatever is said about them now.
def _each_once(patches: Sequence[Patch]) -> list[Patch]:
    first: dict[int, Patch] = {}
    return [
        patch
        for patch in patches
        if (former := first.setdefault(patch.number, patch)) is patch or _changes(former) != _changes(patch)
    ]


# What a patch does, wherever in its text that stands.
def _changes(patch: Patch) -> list[FileDiff]:
    return [replace(file, line=0, hunks=tuple(replace(hunk, line=0) for hunk in file.hunks)) for file in patch.files]
