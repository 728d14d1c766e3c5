"""The second look: what the rest of a report says about a sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import catalogue as catalogues
from pipeline import findings
from pipeline.corpus.tsv import CorpusReport, Row
from pipeline.findings import manifest, second_look
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.findings.bert import Bert
from pipeline.findings.second_look import FEATURES, NEAR, SecondLook, features
from pipeline.report import LISTS, SpurError
from pipeline.training import oof
from pipeline.training import second_look as training
from pipeline.training.labelled import Labelled
from pipeline.training.recalled import recalled

CATALOGUE = catalogues.load()
COLUMN = {c.id: k for k, c in enumerate(CATALOGUE.criteria)}
SHIPPED = findings.available()["e5-small-sv"]
HINT = ("Handledningssamtalen blir inte alltid av när schemat är pressat.", "E")
ELSEWHERE = [
    ("Regelbundna handledningssamtal saknas för flera ST-läkare.", "SVAGHETER"),
    ("Säkerställ att handledningssamtal hålls regelbundet.", "FORBATTRING"),
]
OTHER = [
    ("Bibliotek och databaser är lätta att nå.", "STYRKOR"),
    ("Lokalerna är ändamålsenliga.", "A"),
    ("Kliniken ligger på plan tre.", "A"),
]


@pytest.fixture(scope="module")
def model() -> Bert:
    loaded = findings.load("e5-small-sv", CATALOGUE)
    assert isinstance(loaded, Bert)
    return loaded


@pytest.fixture(scope="module")
def look() -> SecondLook:
    return second_look.load(SHIPPED / second_look.FILE)


def report(rows: list[tuple[str, str]], name: str = "r") -> list[SentenceInput]:
    return [SentenceInput(text, section, name) for text, section in rows]


def test_what_the_lists_repeat_is_believed_more(model: Bert) -> None:
    """A hint in a narrative is a finding where the lists tell of the same shortfall, and less of one where they don't."""

    def short(rows: list[tuple[str, str]]) -> float:
        return float(model.predict(report(rows))[0, COLUMN["E.F1"], 1:].sum())

    with_lists, without = short([HINT, *ELSEWHERE, *OTHER]), short([HINT, *OTHER])
    assert with_lists > 3 * without


def test_a_report_is_read_the_same_beside_others_and_in_pieces_of_a_stream(model: Bert) -> None:
    first, other = report([HINT, *ELSEWHERE, *OTHER], "a"), report([*OTHER, *ELSEWHERE[:1]], "b")
    alone = model.predict(first)
    np.testing.assert_allclose(model.predict([*first, *other])[: len(first)], alone, atol=2e-3)
    np.testing.assert_allclose(model.predict([*other, *first])[len(other) :], alone, atol=2e-3)


def test_without_a_report_a_sentence_keeps_its_first_look(model: Bert) -> None:
    strangers = [SentenceInput(text, section) for text, section in [HINT, *ELSEWHERE]]
    assert np.array_equal(model.predict(strangers), model.first_look(strangers))
    single = report([HINT])
    assert np.array_equal(model.predict(single), model.first_look(single))


@st.composite
def readings(draw: st.DrawFn) -> tuple[Probabilities, list[str | None]]:
    n = draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    some = (rng.random((n, 74, 3)) ** draw(st.sampled_from([1, 4, 40]))).astype(np.float32)
    some /= np.maximum(some.sum(axis=2, keepdims=True), 1)
    some[rng.random((n, 74)) < 0.3] = draw(st.sampled_from([0.0, 1e-9]))
    return some, draw(st.lists(st.sampled_from([*LISTS, *"ABEH", None]), min_size=n, max_size=n))


@given(readings())
@settings(max_examples=60, deadline=None)
def test_whatever_was_read_probabilities_stay_probabilities(
    look: SecondLook, reading: tuple[Probabilities, list[str | None]]
) -> None:
    first, sections = reading
    told = features(first, sections, CATALOGUE)
    assert told.shape == (*first.shape[:2], len(FEATURES)) and np.isfinite(told).all()
    again = look.report(first, sections, CATALOGUE)
    assert np.isfinite(again).all() and (again >= 0).all() and (again.sum(axis=2) <= 1 + 1e-5).all()
    far = told[..., 0] <= NEAR
    assert np.array_equal(again[far], first[far])


def test_a_catalogue_of_other_criteria_is_looked_at_alike(look: SecondLook) -> None:
    """Criteria in another order, some left out: no pair's answer hangs on a column's place."""
    rng = np.random.default_rng(1)
    first = (rng.random((6, 74, 3)) / 40).astype(np.float32)
    first[0, COLUMN["E.F6"]] = [0.05, 0.1, 0.5]
    sections = ["E", "E", "SVAGHETER", "A", "A", None]
    areas = {
        k: dataclasses.replace(a, criteria=tuple(reversed(a.criteria)))
        for k, a in reversed(CATALOGUE.areas.items())
    }
    other = dataclasses.replace(CATALOGUE, areas=areas)
    order = [COLUMN[c.id] for c in other.criteria]
    assert order != sorted(order)
    there = look.report(first[:, order], sections, other)
    np.testing.assert_allclose(there, look.report(first, sections, CATALOGUE)[:, order], atol=1e-5)


