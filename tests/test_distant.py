"""Reports without labels teach by what they tell of their grades and in their action plan."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import catalogue
from pipeline.cli.app import run
from pipeline.corpus import tsv
from pipeline.grading.policy import Policy
from pipeline.report import Facts, PlanEntry, Report, SpurError
from pipeline.training import distant
from pipeline.training.distant import PARTLY, UNMET, Told

CATALOGUE = catalogue.load()
POLICY = Policy.of(CATALOGUE)
CORPUS = Path(__file__).resolve().parents[1] / "data" / "corpus" / "dev"


def names(pairs: tuple[distant.Pair, ...], at: int | None = None) -> set[str]:
    return {CATALOGUE.criteria[c].id for c, a in pairs if at is None or a == at}


def of(**grades: str) -> distant.Truth:
    return distant.truth(Told({a: tuple(g) for a, g in grades.items()}), CATALOGUE, POLICY)


def test_the_best_grade_keeps_every_binding_and_advisory_criterion() -> None:
    its = of(E="A")
    binding = {c.id for c in CATALOGUE.areas["E"].at("F")}
    advice = {c.id for c in CATALOGUE.areas["E"].at("R")}
    assert names(its.kept, PARTLY) == binding | advice and names(its.kept, UNMET) >= binding
    assert not its.told and not its.either


def test_the_worst_grade_says_that_one_of_the_binding_is_unmet() -> None:
    its = of(E="D")
    (clause,) = its.either
    assert names(clause, UNMET) == {c.id for c in CATALOGUE.areas["E"].at("F")} and not its.kept


def test_grades_that_are_left_open_keep_what_all_of_them_keep() -> None:
    its = of(E="ABC")
    assert names(its.kept) == {c.id for c in CATALOGUE.areas["E"].at("F")} and not its.either
    assert all(at == UNMET for _, at in its.kept)


def test_an_area_without_advice_has_its_b_for_a_binding_one_partly_met_too() -> None:
    (clause,) = of(A="B").either
    assert {"A.F1"} <= names(clause, PARTLY)


def test_the_plan_settles_which_and_keeps_the_areas_others() -> None:
    told = Told({"E": ("D",)}, ("E.F5",), ("E",))
    its = distant.truth(told, CATALOGUE, POLICY)
    assert its.told == ((CATALOGUE.index["E.F5"], UNMET),) and not its.either
    assert names(its.kept, UNMET) == {c.id for c in CATALOGUE.areas["E"].at("F")} - {"E.F5"}


def test_lists_may_tell_of_all_and_narratives_of_their_area() -> None:
    can = distant.can_tell(["E", "SVAGHETER"], CATALOGUE)
    assert {CATALOGUE.criteria[c].area for c in np.flatnonzero(can[0])} == {"E"} and can[1].all()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two corpus reports with plans, printed with the scale's grades, and built into training data."""
    folder = tmp_path_factory.mktemp("distant")
    files = [str(CORPUS / f"{n}.tsv") for n in ("w14-tx-05", "w12-ts-78")]
    args = ["--out", str(folder / "reports"), "--format", "md", "--grades", "reference"]
    assert run(["dataset", "render", *files, *args]) == 0
    assert run(["dataset", "build", str(folder / "reports"), "--out", str(folder / "distant.jsonl")]) == 0
    return folder / "distant.jsonl"


