"""Reader of the corpus format: one labelled report in one TSV file.

    @report tr-07                       any `@key value` lines: report, spec, enhet, stil, namn
    # STYRKOR                           STYRKOR, SVAGHETER, FORBATTRING, A…H, in some HANDLINGSPLAN
    A sentence or list item.<TAB>E.F1+ E.R2~
    # HANDLINGSPLAN
    B.F2<TAB>action<TAB>date<TAB>responsible<TAB>follow-up date<TAB>responsible for follow-up

Only the standard library and the shared vocabulary are needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.report import LISTS, SpurError, Status

SIGNS: Mapping[str, Status] = {"+": "met", "~": "partly", "-": "unmet"}
PLAN = "HANDLINGSPLAN"
_LETTER = re.compile("[A-ZÅÄÖ]")
_LABEL = re.compile(r"[^\W\d_]\w*\.\w+[+~-]")


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence or list item; `labels` maps criterion id to its sign, a key of `SIGNS`."""

    section: str
    text: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A line of the action plan, as written; "" where a field is left out."""

    criterion: str
    action: str
    deadline: str = ""
    responsible: str = ""
    follow_up: str = ""
    follow_up_responsible: str = ""


@dataclass(frozen=True, slots=True)
class CorpusReport:
    """One labelled report. `id` is the file's stem, `meta` its `@` lines."""

    id: str
    meta: Mapping[str, str]
    rows: tuple[Row, ...]
    plan: tuple[PlanRow, ...] = ()

    @property
    def writer(self) -> str:
        """The voice: what stands before the first hyphen of the id (`w7-ts-03` → `w7`)."""
        return self.id.partition("-")[0]


def _section(name: str, where: str) -> str:
    if name not in (*LISTS, PLAN) and not _LETTER.fullmatch(name):
        raise SpurError(
            f"{where}: section {name!r} should be {', '.join((*LISTS, PLAN))} or an area's letter"
        )
    return name


def _labels(field: str, where: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for label in field.split():
        if not _LABEL.fullmatch(label):
            raise SpurError(f"{where}: label {label!r} should be a criterion and one of + ~ -, e.g. E.F6-")
        if out.setdefault(label[:-1], label[-1]) != label[-1]:
            raise SpurError(f"{where}: {label[:-1]} has two signs on one line; keep one")
    return out


def _plan_row(line: str, where: str) -> PlanRow:
    fields = [f.strip() for f in line.split("\t")]
    if not 2 <= len(fields) <= 6:
        raise SpurError(
            f"{where}: an action plan line has 2 to 6 fields with TABs between, here {len(fields)}"
        )
    return PlanRow(*fields)


def parse(text: str, name: str) -> CorpusReport:
    """The report that `text` holds; `name` becomes its id and stands in messages.

    Raises SpurError with name and line number where the format is broken.
    """
    meta: dict[str, str] = {}
    rows: list[Row] = []
    plan: list[PlanRow] = []
    section: str | None = None
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        line, where = line.rstrip("\r"), f"{name}, line {number}"  # noqa: PLW2901
        if not line.strip():
            continue
        if line.startswith("@"):
            key, _, value = line[1:].partition(" ")
            meta[key] = value.strip()
        elif line.startswith("# "):
            section = _section(line[2:].strip(), where)
        elif section is None:
            raise SpurError(f"{where}: text before the first `# SECTION` line; not a corpus file?")
        elif section == PLAN:
            plan.append(_plan_row(line, where))
        else:
            sentence, _, field = line.partition("\t")
            rows.append(Row(section, sentence.strip(), _labels(field, where)))
    return CorpusReport(name, meta, tuple(rows), tuple(plan))


def read(path: Path | str) -> CorpusReport:
    """The labelled report in a TSV file (UTF-8).

    Raises SpurError where the format is broken, OSError where the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf8")
    except UnicodeDecodeError as e:
        raise SpurError(f"{path.name}: not UTF-8 ({e.reason} at byte {e.start}); save it as UTF-8") from e
    report = parse(text, path.stem)
    if not report.rows:
        raise SpurError(f"{path.name}: no sentences; not a corpus file?")
    return report


def read_all(paths: Iterable[Path | str]) -> list[CorpusReport]:
    """The reports of files and of folders, as `find` lists them."""
    return [read(f) for f in find(paths)]


def find(paths: Iterable[Path | str]) -> list[Path]:
    """The files that are given or lie in given folders (their `*.tsv`, in natural order of the names)."""
    files: list[Path] = []
    for path in map(Path, paths):
        files += sorted(path.rglob("*.tsv"), key=natural) if path.is_dir() else [path]
    return files


def natural(path: Path) -> tuple[tuple[int, str], ...]:
    """Sort key that counts: w2 before w10."""
    return tuple((int(d or 0), t) for d, t in re.findall(r"(\d*)(\D*)", path.as_posix()))


def dump(report: CorpusReport) -> str:
    """The report in the corpus format, so that `parse` gives it again; sections in the order in which they first occur."""
    lines = [f"@{key} {value}".rstrip() for key, value in report.meta.items()]
    for section in dict.fromkeys(row.section for row in report.rows):
        lines.append(f"# {section}")
        for row in report.rows:
            if row.section == section:
                text = " ".join(row.text.split())
                lead = " " if text.startswith(("@", "# ")) else ""  # stripped on reading
                labels = " ".join(f"{c}{sign}" for c, sign in row.labels.items())
                lines.append(f"{lead}{text}\t{labels}" if labels else f"{lead}{text}")
    if report.plan:
        lines.append(f"# {PLAN}")
        for p in report.plan:
            fields = (p.criterion, p.action, p.deadline, p.responsible, p.follow_up, p.follow_up_responsible)
            lines.append("\t".join(fields).rstrip("\t"))
    return "\n".join(lines) + "\n"
