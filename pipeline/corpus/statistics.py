"""The table of the dataset card: `python -m pipeline.corpus.statistics [--write]`, in a clone."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from pipeline.corpus.tsv import read_all
from pipeline.resources import assets

SETS = ("train", "dev", "stress", "supplement", "plain", "indirect", "fresh")
HEAD = (
    "| set | reports | sentences and items | without label | + / − / ~ | labelled ones with 2+ labels "
    "| narrative labels of another area |"
)


def row(name: str, folder: Path) -> str:
    """One set of the corpus as a row of the table."""
    reports = read_all([folder])
    rows = [r for report in reports for r in report.rows]
    labelled = [r for r in rows if r.labels]
    signs = Counter(sign for r in rows for sign in r.labels.values())
    several = sum(len(r.labels) > 1 for r in labelled) / max(1, len(labelled))
    told = [c.partition(".")[0] != r.section for r in rows if len(r.section) == 1 for c in r.labels]
    counts = " / ".join(f"{signs[s]:,}" for s in "+-~")
    cells = (
        f"`{name}/`",
        len(reports),
        f"{len(rows):,}",
        f"{len(rows) - len(labelled):,}",
        counts,
        f"{100 * several:.0f} %",
        f"{100 * sum(told) / max(1, len(told)):.0f} %",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def table(corpus: Path) -> str:
    """The table over the corpus's sets, as Markdown."""
    rows = (row(name, corpus / name) for name in SETS)
    return "\n".join((HEAD, "|" + " --- |" * 7, *rows))


def refreshed(card: str, corpus: Path) -> str:
    """The card with the table as the corpus is now."""
    before, _, rest = card.partition("| set | reports")
    lines = rest.split("\n")
    after = next(n for n, line in enumerate(lines) if not line)
    return before + table(corpus) + "\n" + "\n".join(lines[after:])


def main() -> None:
    """Prints the table, or with `--write` puts it into the card."""
    corpus = assets("data") / "corpus"
    if "--write" not in sys.argv[1:]:
        print(table(corpus))
        return
    card = corpus / "README.md"
    card.write_text(refreshed(card.read_text(encoding="utf8"), corpus), encoding="utf8")


if __name__ == "__main__":
    main()
