"""Soft labels from what a report tells, and the head that learns from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")

from pipeline import catalogue  # noqa: E402
from pipeline.cli.app import run  # noqa: E402
from pipeline.corpus import tsv  # noqa: E402
from pipeline.grading.policy import Policy  # noqa: E402
from pipeline.training import distant, softlabels  # noqa: E402
from pipeline.training.distant import PARTLY, UNMET, Truth  # noqa: E402
from pipeline.training.linear_head import Inputs, LinearHead, Part, Penalty, sections  # noqa: E402

CATALOGUE = catalogue.load()


CORPUS = Path(__file__).resolve().parents[1] / "data" / "corpus" / "dev"


def test_the_experiment_knows_of_a_report_what_building_reads_off_its_file(tmp_path: Path) -> None:
    from pipeline.training.distant_experiment import without_labels  # noqa: PLC0415

    files = [CORPUS / f"{n}.tsv" for n in ("w14-tx-05", "w12-ts-78", "w1-tr-08")]
    args = ["--out", str(tmp_path / "reports"), "--format", "docx", "--grades", "reference"]
    assert run(["dataset", "render", *map(str, files), *args]) == 0
    out = tmp_path / "distant.jsonl"
    assert run(["dataset", "build", str(tmp_path / "reports"), "--out", str(out), "--no-mask"]) == 0
    read = {r.id: r for r in distant.load([out], CATALOGUE)}
    policy = Policy.of(CATALOGUE)
    for made in (without_labels(tsv.read(f), CATALOGUE, policy) for f in files):
        assert made.told == read[made.id].told
        assert set(made.actions) == set(read[made.id].actions)


def joint(*rows: list[list[float]]) -> np.ndarray:
    """Sentences × criteria × P(met), P(partly), P(unmet)."""
    return np.array(rows)


def soft(before: np.ndarray, **its: tuple[object, ...]) -> np.ndarray:
    truth = Truth(**{"told": (), "kept": (), "either": (), **its})  # type: ignore[arg-type]
    return softlabels.of_report(before, truth)


def test_without_statements_nothing_changes() -> None:
    before = joint([[0.1, 0.2, 0.3]], [[0.0, 0.0, 0.5]])
    assert soft(before) == pytest.approx(before)


def test_a_status_that_is_ruled_out_goes_to_what_is_left() -> None:
    before = joint([[0.2, 0.1, 0.5]])
    assert soft(before, kept=((0, UNMET),))[0, 0] == pytest.approx([0.4, 0.2, 0.0])
    assert soft(before, kept=((0, PARTLY),))[0, 0] == pytest.approx([0.5, 0.0, 0.0])


def test_what_the_plan_names_is_told_by_one_sentence_at_least() -> None:
    """By Bayes' rule, checked by listing the four cases."""
    a, b = 0.2, 0.4
    out = soft(joint([[0.5, 0.0, a]], [[0.0, 0.0, b]]), told=((0, UNMET),))
    some = 1 - (1 - a) * (1 - b)
    assert out[:, 0, 2] == pytest.approx([a / some, b / some])
    assert out[0, 0, 0] == pytest.approx(0.5 * b / some)  # met, so the other is the one


def test_a_sentence_alone_must_be_the_one() -> None:
    assert soft(joint([[0.1, 0.0, 0.05]]), told=((0, UNMET),))[0, 0, 2] == pytest.approx(1.0, abs=1e-4)


def test_one_of_several_criteria_is_short() -> None:
    out = soft(joint([[0.0, 0.0, 0.3], [0.0, 0.0, 0.1]]), either=(((0, UNMET), (1, UNMET)),))
    some = 1 - 0.7 * 0.9
    assert out[0, :, 2] == pytest.approx([0.3 / some, 0.1 / some])


