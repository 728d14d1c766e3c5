"""`spur dataset build`: training data from plain reports, without hand labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import files, options
from pipeline.cli.output import error, usage, write

if TYPE_CHECKING:
    from pipeline.drafting import Parsed
    from pipeline.report import Source


def build(
    paths: options.Paths,
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="JSON Lines to write, a line a report.")],
    mask: Annotated[bool, typer.Option(help="Hide names of people; roles stay.")] = True,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Makes training data from plain reports: their sentences, the criteria that their action plans name as not met, and
    the grades that they state before any plan.
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
        texts = [s.text for s in p.sentences]
        if mask:
            texts, masked = people.pseudonymise(p.report, p.sentences, common, name)
            hidden += len(masked)
        told = distant.read_report(p.report, criteria, policy)
        lines.append(distant.line(p.report, [s.section for s in p.sentences], texts, told, name))
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
