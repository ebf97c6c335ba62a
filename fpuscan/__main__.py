"""``python -m fpuscan`` and the console script."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command on sys.argv, and leave with its exit status.

    One command is the whole life of the process: the million objects of a scan are neither searched for
    garbage nor freed one by one, which would take a tenth of the time.
    """
    gc.disable()
    try:
        from fpuscan.cli import run  # noqa: PLC0415 - a Ctrl-C while modules load is met here

        status = run(sys.argv[1:])  # it has flushed what it wrote
    except KeyboardInterrupt:
        os.write(2, b"fpuscan: interrupted\n")
        status = 130
    os._exit(status)


if __name__ == "__main__":
    main()
