"""Where the product's own files lie: in the wheel as package data, in a clone beside the package."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

PACKAGE = Path(__file__).resolve().parent


def assets(kind: str) -> Path:
    """Folder of shipped files of one kind: `configs`, `models` or `data`.

    Raises FileNotFoundError where the installation lacks it.
    """
    for root in (PACKAGE / "_assets", PACKAGE.parent):
        if (folder := root / kind).is_dir():
            return folder
    raise FileNotFoundError(f"the installation lacks its folder {kind!r}: install the package again")


def home() -> Path:
    """Folder of the user's own data (store, caches, MLflow): `$SPUR_HOME`, else the platform's."""
    return Path(os.environ.get("SPUR_HOME") or platformdirs.user_data_dir("spur", appauthor=False))
