"""The page for data scientists names commands, options and files that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from pipeline.cli.app import app

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "retraining.md").read_text(encoding="utf8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S)
    for line in block.splitlines()
    if line.startswith("spur ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_has_the_options_it_is_shown_with(line: str) -> None:
    pytest.importorskip("mlflow")
    pytest.importorskip("torch")
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    context = typer.Context(command)
    while hasattr(command, "get_command"):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {o for p in command.params for o in (*p.opts, *p.secondary_opts)}
    assert {w for w in words if w.startswith("--")} <= known


@pytest.mark.parametrize("path", sorted(set(re.findall(r"(?:pipeline|configs|data)/[\w./-]*\w", PAGE))))
def test_every_file_that_is_named_is_there(path: str) -> None:
    assert (ROOT / path).exists()
