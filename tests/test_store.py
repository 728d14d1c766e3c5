"""The archive: nothing twice, nothing lost, nothing left of what is forgotten; on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, select, text
from store_databases import database
from store_fixtures import EXAMPLES, Drafted, drafted, filled, postgresql, store

from pipeline import catalogue
from pipeline.cli.app import run
from pipeline.report import Draft, ModelInfo, SpurError
from pipeline.store import Metadata, Store, archive, backup, corrections
from pipeline.store.schema import Base, DraftRow, FindingRow, SentenceRow

__all__ = ["drafted", "filled", "postgresql", "store"]  # fixtures

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = catalogue.load()


@dataclass(frozen=True)
class Done:
    """What a command line did."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def spur(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Runs a command line of `spur` in this process, with its data in a folder of its own."""
    monkeypatch.setenv("SPUR_HOME", str(tmp_path))
    monkeypatch.delenv("SPUR_STORE", raising=False)

    def command(*args: object) -> Done:
        code = run([str(a) for a in args])
        told = capsys.readouterr()
        return Done(code, told.out, told.err)

    return command


def environment(home: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k != "SPUR_STORE"}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf8", "SPUR_HOME": str(home)}


def counts(store: Store) -> dict[str, int]:
    with store.read() as session:
        return {
            t.name: session.scalar(select(func.count()).select_from(t)) or 0
            for t in Base.metadata.sorted_tables
        }


