"""Sentences go out to annotation tools and come back as they were."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import catalogue
from pipeline.annotation import FORMATS, Annotated, Annotation, Suggestion, Task, ranking, settle
from pipeline.annotation.labelstudio import config
from pipeline.cli.app import run
from pipeline.corpus import tsv
from pipeline.report import SpurError
from pipeline.training import labelled

ROOT = Path(__file__).resolve().parents[1]

CATALOGUE = catalogue.load()


def record(n: int, *annotations: Annotation, suggestions: Sequence[Suggestion] = ()) -> Annotated:
    text = f"Mening {n}: IUP saknas för «två» av ST-läkarna & revideras ej <årligen>."
    task = Task(
        id=f"rapport-1#{n}",
        report="rapport-1",
        section="E" if n % 2 else "SVAGHETER",
        text=text,
        before="" if n == 0 else "Meningen före.",
        after="Meningen efter.",
        suggestions=tuple(suggestions),
        near=("E.F6", "E.R2", "H.F1"),
        score=0.5 + n / 10,
        why="osäker; sällsynt E.R2",
    )
    return Annotated(task, annotations)


SUGGESTED = (Suggestion("E.F6", "unmet", 0.8123), Suggestion("B.R1", "partly", 0.4))
PLAIN = [record(0), record(1, suggestions=SUGGESTED)]
LABELLED = [
    record(0, Annotation("anna", {"E.F6": "unmet", "H.F1": "met"}), Annotation("bo", {})),
    record(1, Annotation("bo", {"A.F1": "partly"}), suggestions=SUGGESTED),
    record(2, suggestions=SUGGESTED),
]


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("records", [PLAIN, LABELLED], ids=["suggestions", "annotations"])
def test_what_is_exported_comes_back_identical(name: str, records: list[Annotated], tmp_path: Path) -> None:
    FORMATS[name].write(records, CATALOGUE, tmp_path)
    assert FORMATS[name].read(tmp_path) == records


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_foreign_file_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(
        '[{"data": {"text": "hej"}}]' if name in ("label-studio", "argilla") else '{"text": "hej"}\n'
    )
    with pytest.raises(SpurError, match=r"other.json, .* 1|spur dataset annotate"):
        FORMATS[name].read(path)


def test_a_label_that_contradicts_itself_is_refused(tmp_path: Path) -> None:
    FORMATS["doccano"].write(LABELLED, CATALOGUE, tmp_path)
    path = tmp_path / "anna.jsonl"
    path.write_text(
        path.read_text(encoding="utf8").replace('"label": ["E.F6-"', '"label": ["E.F6+", "E.F6-"')
    )
    with pytest.raises(SpurError, match=r"anna.jsonl, rad 1: E.F6 har två olika etiketter"):
        FORMATS["doccano"].read(path)


def test_doccanos_zip_of_members_is_read_with_their_names(tmp_path: Path) -> None:
    """As doccano exports a project whose members annotate apart: the example's data beside id, text and label."""
    FORMATS["doccano"].write(LABELLED, CATALOGUE, tmp_path)
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as z:
        for name in ("anna", "bo"):
            z.write(tmp_path / f"{name}.jsonl", f"{name}.jsonl")
    read = FORMATS["doccano"].read(tmp_path / "export.zip")
    assert read == [r for r in LABELLED if r.annotations]


def test_label_studios_export_names_users_by_number_and_cancels(tmp_path: Path) -> None:
    written, *_ = FORMATS["label-studio"].write(LABELLED, CATALOGUE, tmp_path)
    tasks = json.loads(written.read_text(encoding="utf8"))
    tasks[0]["annotations"][0] |= {"completed_by": 7, "id": 11, "lead_time": 3.2}
    tasks[0]["annotations"][1] |= {"completed_by": 8, "was_cancelled": True}
    written.write_text(json.dumps(tasks), encoding="utf8")
    first = FORMATS["label-studio"].read(written)[0]
    assert first.annotations == (Annotation("7", {"E.F6": "unmet", "H.F1": "met"}),)


def test_prodigy_offers_all_that_is_suggested_and_takes_the_rest_in_words(tmp_path: Path) -> None:
    FORMATS["prodigy"].write(LABELLED, CATALOGUE, tmp_path)
    rows = [json.loads(line) for line in (tmp_path / "tasks.jsonl").read_text(encoding="utf8").splitlines()]
    for row in rows:  # what its documentation asks of a choice task
        assert {o["id"] for o in row["options"]} >= set(row["accept"])
        assert all(isinstance(o["id"], str) and isinstance(o["text"], str) for o in row["options"])
    far = next(r for r in rows if r["other"])
    assert far["other"] == "A.F1~" and far["answer"] == "accept" and far["_annotator_id"] == "spur-bo"
    rows[0]["answer"] = "ignore"
    (tmp_path / "out.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf8")
    read = FORMATS["prodigy"].read(tmp_path / "out.jsonl")
    assert [a.annotator for a in read[0].annotations] == ["bo"]