def test_a_rival_gets_what_another_criterion_cant_have() -> None:
    before = joint([[0.0, 0.0, 0.5], [0.0, 0.0, 0.2]])
    every = np.ones((1, 2, 3), bool)
    free = softlabels.rivals(before, every, np.zeros(1, int), [0.6])
    assert free.sum() == pytest.approx(0.6, abs=1e-4)  # so many sentences tell of any
    assert free[0, 0, 2] / free[0, 1, 2] == pytest.approx(4.0)  # by their odds
    without = every.copy()
    without[0, 0] = False
    left = softlabels.rivals(before, without, np.zeros(1, int), [0.6])
    assert left[0, 0].sum() == 0 and left[0, 1, 2] > free[0, 1, 2]


def test_the_head_learns_a_criterion_from_soft_labels_and_only_where_it_is_asked() -> None:
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(40, 16, generator=generator)
    tells = z[:, 0] > 0
    target = torch.zeros(40, len(CATALOGUE.criteria), 3)
    target[tells, 5, 2] = 0.9
    where = torch.zeros(40, len(sections(CATALOGUE)))
    where[:, 0] = 1
    wordings = torch.randn(len(CATALOGUE.criteria), 16, generator=generator)

    def after(asked: torch.Tensor) -> np.ndarray:
        head = LinearHead(wordings, CATALOGUE, Penalty())
        head.fit([Part(Inputs(z, where), target, asked)], 60)
        return head.joint(Inputs(z, where))[:, 5, 2]

    learnt = after(torch.ones(1))
    assert learnt[tells.numpy()].mean() > 0.6 and learnt[~tells.numpy()].mean() < 0.2
    unasked = torch.ones(40, len(CATALOGUE.criteria))
    unasked[:, 5] = 0
    assert abs(after(unasked)[tells.numpy()].mean() - after(unasked)[~tells.numpy()].mean()) < 0.3


def test_a_copy_of_the_head_learns_by_itself() -> None:
    wordings = torch.randn(len(CATALOGUE.criteria), 8, generator=torch.Generator().manual_seed(1))
    head = LinearHead(wordings, CATALOGUE, Penalty())
    x = Inputs(torch.ones(3, 8), torch.zeros(3, len(sections(CATALOGUE))))
    before = head.joint(x)
    target = torch.zeros(3, len(CATALOGUE.criteria), 3)
    target[..., 0] = 1
    head.like().fit([Part(x, target, torch.ones(1))], 5)
    assert head.joint(x) == pytest.approx(before)


def test_states_are_those_of_the_network_and_kept(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    import small_bert  # noqa: PLC0415

    from pipeline.findings.base import SentenceInput  # noqa: PLC0415
    from pipeline.training import cached  # noqa: PLC0415
    from pipeline.training.linear_head import pool  # noqa: PLC0415
    from pipeline.training.model import HeadConfig  # noqa: PLC0415
    from pipeline.training.recipe import Recipe  # noqa: PLC0415
    from pipeline.training.start import make_network  # noqa: PLC0415

    recipe = Recipe(name="small", encoder="kb-bert", head=HeadConfig(heads=4, inner=64))
    net, encoder = make_network(recipe, small_bert.write(tmp_path / "bert"), CATALOGUE)
    texts = ("Handledning ges varje vecka.", "Tid saknas.", "Chefen har utsett handledare för alla läkare.")
    sentences = [SentenceInput(t, "E", "r") for t in texts]
    made = cached.make(net, sentences, encoder, CATALOGUE, tmp_path / "states", "small")
    again = cached.make(net, sentences, encoder, CATALOGUE, tmp_path / "states", "small")
    assert np.array_equal(made.states, again.states) and np.array_equal(made.start, again.start)
    (batch,) = encoder.batches(encoder.windows(sentences, {"E": CATALOGUE.areas["E"].name}))
    with torch.no_grad():
        states = net.states(torch.from_numpy(batch.ids), torch.from_numpy(batch.mask))
        pooled = net.pool(states, torch.from_numpy(batch.token_index), torch.from_numpy(batch.token_mask))
    assert pool(made)[batch.rows] == pytest.approx(pooled.numpy(), abs=2e-3)
    other = cached.make(net, sentences[:2], encoder, CATALOGUE, tmp_path / "states", "small")
    assert len(other) == 2  # other sentences are not answered from the folder
