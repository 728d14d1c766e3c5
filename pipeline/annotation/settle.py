"""From what people said to training data: agreement where a sentence has several annotators, then one answer each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from pipeline.annotation.base import SIGN_OF, Annotated, Labels
from pipeline.catalogue import Catalogue
from pipeline.corpus.tsv import CorpusReport, Row
from pipeline.report import STATUSES, SpurError
from pipeline.training.evaluation import f1

NONE = "none"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators over the sentences that both labelled; None where undefined.

    `kappa`: Cohen's (1960), of none, met, partly, unmet over all pairs of sentence and criterion that either or the
    other told of anywhere, so that the many criteria which nobody names don't make it look better; `shortfall_f1`,
    `status_f1`: what models are judged by, one taken as the other's gold.
    """

    first: str
    second: str
    sentences: int
    same: int  # sentences with the same labels altogether
    kappa: float | None
    shortfall_f1: float | None
    status_f1: float | None
    by_criterion: dict[str, float | None]  # kappa of each criterion that either told of


@dataclass(frozen=True, slots=True)
class Tie:
    """A sentence whose annotators leave a criterion open: a person decides."""

    task: str
    text: str
    criterion: str
    votes: dict[str, str]  # annotator: status or none


@dataclass(frozen=True)
class Settled:
    """One answer for each sentence, as reports of the corpus; and what was left out."""

    reports: tuple[CorpusReport, ...]
    ties: tuple[Tie, ...]
    untouched: int  # tasks that nobody labelled


def check(records: Sequence[Annotated], catalogue: Catalogue) -> None:
    """Raises SpurError where a label is no criterion of the catalogue."""
    for r in records:
        for a in r.annotations:
            if foreign := sorted(set(a.labels) - set(catalogue.by_id)):
                raise SpurError(
                    f"{r.task.id} ({a.annotator}): {', '.join(foreign)} finns inte i katalogen {catalogue.name}"
                )


def _codes(told: Sequence[Labels], criteria: Sequence[str]) -> NDArray[np.int8]:
    return np.array([[1 + STATUSES.index(t[c]) if c in t else 0 for c in criteria] for t in told], np.int8)


def _kappa(a: NDArray[np.int8], b: NDArray[np.int8]) -> float | None:
    if len(np.union1d(a, b)) < 2:
        return None
    return float(cohen_kappa_score(a.ravel(), b.ravel()))


def agreement(records: Sequence[Annotated]) -> list[Agreement]:
    """Every pair of annotators that shares sentences, by name."""
    people = sorted({a.annotator for r in records for a in r.annotations})
    told = {
        p: {r.task.id: a.labels for r in records for a in r.annotations if a.annotator == p} for p in people
    }
    out = []
    for one, two in combinations(people, 2):
        both = [i for i in told[one] if i in told[two]]
        if not both:
            continue
        pairs = [(told[one][i], told[two][i]) for i in both]
        criteria = sorted({c for pair in pairs for t in pair for c in t})
        a, b = _codes([p[0] for p in pairs], criteria), _codes([p[1] for p in pairs], criteria)
        codes = np.arange(1, 4)[:, None, None]
        out.append(
            Agreement(
                one,
                two,
                len(both),
                sum(dict(x) == dict(y) for x, y in pairs),
                _kappa(a, b) if criteria else None,
                f1(a > 1, b > 1),
                f1(a == codes, b == codes),
                {c: _kappa(a[:, k], b[:, k]) for k, c in enumerate(criteria)},
            )
        )
    return out


def _answer(record: Annotated) -> tuple[dict[str, str], list[Tie]]:
    labels: dict[str, str] = {}
    ties = []
    for c in sorted({c for a in record.annotations for c in a.labels}):
        votes = {a.annotator: a.labels.get(c, NONE) for a in record.annotations}
        (first, most), *others = Counter(votes.values()).most_common()
        if others and others[0][1] == most:
            ties.append(Tie(record.task.id, record.task.text, c, votes))
        elif first != NONE:
            labels[c] = SIGN_OF[first]
    return labels, ties


def settle(records: Sequence[Annotated]) -> Settled:
    """The majority's labels of each sentence; one with a criterion that is tied is left out, and told."""
    rows: dict[str, list[tuple[int, Row]]] = {}
    ties, untouched = list[Tie](), 0
    for r in records:
        if not r.annotations:
            untouched += 1
            continue
        labels, open_ = _answer(r)
        ties += open_
        if not open_:
            place = int(m.group(1)) if (m := re.search(r"#(\d+)$", r.task.id)) else 0
            rows.setdefault(r.task.report, []).append((place, Row(r.task.section, r.task.text, labels)))
    reports = tuple(
        CorpusReport(
            name,
            {"report": name, "source": "annotation"},
            tuple(row for _, row in sorted(rs, key=lambda x: x[0])),
        )
        for name, rs in sorted(rows.items())
    )
    return Settled(reports, tuple(ties), untouched)
