"""Small git repositories for tests, made without anybody's git configuration."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MAKEFILE = "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\n"
FPU = "arch/x86/kernel/fpu"
CORE = f"{FPU}/core.c"


def environment() -> dict[str, str]:
    """The environment in which tests run git: no configuration, and no repository that they may run inside of."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    person = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "A Developer"), ("EMAIL", "dev@example.org"), ("DATE", "2024-01-02T03:04:05Z"))
    }
    return {**kept, **person, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree in `folder`."""

    folder: Path

    def git(self, *arguments: str | Path, data: bytes = b"") -> str:
        """Run git there; gives its output without the last line break."""
        command = ["git", "-C", str(self.folder), *map(str, arguments)]
        done = subprocess.run(command, env=environment(), input=data, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().removesuffix("\n")

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Write files, or remove them."""
        for path, text in files.items():
            file = self.folder / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode() if isinstance(text, str) else text)

    def commit(self, files: Mapping[str, str | bytes | None], subject: str = "change") -> str:
        """Write files and commit all there is; gives the id."""
        self.write(files)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def make_repository(folder: Path, files: Mapping[str, str | bytes | None] | None = None) -> Repository:
    """Make a repository; with `files`, the first commit holds these."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Repository(folder)
    made.git("init", "--quiet", "-b", "main")
    if files is not None:
        made.commit(files, "start")
    return made


def kernel_files(**more: str | bytes) -> dict[str, str | bytes | None]:
    """The least that is a kernel tree, with a core.c of twenty lines."""
    lines = "".join(f"int line_{number};\n" for number in range(1, 21))
    return {"Makefile": MAKEFILE, CORE: lines, f"{FPU}/xstate.h": "int header;\n", **more}
