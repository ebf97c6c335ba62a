"""``python -m fpuscan`` and the console script."""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command on sys.argv; gives the exit status."""
    try:
        from fpuscan.cli import run  # noqa: PLC0415 - a Ctrl-C while modules load is met here

        return run(sys.argv[1:])
    except KeyboardInterrupt:
        os.write(2, b"fpuscan: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
