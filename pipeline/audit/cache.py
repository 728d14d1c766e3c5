"""Drafts on disk by what they were made from, so that an audit that was cut goes on where it was.

One gzipped JSON file a draft. A key holds all that a draft depends on but the day on which the plan is judged, which an
audit judges anew: content and kind of file, model, criteria, policy with its learnt layer, and the code and configs that
draft, so that no other version's drafts are taken for this one's.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter

from pipeline import __version__
from pipeline.drafting import Drafter
from pipeline.findings.base import FindingsModel, SentenceInput
from pipeline.report import Draft
from pipeline.resources import PACKAGE, assets, home

_BLOCK = 1 << 20
_PROBE = (
    "Handledningen är schemalagd varje vecka.",
    "Kompetensen bedöms inte.",
    "Detta planeras till hösten.",
)
_DRAFTING = ("reading", "parsing", "findings", "grading")  # rooms that make a draft


@cache
def _adapter() -> TypeAdapter[Draft]:
    return TypeAdapter(Draft)


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


@cache
def _program() -> str:
    """Digest of what drafts: the package's code, the shipped configs, the shipped models' manifests."""
    files = [
        *(p for part in _DRAFTING for p in sorted((PACKAGE / part).rglob("*.py"))),
        *sorted(PACKAGE.glob("*.py")),
        *sorted(assets("configs").rglob("*.yaml")),
        *sorted(assets("models").rglob("manifest.json")),
    ]
    content = hashlib.sha256(__version__.encode())
    for path in files:
        content.update(path.read_bytes())
    return content.hexdigest()


def _answers(model: FindingsModel) -> str:
    """Digest of what a model says of a few sentences: one that was trained on may bear the same name and version."""
    said = model.predict([SentenceInput(text, "E", "probe") for text in _PROBE])
    return hashlib.sha256(np.round(said, 3).astype(np.float32).tobytes()).hexdigest()


@dataclass(frozen=True)
class Cache:
    """Drafts of one drafter under `folder`. Files can be removed at any time: they are then made again."""

    folder: Path
    drafter: str

    @classmethod
    def of(cls, drafter: Drafter, folder: Path | None = None) -> Cache:
        """The cache of a drafter, by default under the user's own data."""
        model = drafter.model
        parts = (
            _program(),
            model.info.name,
            model.info.version,
            hashlib.sha256(model.thresholds.tobytes()).hexdigest(),
            _answers(model),
            repr(drafter.catalogue),
            repr(drafter.policy),
        )
        return cls(folder or home() / "cache" / "audit", _digest(parts))

    def key(self, path: Path) -> str:
        """The key of a file as it is now. Raises OSError where it cannot be read."""
        content = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                content.update(block)
        return _digest((self.drafter, path.suffix.lower(), content.hexdigest()))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json.gz"

    def get(self, key: str) -> Draft | None:
        """The draft of a key, without its text; None where there is none that can be read."""
        try:
            return _adapter().validate_json(gzip.decompress(self._path(key).read_bytes()))
        except (OSError, EOFError, zlib.error, ValueError):  # a damaged file is made again
            return None

    def put(self, key: str, draft: Draft) -> None:
        """Keeps a draft, whole or not at all. Raises OSError where the folder cannot be written."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(gzip.compress(_adapter().dump_json(replace(draft, text="")), 1, mtime=0))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