def test_building_finds_plan_and_sentences_of_a_printed_report(built: Path) -> None:
    for report in distant.load([built], CATALOGUE):
        source = tsv.read(CORPUS / f"{report.id}.tsv")
        assert set(report.told.unmet) == {p.criterion for p in source.plan}
        assert sorted((*a.criteria, a.text) for a in report.actions) == sorted(
            (p.criterion, p.action) for p in source.plan
        )
        assert len(report.texts) > 0.9 * len(source.rows)
        assert distant.truth(report.told, CATALOGUE, POLICY).told
        worst = {c.partition(".")[0] for c in report.told.unmet}
        assert {a for a, g in report.told.grades.items() if g == ("D",)} <= worst


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"schema": 9}, "schema 9"),
        ({"grades": {"E": ["Q"]}}, "Q: not of"),
        ({"plan": {"complete": {}, "unmet": ["E.F99"], "actions": []}}, "E.F99"),
        ({"plan": {"complete": {}, "unmet": [], "actions": [{"criteria": ["E.F98"], "text": "x"}]}}, "E.F98"),
        ({"plan": {"complete": {}, "unmet": []}}, "actions.*spur dataset build"),
        ({"sentences": [{"text": "x"}]}, "spur dataset build"),
    ],
)
def test_a_malformed_line_is_refused(
    built: Path, tmp_path: Path, change: dict[str, object], what: str
) -> None:
    first, *_ = built.read_text(encoding="utf8").splitlines()
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps({**json.loads(first), **change}) + "\n", encoding="utf8")
    with pytest.raises(SpurError, match=f"bad.jsonl, line 1.*{what}"):
        distant.load([path], CATALOGUE)


def test_a_file_of_the_first_schema_is_read_and_tells_of_no_actions(built: Path, tmp_path: Path) -> None:
    old = []
    for text in built.read_text(encoding="utf8").splitlines():
        raw = json.loads(text)
        del raw["plan"]["actions"]
        old.append(json.dumps({**raw, "schema": 1}))
    (tmp_path / "old.jsonl").write_text("\n".join(old), encoding="utf8")
    now = [replace(r, actions=()) for r in distant.load([built], CATALOGUE)]
    assert distant.load([tmp_path / "old.jsonl"], CATALOGUE) == now


def test_names_are_hidden_in_actions_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tsv.read(CORPUS / "w14-tx-05.tsv")
    first, *rest = source.plan
    named = replace(first, action="Studierektor Berit Fiktivus skriver en rutin före sommaren.")
    (tmp_path / "x.tsv").write_text(tsv.dump(replace(source, plan=(named, *rest))), encoding="utf8")
    args = ["--out", str(tmp_path / "reports"), "--format", "md", "--grades", "reference"]
    assert run(["dataset", "render", str(tmp_path / "x.tsv"), *args]) == 0
    texts = {}
    for option in ("--mask", "--no-mask"):
        out = tmp_path / f"{option}.jsonl"
        assert run(["dataset", "build", str(tmp_path / "reports"), "--out", str(out), option]) == 0
        (report,) = distant.load([out], CATALOGUE)
        (texts[option],) = (a.text for a in report.actions if a.criteria == (first.criterion,))
    assert texts["--mask"] == "Studierektor NN skriver en rutin före sommaren."
    assert texts["--no-mask"] == named.action
    assert f"planned actions: {len(source.plan)}" in capsys.readouterr().out


def planned(*entries: tuple[tuple[str, ...], str | None]) -> tuple[distant.Action, ...]:
    plan = tuple(PlanEntry(None, criteria, action) for criteria, action in entries)
    return distant.planned(Report(Facts(), "", (), {}, plan), CATALOGUE)


def test_the_same_words_on_two_criteria_are_one_sentence_about_both() -> None:
    actions = planned(
        (("E.F5",), "En rutin skrivs."), (("E.F6", "E.R1"), "En rutin skrivs."), (("A.F1",), None)
    )
    assert actions == (distant.Action(("E.F5", "E.F6", "E.R1"), "En rutin skrivs."),)
    (row,) = distant.labels(actions, CATALOGUE, POLICY)
    told = {CATALOGUE.criteria[c].id: int(row[c]) for c in np.flatnonzero(row)}
    assert told == {"E.F5": 3, "E.F6": 3, "E.R1": distant.OPEN}  # how far advice is short isn't told


# --- the loss, on tensors that fit on a page ---------------------------------------------------------------------

torch = pytest.importorskip("torch")
from pipeline.training import bags  # noqa: E402
from pipeline.training.feed import APART, SILENT, TOLD  # noqa: E402

CONFIG = bags.BagConfig()


