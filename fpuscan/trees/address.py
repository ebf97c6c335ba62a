"""Where a repository can be found: an absolute URI that is safe to publish in a report.

Takes the URL of a remote as git's configuration has it, or a folder; gives an
absolute URI (RFC 3986) without user names, passwords, queries and fragments,
which may hold tokens.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

__all__ = ["address"]

_SCHEMES = frozenset({"https", "http", "git", "ssh", "git+ssh", "ssh+git", "ftp", "ftps", "file"})
_SCP = re.compile(r"(?:[^@/:]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+):(?!//|:)(?P<path>.*)")  # host:path, as scp has it


def address(url: str, git_dir: Path) -> str:
    """The URI of a remote's ``url``; of the repository's own folder where there is none, or none that can be shown."""
    return _remote(url.strip()) or _folder(git_dir).as_uri()


def _remote(url: str) -> str:
    if url.startswith("/"):
        return Path(url).as_uri()
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme in _SCHEMES and (parts.hostname or parts.scheme == "file"):
        host = parts.hostname or ""
        host = f"[{host}]" if ":" in host else host
        return urlunsplit((parts.scheme, host + port, quote(parts.path, safe="/%~:@+"), "", ""))
    scp = _SCP.fullmatch(url)
    return f"ssh://{scp['host']}/{quote(scp['path'].lstrip('/'), safe='/%~:@+')}" if scp is not None else ""


# What somebody would clone: the folder around .git, also of a linked worktree; a bare repository itself.
def _folder(git_dir: Path) -> Path:
    if git_dir.parent.name == "worktrees":
        git_dir = git_dir.parent.parent
    return git_dir.parent if git_dir.name == ".git" else git_dir