def content(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with store.read() as session:
        return {
            t.name: [tuple(r) for r in session.execute(select(t).order_by(*t.primary_key.columns))]
            for t in Base.metadata.sorted_tables
        }


def by_another(draft: Draft, version: str = "9") -> Draft:
    return replace(draft, model=ModelInfo("another", version))


def test_the_migrations_make_the_tables_that_the_program_uses(store: Store) -> None:
    with store.engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    ours = [d for d in difference if "sentence_words" not in str(d) and "ix_sentences_words" not in str(d)]
    assert ours == []


def test_the_same_content_is_one_report_and_another_model_adds_a_draft(
    store: Store, drafted: list[Drafted]
) -> None:
    one = drafted[1]
    with store.write() as session:
        first = archive.add(session, one.draft, one.content)
    with store.write() as session:
        second = archive.add(session, one.draft, one.content)
    assert (first.new_report, first.new_draft) == (True, True)
    assert second == archive.Added(first.report, False, False)
    before = counts(store)
    with store.write() as session:
        third = archive.add(session, by_another(one.draft), one.content)
    assert (third.report, third.new_report, third.new_draft) == (first.report, False, True)
    assert counts(store)["reports"] == 1 and counts(store)["drafts"] == 2
    assert counts(store)["sentences"] == 2 * before["sentences"]
    with store.read() as session:
        assert archive.draft(session, first.report).model.name == "another"  # the latest is the current one
        assert archive.entry(session, first.report).drafts == 2


def test_drafting_again_takes_the_place_of_the_same_models_draft(
    store: Store, drafted: list[Drafted]
) -> None:
    one = drafted[1]
    changed = replace(one.draft, warnings=("ny",))
    with store.write() as session:
        report = archive.add(session, one.draft, one.content).report
        archive.add(session, changed, one.content, again=True)
    assert counts(store)["drafts"] == 1
    with store.read() as session:
        assert archive.draft(session, report).warnings == ("ny",)


def test_what_comes_out_is_what_went_in(filled: Store, drafted: list[Drafted]) -> None:
    with filled.read() as session:
        out = {entry.content: (entry, draft) for entry, draft in archive.drafts(session)}
    assert len(out) == len(drafted)
    for d in drafted:
        entry, draft = out[d.content]
        assert draft == d.draft
        facts = d.draft.report
        assert (entry.file, entry.unit, entry.inspectors) == (facts.file, facts.unit, facts.inspectors)
        assert entry.year == (int(facts.date[:4]) if facts.date else None)
        assert entry.sentences == len(d.draft.sentences)
    told = counts(filled)
    assert told["plan_entries"] == sum(len(d.draft.action_plan) for d in drafted) > 0
    assert told["findings"] == sum(len(f) for d in drafted for f in d.draft.findings) > 0


def test_metadata_fills_what_the_cover_does_not_tell(store: Store, drafted: list[Drafted]) -> None:
    told = Metadata(region="Region Norr", unit_kind="sjukhus", specialty="Fel", year=1999)
    assert drafted[1].draft.report.specialty and drafted[1].draft.report.date
    with store.write() as session:
        report = archive.add(session, drafted[1].draft, drafted[1].content, metadata=told).report
        entry = archive.entry(session, report)
    assert (entry.region, entry.unit_kind) == ("Region Norr", "sjukhus")
    assert entry.specialty == drafted[1].draft.report.specialty
    assert entry.year == int(drafted[1].draft.report.date[:4])
    nothing = replace(drafted[2].draft, report=replace(drafted[2].draft.report, specialty=None, date=None))
    with store.write() as session:
        report = archive.add(session, nothing, drafted[2].content).report
        assert archive.entry(session, report).specialty is None
        archive.describe(session, report, told)
    with store.read() as session:
        entry = archive.entry(session, report)
    assert (entry.specialty, entry.year) == ("Fel", 1999)


def test_forgetting_leaves_nothing(filled: Store, drafted: list[Drafted]) -> None:
    with filled.write() as session:
        for entry in list(archive.entries(session)):
            corrections.correct_grade(
                session, entry.id, CATALOGUE, author="Anna", area="B", grade="C", comment="hemlig anteckning"
            )
            assert archive.forget(session, entry.id) == 1
    filled.scrub()
    assert set(counts(filled).values()) == {0}
    with pytest.raises(SpurError, match="finns inte i arkivet"), filled.write() as session:
        archive.forget(session, "0" * 32)
    if filled.engine.dialect.name == "sqlite":
        database = Path(str(filled.engine.url.database))
        left = b"".join(p.read_bytes() for p in database.parent.glob("store.db*"))
        words = [s.text.encode() for d in drafted for s in d.draft.sentences if len(s.text) > 30]
        assert words and not any(w in left for w in words)
        assert b"hemlig anteckning" not in left and b"handledarutb" not in left


def test_a_person_can_name_a_report_in_several_ways(filled: Store) -> None:
    with filled.read() as session:
        ids = {e.file: e.id for e in archive.entries(session)}
        whole = ids["w20-tz-49.txt"]
        for name in (whole, whole[:8], "w20-tz-49.txt", "w20-tz-49"):
            assert archive.find(session, name).id == whole
        for name in ("w20", "", "%", "w20-tz-4_", "' OR 1=1 --"):
            with pytest.raises(SpurError, match="finns inte"):
                archive.find(session, name)


def test_one_owners_reports_are_not_anothers(store: Store, drafted: list[Drafted]) -> None:
    with store.write() as session:
        mine = archive.add(session, drafted[1].draft, drafted[1].content, owner="anna").report
        theirs = archive.add(session, drafted[1].draft, drafted[1].content, owner="bo").report
    assert mine != theirs
    with store.read() as session:
        assert [e.id for e in archive.entries(session, "anna")] == [mine]
        with pytest.raises(SpurError):
            archive.entry(session, theirs, owner="anna")


def test_many_at_once_add_each_report_once(store: Store, drafted: list[Drafted]) -> None:
    faults: list[BaseException] = []

    def work() -> None:
        try:
            for d in drafted:
                with store.write() as session:
                    archive.add(session, d.draft, d.content)
        except BaseException as e:
            faults.append(e)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert (counts(store)["reports"], counts(store)["drafts"]) == (4, 4)


def test_what_fails_half_way_leaves_no_trace(store: Store, drafted: list[Drafted]) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        archive.add(session, drafted[0].draft, drafted[0].content)
        raise RuntimeError
    assert set(counts(store).values()) == {0}


# --- corrections -------------------------------------------------------------------------------


def a_finding(draft: Draft) -> tuple[int, str, str]:
    """(sentence, criterion, status) of a sentence with one finding that is a shortfall."""
    for sentence, found in zip(draft.sentences, draft.findings, strict=True):
        if len(found) == 1 and found[0].status == "unmet":
            return sentence.id, found[0].criterion, found[0].status
    raise AssertionError("no such sentence")


def said(store: Store, report: str, sentence: int) -> dict[str, str]:
    """What the archive's rows tell of a sentence of the current draft."""
    query = (
        select(FindingRow.criterion, FindingRow.status)
        .join(SentenceRow)
        .join(DraftRow)
        .where(DraftRow.report_id == report, DraftRow.current, SentenceRow.position == sentence)
    )
    with store.read() as session:
        return dict(session.execute(query).tuples().all())


def test_a_correction_holds_until_it_is_undone(filled: Store, drafted: list[Drafted]) -> None:
    draft = drafted[1].draft
    sentence, criterion, status = a_finding(draft)
    with filled.read() as session:
        report = archive.find(session, "w20-tz-49").id
    other = next(c.id for c in CATALOGUE.criteria if c.id != criterion)

    def correct(criterion: str, status: str) -> corrections.Correction:
        with filled.write() as session:
            return corrections.correct_finding(
                session,
                report,
                CATALOGUE,
                author="Anna",
                sentence=sentence,
                criterion=criterion,
                status=status,
            )

    first = correct(criterion, "none")
    assert (first.was, first.text, first.model) == (status, draft.sentences[sentence].text, draft.model)
    assert said(filled, report, sentence) == {}
    correct(other, "partly")
    last = correct(criterion, "met")
    assert last.was == "none"
    assert said(filled, report, sentence) == {criterion: "met", other: "partly"}
    for wanted in ({other: "partly"}, {other: "partly"}):  # undoing twice is undoing once
        with filled.write() as session:
            undone = corrections.undo(session, last.id, by="Bo")
        assert undone.undone_by == "Bo" and said(filled, report, sentence) == wanted
    with filled.write() as session:
        corrections.undo(session, first.id, by="Bo")
    assert said(filled, report, sentence) == {criterion: status, other: "partly"}
    with filled.read() as session:
        assert [c.criterion for c in corrections.listed(session, report)] == [other]
        assert len(list(corrections.listed(session, undone=True))) == 3
        assert archive.draft(session, report) == draft  # the model's word stays the model's


def test_corrections_outlive_a_new_model(filled: Store, drafted: list[Drafted]) -> None:
    draft = drafted[1].draft
    sentence, criterion, _ = a_finding(draft)
    with filled.write() as session:
        report = archive.find(session, "w20-tz-49").id
        corrections.correct_finding(
            session, report, CATALOGUE, author="Anna", sentence=sentence, criterion=criterion, status="none"
        )
        corrections.correct_grade(session, report, CATALOGUE, author="Anna", area="B", grade="C")
    # a newer program reads one sentence more, before the others
    moved = replace(
        draft,
        sentences=(
            replace(draft.sentences[0], text="Ny.", start=0, end=3),
            *(replace(s, id=s.id + 1) for s in draft.sentences),
        ),
        findings=((), *draft.findings),
    )
    with filled.write() as session:
        archive.add(session, by_another(moved), drafted[1].content)
    assert said(filled, report, sentence + 1) == {}
    with filled.read() as session:
        (row,) = corrections.labelled_sentences(session)
        assert (row.sentence, row.text) == (sentence + 1, draft.sentences[sentence].text)
        assert (row.labels, row.corrected) == ({}, {criterion: "none"})
        (grade,) = corrections.labelled_grades(session)
        assert (grade.area, grade.grade) == ("B", "C")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sentence": 9999},
        {"sentence": -1},
        {"criterion": "E.F99"},
        {"status": "bra"},
    ],
)
def test_a_correction_of_nothing_is_refused(filled: Store, wrong: dict[str, object]) -> None:
    right = {"sentence": 0, "criterion": "E.F6", "status": "met"}
    with filled.read() as session:
        report = archive.find(session, "w20-tz-49").id
    with pytest.raises(SpurError), filled.write() as session:
        corrections.correct_finding(session, report, CATALOGUE, author="A", **{**right, **wrong})  # type: ignore[arg-type]
    with pytest.raises(SpurError, match="A, B, D"), filled.write() as session:
        corrections.correct_grade(session, report, CATALOGUE, author="A", area="A", grade="C")
    assert counts(filled)["corrections"] == 0