def logits(*rows: float) -> tuple[torch.Tensor, torch.Tensor]:
    """One criterion: sentences whose P(unmet) is given; they are short or silent."""
    p = torch.tensor(rows)[:, None]
    status = torch.zeros(len(rows), 1, 3)
    status[..., 2] = 30.0
    return torch.logit(p), status


def statements(told: list[list[int]], kept: list[list[int]], either: list[list[int]]) -> bags.Statements:
    shapes = ((told, 3), (kept, 3), (either, 4))
    return bags.Statements(*(torch.tensor(x, dtype=torch.long).reshape(-1, n) for x, n in shapes))


def loss(
    p: tuple[float, ...], bag: list[int], said: bags.Statements, config: bags.BagConfig = CONFIG
) -> float:
    can = torch.ones(len(p), 1, dtype=torch.bool)
    return float(bags.bag_loss(*logits(*p), torch.tensor(bag), can, said, max(bag) + 1, config))


def test_a_told_criterion_is_noisy_or_of_its_sentences() -> None:
    said = statements([[0, 0, UNMET]], [], [])
    assert loss((0.5, 0.5), [0, 0], said) == pytest.approx(-math.log(0.75), abs=1e-4)
    assert loss((0.5, 0.5), [0, 1], said) == pytest.approx(-math.log(0.5), abs=1e-4)  # the other report's


def test_a_kept_criterion_costs_what_any_sentence_says() -> None:
    said = statements([], [[0, 0, UNMET]], [])
    assert loss((0.5, 0.5), [0, 0], said) == pytest.approx(-CONFIG.kept * math.log(0.25), abs=1e-4)


def test_one_of_several_is_enough() -> None:
    p, status = torch.logit(torch.tensor([[0.9, 0.01], [0.2, 0.01]])), torch.zeros(2, 2, 3)
    status[..., 2] = 30.0
    can, bag = torch.ones(2, 2, dtype=torch.bool), torch.tensor([0, 0])
    said = statements([], [], [[0, 0, 0, UNMET], [0, 0, 1, UNMET]])
    got = float(bags.bag_loss(p, status, bag, can, said, 1, CONFIG))
    none = 0.1 * 0.8 * 0.99 * 0.99
    assert got == pytest.approx(-CONFIG.either * math.log(1 - none), abs=1e-4)


def test_eighty_small_doubts_make_no_certainty() -> None:
    p = bags.pooled(
        bags.short(*logits(*[0.02] * 80)),
        torch.zeros(80, dtype=torch.long),
        torch.ones(80, 1, dtype=torch.bool),
        1,
        CONFIG,
    )
    assert float(p[0, 0, 1]) < 0.1


def test_the_smooth_maximum_lies_between_mean_and_maximum() -> None:
    config = bags.BagConfig(pool="lse", surest=10)
    p = bags.pooled(
        bags.short(*logits(0.9, 0.1, 0.1)),
        torch.zeros(3, dtype=torch.long),
        torch.ones(3, 1, dtype=torch.bool),
        1,
        config,
    )
    assert 0.37 < float(p[0, 0, 1]) < 0.9


@pytest.mark.parametrize("pool", ["noisy-or", "lse"])
def test_what_no_sentence_may_tell_of_has_no_part(pool: bags.Pool) -> None:
    relevance, status = (t.requires_grad_() for t in logits(0.5, 0.5))
    can, said = (
        torch.zeros(2, 1, dtype=torch.bool),
        statements([[0, 0, UNMET]], [[0, 0, UNMET]], [[0, 0, 0, UNMET]]),
    )
    got = bags.bag_loss(relevance, status, torch.tensor([0, 0]), can, said, 1, bags.BagConfig(pool=pool))
    got.backward()
    assert float(got) == 0 and not relevance.grad.any() and torch.isfinite(relevance.grad).all()


