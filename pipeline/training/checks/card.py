"""The data's card: what a training set is made of, as one Markdown page (after Gebru et al. 2021, arXiv:1803.09010)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pipeline.catalogue import Catalogue
from pipeline.training.checks.base import Problem, Split
from pipeline.training.labelled import Labelled, of_reports
from pipeline.training.markdown import table


def _row(name: str, data: Labelled) -> list[object]:
    told = data.gold > 0
    signs = [int((data.gold == code).sum()) for code in (1, 3, 2)]
    several = int((told.sum(1) > 1).sum()) / max(1, int(told.any(1).sum()))
    return [
        name,
        len(np.unique(data.reports)),
        len(data),
        int((~told.any(1)).sum()),
        " / ".join(map(str, signs)),
        f"{several:.0%}",
    ]


def _counts(data: Labelled, groups: Sequence[str]) -> list[list[object]]:
    names = np.array(groups)
    return [_row(str(g), data.take(names == g)) for g in dict.fromkeys(groups)]


HEAD = ("", "reports", "sentences", "without label", "met / unmet / partly", "labelled with 2+")


def text(splits: Sequence[Split], problems: Sequence[Problem], catalogue: Catalogue) -> str:
    """The page."""
    reports = [r for s in splits for r in s.reports]
    data = of_reports(reports, catalogue)
    each = [(s.name, of_reports(s.reports, catalogue)) for s in splits if s.reports]
    kinds = Counter((p.kind, p.severity) for p in problems)
    meta = {k: Counter(r.meta[k] for r in reports if k in r.meta) for k in ("spec", "enhet", "source")}
    counts = np.stack([(data.gold == code).sum(0) for code in (1, 3, 2)], axis=1)
    order = np.argsort(counts.sum(1), kind="stable")
    criteria = [[catalogue.criteria[k].id, *map(int, counts[k])] for k in order]
    told = [f"- `{k}`: {', '.join(f'{v} ({n})' for v, n in c.most_common(40))}" for k, c in meta.items() if c]
    parts = [
        "# Training data",
        f"Catalogue {catalogue.name}. Data hash `{data.hash()}`. Made by `spur dataset check --card`.",
        "## Splits",
        table(HEAD, [_row(n, d) for n, d in each]),
        "## Writers",
        table(HEAD, _counts(data, [str(w) for w in data.writers])),
        "## Sections",
        table(HEAD, sorted(_counts(data, [str(s) for s in data.sections]), key=lambda r: str(r[0]))),
        "## What the reports say of themselves",
        "\n".join(told) or "Nothing.",
        "## Criteria, rarest first",
        table(("criterion", "met", "unmet", "partly"), criteria),
        "## Checks",
        "\n".join(f"- {k}, {s}: {n}" for (k, s), n in sorted(kinds.items())) or "Nothing found.",
    ]
    return "\n\n".join(parts) + "\n"
