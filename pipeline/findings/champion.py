"""The promoted model: copies of model folders in the user's data, and a pointer to the one in use. No MLflow needed.

    $SPUR_HOME/models/champion.json             the pointer: the current model, and those before it
    $SPUR_HOME/models/<name>/<version>/         a model folder, as `spur export` writes it

`spur promote` writes it; `--model champion` reads it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.findings import manifest
from pipeline.report import SpurError
from pipeline.resources import home

NAME = "champion"
SCHEMA = 1
FILE = "champion.json"


@dataclass(frozen=True, slots=True)
class Champion:
    """A promoted model: its folder is `models/<name>/<version>`, `manifest` the SHA-256 of its manifest (which vouches
    for every other file), `promoted` a UTC time."""

    name: str
    version: str
    manifest: str
    promoted: str

    @property
    def folder(self) -> Path:
        return root() / self.name / self.version


def root() -> Path:
    """Where promoted models lie."""
    return home() / "models"


def history() -> list[Champion]:
    """Every champion that a rollback can still reach, the current one last; empty where none was promoted.

    Raises SpurError (in Swedish) where the pointer is damaged.
    """
    path = root() / FILE
    if not path.is_file():
        return []
    try:
        raw = json.loads(path.read_text(encoding="utf8"))
        if raw["schema"] != SCHEMA:
            raise ValueError(f"schema {raw['schema']!r}")
        return [Champion(**c) for c in raw["champions"]]
    except (ValueError, KeyError, TypeError) as e:
        raise SpurError(
            f"{path}: går inte att läsa ({e}); befordra en modell på nytt med spur promote"
        ) from e


def folder() -> Path:
    """The champion's folder, its manifest as it was when it was promoted.

    Raises SpurError (in Swedish) where no model is promoted, or it has been altered since.
    """
    its = history()
    if not its:
        raise SpurError(
            "ingen modell är befordrad: utelämna --model (den levererade används), eller kör spur promote"
        )
    _verify(its[-1])
    return its[-1].folder


def _verify(champion: Champion) -> None:
    path = champion.folder / manifest.FILE
    if not path.is_file() or manifest.sha256(path) != champion.manifest:
        raise SpurError(
            f"{champion.folder}: den befordrade modellen saknas eller är ändrad; "
            "gå tillbaka med spur promote --rollback, eller befordra på nytt"
        )


def _write(champions: list[Champion]) -> None:
    path = root() / FILE
    content: Mapping[str, Any] = {"schema": SCHEMA, "champions": [asdict(c) for c in champions]}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf8")
    part.replace(path)


def install(source: Path, name: str, version: str) -> Champion:
    """Copy a model folder and make it the champion; what was it before can be returned to.

    The pointer changes last and in one step. Raises SpurError where the folder is damaged or the version is there with
    other content.
    """
    manifest.read(source)
    if {name, version} & {"", ".", ".."} or any(os.sep in x for x in (name, version)):
        raise SpurError(f"{name} {version}: kan inte vara en mapps namn")
    target = root() / name / version
    told = manifest.sha256(source / manifest.FILE)
    if target.exists():
        if not (target / manifest.FILE).is_file() or manifest.sha256(target / manifest.FILE) != told:
            raise SpurError(f"{target}: versionen finns redan med annat innehåll; ange en annan")
    else:
        part = target.with_name(f".{version}.part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(source, part)
        manifest.read(part)
        part.rename(target)
    champion = Champion(name, version, told, datetime.now(UTC).isoformat(timespec="seconds"))
    _write([*history(), champion])
    return champion


def rollback() -> Champion:
    """Make the champion before the current one the champion again.

    Raises SpurError where there is none, or it has been altered since.
    """
    its = history()
    if len(its) < 2:
        raise SpurError("ingen tidigare modell att gå tillbaka till")
    _verify(its[-2])
    _write(its[:-1])
    return its[-2]
