"""The command `spur`.

Modules of commands are imported when a command of theirs runs, so that help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> None:
    """Runs `spur` with the given arguments, by default the process's own; ends the process with its exit
    code.
    """
    from pipeline.cli.app import run  # noqa: PLC0415 - typer and rich only when the command runs

    sys.exit(run(list(sys.argv[1:] if args is None else args)))