# --- the tools' own loaders, where they are installed ---------------------------------------------------------


def test_label_studio_itself_takes_the_tasks(tmp_path: Path) -> None:
    interfaces = pytest.importorskip("label_studio_sdk.label_interface.interface")
    interface = interfaces.LabelInterface(config(CATALOGUE))
    interface.validate()
    written, *_ = FORMATS["label-studio"].write(LABELLED, CATALOGUE, tmp_path)
    for task in json.loads(written.read_text(encoding="utf8")):
        assert interface.validate_task({"data": task["data"]})
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction, return_errors=True) == []
        for annotation in task["annotations"]:
            assert interface.validate_annotation(annotation)


def test_label_studios_converter_reads_the_labels(tmp_path: Path) -> None:
    converters = pytest.importorskip("label_studio_sdk.converter")
    FORMATS["label-studio"].write(LABELLED, CATALOGUE, tmp_path)
    tasks = json.loads((tmp_path / "tasks.json").read_text(encoding="utf8"))
    for n, task in enumerate(tasks):  # what the server adds
        task["id"] = n
        for a in task["annotations"]:
            a |= {"id": n, "created_at": "2026-01-01", "updated_at": "2026-01-01", "lead_time": 1.0}
    (tmp_path / "export.json").write_text(json.dumps(tasks), encoding="utf8")
    converter = converters.Converter(config(CATALOGUE), str(tmp_path))
    converter.convert_to_json_min(str(tmp_path / "export.json"), str(tmp_path / "out"), is_dir=False)
    out = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf8"))
    told = {tuple(p[-1] for p in row["labels"][0]["taxonomy"]) for row in out if row.get("labels")}
    assert told == {("E.F6-", "H.F1+"), ("A.F1~",)}


def test_argillas_client_reads_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argilla = pytest.importorskip("argilla")
    from argilla.records._io import JsonIO  # noqa: PLC0415

    monkeypatch.setattr(argilla.Argilla, "_get_default", MagicMock)  # it looks for a server else
    FORMATS["argilla"].write(LABELLED, CATALOGUE, tmp_path)
    settings = argilla.Settings.from_json(tmp_path / ".argilla" / "settings.json")
    settings.validate()
    assert set(settings.questions["labels"].labels) >= {"E.F6-", "A.F1~"}
    records = JsonIO._records_from_json(tmp_path / "records.json")
    assert [r.id for r in records] == [r.task.id for r in LABELLED]
    assert records[0].responses["labels"][0].value == ["E.F6-", "H.F1+"]
    # and what the client writes is read by us
    (tmp_path / "again").mkdir()
    JsonIO.to_json(records, tmp_path / "again" / "records.json")
    (tmp_path / "again" / "annotators.json").write_text((tmp_path / "annotators.json").read_text())
    assert FORMATS["argilla"].read(tmp_path / "again") == LABELLED


# --- which sentences, and what comes of the answers ------------------------------------------------------------


def probabilities(*rows: Sequence[float]) -> NDArray[np.float32]:
    """[n, 74, 3]: the first criterion's three statuses as given, the others nearly silent."""
    p = np.full((len(rows), len(CATALOGUE.criteria), 3), 1e-4, np.float32)
    p[:, 0] = rows
    return p


TEXTS = ["Handledning ges varje vecka.", "Utrustningen är gammal och sliten.", "Jourschemat hålls."]


def test_the_unsure_sentence_comes_first() -> None:
    p = probabilities((0.98, 0, 0.01), (0.3, 0.2, 0.3), (0, 0, 0))
    assert ranking.rank(TEXTS, [p], ranking.Known(), 3)[0].row == 1


def test_where_models_disagree_comes_before_where_both_are_unsure() -> None:
    one, other = (
        probabilities((0.9, 0, 0), (0.45, 0, 0.45), (0, 0, 0)),
        probabilities((0, 0, 0.9), (0.45, 0, 0.45), (0, 0, 0)),
    )
    values = ranking.respects(TEXTS, [one, other], ranking.Known())
    assert values["disagreement"].argmax() == 0
    assert values["disagreement"][1] == pytest.approx(0, abs=1e-6)


def test_labelled_sentences_and_repeats_are_not_asked_again() -> None:
    texts = [*TEXTS, "handledning ges varje vecka", TEXTS[2]]
    p = probabilities(*[(0.3, 0.3, 0.3)] * 5)
    chosen = ranking.rank(texts, [p], ranking.Known([TEXTS[0]]), 5)
    assert sorted(c.row for c in chosen) == [1, 2]


