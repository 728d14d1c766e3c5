"""What tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time, so that a build fails only for what changed; without it, new ones are sought.
settings.register_profile("ci", derandomize=True, print_blob=True)

ROOT = Path(__file__).resolve().parents[1]

# What is tested of commands, pages and files does not hang on which model reads; the linear one is quicker. Tests of the
# shipped BERT name it, or take this away.
os.environ.setdefault("SPUR_MODEL", "baseline")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's shared material (real reports, evaluation scripts); skips where it is absent."""
    folder = Path(os.environ.get("SPUR_SHARED") or ROOT.parent / "shared").resolve()
    if not (folder / "eval" / "score.py").is_file():
        pytest.skip("shared material is absent (set SPUR_SHARED)")
    return folder
