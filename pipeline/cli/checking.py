"""`spur dataset check`: whether training data is fit to train on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.cli import files, options
from pipeline.cli.output import Failed, error, existing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.catalogue import Catalogue
    from pipeline.drafting import Parsed
    from pipeline.report import Source
    from pipeline.training.checks.base import Split
    from pipeline.training.checks.drift import Drift


def check(
    tsv: Annotated[
        list[Path], typer.Argument(help="Labelled reports (TSV) or folders; each path is a split.")
    ],
    *,
    oof: Annotated[
        Path | None, typer.Option(help="Out-of-fold probabilities (oof.npz) to rank suspect labels by.")
    ] = None,
    suspects: Annotated[int, typer.Option(min=1, help="How many suspect labels.")] = 100,
    new: Annotated[
        list[Path] | None, typer.Option(help="New reports, to compare with the training data; repeatable.")
    ] = None,
    card: Annotated[Path | None, typer.Option(help="Markdown page about the data.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="All that was found, as JSON.")] = None,
    model: options.Model = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Checks labelled reports: their form, near-duplicates between splits, labels that contradict each other or that a model
    doubts, and whether new reports are unlike them.

    With --oof and --new, the model's relevances of new sentences are compared too: --model is the one of that oof.

    Exit code 1: something is wrong enough not to train on it (an error below); warnings are for a person to look at.
    """
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline.training.checks import base, duplicates, labels  # noqa: PLC0415
    from pipeline.training.checks import card as cards  # noqa: PLC0415
    from pipeline.training.labelled import of_reports  # noqa: PLC0415

    criteria = catalogues.load(catalogue)
    splits, problems = base.read(existing(tsv), criteria)
    problems += duplicates.across(splits)
    problems += labels.conflicts(splits)
    for p in problems:
        print(f"{p.severity}: {p.kind}: {p.where}: {p.what}")
    found: dict[str, Any] = {"problems": [asdict(p) for p in problems]}
    sound = not any(p.severity == "error" and p.kind == "schema" for p in problems)
    if not sound and (oof or new or card):
        error("--oof, --new och --card: rätta först felen i filernas form")
    if sound and oof is not None:
        from pipeline.training import oof as oofs  # noqa: PLC0415

        existing([oof])
        data = of_reports([r for s in splits for r in s.reports], criteria)
        ranked = labels.suspects(data, oofs.load(oof), suspects)
        for s in ranked:
            mark = "issue" if s.issue else "doubt"
            print(
                f"suspect: {mark}: {s.report}, sentence {s.sentence}: {s.criterion} {s.given}, likely {s.likely} "
                f"({s.confidence:.3f}): «{s.text}»"
            )
        found["suspects"] = [asdict(s) for s in ranked]
    if sound and new:
        drift = _drift(splits, new, criteria, oof, model)
        _tell(drift)
        found["drift"] = {**asdict(drift), "unlike": drift.unlike}
    if sound and card is not None:
        card.write_text(cards.text(splits, problems, criteria), encoding="utf8")
        print(card)
    if out is not None:
        from pipeline.annotation.base import write_json  # noqa: PLC0415

        write_json(out, found)
    wrong = sum(p.severity == "error" for p in problems)
    error(f"{sum(len(s.reports) for s in splits)} reports: {wrong} errors, {len(problems) - wrong} warnings")
    if wrong:
        raise Failed(1)


def _unseen(rows: Sequence[tuple[str, int]], oof: Path) -> NDArray[np.float64] | None:
    """The highest relevance of each sentence (report, place) by a model that had not seen it; None where some lack it."""
    import numpy as np  # noqa: PLC0415

    from pipeline.training import oof as oofs  # noqa: PLC0415

    its = oofs.load(oof)
    highest = its.proba.astype(np.float64).sum(-1).max(-1)
    keys = zip(map(str, its.report), map(int, its.index), strict=True)
    of = dict(zip(keys, highest, strict=True))
    return np.array([of[r] for r in rows]) if all(r in of for r in rows) else None


def _drift(
    splits: Sequence[Split], new: Sequence[Path], criteria: Catalogue, oof: Path | None, model: str | None
) -> Drift:
    import numpy as np  # noqa: PLC0415

    from pipeline import drafting, findings  # noqa: PLC0415
    from pipeline.training.checks import drift  # noqa: PLC0415

    rows = [(r, row) for s in splits for r in s.reports for row in r.rows]
    places = [(r.id, i) for s in splits for r in s.reports for i, _ in enumerate(r.rows)]
    unseen = None if oof is None else _unseen(places, oof)
    if oof is not None and unseen is None:
        error(f"{oof}: not of all these sentences: relevances are not compared")
    reader = None if unseen is None else findings.load(model or drafting.default_model(), criteria)
    known = drift.Texts(
        [row.text for _, row in rows],
        np.array([r.id for r, _ in rows]),
        np.array([row.section for _, row in rows]),
        np.array([r.writer for r, _ in rows]),
        unseen,
    )
    told: list[tuple[str, str, str]] = []
    relevance: list[float] = []

    def read(source: Source) -> Parsed:
        return drafting.parse(source, criteria)

    def keep(parsed: Parsed, name: str) -> None:
        told.extend((s.text, name, s.section or "") for s in parsed.sentences)
        if reader is not None and parsed.sentences:
            relevance.extend(map(float, reader.predict(drafting.inputs(parsed)).sum(-1).max(-1)))

    files.process(files.find(new), read, keep, "lästa")
    texts, names, sections = zip(*told, strict=True) if told else ((), (), ())
    seen = np.array(relevance) if reader is not None else None
    plain = drift.Texts(texts, np.array(names), np.array(sections), np.array(names), seen)
    return drift.compare(known, plain)


def _tell(drift: Drift) -> None:
    for name, value in drift.psi.items():
        print(f"drift: {name}: PSI {value:.3f}")
    print(f"drift: unknown words: {drift.new_words:.1%}")
    if drift.auc is not None:
        own = ", ".join(f"{w} {v:.3f}" for w, v in drift.own.items())
        print(f"drift: told apart with AUC {drift.auc:.3f} (the data's own writers: {own or '-'})")
    for respect in drift.unlike:
        print(f"drift: unlike the training data in {respect}")
