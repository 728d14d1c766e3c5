"""Sentences in, findings out: which criteria a sentence tells of, and with which status."""

from __future__ import annotations

from pathlib import Path

from pipeline.catalogue import Catalogue
from pipeline.findings import champion, manifest
from pipeline.findings.base import FindingsModel, SentenceInput, decide
from pipeline.report import SpurError
from pipeline.resources import assets

__all__ = ["FindingsModel", "SentenceInput", "available", "decide", "load"]


def available() -> dict[str, Path]:
    """The shipped findings models by name."""
    folders = sorted(p.parent for p in assets("models").glob(f"*/{manifest.FILE}"))
    return {f.name: f for f in folders}


def load(name_or_folder: str | Path, catalogue: Catalogue) -> FindingsModel:
    """The findings model of a name (shipped, or `champion`: the promoted one) or of a folder, for the criteria of
    `catalogue`.

    Raises SpurError (in Swedish) where there is none, or it is damaged or foreign.
    """
    shipped = available()
    if str(name_or_folder) == champion.NAME:
        folder = champion.folder()
    else:
        folder = shipped.get(str(name_or_folder), Path(name_or_folder))
    if not folder.exists():
        names = ", ".join(shipped) or "inga levererade"
        raise SpurError(
            f"modellen {str(name_or_folder)!r} finns inte; ange en av {names}, eller en modellmapp"
        )
    kind = manifest.read(folder).kind
    if kind == "baseline":
        from pipeline.findings import baseline  # noqa: PLC0415  each kind brings its own libraries

        return baseline.load(folder, catalogue)
    if kind == "bert":
        from pipeline.findings import bert  # noqa: PLC0415

        return bert.load(folder, catalogue)
    raise SpurError(f"{folder}: modellslaget {kind!r} är okänt; programmet läser baseline och bert")
