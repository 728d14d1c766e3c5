"""The linear baseline: its features, its folder and what it says of sentences."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline import catalogue
from pipeline.catalogue import Area, Catalogue, Criterion
from pipeline.findings import SentenceInput, baseline, decide, load, manifest, tfidf
from pipeline.report import SpurError
from pipeline.resources import assets


@pytest.fixture(scope="module")
def cat() -> Catalogue:
    return catalogue.load()


@pytest.fixture(scope="module")
def model(cat: Catalogue) -> baseline.Baseline:
    return baseline.load(assets("models") / "baseline", cat)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(assets("models") / "baseline", tmp_path / "m"))


@pytest.mark.parametrize(
    ("section", "text", "criterion", "status"),
    [
        ("SVAGHETER", "Två av huvudhandledarna har inte gått handledarutbildning.", "B.F2", "unmet"),
        ("C", "ST-läkarna har egen arbetsplats med dator.", "C.K1", "met"),
        ("D", "Det individuella utbildningsprogrammet revideras inte.", "D.F7", "unmet"),
        ("STYRKOR", "Alla ST-läkare har en utsedd huvudhandledare.", "E.F2", "met"),
        ("H", "Regelbunden handledning i grupp med reflektion erbjuds.", "H.R3", "met"),
    ],
)
def test_plain_sentences_are_read(
    model: baseline.Baseline, section: str, text: str, criterion: str, status: str
) -> None:
    proba = model.predict([SentenceInput(text, section)])
    found = {f.criterion: f.status for f in decide(proba, model.thresholds, model.catalogue)[0]}
    assert found.get(criterion) == status


def test_neutral_sentence_gives_no_finding(model: baseline.Baseline) -> None:
    proba = model.predict([SentenceInput("Kliniken ligger i sjukhusets norra del och byggdes 1974.", "A")])
    assert decide(proba, model.thresholds, model.catalogue) == [()]


def test_probabilities_are_probabilities_with_and_without_section(model: baseline.Baseline) -> None:
    texts = ["", "…", "IUP saknas.", "Handledning sker, men sällan 1 tim/v.", "x" * 5000]
    for section in (None, "A", "SVAGHETER", "okänd"):
        proba = model.predict([SentenceInput(t, section) for t in texts])
        assert proba.shape == (5, len(model.catalogue.criteria), 3)
        assert (proba >= 0).all() and (proba.sum(axis=2) <= 1 + 1e-6).all()
    assert model.predict([]).shape == (0, len(model.catalogue.criteria), 3)


def test_a_sentence_does_not_depend_on_its_batch(model: baseline.Baseline) -> None:
    one, two = SentenceInput("IUP revideras inte.", "D", "r"), SentenceInput("Lokalerna är ljusa.", "C", "r")
    assert np.array_equal(model.predict([one, two])[0], model.predict([one])[0])


def test_a_reworded_criterion_is_found_by_likeness(cat: Catalogue) -> None:
    reworded = {
        "B": Area(
            "B",
            "Bemanning",
            "",
            (Criterion("B.F1", "B", "F", "Studierektorn har en skriftlig uppdragsbeskrivning."),),
        ),
        "Q": Area("Q", "Annat", "", (Criterion("Q.F1", "Q", "F", "Simulatorträning erbjuds varje termin."),)),
    }
    other = replace(cat, name="other", areas=reworded)
    model = baseline.load(assets("models") / "baseline", other)
    assert model.unknown == ("B.F1", "Q.F1")
    sentences = [
        SentenceInput("Skriftlig uppdragsbeskrivning för studierektorn saknas.", "SVAGHETER"),
        SentenceInput("Alla erbjuds simulatorträning en gång per termin.", "Q"),
        SentenceInput("Sjukhuset har ett nytt parkeringshus.", "A"),
    ]
    relevance = model.predict(sentences).sum(axis=2)
    assert relevance[0, 0] > 3 * relevance[1:, 0].max()
    assert relevance[1, 1] > 3 * relevance[[0, 2], 1].max()


def test_order_of_the_catalogue_is_the_order_of_columns(cat: Catalogue, model: baseline.Baseline) -> None:
    fewer = replace(cat, areas={k: cat.areas[k] for k in ("E", "B")})
    other = baseline.load(assets("models") / "baseline", fewer)
    sentence = [SentenceInput("Två av huvudhandledarna har inte gått handledarutbildning.", "SVAGHETER")]
    columns = [model.catalogue.index[c.id] for c in fewer.criteria]
    assert np.allclose(other.predict(sentence), model.predict(sentence)[:, columns])


# --- the folder --------------------------------------------------------------------------------


def test_the_shipped_model_loads_by_name(cat: Catalogue) -> None:
    assert load("baseline", cat).info.name == "baseline"
    assert sum(f.stat().st_size for f in (assets("models") / "baseline").iterdir()) < 12_000_000


def test_unknown_name_says_what_there_is(cat: Catalogue) -> None:
    with pytest.raises(SpurError, match="baseline"):
        load("nonesuch", cat)


def test_a_flipped_byte_is_refused(folder: Path, cat: Catalogue) -> None:
    raw = bytearray((folder / baseline.FILE).read_bytes())
    raw[len(raw) // 2] ^= 1
    (folder / baseline.FILE).write_bytes(raw)
    with pytest.raises(SpurError, match="kontrollsumman"):
        load(folder, cat)


def test_a_truncated_file_with_the_right_checksum_is_refused(folder: Path, cat: Catalogue) -> None:
    raw = (folder / baseline.FILE).read_bytes()
    (folder / baseline.FILE).write_bytes(raw[: len(raw) // 2])
    m = json.loads((folder / manifest.FILE).read_text())
    m["files"] = manifest.checksums(folder, [baseline.FILE])
    (folder / manifest.FILE).write_text(json.dumps(m))
    with pytest.raises(SpurError, match="går inte att läsa"):
        load(folder, cat)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 99}, "schema 99"),
        ({"kind": "forest"}, "okänt"),
        ({"files": {"../x": "0"}}, "utanför"),
        ({"files": {"gone.npz": "0"}}, "saknas"),
        ({"files": ["weights.npz"]}, "fel slag"),
        ({"settings": {}}, "går inte att läsa"),
    ],
)
def test_foreign_manifests_are_refused(
    folder: Path, cat: Catalogue, change: dict[str, object], message: str
) -> None:
    m = json.loads((folder / manifest.FILE).read_text())
    (folder / manifest.FILE).write_text(json.dumps({**m, **change}))
    with pytest.raises(SpurError, match=message):
        load(folder, cat)


@pytest.mark.parametrize("content", ["", "[]", "{}", "\x00\x01"])
def test_no_manifest_is_refused(tmp_path: Path, cat: Catalogue, content: str) -> None:
    with pytest.raises(SpurError, match=r"manifest\.json"):
        load(tmp_path, cat)
    (tmp_path / manifest.FILE).write_text(content)
    with pytest.raises(SpurError):
        load(tmp_path, cat)


# --- features ----------------------------------------------------------------------------------


def test_terms_of_a_text() -> None:
    tokens = tfidf.words("ST-läkarna har 25 kurser.")
    assert tokens == ["st", "läkarna", "har", "00", "kurser"]
    assert "har 00" in set(tfidf.word_terms(tokens))
    assert {" har ", " ha", "ar "} <= set(tfidf.char_terms(tokens))
    assert " st " in set(tfidf.char_terms(tokens))  # a short word is kept whole


def test_decomposed_letters_are_the_same_word() -> None:
    assert tfidf.words("la\u0308kare") == tfidf.words("läkare")


def test_blocks_have_length_one() -> None:
    features = tfidf.learn_features(
        ["handledning finns", "handledning saknas"], ["A", "B"], ["A", "B"], (1, 1), 0.5
    )
    at, value = features.row("handledning saknas", "A")
    assert len(set(at)) == len(at) and at.max() < features.width
    assert np.isclose((value**2).sum(), 1 + 1 + 0.25)
    at, value = features.row("okänt", None)
    assert np.isclose(value.sum(), 0.5) and len(at) >= 2  # the average section
