"""`spur dataset build`: training data from plain reports, without hand labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import files, options
from pipeline.cli.output import error, usage, write

if TYPE_CHECKING:
    from pipeline.catalogue import Catalogue
    from pipeline.drafting import Parsed
    from pipeline.grading.policy import Policy
    from pipeline.report import Source
    from pipeline.training.distant import DistantReport


def build(
    paths: options.Paths,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="JSON Lines to write, a line a report.")],
    mask: Annotated[bool, typer.Option(help="Hide names of people; roles stay.")] = True,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Makes training data from plain reports: their sentences, the criteria that their action plans name as not met with
    what will be done about them, and the grades that they state before any plan.
    """
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline import drafting, people  # noqa: PLC0415
    from pipeline.grading.policy import Policy  # noqa: PLC0415
    from pipeline.training import distant  # noqa: PLC0415

    if out.is_dir() or not out.parent.is_dir():
        raise usage(f"--out {out}: ange en fil i en mapp som finns")
    criteria = catalogues.load(catalogue)
    policy = Policy.of(criteria, catalogue)
    parsed: list[tuple[str, Parsed]] = []

    def read(source: Source) -> Parsed:
        return drafting.parse(source, criteria)

    def keep(result: Parsed, name: str) -> None:
        parsed.append((name, result))

    failed = files.process(files.find(paths, leave=out), read, keep, "lästa")
    common = people.small_words(p.report.text for _, p in parsed)
    lines, hidden = [], 0
    for name, (_, p) in zip(files.ids([n for n, _ in parsed]), parsed, strict=True):
        its, count = _distant(p, name, criteria, policy, common if mask else None)
        hidden += count
        lines.append(distant.line(its, p.report))
    if not lines:
        raise usage(f"{out}: inte skriven: ingen rapport kunde läsas")

    def save(path: Path) -> None:
        path.write_text("\n".join(lines) + "\n", encoding="utf8")

    write(out, save)
    print(out)
    for what, number in distant.counts(distant.load([out], criteria), criteria, policy).items():
        print(f"{what}: {number}")
    error(f"{hidden} ställen med namn dolda")
    files.finish(failed)


def _distant(
    parsed: Parsed, name: str, catalogue: Catalogue, policy: Policy, common: frozenset[str] | None
) -> tuple[DistantReport, int]:
    """A report as training data, and how many names are hidden in it: none where `common` (words that are no names) is
    None."""
    from dataclasses import replace  # noqa: PLC0415

    from pipeline import people  # noqa: PLC0415
    from pipeline.report import Sentence  # noqa: PLC0415
    from pipeline.training import distant  # noqa: PLC0415

    report, sentences = parsed.report, parsed.sentences
    actions = distant.planned(report, catalogue)
    texts, masked = [*(s.text for s in sentences), *(a.text for a in actions)], list[people.Masked]()
    if common is not None:  # actions are no sentences of the report, but the same names are hidden in them
        as_sentences = [Sentence(len(sentences) + k, None, a.text, 0, 0) for k, a in enumerate(actions)]
        texts, masked = people.pseudonymise(report, [*sentences, *as_sentences], common, name)
    told = [(s.section, t) for s, t in zip(sentences, texts, strict=False) if s.section]
    words = texts[len(sentences) :]
    return distant.DistantReport(
        name,
        tuple(section for section, _ in told),
        tuple(text for _, text in told),
        distant.read_report(report, catalogue, policy),
        tuple(replace(a, text=t) for a, t in zip(actions, words, strict=True)),
    ), len(masked)