def made(reports: int, seed: int) -> tuple[Labelled, Probabilities]:
    """Reports in which every shortfall is told in three places; a network that is unsure of all of them and, as often, of
    pairs that are told nowhere."""
    rng = np.random.default_rng(seed)
    sections = ["A", "B", "D", "E", "E", "SVAGHETER", "FORBATTRING", "STYRKOR"]
    n, criteria = len(sections), len(COLUMN)
    gold, first = [], []
    for _ in range(reports):
        its = np.zeros((n, criteria), np.int8)
        for c in rng.choice(criteria, 4, replace=False):
            its[rng.choice(n, 3, replace=False), c] = 3
        unsure = (its > 0) | (rng.random(its.shape) < 12 / its.size)
        p = np.where(unsure[..., None], [0.05, 0.1, 0.25], 1e-4).astype(np.float32)
        gold.append(its)
        first.append(p)
    names = np.repeat([f"r{k}" for k in range(reports)], n)
    data = Labelled(
        reports=names,
        writers=names,
        sections=np.tile(sections, reports),
        index=np.tile(np.arange(n, dtype=np.int32), reports),
        texts=("x",) * len(names),
        gold=np.concatenate(gold),
        criteria=tuple(COLUMN),
    )
    return data, np.concatenate(first)


def test_fitting_learns_that_what_is_repeated_is_told() -> None:
    few = training.Settings(members=1, epochs=30, pairs=256)
    fitted = training.fit(*made(60, 0), CATALOGUE, seed=1, settings=few)
    data, first = made(20, 1)
    again = fitted(data.inputs(), first, CATALOGUE).sum(axis=2)
    unsure = first.sum(axis=2) > 0.1
    told, silent = again[unsure & (data.gold > 0)], again[unsure & (data.gold == 0)]
    assert np.mean(told > 0.5) > 0.9 and np.mean(silent < 0.5) > 0.9  # the first look says 0.4 of all
    assert np.array_equal(fitted(data.inputs(), first, CATALOGUE).sum(axis=2), again)
    same = training.fit(*made(60, 0), CATALOGUE, seed=1, settings=few)
    np.testing.assert_allclose(same(data.inputs(), first, CATALOGUE).sum(axis=2), again, atol=1e-4)


def test_what_is_saved_answers_alike_and_a_foreign_file_is_refused(look: SecondLook, tmp_path: Path) -> None:
    look.save(tmp_path / "a.npz")
    first = np.random.default_rng(0).random((5, 74, 3)).astype(np.float32) / 3
    sections = ["A", "A", "E", "SVAGHETER", None]
    again = second_look.load(tmp_path / "a.npz").report(first, sections, CATALOGUE)
    assert np.array_equal(again, look.report(first, sections, CATALOGUE))
    np.savez(tmp_path / "b.npz", mean=np.zeros(3), scale=np.ones(3))
    (tmp_path / "c.npz").write_bytes(b"no archive")
    for name in ("b.npz", "c.npz", "d.npz"):
        with pytest.raises(ValueError, match=name):
            second_look.load(tmp_path / name)


def test_a_model_folder_with_a_foreign_second_look_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in SHIPPED.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / second_look.FILE).write_bytes(b"no archive")
    with pytest.raises(SpurError, match="kontrollsumman"):
        findings.load(folder, CATALOGUE)
    told = manifest._parsed(folder)
    told["files"][second_look.FILE] = manifest.sha256(folder / second_look.FILE)
    manifest.write(folder, manifest.Manifest(**told))
    with pytest.raises(SpurError, match="går inte att läsa"):
        findings.load(folder, CATALOGUE)


def test_what_was_read_out_of_fold_is_looked_at_again_in_a_report_that_was_altered(
    look: SecondLook, tmp_path: Path
) -> None:
    data, first = made(2, 3)
    rows = tuple(Row(str(s), f"mening nummer {k}", {}) for k, s in enumerate(data.sections))
    texts = tuple(r.text for r in rows)
    data = dataclasses.replace(data, texts=texts)
    half = len(rows) // 2
    data = dataclasses.replace(data, index=np.tile(np.arange(half, dtype=np.int32), 2))
    reports = [CorpusReport(f"r{k}", {}, rows[k * half : (k + 1) * half]) for k in (0, 1)]
    told = oof.of(data, first, np.full(74, 0.4, np.float32), "m", first, np.zeros(len(rows), np.int32))
    oof.save(tmp_path / "oof.npz", told)
    again = recalled(oof.load(tmp_path / "oof.npz"), reports, CATALOGUE, {0: look})
    whole = data.inputs()[:half]
    wanted = look(whole, first[:half].astype(np.float16).astype(np.float32), CATALOGUE)
    np.testing.assert_allclose(again.predict(whole), wanted, atol=1e-6)
    less = whole[: half - 2]
    assert not np.array_equal(again.predict(less), wanted[: half - 2])
    assert np.array_equal(again.first_look(less), again.first_look(whole)[: half - 2])
