"""Search by meaning: nearness of a findings model's sentence vectors.

Only vectors of one model and version can be compared, so a query is read by the model that read the archive. The linear
baseline gives no vectors; what it has read is found in words only.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from pipeline import catalogue as catalogues
from pipeline import findings
from pipeline.findings import FindingsModel, SentenceInput, manifest
from pipeline.report import Draft, ModelInfo
from pipeline.store.schema import DraftRow, SentenceRow, VectorsRow

_BATCH = 400


@runtime_checkable
class SentenceVectors(Protocol):
    """A findings model that also gives vectors, such as `pipeline.findings.bert.Bert`."""

    @property
    def info(self) -> ModelInfo: ...

    def logits(self, sentences: Sequence[SentenceInput]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(anything, sentence vectors [n, width])."""
        ...


def vectors_of(model: FindingsModel, draft: Draft) -> NDArray[np.float32] | None:
    """The vectors [sentences, width] of a draft's sentences, each read in its context; None where the model has none."""
    if not isinstance(model, SentenceVectors):
        return None
    return model.logits([SentenceInput(s.text, s.section, "report") for s in draft.sentences])[1]


def models(session: Session) -> list[tuple[ModelInfo, str]]:
    """The models (with the catalogue) whose vectors the archive has of current drafts, the commonest first."""
    rows = session.execute(
        select(DraftRow.model, DraftRow.version, DraftRow.catalogue)
        .join(VectorsRow)
        .where(DraftRow.current)
        .group_by(DraftRow.model, DraftRow.version, DraftRow.catalogue)
        .order_by(func.count().desc(), DraftRow.model, DraftRow.version)
    )
    return [(ModelInfo(name, version), catalogue) for name, version, catalogue in rows]


def reader(session: Session) -> SentenceVectors | None:
    """The shipped model that most of the archive's vectors are of; None where there are none, or it is not shipped."""
    for info, catalogue in models(session):
        for name, folder in findings.available().items():
            told = manifest.read(folder)
            if (told.name, told.version) == (info.name, info.version):
                model = findings.load(name, catalogues.load(catalogue))
                if isinstance(model, SentenceVectors):
                    return model
    return None


def nearest(
    session: Session, query: str, model: SentenceVectors, allowed: Select[int] | None, depth: int
) -> list[int]:
    """Ids of the `depth` sentences nearest to the query, nearest first, of those `allowed` (None: all current).

    One draft's vectors are in memory at a time.
    """
    vector = model.logits([SentenceInput(query)])[1][0].astype(np.float32)
    vector /= np.linalg.norm(vector) or 1.0
    within = None if allowed is None else _positions(session, allowed)
    rows = session.execute(
        select(VectorsRow.draft_id, VectorsRow.data)
        .join(DraftRow, DraftRow.id == VectorsRow.draft_id)
        .where(
            DraftRow.current,
            DraftRow.model == model.info.name,
            DraftRow.version == model.info.version,
            VectorsRow.width == len(vector),
        )
        .execution_options(yield_per=50)
    )
    best: list[tuple[float, int, int]] = []  # (nearness, -draft, -position): a heap with the worst in front
    for draft, data in rows:
        near = np.frombuffer(data, "<f2").reshape(-1, len(vector)).astype(np.float32) @ vector
        places = np.arange(len(near)) if within is None else np.array(within.get(draft, []), np.int64)
        for place in places[np.argsort(-near[places], kind="stable")[:depth]]:
            item = (float(near[place]), -int(draft), -int(place))
            if len(best) < depth:
                heapq.heappush(best, item)
            elif item > best[0]:
                heapq.heapreplace(best, item)
            else:
                break
    return _ids(session, [(-d, -p) for _, d, p in sorted(best, reverse=True)])


def _positions(session: Session, allowed: Select[int]) -> dict[int, list[int]]:
    out: dict[int, list[int]] = {}
    query = select(SentenceRow.draft_id, SentenceRow.position).where(SentenceRow.id.in_(allowed))
    for draft, position in session.execute(query):
        out.setdefault(draft, []).append(position)
    return out


def _ids(session: Session, places: Sequence[tuple[int, int]]) -> list[int]:
    """Sentence ids of (draft, position), in the same order."""
    found: dict[tuple[int, int], int] = {}
    for some in (places[i : i + _BATCH] for i in range(0, len(places), _BATCH)):
        query = select(SentenceRow.draft_id, SentenceRow.position, SentenceRow.id).where(
            tuple_(SentenceRow.draft_id, SentenceRow.position).in_(some)
        )
        found |= {(d, p): key for d, p, key in session.execute(query)}
    return [found[place] for place in places]