def test_a_second_sentence_of_the_same_words_waits() -> None:
    texts = [
        "Ingen av handledarna har gått handledarutbildning.",
        "Ingen av handledarna har gått någon handledarutbildning.",
        "Lokalerna är trånga.",
    ]
    p = probabilities((0.3, 0.3, 0.3), (0.35, 0.3, 0.3), (0.05, 0.05, 0.05))
    assert [c.row for c in ranking.rank(texts, [p], ranking.Known(), 3)] == [0, 2, 1]


def test_rare_criteria_count_more() -> None:
    counts = np.full(len(CATALOGUE.criteria), 500)
    counts[1] = 0
    p = probabilities((0.5, 0, 0), (0, 0, 0), (0, 0, 0))
    p[1, 1, 0] = 0.5
    values = ranking.respects(TEXTS, [p], ranking.Known(["x"], counts))
    assert values["rarity"].argmax() == 1


def test_two_annotators_are_compared_and_their_ties_left_out() -> None:
    records = [
        record(1, Annotation("anna", {"E.F6": "unmet"}), Annotation("bo", {"E.F6": "unmet"})),
        record(2, Annotation("anna", {"E.F6": "unmet"}), Annotation("bo", {})),
        record(3, Annotation("anna", {"B.R1": "met"})),
        record(4),
    ]
    settled = settle.settle(records)
    assert [t.task for t in settled.ties] == ["rapport-1#2"] and settled.untouched == 1
    (report,) = settled.reports
    assert [row.labels for row in report.rows] == [{"E.F6": "-"}, {"B.R1": "+"}]
    assert tsv.parse(tsv.dump(report), report.id) == report
    (pair,) = settle.agreement(records)
    assert (pair.first, pair.second, pair.sentences, pair.same) == ("anna", "bo", 2, 1)
    assert pair.shortfall_f1 == pytest.approx(2 / 3)


def test_a_majority_of_three_settles() -> None:
    says = [Annotation(n, {"E.F6": s}) for n, s in (("a", "unmet"), ("b", "unmet"), ("c", "partly"))]
    (report,) = settle.settle([record(1, *says)]).reports
    assert report.rows[0].labels == {"E.F6": "-"}


def test_kappa_of_those_who_always_agree_is_one() -> None:
    records = [
        record(n, *(Annotation(who, {"E.F6": s} if s else {}) for who in ("a", "b")))
        for n, s in enumerate(("unmet", "met", ""))
    ]
    assert settle.agreement(records)[0].kappa == pytest.approx(1)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 sentences of three example reports, exported for Label Studio."""
    out = tmp_path_factory.mktemp("annotate") / "export"
    args = ["dataset", "annotate", str(ROOT / "data/examples/layout-1"), "--model", "baseline"]
    assert run([*args, "--number", "30", "--out", str(out)]) == 0
    return out


def test_the_commands_go_there_and_back(export: Path, tmp_path: Path) -> None:
    tasks = json.loads((export / "tasks.json").read_text(encoding="utf8"))
    assert len(tasks) == 30 and len({t["data"]["text"] for t in tasks}) == 30
    assert "Påhitt" not in (export / "tasks.json").read_text(encoding="utf8")
    assert (export.parent / "export-masked.csv").is_file()
    for t in tasks:  # an annotator accepts what was suggested
        t["annotations"] = [{"completed_by": 1, "result": t["predictions"][0]["result"]}]
    (tmp_path / "done.json").write_text(json.dumps(tasks), encoding="utf8")
    assert run(["dataset", "import", str(tmp_path / "done.json"), "--out", str(tmp_path / "labelled")]) == 0
    data = labelled.load([tmp_path / "labelled"], CATALOGUE)
    assert len(data) == 30
    want = {t["data"]["text"]: {s["criterion"] for s in t["data"]["spur"]["suggestions"]} for t in tasks}
    for text, gold in zip(data.texts, data.gold, strict=True):
        assert {data.criteria[c] for c in np.flatnonzero(gold)} == want[text]


def test_an_import_does_not_overwrite(export: Path, tmp_path: Path) -> None:
    args = ["dataset", "import", str(export / "tasks.json"), "--out", str(tmp_path)]
    tasks = json.loads((export / "tasks.json").read_text(encoding="utf8"))
    tasks[0]["annotations"] = [{"completed_by": 1, "result": []}]
    (tmp_path / "one.json").write_text(json.dumps(tasks), encoding="utf8")
    args[2] = str(tmp_path / "one.json")
    assert run(args) == 0
    assert run(args) == 2