# --- backup ------------------------------------------------------------------------------------


@pytest.fixture
def backed(filled: Store, tmp_path: Path) -> Path:
    """A backup of the four reports with a correction."""
    with filled.write() as session:
        report = archive.find(session, "w20-tz-49").id
        corrections.correct_grade(session, report, CATALOGUE, author="Åsa", area="B", grade="C", comment="ö")
    path = tmp_path / "backup.zip"
    assert backup.write(filled, path) == backup.Summary(4, 4, 1)
    return path


def test_a_backup_brings_everything_back(filled: Store, backed: Path, drafted: list[Drafted]) -> None:
    before = content(filled)
    with filled.write() as session:
        archive.forget(session, archive.find(session, "w20-tz-49").id)
        archive.add(session, by_another(drafted[0].draft), drafted[0].content)
    assert content(filled) != before
    assert backup.restore(filled, backed) == backup.Summary(4, 4, 1)
    assert content(filled) == before
    with filled.write() as session:  # new rows find free numbers
        archive.add(session, by_another(drafted[0].draft), drafted[0].content)
        report = archive.find(session, "w9-ts-31").id
        corrections.correct_grade(session, report, CATALOGUE, author="Bo", area="B", grade="A")
    assert counts(filled)["corrections"] == 2


def test_a_backup_moves_between_kinds_of_database(
    filled: Store, backed: Path, tmp_path: Path, postgresql: str
) -> None:
    with Store.open(tmp_path / "another.db") as other:
        backup.restore(other, backed)
        assert content(other) == content(filled)
    with database(postgresql) as url, Store.open(url) as server:
        backup.restore(server, backed)
        assert content(server) == content(filled)


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The backup with members changed."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def damaged(path: Path) -> Iterator[tuple[str, bytes]]:
    """Several ways in which a backup can be no good, and its bytes then."""
    whole = path.read_bytes()
    yield "cut off", whole[: len(whole) // 2]
    yield "empty", b""
    yield "no zip", b"inte en zip" * 100
    middle = len(whole) // 3
    yield (
        "flipped",
        whole[:middle] + bytes(b ^ 0xFF for b in whole[middle : middle + 40]) + whole[middle + 40 :],
    )

    def manifest(change: Callable[[dict[str, object]], None]) -> Callable[[dict[str, bytes]], None]:
        def act(members: dict[str, bytes]) -> None:
            told = json.loads(members["manifest.json"])
            change(told)
            members["manifest.json"] = json.dumps(told).encode()

        return act

    def drop(members: dict[str, bytes]) -> None:
        """Reports are left out, with the right checksum: drafts hang in the air."""
        members["reports.jsonl"] = b""
        manifest(
            lambda m: m["tables"].update(  # type: ignore[attr-defined]
                reports={"rows": 0, "sha256": archive.content_hash(b"")}
            )
        )(members)

    changes: dict[str, Callable[[dict[str, bytes]], None]] = {
        "newer": manifest(lambda m: m.update(revision="9999")),
        "foreign": manifest(lambda m: m.update(format="annat")),
        "no tables": manifest(lambda m: m.update(tables={})),
        "changed row": lambda m: m.update({"reports.jsonl": m["reports.jsonl"].replace(b"w20", b"w21")}),
        "missing member": lambda m: m.pop("findings.jsonl") and None,
        "missing manifest": lambda m: m.pop("manifest.json") and None,
        "dangling": drop,
    }
    for name, change in changes.items():
        path.write_bytes(whole)
        yield name, rewritten(path, change).read_bytes()


def test_a_bad_backup_changes_nothing(filled: Store, backed: Path, tmp_path: Path) -> None:
    before = content(filled)
    bad = tmp_path / "bad.zip"
    tried = 0
    for name, data in damaged(backed):
        bad.write_bytes(data)
        with pytest.raises(SpurError, match=r"bad\.zip.*(orört)"):
            backup.restore(filled, bad)
        assert content(filled) == before, name
        tried += 1
    assert tried == 11
    assert not list(tmp_path.glob("spur-restore-*"))


def test_a_restore_that_fails_half_way_changes_nothing(
    filled: Store, backed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled)
    with filled.write() as session:
        archive.forget(session, archive.find(session, "w9-ts-31").id)
    since = content(filled)
    assert since != before
    fill = backup._fill

    def full(connection: object, table: object, rows: object) -> int:
        into_archive = connection.engine.url == filled.engine.url  # type: ignore[attr-defined]
        if table.name == "findings" and into_archive:  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")
        return fill(connection, table, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(backup, "_fill", full)
    with pytest.raises(SpurError, match="orört"):
        backup.restore(filled, backed)
    assert content(filled) == since


# --- the file, and the command -----------------------------------------------------------------


def test_a_store_of_a_newer_program_is_left_alone(store: Store) -> None:
    with store.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    url = store.engine.url.render_as_string(hide_password=False)
    with pytest.raises(SpurError, match="uppgradera"):
        Store.open(url)


def test_a_file_that_is_no_store_is_told_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"inte en databas" * 500)
    with pytest.raises(SpurError, match="skadad eller inget arkiv"):
        Store.open(path)
    assert path.read_bytes() == b"inte en databas" * 500
    with pytest.raises(SpurError, match="postgresql://"):
        Store.open("mysql://localhost/x")


def test_a_password_is_not_shown() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(SpurError) as e:
        Store.open("postgresql://spur:hemligt@127.0.0.1:1/x")
    assert "hemligt" not in str(e.value) and "servern" in str(e.value)


def test_several_programs_can_open_a_new_archive_at_once(tmp_path: Path) -> None:
    code = "import sys; from pipeline.store import Store; Store.open(sys.argv[1]).close()"
    path = tmp_path / "new" / "store.db"
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", code, path], cwd=ROOT, env=environment(tmp_path), stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for each in runs:
        _, faults = each.communicate(timeout=60)
        assert each.returncode == 0, faults.decode()
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0  # reports are for their owner


def test_the_command_adds_lists_forgets_backs_up_and_restores(
    tmp_path: Path, spur: Callable[..., Done]
) -> None:
    bad = tmp_path / "trasig.pdf"
    bad.write_bytes(b"%PDF-1.7 nej")
    copy = tmp_path / "kopia.txt"
    copy.write_bytes((EXAMPLES / "layout-1" / "w20-tz-49.txt").read_bytes())
    told = tmp_path / "m.csv"
    told.write_text("report,region,unit_kind\nw9-ts-31,Region Väst,vårdcentral\n", encoding="utf8")
    files = [EXAMPLES / "layout-1" / "w20-tz-49.txt", EXAMPLES / "layout-2" / "w9-ts-31.txt"]
    done = spur("archive", "add", *files, copy, bad, "--json", "--model", "baseline")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "trasig.pdf" in done.stderr
    assert [json.loads(line)["added"] for line in done.stdout.splitlines()] == [True, True]
    done = spur("archive", "add", *files, "--json", "--metadata", told, "--model", "baseline")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["added"] for line in done.stdout.splitlines()] == [False, False]

    def listed() -> list[dict[str, object]]:
        out = spur("archive", "list", "--json")
        assert (out.returncode, out.stderr) == (0, "")
        return [json.loads(line) for line in out.stdout.splitlines()]

    assert [(r["file"], r["region"]) for r in listed()] == [
        ("w20-tz-49.txt", None),
        ("w9-ts-31.txt", "Region Väst"),
    ]
    saved = tmp_path / "b.zip"
    assert spur("archive", "backup", saved).returncode == 0
    assert spur("archive", "forget", "w20-tz-49").returncode == 0
    assert [r["file"] for r in listed()] == ["w9-ts-31.txt"]
    assert spur("archive", "forget", "w20-tz-49").returncode == 2
    assert spur("archive", "restore", bad).returncode == 1
    assert spur("archive", "restore", tmp_path / "saknas.zip").returncode == 2
    assert [r["file"] for r in listed()] == ["w9-ts-31.txt"]
    assert spur("archive", "restore", saved).returncode == 0
    assert len(listed()) == 2
    assert "Vårdcentralen" in spur("archive", "list").stdout


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_kill_9_while_adding_leaves_whole_reports_and_the_same_command_goes_on(
    tmp_path: Path, spur: Callable[..., Done]
) -> None:
    command = [sys.executable, "-m", "pipeline", "archive", "add", EXAMPLES, "--model", "baseline"]
    path = tmp_path / "store.db"
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment(tmp_path), start_new_session=True, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().split()[0].decode() for _ in range(3)]
    os.killpg(process.pid, signal.SIGKILL)  # it, and the reader that it started
    process.wait(timeout=30)
    process.stdout.close()
    total = len([p for p in EXAMPLES.rglob("*.*") if p.is_file()])
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with Store.open(path) as store, store.read() as session:
        kept = list(archive.drafts(session))
        assert set(acknowledged) <= {e.id[:12] for e, _ in kept} and len(kept) < total
        assert all(e.sentences == len(d.sentences) > 0 and len(d.areas) == 8 for e, d in kept)
    done = spur(*command[3:])
    assert done.returncode == 0 and done.stdout.count("finns redan") == len(kept)
    with Store.open(path) as store:
        assert (counts(store)["reports"], counts(store)["drafts"]) == (total, total)
        with store.read() as session:
            whole = session.execute(
                text("INSERT INTO sentence_words(sentence_words) VALUES ('integrity-check')")
            )
            assert whole is not None


def test_kill_9_during_a_correction_keeps_the_acknowledged_ones(
    tmp_path: Path, drafted: list[Drafted]
) -> None:
    path = tmp_path / "store.db"
    with Store.open(path) as store, store.write() as session:
        report = archive.add(session, drafted[1].draft, drafted[1].content).report
    code = (
        "import sys\nfrom pipeline import catalogue\nfrom pipeline.store import Store, corrections\n"
        "store, c = Store.open(sys.argv[1]), catalogue.load()\n"
        "while True:\n"
        "    with store.write() as s:\n"
        "        k = corrections.correct_grade(s, sys.argv[2], c, author='A', area='B', grade='C').id\n"
        "    print(k, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, path, report],
        cwd=ROOT,
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    acknowledged = [process.stdout.readline().decode().strip() for _ in range(20)]
    time.sleep(0.01)
    process.kill()
    acknowledged += process.stdout.read().decode().split()
    process.wait(timeout=30)
    process.stdout.close()
    with Store.open(path) as store, store.read() as session:
        kept = {c.id for c in corrections.listed(session)}
    assert {a for a in acknowledged if len(a) == 32} <= kept
