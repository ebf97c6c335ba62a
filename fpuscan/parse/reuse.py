"""Parsed files that several scans share.

Scans of neighbours, the commits of a range or a tree before and after a patch,
read the same bytes at the same path again and again. A parsed file is a frozen
value, so it holds for every tree that has these bytes there.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from fpuscan.parse.syntax import outline

if TYPE_CHECKING:
    from fpuscan.parse.normalise import Attributes
    from fpuscan.parse.source import SourceFile
    from fpuscan.parse.syntax import ParsedFile

__all__ = ["ParseCache"]

_VERSIONS = 3  # of one path; neighbours in a history are what is alike
_FRAGMENTS = 5000  # expanded macros; a scan of a real tree has some hundreds


class ParseCache:
    """The last few versions of every file that was parsed; memory grows with the tree, not with the number of scans."""

    def __init__(self) -> None:
        self._kept: dict[str, deque[tuple[Attributes, ParsedFile]]] = {}
        self._fragments: dict[tuple[bytes, Attributes], ParsedFile] = {}
        self.parsed = 0

    def parse(self, source: SourceFile, attributes: Attributes) -> ParsedFile:
        """Parse a file, or give what an earlier call made of the same bytes at the same path.

        What has no path is a fragment of C, such as an expanded macro.
        """
        if not source.path:
            return self._fragment(source, attributes)
        versions = self._kept.setdefault(source.path, deque(maxlen=_VERSIONS))
        for under, parsed in versions:
            if parsed.source.data == source.data and under == attributes:
                return parsed
        self.parsed += 1
        parsed = outline(source, attributes)
        versions.append((attributes, parsed))
        return parsed

    def _fragment(self, source: SourceFile, attributes: Attributes) -> ParsedFile:
        key = (source.data, attributes)
        if key not in self._fragments:
            if len(self._fragments) >= _FRAGMENTS:
                self._fragments.clear()
            self._fragments[key] = outline(source, attributes)
        return self._fragments[key]
