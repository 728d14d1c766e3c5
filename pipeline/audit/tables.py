"""Stated grades and metadata that come beside the reports, in CSV or XLSX."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalogue import Catalogue
from pipeline.report import SpurError

BEFORE, AFTER = "before", "after"
_STAGES = {"": BEFORE, BEFORE: BEFORE, AFTER: AFTER, "före": BEFORE, "efter": AFTER}
_ENDINGS = (".pdf", ".docx", ".txt", ".md", ".html", ".htm")


@dataclass(frozen=True, slots=True)
class Told:
    """A grade of one area from a grades file; None for a stage that it does not give."""

    before: str | None = None
    after: str | None = None


Grades = Mapping[str, Mapping[str, Told]]  # report → area → grades
Metadata = Mapping[str, Mapping[str, str]]  # report → column → value


def stem(report: str) -> str:
    """The stem of a report's file name, with or without its ending and folders."""
    return without_ending(report.strip().replace("\\", "/").rpartition("/")[2])


def without_ending(name: str) -> str:
    """A file's name without its ending, where that is one that reports have."""
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in _ENDINGS else name


def _text(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")  # what Excel writes as CSV in Sweden


def _csv(path: Path) -> Iterator[list[str]]:
    text = _text(path)
    head = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)


def _xlsx(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - only for workbooks

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield ["" if v is None else str(v) for v in row]
    finally:
        book.close()


def rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """(where, {column: value}) of each row that is not empty; column names in lower case, values stripped.

    Raises SpurError (in Swedish) where the file cannot be read or lacks a needed column.
    """
    try:
        lines = iter(_xlsx(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv(path))
        head = [h.strip().lower() for h in next(lines, [])]
        if missing := [n for n in needed if n not in head]:
            raise SpurError(f"{path}: kolumnen {', '.join(missing)} saknas i första raden: lägg till den")
        for number, line in enumerate(lines, 2):
            row = {h: v.strip() for h, v in zip(head, line, strict=False) if h}
            if any(row.values()):
                yield f"{path}, rad {number}", row
    except (OSError, ValueError, KeyError, csv.Error, zipfile.BadZipFile) as e:
        raise SpurError(f"{path}: kan inte läsas som tabell ({e}): spara som CSV i UTF-8 eller XLSX") from e


def grades(path: Path, catalogue: Catalogue) -> Grades:
    """Stated grades by report (file stem) and area: columns report, area, grade and optionally stage.

    Raises SpurError (in Swedish) where a value is not one of the catalogue's, or two rows contradict each other.
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for where, row in rows(path, ("report", "area", "grade")):
        report, area, grade = stem(row["report"]), row["area"].upper(), row["grade"].upper()
        stage = _STAGES.get(row.get("stage", "").lower())
        for what, value, allowed in (
            ("area", area, tuple(catalogue.areas)),
            ("grade", grade, tuple(catalogue.grades)),
        ):
            if value not in allowed:
                raise SpurError(f"{where}: {what} är {value!r}: skriv en av {', '.join(allowed)}")
        if not report or stage is None:
            raise SpurError(f"{where}: ange report (filens stam) och stage before, after eller tomt")
        told = found.setdefault(report, {}).setdefault(area, {})
        if told.setdefault(stage, grade) != grade:
            raise SpurError(
                f"{where}: {report} {area} har två olika betyg ({told[stage]} och {grade}): behåll ett"
            )
    return {r: {a: Told(t.get(BEFORE), t.get(AFTER)) for a, t in each.items()} for r, each in found.items()}


def metadata(path: Path) -> Metadata:
    """What is known of reports by file stem: any columns beside report; empty cells are unknown.

    Raises SpurError (in Swedish) where the file is no such table.
    """
    out: dict[str, dict[str, str]] = {}
    for where, row in rows(path, ("report",)):
        report = stem(row.pop("report"))
        year = row.get("year", "").removesuffix(".0")
        if not report:
            raise SpurError(f"{where}: report är tom: ange filens stam")
        if year and not (year.isdecimal() and len(year) == 4):
            raise SpurError(f"{where}: year är {year!r}: skriv ett årtal med fyra siffror, eller inget")
        out.setdefault(report, {}).update({k: v for k, v in {**row, "year": year}.items() if v})
    return out
