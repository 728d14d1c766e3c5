"""`spur dataset annotate` and `import`: sentences to annotation tools and back."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import files, options
from pipeline.cli.output import error, existing, usage

if TYPE_CHECKING:
    from pipeline.annotation.ranking import Known
    from pipeline.catalogue import Catalogue
    from pipeline.corpus.tsv import CorpusReport
    from pipeline.drafting import Parsed
    from pipeline.findings.base import Probabilities
    from pipeline.people import Masked
    from pipeline.report import Source


class Tool(StrEnum):
    label_studio = "label-studio"
    doccano = "doccano"
    argilla = "argilla"
    prodigy = "prodigy"


def annotate(
    paths: options.Paths,
    *,
    out: Annotated[Path, typer.Option(help="Folder for the tool's files; made if missing.")],
    format_: Annotated[Tool, typer.Option("--format", help="The annotation tool.")] = Tool.label_studio,
    number: Annotated[int, typer.Option(min=1, help="How many sentences.")] = 200,
    model: options.Model = None,
    compare: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FOLDER", help="Further models, to find where they disagree; repeatable."),
    ] = None,
    known: Annotated[
        list[Path] | None, typer.Option(help="What is labelled already (TSV, folders); repeatable.")
    ] = None,
    mask: Annotated[bool, typer.Option(help="Hide names of people; roles stay.")] = True,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Chooses the sentences most worth labelling and writes them for an annotation tool, with what the model suggests.

    What was hidden is told in OUT-masked.csv beside the folder: it holds the names, so keep it to yourself.
    """
    from pipeline import annotation, drafting, findings  # noqa: PLC0415
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline.annotation import choose  # noqa: PLC0415

    found = files.find(paths, leave=out)
    criteria = catalogues.load(catalogue)
    models = [findings.load(m, criteria) for m in (model or drafting.default_model(), *(compare or ()))]
    labelled_ = _known(existing(known or []), criteria)
    parts: list[tuple[str, Parsed, tuple[Probabilities, ...]]] = []

    def read(source: Source) -> tuple[Parsed, tuple[Probabilities, ...]]:
        parsed = drafting.parse(source, criteria)
        return parsed, tuple(m.predict(drafting.inputs(parsed)) for m in models)

    def keep(result: tuple[Parsed, tuple[Probabilities, ...]], name: str) -> None:
        parts.append((name, *result))

    failed = files.process(found, read, keep, "lästa")
    names = files.ids([name for name, _, _ in parts])
    reads = [choose.Read(i, parsed, p) for i, (_, parsed, p) in zip(names, parts, strict=True)]
    tasks, masked = choose.choose(reads, labelled_, criteria, models[0].thresholds, number, mask)
    records = [annotation.Annotated(t) for t in tasks]
    for path in annotation.FORMATS[format_.value].write(records, criteria, out):
        print(path)
    if mask:
        print(_write_masked(out.with_name(f"{out.name}-masked.csv"), masked))
    error(f"{len(tasks)} meningar ur {len(reads)} rapporter; {len(masked)} ställen dolda")
    files.finish(failed)


def import_(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="What the tool exported.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for labelled reports (TSV); made if missing.")],
    format_: Annotated[Tool, typer.Option("--format", help="The annotation tool.")] = Tool.label_studio,
    agreement: Annotated[Path | None, typer.Option(help="JSON file for agreement and open cases.")] = None,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Reads annotations back as labelled reports that `spur train` and `spur evaluate` take; tells how far annotators
    agree.

    A sentence that several people labelled gets the majority's labels; one that is tied is left out and told.
    """
    from pipeline import annotation  # noqa: PLC0415
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline.annotation import base, settle  # noqa: PLC0415

    tool, criteria = annotation.FORMATS[format_.value], catalogues.load(catalogue)
    parts = [(r.task, a) for p in existing(paths) for r in tool.read(p) for a in (*r.annotations, None)]
    records = base.gather(parts)
    settle.check(records, criteria)
    settled = settle.settle(records)
    if clash := [r.id for r in settled.reports if (out / f"{r.id}.tsv").exists()]:
        raise usage(f"--out {out}: {', '.join(clash)}.tsv finns redan: ange en ny mapp")
    for path in _write_reports(settled.reports, out):
        print(path)
    pairs = settle.agreement(records)
    for a in pairs:
        error(
            f"{a.first} och {a.second}: {a.sentences} gemensamma meningar, {a.same} helt lika, "
            f"kappa {_figure(a.kappa)}, brister F1 {_figure(a.shortfall_f1)}"
        )
    for t in settled.ties:
        told = ", ".join(f"{who}: {what}" for who, what in t.votes.items())
        error(f"{t.task}: oavgjort om {t.criterion} ({told}): meningen är utelämnad")
    if settled.untouched:
        error(f"{settled.untouched} meningar utan annotering")
    if agreement is not None:
        base.write_json(
            agreement, {"pairs": [asdict(a) for a in pairs], "ties": [asdict(t) for t in settled.ties]}
        )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _known(paths: Sequence[Path], criteria: Catalogue) -> Known:
    from pipeline.annotation.ranking import Known  # noqa: PLC0415
    from pipeline.training import labelled  # noqa: PLC0415

    if not paths:
        return Known()
    data = labelled.load(paths, criteria)
    return Known(data.texts, (data.gold > 0).sum(0))


def _write_reports(reports: Sequence[CorpusReport], out: Path) -> Iterator[Path]:
    from pipeline.corpus import tsv as tsvs  # noqa: PLC0415

    out.mkdir(parents=True, exist_ok=True)
    for r in reports:
        path = out / f"{r.id}.tsv"
        path.write_text(tsvs.dump(r), encoding="utf8")
        yield path


def _write_masked(path: Path, masked: Sequence[Masked]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf8", newline="") as f:
        rows = csv.writer(f)
        rows.writerow(["report", "sentence", "words", "replacement", "rule"])
        rows.writerows([m.report, m.sentence, m.words, m.replacement, m.rule] for m in masked)
    return path
