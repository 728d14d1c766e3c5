"""Assembles `spur` from its command modules, each imported when it is asked for, and turns errors into
lines and codes.

Exit codes: 0 done; 1 some file could not be processed (the others were); 2 wrong usage, or a path that does
not exist.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import sys
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperGroup

from pipeline import __version__
from pipeline.cli.output import EXTRAS, Failed, error
from pipeline.report import SpurError

# command → the module that has it as its typer app `app`, or in its dict `apps` by the command's name
COMMANDS: Mapping[str, str] = {
    "grade": "pipeline.cli.grade",
    "parse": "pipeline.cli.parse",
    "classify": "pipeline.cli.classify",
    "archive": "pipeline.cli.archive",
    "search": "pipeline.cli.search",
    "audit": "pipeline.cli.audit",
    "serve": "pipeline.cli.serve",
    "accounts": "pipeline.cli.accounts",
    "dataset": "pipeline.cli.dataset",
    "corrections": "pipeline.cli.corrections",
    "encoder": "pipeline.cli.training",
    "train": "pipeline.cli.training",
    "export": "pipeline.cli.training",
    "evaluate": "pipeline.cli.training",
    "promote": "pipeline.cli.promotion",
}


def _there(name: str) -> bool:
    """Whether the command's module is there; whether it has the command is told by importing it."""
    return importlib.util.find_spec(COMMANDS[name]) is not None


def _command(name: str) -> Any:
    try:
        module = importlib.import_module(COMMANDS[name])
    except ModuleNotFoundError as e:
        if EXTRAS.get((e.name or "").partition(".")[0]) is None:
            raise
        return typer.main.get_command(_lacking(e))
    apps: Mapping[str, typer.Typer] = getattr(module, "apps", {})
    app = apps.get(name) if apps else module.app
    return None if app is None else typer.main.get_command(app)


def _lacking(e: ModuleNotFoundError) -> typer.Typer:
    """Stands for a command whose library is not installed, so that it is in the help and says what to do."""
    stub = typer.Typer(add_completion=False, rich_markup_mode=None)
    extra = EXTRAS[(e.name or "").partition(".")[0]]

    @stub.command(
        help=f"Needs the extra {extra}: pip install 'spur-pipeline[{extra}]'.",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def lacking() -> None:
        raise e

    return stub


class _Lazy(TyperGroup):
    """The group of all commands; imports a command's module when the command, or its help, is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name in COMMANDS if self.get_command(ctx, name) is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS or not _there(cmd_name):
            return None
        command = _command(cmd_name)
        if command is not None:
            command.name = cmd_name
        return command


app = typer.Typer(cls=_Lazy, add_completion=False, no_args_is_help=True, rich_markup_mode=None)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"spur {__version__}")
        raise typer.Exit


@app.callback()
def _spur(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Reads Swedish SPUR reports, finds what they tell of each criterion, and drafts a grade A-D for each
    area.
    """


def run(args: list[str]) -> int:
    """Runs one command line and gives its exit code. What goes wrong is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf8", errors="replace")  # Swedish on a terminal of any locale
    try:
        typer.main.get_command(app).main(args, prog_name="spur")
    except SystemExit as e:
        # how click ends, well or with a usage error (2), a broken pipe (1), an interruption (1)
        return e.code if isinstance(e.code, int) else int(e.code is not None)
    except Failed as e:
        return e.code
    except SpurError as e:
        error(str(e))
        return 2
    except ModuleNotFoundError as e:
        extra = EXTRAS.get((e.name or "").partition(".")[0])
        if extra is None:
            raise
        error(f"kommandot behöver {e.name}: installera med  pip install 'spur-pipeline[{extra}]'")
        return 2
    return 0
