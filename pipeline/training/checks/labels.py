"""Labels that contradict each other, and labels that a model trained without them doubts.

Suspects are ranked by cleanlab (Northcutt et al. 2021, arXiv:1911.00068) on out-of-fold probabilities: each pair of
sentence and criterion is an example of none, met, partly or unmet. In a corpus whose absent labels are noisy most
suspects are labels that are missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.report import STATUSES, SpurError
from pipeline.training.checks.base import Problem, Split
from pipeline.training.labelled import Labelled
from pipeline.training.oof import OutOfFold

NAMES = ("none", *STATUSES)
_WORDS = re.compile(r"\w+")
_LEAST = 4  # words: shorter sentences lean on what stands around them


@dataclass(frozen=True, slots=True)
class Suspect:
    """A doubted label: what is labelled, what the model would say, and how little it believes the label."""

    report: str
    sentence: int
    section: str
    text: str
    criterion: str
    given: str
    likely: str
    confidence: float  # P(the given label), out of fold
    issue: bool  # confident learning counts it as wrong, not only doubtful


def conflicts(splits: Sequence[Split]) -> list[Problem]:
    """The same words in the same section with different labels, and reports that say a criterion is both met and unmet."""
    problems = []
    seen: dict[tuple[str, str], tuple[dict[str, str], str]] = {}
    for split in splits:
        for r in split.reports:
            signs: dict[str, set[str]] = {}
            for i, row in enumerate(r.rows):
                where = f"{split.name}/{r.id}, sentence {i}"
                words = _WORDS.findall(row.text.lower())
                for c, s in row.labels.items():
                    signs.setdefault(c, set()).add(s)
                if len(words) < _LEAST:
                    continue
                key = (row.section, " ".join(words))
                labels, home = seen.setdefault(key, (dict(row.labels), where))
                if labels != dict(row.labels):
                    what = f"labelled {_shown(row.labels)}, in {home} {_shown(labels)}: «{row.text}»"
                    problems.append(Problem("warning", "conflict", where, what))
            if both := sorted(c for c, s in signs.items() if {"+", "-"} <= s):
                what = f"{', '.join(both)}: met in one sentence, unmet in another"
                problems.append(Problem("warning", "contradiction", f"{split.name}/{r.id}", what))
    return problems


def _shown(labels: object) -> str:
    return " ".join(f"{c}{s}" for c, s in dict(labels).items()) or "none"  # type: ignore[call-overload]


def distributions(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """[..., 4] over none, met, partly, unmet of probabilities [..., 3], summing to 1, none of them 0."""
    p = np.asarray(probabilities, np.float64)
    full = np.concatenate([1 - p.sum(-1, keepdims=True), p], axis=-1).clip(1e-6, 1)
    return np.asarray(full / full.sum(-1, keepdims=True))


def suspects(data: Labelled, oof: OutOfFold, number: int = 100) -> list[Suspect]:
    """The `number` most doubted labels, worst first; `oof` is of the same data or of a part of it.

    Raises SpurError where no sentence of the data has out-of-fold probabilities.
    """
    from cleanlab.filter import find_label_issues  # noqa: PLC0415  of the train extra
    from cleanlab.rank import get_label_quality_scores  # noqa: PLC0415

    rows = {(str(r), int(i)): k for k, (r, i) in enumerate(zip(oof.report, oof.index, strict=True))}
    pairs = [
        (k, rows[key])
        for k, key in enumerate(zip(map(str, data.reports), map(int, data.index), strict=True))
        if key in rows and int(oof.chars[rows[key]]) == len(data.texts[k])
    ]
    if not pairs or tuple(oof.criteria) != data.criteria:
        raise SpurError("the out-of-fold file is of other data: make it from these files")
    mine = np.array([k for k, _ in pairs])
    p = distributions(oof.proba[[j for _, j in pairs]])
    given = data.gold[mine].astype(int)
    flat, believed = given.ravel(), p.reshape(-1, len(NAMES))
    score = np.asarray(get_label_quality_scores(flat, believed, method="self_confidence"))
    if len(np.unique(flat)) == len(NAMES):
        wrong = np.asarray(find_label_issues(flat, believed, filter_by="confident_learning", n_jobs=1))
    else:  # confident learning needs an example of each
        wrong = np.zeros(len(flat), bool)
    out = []
    for at in np.argsort(score, kind="stable")[:number]:
        k, c = divmod(int(at), given.shape[1])
        row = int(mine[k])
        out.append(
            Suspect(
                str(data.reports[row]),
                int(data.index[row]),
                str(data.sections[row]),
                data.texts[row],
                data.criteria[c],
                NAMES[given[k, c]],
                NAMES[int(p[k, c].argmax())],
                float(score[at]),
                bool(wrong[at]),
            )
        )
    return out