@pytest.mark.parametrize("pool", ["noisy-or", "lse"])
def test_from_reports_alone_it_is_learnt_which_sentence_tells(pool: bags.Pool) -> None:
    """Bags {x, y} told short, {x, z} kept: y must be the one."""
    kinds = torch.tensor([0, 1, 0, 2])
    bag, can = torch.tensor([0, 0, 1, 1]), torch.ones(4, 1, dtype=torch.bool)
    said = statements([[0, 0, UNMET]], [[1, 0, UNMET]], [])
    weight = torch.full((3, 1), -1.0, requires_grad=True)
    status = torch.zeros(4, 1, 3)
    status[..., 2] = 30.0
    optimizer = torch.optim.Adam([weight], lr=0.2)
    for _ in range(100):
        optimizer.zero_grad()
        bags.bag_loss(weight[kinds], status, bag, can, said, 2, bags.BagConfig(pool=pool)).backward()
        optimizer.step()
    x, y, z = weight.detach().sigmoid().ravel().tolist()
    assert y > 0.9 and x < 0.2 and z < 0.2


def test_the_feed_gives_whole_reports_in_the_order_of_the_spans(built: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from small_bert import write  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    from pipeline.findings.encoding import Encoder  # noqa: PLC0415

    folder = write(tmp_path / "bert")
    encoder = Encoder(Tokenizer.from_file(str(folder / "tokenizer.json")), "", 256)
    reports = distant.load([built], CATALOGUE)
    feed = bags.BagFeed(reports, CATALOGUE, POLICY, encoder, tokens=2000)
    steps = list(feed.epoch(0))
    assert sorted(r for s in steps for r in s.reports) == sorted(r.id for r in reports)
    for step in steps:
        own = len(CATALOGUE.criteria)  # the wordings' spans stand first
        assert len(step.packed.start) - own == len(step.bag) == len(step.can) == len(step.targets)
        its = [r for name in step.reports for r in reports if r.id == name]
        texts = [t for r in its for t in r.texts] + [a.text for r in its for a in r.actions]
        assert len(step.bag) == len(texts)
        sizes = step.packed.length[own:].tolist()
        assert sizes == [len(tokens) for tokens in encoder.tokens(texts)]
        actions = step.bag == bags.ACTION
        assert not step.can[actions].any() and (step.targets[~actions] == APART).all()
        told = [CATALOGUE.criteria[int(np.argmax(row))].id for row in step.targets[actions]]
        assert told == [c for r in its for a in r.actions for c in a.criteria]
        assert ((step.targets[actions] == TOLD + 2).sum(1) == 1).all()  # unmet; of the others, silent
        assert (step.targets[actions] >= SILENT).all()
    assert [s.reports for s in feed.epoch(1)] == [s.reports for s in feed.epoch(1)]


def test_the_networks_step_learns_from_bags_alone(built: Path, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from small_bert import write  # noqa: PLC0415

    from pipeline.training import labelled  # noqa: PLC0415
    from pipeline.training.model import HeadConfig  # noqa: PLC0415
    from pipeline.training.recipe import Recipe  # noqa: PLC0415
    from pipeline.training.trainer import Trainer  # noqa: PLC0415

    recipe = Recipe(name="small", encoder="kb-bert", epochs=1, head=HeadConfig(heads=4, inner=64))
    data = labelled.load([CORPUS / "w14-tx-05.tsv"], CATALOGUE)
    cpu = torch.device("cpu")
    trainer = Trainer(recipe, data, write(tmp_path / "bert"), cpu)
    feed = bags.BagFeed(
        distant.load([built], CATALOGUE), CATALOGUE, POLICY, trainer.encoder, tokens=10
    )  # a report a step
    optimizer = torch.optim.Adam(trainer.net.parameters(), lr=5e-3)
    losses = []
    for step, _ in zip(feed, range(6), strict=False):
        optimizer.zero_grad()
        loss = bags.step_loss(trainer._forward, step, cpu, CONFIG, trainer.loss)
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    assert all(map(math.isfinite, losses)) and np.mean(losses[-2:]) < 0.8 * np.mean(losses[:2])


# --- in a training -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    from small_bert import write  # noqa: PLC0415

    return write(tmp_path_factory.mktemp("bert"))


def recipe(built: Path, **changes: object) -> Any:
    from pipeline.training.model import HeadConfig  # noqa: PLC0415
    from pipeline.training.recipe import Recipe  # noqa: PLC0415

    files = tuple(str(CORPUS / f"{n}.tsv") for n in ("w1-tr-08", "w1-tr-10"))
    settings: dict[str, Any] = {
        "train": files,
        "epochs": 1,
        "rows": 16,
        "sentences": 60,
        "distant": (str(built),),
        "distant_every": 2,
        "distant_weight": 1.0,
        "distant_tokens": 10,
    }
    return Recipe(
        name="small", encoder="kb-bert", head=HeadConfig(heads=4, inner=64), **{**settings, **changes}
    )


def trained(recipe: Any, bert: Path, reports: list[distant.DistantReport], steps: int) -> Any:
    from pipeline.training import labelled  # noqa: PLC0415
    from pipeline.training.trainer import Trainer  # noqa: PLC0415

    data = labelled.load([Path(p) for p in recipe.train], CATALOGUE)
    trainer = Trainer(recipe, data, bert, torch.device("cpu"), distant=reports)
    for arrays in trainer.feed.epoch(0)[:steps]:
        trainer.step(arrays)
    return trainer


def same(a: Any, b: Any) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_every_kth_step_learns_from_reports_without_labels(built: Path, bert: Path) -> None:
    reports = distant.load([built], CATALOGUE)
    one, two = (trained(recipe(built), bert, r, 1) for r in (reports, []))
    assert same(one.net, two.net)  # the first step reads labels alone
    one, two = (trained(recipe(built), bert, r, 2) for r in (reports, []))
    assert not same(one.net, two.net)


def test_a_training_learns_from_the_plans_actions(built: Path, bert: Path) -> None:
    reports = [replace(r, told=Told({})) for r in distant.load([built], CATALOGUE)]  # nothing but the actions
    silent = [replace(r, actions=()) for r in reports]
    one, two = (trained(recipe(built), bert, r, 2) for r in (reports, silent))
    assert not same(one.net, two.net)
    unweighted = trained(recipe(built, bags=bags.BagConfig(actions=0.0)), bert, reports, 2)
    assert same(unweighted.net, two.net)


def test_a_cut_training_goes_on_with_the_reports_that_are_due(built: Path, bert: Path) -> None:
    reports = distant.load([built], CATALOGUE)
    whole = trained(recipe(built), bert, reports, 2)
    again = trained(recipe(built), bert, reports, 0)
    again.restore(whole.state())
    assert whole.distant is not None and again.distant is not None
    assert next(again.distant).reports == next(whole.distant).reports


def test_a_plans_actions_are_learnt_as_labelled_sentences(built: Path, bert: Path) -> None:
    """Without any statement about bags: from the actions alone it is learnt which criterion each is about, and unmet."""
    from pipeline.training.trainer import predict  # noqa: PLC0415

    read = distant.load([built], CATALOGUE)
    reports = [replace(r, told=Told({}), texts=r.texts[:1], sections=r.sections[:1]) for r in read]
    trainer = trained(recipe(built), bert, reports, 0)
    (step,) = trainer_feed(trainer, reports).epoch(0)
    optimizer = torch.optim.Adam(trainer.net.parameters(), lr=5e-3)
    for _ in range(30):
        optimizer.zero_grad()
        loss = bags.step_loss(trainer._forward, step, trainer.device, CONFIG, trainer.loss)
        loss.backward()
        optimizer.step()
    inputs = [s for r in reports for s in r.action_inputs()]
    logits = predict(trainer.net, inputs, trainer.encoder, CATALOGUE, trainer.device)
    actions = [a for r in reports for a in r.actions]
    its = [CATALOGUE.index[a.criteria[0]] for a in actions]
    right = np.mean([int(np.argmax(row[:, 0])) == c for row, c in zip(logits, its, strict=True)])
    unmet = np.mean([int(np.argmax(row[c, 1:])) == 2 for row, c in zip(logits, its, strict=True)])
    assert right > 0.7 and unmet > 0.9


def trainer_feed(trainer: Any, reports: list[distant.DistantReport], **changes: Any) -> bags.BagFeed:
    return bags.BagFeed(reports, CATALOGUE, POLICY, trainer.encoder, tokens=10**6, **changes)


def test_the_actions_count_as_their_weight_says(built: Path, bert: Path) -> None:
    reports = distant.load([built], CATALOGUE)
    trainer = trained(recipe(built), bert, reports, 0)
    trainer.net.eval()
    (step,) = trainer_feed(trainer, reports).epoch(0)

    def of(weight: float) -> float:
        config = replace(CONFIG, actions=weight)
        with torch.no_grad():
            return float(bags.step_loss(trainer._forward, step, trainer.device, config, trainer.loss))

    assert of(1.0) - of(0.0) == pytest.approx(2 * (of(0.5) - of(0.0)), rel=1e-3) and of(0.5) > of(0.0)
    (bare,) = trainer_feed(trainer, [replace(r, actions=()) for r in reports]).epoch(0)
    with torch.no_grad():
        loss = float(bags.step_loss(trainer._forward, bare, trainer.device, CONFIG, trainer.loss))
    assert loss == pytest.approx(of(0.0), rel=1e-3)


def test_nothing_is_learnt_of_criteria_that_are_left_out(built: Path, bert: Path) -> None:
    reports = distant.load([built], CATALOGUE)
    trainer = trained(recipe(built), bert, reports, 0)
    left_out = [c for r in reports for c in r.told.unmet]
    index = [CATALOGUE.index[c] for c in left_out]
    (step,) = trainer_feed(trainer, reports, left_out=left_out).epoch(0)
    assert (step.targets[:, index] == APART).all()
    assert not len(step.said.told) and not np.isin(step.said.kept[:, 1], index).any()


def test_reports_that_a_fold_is_judged_on_teach_it_nothing(built: Path, tmp_path: Path) -> None:
    from pipeline.training import labelled  # noqa: PLC0415

    reports = distant.load([built], CATALOGUE)
    assert {r.id for r in reports} == {"w14-tx-05", "w12-ts-78"}
    held = labelled.load([CORPUS / "w14-tx-05.tsv"], CATALOGUE)
    assert [r.id for r in distant.apart(reports, [held])] == ["w12-ts-78"]
    renamed = [replace(r, id=f"region-{k}") for k, r in enumerate(reports)]
    assert [r.texts for r in distant.apart(renamed, [held])] == [
        r.texts for r in reports if r.id == "w12-ts-78"
    ]
    other = labelled.load([CORPUS / "w14-tx-08.tsv"], CATALOGUE)  # its writer's
    assert [r.id for r in distant.apart(reports, [other])] == ["w12-ts-78"]


def test_a_fold_records_what_it_was_told_by(built: Path, bert: Path, tmp_path: Path) -> None:
    from pipeline.training import run as runs  # noqa: PLC0415
    from pipeline.training.record import read  # noqa: PLC0415

    job = runs.Job(recipe(built), tmp_path, bert, watch=(CORPUS / "w12-ts-78.tsv",), show=False)
    record = read(runs.train_fold(job, None))
    assert record.params["distant_reports"] == 1  # the other is watched
    (left,) = (r for r in distant.load([built], CATALOGUE) if r.id == "w14-tx-05")
    assert record.tags["distant"] == distant.digest([left])


def test_the_worked_example_is_a_recipe() -> None:
    from pipeline.training.recipe import Recipe  # noqa: PLC0415

    example = Recipe.load(Path(__file__).resolve().parents[1] / "configs" / "train" / "distant.yaml")
    assert example.distant and example.distant_weight > 0
    with pytest.raises(SpurError, match="distant_every"):
        replace(example, distant_every=0)
