"""What a recipe trains: told by its key `kind`, before the libraries of that kind are imported."""

from __future__ import annotations

from pathlib import Path

import yaml

from pipeline.report import SpurError

KINDS = ("findings", "grades", "sweep")


def kind_of(path: Path) -> str:
    """The kind of a recipe file; findings where it does not say.

    Raises SpurError where the file is missing, no mapping, or of a kind that is not known.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf8"))
    except OSError as e:
        raise SpurError(f"no training recipe {path}: see configs/train/") from e
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        raise SpurError(f"{path}: not readable as YAML ({e})") from e
    if not isinstance(raw, dict):
        raise SpurError(f"{path}: no recipe; see configs/train/ for the keys")
    kind = str(raw.get("kind", KINDS[0]))
    if kind not in KINDS:
        raise SpurError(f"{path}: kind {kind!r} should be one of {', '.join(KINDS)}")
    return kind
