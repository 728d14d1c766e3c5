"""The corpus format and its reader."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import catalogue
from pipeline.corpus import statistics, tsv
from pipeline.report import LISTS, SpurError

ROOT = Path(__file__).resolve().parents[1]

CORPUS = ROOT / "data" / "corpus"
GOOD = """@report x-1
@spec Geriatrik
# STYRKOR
Alla har handledare.\tE.F2+
# E
Samtalen blir av oftast.\tE.F1~ E.R2-
Huset är från 1962.\t
# HANDLINGSPLAN
E.R2\tSamtalen schemaläggs.\t2025-10-15\tVerksamhetschef\t2026-01-31\tStudierektor
"""


def test_reads_every_part() -> None:
    report = tsv.parse(GOOD, "w7-x-1")
    assert (report.id, report.writer, report.meta["spec"]) == ("w7-x-1", "w7", "Geriatrik")
    assert [(r.section, dict(r.labels)) for r in report.rows] == [
        ("STYRKOR", {"E.F2": "+"}),
        ("E", {"E.F1": "~", "E.R2": "-"}),
        ("E", {}),
    ]
    assert [tsv.SIGNS[s] for s in report.rows[1].labels.values()] == ["partly", "unmet"]
    assert report.plan[0].responsible == "Verksamhetschef"
    assert report.plan[0].follow_up_responsible == "Studierektor"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("Ingen rubrik först.\tE.F2+\n", "line 1"),
        ("# E\nBra.\tE.F2\n", "E.F2+"[:4]),
        ("# E\nBra.\tE.F2+ E.F2-\n", "two signs"),
        ("# HANDLINGSPLAN\nE.F2\n", "fields"),
        ("# SVAGHET\nSaknas.\n", "SVAGHETER"),
    ],
)
def test_tells_where_the_format_breaks(text: str, hint: str) -> None:
    with pytest.raises(SpurError, match=r"trasig.*line") as told:
        tsv.parse(text, "trasig")
    assert hint in str(told.value)


def test_foreign_bytes_are_an_error_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "latin.tsv").write_bytes("# E\nPå väg.\t\n".encode("latin-1"))
    with pytest.raises(SpurError, match=r"latin\.tsv.*UTF-8"):
        tsv.read(tmp_path / "latin.tsv")


def test_the_corpus_holds_its_own_rules() -> None:
    """What the dataset card promises, for every report."""
    known, sections = catalogue.load().by_id, {*LISTS, *catalogue.load().areas}
    reports = tsv.read_all([CORPUS])
    assert len({r.id for r in reports}) == len(reports) >= 278
    for report in reports:
        signs: dict[str, str] = {}
        for row in report.rows:
            assert row.section in sections and row.text, report.id
            for criterion, sign in row.labels.items():
                assert criterion in known, (report.id, criterion)
                assert signs.setdefault(criterion, sign) == sign, (report.id, criterion)


def test_the_dataset_card_counts_the_corpus_as_it_is() -> None:
    """Where this fails, run `python -m pipeline.corpus.statistics --write`."""
    card = (CORPUS / "README.md").read_text(encoding="utf8")
    for name in ("train", "dev"):  # the supplement grows; its row is refreshed when it has
        assert statistics.row(name, CORPUS / name) in card
    refreshed = statistics.refreshed(card, CORPUS)
    assert statistics.table(CORPUS) in refreshed
    assert refreshed.partition("## Where")[2] == card.partition("## Where")[2]


def test_folders_are_read_in_the_order_of_their_numbers() -> None:
    writers = [int(r.writer[1:]) for r in tsv.read_all([CORPUS / "dev"])]
    assert writers == sorted(writers)


def test_needs_nothing_but_the_standard_library() -> None:
    code = "import sys; import pipeline.corpus.tsv; print('numpy' in sys.modules, 'yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["False", "False"]
