"""The manifest of a model folder: what the model is, and proof that its files are whole.

`models/<name>/manifest.json` is written by training and read before any other file of the folder is opened.
Both kinds of findings model (baseline, bert) are checked here and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.report import SpurError

SCHEMA = 1
FILE = "manifest.json"
_CHUNK = 1 << 20
_REQUIRED = ("schema", "kind", "name", "version", "catalogue", "criteria", "files")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model folder says of itself.

    `criteria` maps criterion id to the wording it was trained on, in the order of the model's columns;
    `files` maps the name of each other file that the model needs to its SHA-256; `data` tells what it was
    trained on (with `hash`); `thresholds` maps criterion id to the least relevance that makes a finding;
    `settings` belongs to the kind.
    """

    kind: str
    name: str
    version: str
    catalogue: str
    criteria: Mapping[str, str]
    files: Mapping[str, str]
    data: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(_CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def checksums(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """SHA-256 of each named file of a folder, by name."""
    return {name: sha256(folder / name) for name in names}


def write(folder: Path, manifest: Manifest) -> Path:
    """Write `manifest.json` into `folder` (replaced in one step); its path."""
    path = folder / FILE
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1) + "\n", encoding="utf8")
    part.replace(path)
    return path


def _parsed(folder: Path) -> dict[str, Any]:
    path = folder / FILE
    if not folder.is_dir():
        raise SpurError(
            f"{folder}: modellmappen finns inte; ange en levererad modell eller en mapp "
            "som «spur export» har skrivit"
        )
    if not path.is_file():
        raise SpurError(
            f"{folder}: ingen modellmapp ({FILE} saknas); ange en mapp som «spur export» har skrivit"
        )
    try:
        raw = json.loads(path.read_text(encoding="utf8"))
    except (ValueError, UnicodeDecodeError) as e:
        raise SpurError(
            f"{path}: går inte att läsa som JSON ({e}); hämta eller exportera modellen på nytt"
        ) from e
    if not isinstance(raw, dict) or any(k not in raw for k in _REQUIRED):
        raise SpurError(f"{path}: beskriver ingen spur-modell; ange en mapp som «spur export» har skrivit")
    return raw


def require(folder: Path, manifest: Manifest, kind: str, files: Iterable[str]) -> None:
    """Refuse (SpurError, in Swedish) a manifest of another kind, or one that vouches for fewer files than its kind reads."""
    if manifest.kind != kind:
        raise SpurError(f"{folder}: mappen har en modell av slaget {manifest.kind!r}, inte {kind!r}")
    if missing := sorted(set(files) - set(manifest.files)):
        raise SpurError(
            f"{folder}: {FILE} saknar kontrollsumma för {', '.join(missing)}; hämta eller exportera modellen på nytt"
        )


def _verify(folder: Path, files: Mapping[str, str]) -> None:
    for name, wanted in files.items():
        path = folder / name
        if Path(name).name != name:
            raise SpurError(f"{folder}: {FILE} pekar utanför mappen ({name}); modellen läses inte")
        if not path.is_file():
            raise SpurError(f"{folder}: modellfilen {name} saknas; hämta eller exportera modellen på nytt")
        if sha256(path) != wanted:
            raise SpurError(
                f"{folder}: modellfilen {name} är skadad eller utbytt (kontrollsumman stämmer inte); "
                "hämta eller exportera modellen på nytt"
            )


def read(folder: Path) -> Manifest:
    """The manifest of a model folder, after its files' checksums have been verified.

    Raises SpurError (in Swedish) where the folder is no model folder, a file is missing or altered, or the
    schema is newer than this program.
    """
    raw = _parsed(folder)
    if raw["schema"] != SCHEMA:
        raise SpurError(
            f"{folder}: modellen har schema {raw['schema']!r}, programmet läser schema {SCHEMA}; "
            "uppgradera spur eller exportera modellen på nytt"
        )
    known = Manifest.__dataclass_fields__
    try:
        manifest = Manifest(**{k: v for k, v in raw.items() if k in known})
        _verify(folder, {str(k): str(v) for k, v in manifest.files.items()})
    except (TypeError, AttributeError) as e:
        raise SpurError(f"{folder / FILE}: fel slag av uppgifter ({e}); exportera modellen på nytt") from e
    return manifest
