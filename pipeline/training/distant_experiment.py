"""What reports without sentence labels are worth: ten labelled ones and the others' plans and grades, against the ten alone.

    python -m pipeline.training.distant_experiment [--out experiments/distant.md] [--cache runs/distant]

Both arms train the same head (`pipeline.training.linear_head`) on the raw, frozen encoder's states, to the end. The arm with
distant labels then goes on: it makes soft labels of the other reports' sentences (`pipeline.training.softlabels`) and learns
from them beside the ten, and from the plans' actions. What the others tell is read off their plans and grades by the rule
of `spur dataset build` (`pipeline.training.distant`), without printing and reading them again. Figures are of
`data/corpus/dev`; thresholds come from the ten.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.corpus import grades, tsv
from pipeline.corpus.tsv import CorpusReport
from pipeline.findings.base import Probabilities
from pipeline.grading.policy import Policy
from pipeline.report import STATUSES, Facts, PlanEntry, Report, StatedGrade
from pipeline.training import cached, distant, evaluation, labelled, softlabels
from pipeline.training.distant import DistantReport, Truth
from pipeline.training.encoder import EncoderConfig, source_folder
from pipeline.training.evaluation import Figures
from pipeline.training.labelled import Labelled
from pipeline.training.linear_head import Inputs, LinearHead, Part, Penalty, Space, inputs, pool
from pipeline.training.markdown import table
from pipeline.training.recipe import Recipe
from pipeline.training.start import make_network

CORPUS, ENCODER = Path("data/corpus"), "e5-small-sv"
THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
INNER = 5  # folds of the labelled reports that the threshold is chosen on
START, END = "<!-- made: start -->", "<!-- made: end -->"
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class Settings:
    """`penalty` and `iterations` are of every arm.

    Of those with distant labels: the weight of a sentence with soft labels (`soft`) and of a plan's action (`actions`); how
    many `rounds` of soft labels, in how many of them sentences tell of one criterion at most (`rivals`), and the iterations
    of each (`again`).
    """

    penalty: Penalty = field(default_factory=Penalty)
    iterations: int = 80
    rounds: int = 0
    soft: float = 0.3
    actions: float = 0.0
    rivals: int = 1
    again: int = 40


ARMS: Mapping[str, Settings] = {
    "ten alone": Settings(iterations=120),  # as many as the others have in all
    "ten and distant": Settings(rounds=1, actions=0.5),
    "ten and distant, no actions": Settings(rounds=1),
    "ten and distant, no rivals": Settings(rounds=1, actions=0.5, rivals=0),
}


def without_labels(report: CorpusReport, catalogue: Catalogue, policy: Policy) -> DistantReport:
    """A corpus report as `spur dataset build` gives it when it states its reference grades before plan."""
    reference = grades.reference(report, catalogue)
    plan = [
        PlanEntry(catalogue.by_id[p.criterion].area, (p.criterion,), p.action or None) for p in report.plan
    ]
    areas = {a: StatedGrade(True, t.before, t.before) for a, t in reference.items()}
    read = Report(Facts(), "", (), areas, tuple(plan))
    return DistantReport(
        report.id,
        tuple(row.section for row in report.rows),
        tuple(row.text for row in report.rows),
        distant.read_report(read, catalogue, policy),
        distant.planned(read, catalogue),
    )


@dataclass(frozen=True)
class Actions:
    """The plans' actions as labelled sentences; `reports` [n] their reports' ids, the others as in `Part`."""

    reports: NDArray[np.str_]
    inputs: Inputs
    soft: torch.Tensor
    asked: torch.Tensor


@dataclass(frozen=True)
class Set:
    """A folder of the corpus: its sentences, of each its report's place among `truths` [n], and which criteria it `can`
    tell of [n, criteria]."""

    data: Labelled
    inputs: Inputs
    bag: NDArray[np.int64]
    truths: tuple[Truth, ...]
    can: NDArray[np.bool_]
    actions: Actions

    @property
    def ids(self) -> list[str]:
        return sorted({str(r) for r in self.data.reports})

    def rows(self, reports: Sequence[str]) -> Rows:
        """The sentences of these reports."""
        return np.flatnonzero(np.isin(self.data.reports, list(reports)))

    def gold(self, rows: Rows) -> torch.Tensor:
        """Hand labels as P(tells of the criterion with the status)."""
        return certain(self.data.gold[rows])


def certain(gold: NDArray[np.int8]) -> torch.Tensor:
    """Labels, codes of `Labelled.gold`, as P(tells of the criterion with the status) [n, criteria, 3]."""
    return torch.from_numpy(np.eye(len(STATUSES) + 1, dtype=np.float32)[np.maximum(gold, 0)][..., 1:])


# --- learning -----------------------------------------------------------------------------------------------------


def learn(
    train: Set,
    wordings: torch.Tensor,
    catalogue: Catalogue,
    own: Sequence[str],
    others: Sequence[str],
    settings: Settings,
) -> LinearHead:
    """The head after learning from the labelled reports `own` and what `others` tell."""
    rows, some = train.rows(own), train.rows(others)
    all_asked = torch.ones(1)
    parts = [Part(train.inputs.take(rows), train.gold(rows), all_asked)]
    if settings.actions:
        k = np.flatnonzero(np.isin(train.actions.reports, list(others)))
        its = train.actions
        parts.append(Part(its.inputs.take(k), its.soft[k], its.asked[k], settings.actions))
    head = LinearHead(wordings, catalogue, settings.penalty).fit(parts, settings.iterations)
    rate = rates(train, rows)
    asked = torch.from_numpy(train.can[some])
    for number in range(settings.rounds):
        joint = head.joint(train.inputs.take(some)) * train.can[some][..., None]
        soft = soften(train, some, joint, rate if number < settings.rivals else None)
        more = Part(train.inputs.take(some), torch.from_numpy(soft), asked, settings.soft)
        head = head.like().fit([*parts, more], settings.again)
    return head


def rates(train: Set, rows: Rows) -> list[float]:
    """Of each section, the share of labelled sentences that tell of a criterion which its section is asked for."""
    which = train.inputs.section[rows].numpy() > 0
    tells = np.asarray(((train.data.gold[rows] > 0) & train.can[rows]).any(1))
    return [float(tells[its].mean()) if its.any() else float(tells.mean()) for its in which.T]


def soften(
    train: Set, rows: Rows, joint: NDArray[np.floating], rate: list[float] | None
) -> NDArray[np.float32]:
    """Soft labels [n, criteria, 3] of sentences that the head gives `joint`."""
    if rate is not None:
        criteria = joint.shape[1]
        possible = np.stack([softlabels.left(t, criteria) for t in train.truths])[train.bag[rows]]
        group = train.inputs.section[rows].numpy().argmax(1)
        joint = softlabels.rivals(np.asarray(joint, np.float64), possible, group, rate)
    return softlabels.soft_labels(joint, train.bag[rows], train.truths)


# --- the experiment -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Corpus:
    """What the experiment reads: made once, by the raw encoder."""

    catalogue: Catalogue
    wordings: torch.Tensor
    train: Set
    dev: Set


def prepare(cache: Path) -> Corpus:
    """The corpus, its sentences encoded in their windows; states are kept in `cache`."""
    catalogue = catalogues.load()
    policy = Policy.of(catalogue)
    recipe = Recipe(name="distant", encoder=ENCODER, attention_dropout=0.0)
    net, encoder = make_network(recipe, source_folder(EncoderConfig.load(ENCODER)), catalogue)

    corpus = {n: tsv.read_all([CORPUS / n]) for n in ("train", "dev")}
    reports = {n: [without_labels(r, catalogue, policy) for r in rs] for n, rs in corpus.items()}

    def states(name: str, actions: bool = False) -> cached.Cached:
        sentences = [s for r in reports[name] for s in (r.action_inputs() if actions else r.inputs())]
        folder = cache / (f"{name}-plans" if actions else name)
        return cached.make(net, sentences, encoder, catalogue, folder, ENCODER)

    made = {n: states(n) for n in reports}
    pooled = {n: pool(c) for n, c in made.items()}
    space = Space.of(pooled["train"])

    def set_of(name: str) -> Set:
        rs = reports[name]
        where = [s for r in rs for s in r.sections]
        actions = [a for r in rs for a in r.actions]
        gold = distant.labels(actions, catalogue, policy)
        read_under = [distant.ACTIONS_ARE] * len(actions)
        return Set(
            labelled.of_reports(corpus[name], catalogue),
            inputs(space, pooled[name], where, catalogue),
            np.array([k for k, r in enumerate(rs) for _ in r.texts], np.int64),
            tuple(distant.truth(r.told, catalogue, policy) for r in rs),
            distant.can_tell(where, catalogue),
            Actions(
                np.array([r.id for r in rs for _ in r.actions]),
                inputs(space, pool(states(name, actions=True)), read_under, catalogue),
                certain(gold),
                torch.from_numpy(gold != distant.OPEN),
            ),
        )

    return Corpus(catalogue, space(made["train"].wordings), set_of("train"), set_of("dev"))


def ten(ids: Sequence[str], seed: int, number: int = 10) -> list[str]:
    """The labelled reports of a seed, in the order drawn."""
    return random.Random(f"distant-{seed}").sample(sorted(ids), number)


def score(gold: NDArray[np.int8], joint: Probabilities, at: float) -> Figures:
    """Sentence figures at one threshold of relevance."""
    return evaluation.sentence_figures(gold, *evaluation.found(joint, np.array(at)))


def threshold(gold: NDArray[np.int8], joint: Probabilities) -> float:
    """The threshold of most shortfall micro-F1."""
    return max(THRESHOLDS, key=lambda at: score(gold, joint, at)["shortfall_micro_f1"] or 0.0)


def inner(corpus: Corpus, own: Sequence[str], others: Sequence[str], settings: Settings) -> float:
    """The threshold that is best for the labelled reports when each was left out of learning."""
    train, gold, joint = corpus.train, [], []
    for k in range(INNER):
        out = list(own[k::INNER])
        head = learn(
            train, corpus.wordings, corpus.catalogue, [r for r in own if r not in out], others, settings
        )
        rows = train.rows(out)
        gold.append(train.data.gold[rows])
        joint.append(head.joint(train.inputs.take(rows)))
    return threshold(np.concatenate(gold), np.concatenate(joint))


def run(corpus: Corpus, own: Sequence[str], others: Sequence[str], settings: Settings) -> dict[str, Any]:
    """One arm: its threshold and figures on `dev`."""
    began, dev = time.process_time(), corpus.dev
    at = inner(corpus, own, others, settings)
    head = learn(corpus.train, corpus.wordings, corpus.catalogue, own, others, settings)
    figures = score(dev.data.gold, head.joint(dev.inputs), at)
    return {"labelled": list(own), "threshold": at, "seconds": round(time.process_time() - began), **figures}


def page(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The table of arms and seeds, and the labelled reports, as Markdown."""
    columns = {
        "threshold": "threshold",
        "shortfall_micro_f1": "shortfall micro-F1",
        "shortfall_precision": "precision",
        "shortfall_recall": "recall",
        "weakness_f1": "weakness F1",
        "status_micro_f1": "status micro-F1",
    }
    rows: list[list[object]] = []
    for arm, each in results.items():
        rows += [[arm, str(r["seed"]), *(r[c] for c in columns)] for r in each]
        rows.append([f"**{arm}**", "mean", *(float(np.mean([r[c] for r in each])) for c in columns)])
    first = next(iter(results.values()))
    listed = [f"- seed {r['seed']}: {', '.join(r['labelled'])}" for r in first]
    return "\n".join(
        [table(["arm", "seed", *columns.values()], rows), "", "Labelled, in the order drawn:", "", *listed]
    )


def write(path: Path, results: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """The tables between the page's marks; what people wrote around them stays."""
    old = path.read_text(encoding="utf8") if path.is_file() else f"# Distant labels\n\n{START}{END}\n"
    before, _, rest = old.partition(START)
    made = f"{START}\n{page(results)}\n{END}{rest.partition(END)[2]}"
    path.write_text(before + made, encoding="utf8")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs every arm of every seed, then writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("experiments/distant.md"))
    parser.add_argument("--cache", type=Path, default=Path("runs/distant"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    corpus = prepare(args.cache)
    results: dict[str, list[dict[str, Any]]] = {}
    for seed in args.seeds:
        own = ten(corpus.train.ids, seed)
        others = [r for r in corpus.train.ids if r not in own]
        for arm, settings in ARMS.items():
            made = {"seed": seed, **run(corpus, own, others, settings)}
            results.setdefault(arm, []).append(made)
            print(json.dumps({"arm": arm, **made}), flush=True)
    write(args.out, results)


if __name__ == "__main__":
    main()
