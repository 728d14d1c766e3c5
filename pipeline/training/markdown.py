"""Tables of the Markdown pages that commands write (experiments, model cards)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pipeline.training.evaluation import Figures


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; floats with three decimals, None as a dash."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for row in rows:
        cells = [f"{x:.3f}" if isinstance(x, float) else "–" if x is None else str(x) for x in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def figures_table(first: str, columns: Mapping[str, str], rows: Iterable[tuple[str, Figures]]) -> str:
    """Figures as a Markdown table, a row each: `columns` maps the names of figures to headings, `first` heads the
    rows' names."""
    return table([first, *columns.values()], ([name, *(f[c] for c in columns)] for name, f in rows))
