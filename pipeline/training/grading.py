"""Fit and judge the grade layer on out-of-fold probabilities of a findings model.

    python -m pipeline.training.grading --oof FILE --out models/grading/<model>.json # fit, store
    python -m pipeline.training.grading --oof FILE --table experiments/grading.md    # figures and ablations

Truth is the worst sign that a report's gold tells of each criterion, and the scale's rule on it. Figures are
cross-fitted: what is applied to a writer was fitted without it. Needs scipy.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.grading import calibrate, conformal, layer
from pipeline.grading.abstain import unsure
from pipeline.grading.calibrate import Calibration
from pipeline.grading.combine import Combine, Evidence, gather, statuses
from pipeline.grading.decisions import status_of
from pipeline.grading.distribution import grade_distribution
from pipeline.grading.layer import Layer
from pipeline.grading.odds import at_least_as_bad
from pipeline.grading.policy import Policy
from pipeline.report import LISTS, STATUSES, AreaDraft, CriterionDecision
from pipeline.training import oof as oofs
from pipeline.training.evaluation import Figures, found, grade_figures
from pipeline.training.folds import writer_folds
from pipeline.training.markdown import figures_table
from pipeline.training.oof import OutOfFold

Array = NDArray[np.float64]
_RECALL_D = 0.5  # cost of a suggested D too many, relative to a D missed


@dataclass(frozen=True)
class Reports:
    """Out-of-fold probabilities by report, with the truth. R reports, n sentences, C criteria.

    `proba` [n, C, 3]; `section` [n]; `starts` [R]; `status` [R, C]: 0 met or not told, 1 partly, 2 unmet;
    `grade` [R, areas]: index of the true grade; `told` [R, C]: the gold tells of the criterion.
    """

    names: NDArray[np.str_]
    writers: NDArray[np.str_]
    section: NDArray[np.str_]
    proba: Array
    starts: NDArray[np.intp]
    status: NDArray[np.int8]
    told: NDArray[np.bool_]
    grade: NDArray[np.intp]
    catalogue: Catalogue
    policy: Policy

    def take(self, which: NDArray[np.bool_]) -> Reports:
        """The reports that a mask [R] picks."""
        ends = np.append(self.starts[1:], len(self.section))
        rows = np.concatenate(
            [np.arange(s, e) for s, e, k in zip(self.starts, ends, which, strict=True) if k]
        )
        sizes = (ends - self.starts)[which]
        return replace(
            self,
            names=self.names[which],
            writers=self.writers[which],
            section=self.section[rows],
            proba=self.proba[rows],
            starts=np.cumsum(np.append(0, sizes[:-1])),
            status=self.status[which],
            told=self.told[which],
            grade=self.grade[which],
        )

    def without(self, lists: bool) -> Reports:
        """The same with the lists' sentences (or, `lists=False`, the narratives') saying nothing."""
        silent = np.isin(self.section, LISTS) == lists
        return replace(self, proba=np.where(silent[:, None, None], 0.0, self.proba))


def of(oof: OutOfFold, catalogue: Catalogue, policy: Policy) -> Reports:
    """Out-of-fold sentences as reports with their true statuses and grades."""
    starts = np.flatnonzero(np.append(True, oof.report[1:] != oof.report[:-1]))
    worst = np.maximum.reduceat(oof.gold, starts, axis=0)
    status = np.clip(worst.astype(int) - 1, 0, 2).astype(np.int8)
    grades = []
    for row in status:
        told = {c.id: STATUSES[s] for c, s in zip(catalogue.criteria, row, strict=True)}
        grades.append([policy.grades.index(policy.grade_of(a, told, catalogue)) for a in catalogue.areas])
    return Reports(
        names=oof.report[starts],
        writers=oof.writer[starts],
        section=oof.section,
        proba=oof.proba.astype(np.float64),
        starts=starts,
        status=status,
        told=worst > 0,
        grade=np.array(grades, np.intp),
        catalogue=catalogue,
        policy=policy,
    )


# --- combining sentences -----------------------------------------------------------------------


def _from(x: Array) -> Combine:
    """Parameters from unbounded numbers."""
    e = [float(v) for v in np.exp(np.clip(x, -12, 6))]
    return Combine(
        floor=float(0.3 / (1 + np.exp(-x[0]))) + 0.02,
        further=float(1 / (1 + np.exp(-x[1]))),
        unmet=(-e[2], e[3], e[4]),
        shortfall=(-e[5], e[6], e[7]),
    )


_START = np.array([-1.5, -1.0, np.log(5), np.log(9), 0.0, np.log(5), np.log(9), 0.0])


def evidence(reports: Reports) -> Evidence:
    """What the reports' sentences say of the criteria."""
    sizes = np.diff(np.append(reports.starts, len(reports.section)))
    report = np.repeat(np.arange(len(sizes)), sizes)
    return gather(reports.proba, report)


def fit_combine(reports: Reports) -> Combine:
    """Maximum likelihood of the true statuses, with a weak pull towards the start."""
    told, n = evidence(reports), len(reports.status)
    at = np.arange(n)[:, None], np.arange(reports.status.shape[1]), reports.status

    def loss(x: Array) -> float:
        p = statuses(told, _from(x))[at]
        return float(-np.log(np.clip(p, 1e-9, 1)).sum() / n + 0.01 * ((x - _START) ** 2).sum())

    best = _from(minimize(loss, _START, method="L-BFGS-B", options={"maxiter": 80, "eps": 1e-3}).x)
    return Combine(**{k: _round(v) for k, v in asdict(best).items()})


def _round(value: Any) -> Any:
    return tuple(round(v, 4) for v in value) if isinstance(value, tuple) else round(value, 4)


# --- grades ------------------------------------------------------------------------------------


def distributions(reports: Reports, status: Array, calibration: Calibration | None = None) -> Array:
    """P(grade) [R, areas, grades], as it comes out of the rule where there is no calibration."""
    cat, policy, out = reports.catalogue, reports.policy, []
    for a, area in cat.areas.items():
        columns = [cat.index[c.id] for c in area.criteria]
        raw = grade_distribution(status[:, columns], a, cat, policy)
        out.append(calibration.apply(raw, policy.grades, cat.scale(a)) if calibration else raw)
    return np.stack(out, axis=1)


def fit_calibration(reports: Reports, raw: Array) -> Calibration:
    """The line of each grade by logistic regression of «this grade or worse», slope positive, weakly held to
    1."""
    cumulative, grades, lines = at_least_as_bad(raw), reports.policy.grades, {}
    for k in range(1, len(grades)):
        on = np.array([grades[k] in reports.catalogue.scale(a) for a in reports.catalogue.areas])
        p, y = cumulative[:, on, k].ravel(), (reports.grade[:, on] >= k).ravel()
        if y.all() or not y.any():
            continue
        lines[grades[k]] = _line(np.log(np.clip(p, 1e-6, 1 - 1e-6) / np.clip(1 - p, 1e-6, 1)), y)
    return Calibration(lines)


def _line(x: Array, y: NDArray[np.bool_]) -> tuple[float, float]:
    def loss(v: Array) -> float:
        z = np.exp(v[0]) * x + v[1]
        return float(np.logaddexp(0, np.where(y, -z, z)).sum() + v[0] ** 2 + 0.1 * v[1] ** 2)

    v = minimize(loss, np.zeros(2), method="BFGS").x
    return round(float(np.exp(v[0])), 4), round(float(v[1]), 4)


def fit_levels(reports: Reports, distribution: Array) -> dict[str, float]:
    """The level at which each grade is suggested: the one with the least total distance from the truth; for the worst
    grade a false alarm costs less than a miss. Nearest 0.5 where it makes no difference.
    """
    grades, cumulative, levels = reports.policy.grades, at_least_as_bad(distribution), {}
    worst = len(grades) - 1
    for k in range(1, len(grades)):
        truth, p = reports.grade >= k, cumulative[..., k]
        false_alarm = _RECALL_D if k == worst else 1.0
        grid = np.arange(0.2, 0.61, 0.02)
        costs = [float((truth & (p < t)).sum() + false_alarm * (~truth & (p >= t)).sum()) for t in grid]
        best = grid[np.asarray(costs) <= min(costs) + 1e-9]
        levels[grades[k]] = round(float(best[np.argmin(abs(best - 0.5))]), 3)
    return levels


def fit_shortfall(reports: Reports, status: Array) -> float:
    """The level at which a criterion is called a shortfall: best F1."""
    p, truth = status[..., 1:].sum(axis=-1), reports.status > 0
    grid = np.arange(0.2, 0.71, 0.02)
    scores = [2 * (truth & (p >= t)).sum() / (truth.sum() + (p >= t).sum()) for t in grid]
    return round(float(grid[int(np.argmax(scores))]), 3)


EVEN = 0.5
"""Below this the suggested grade is likelier wrong than right."""


def fit_decide(
    sure: Array, hit: NDArray[np.bool_], target: float = 0.95, weight: Array | None = None
) -> float:
    """The least probability of the suggested grade at which decided areas are right as often as `target`, each by its
    `weight` [n]; where that is never so, what leaves nine tenths of the areas undecided. EVEN at the least: where texts are
    stranger than those it is fitted on, a grade that is likelier wrong than right is not decided.
    """
    order = np.argsort(-sure)
    w = np.ones(len(sure)) if weight is None else weight[order]
    accuracy = np.cumsum(w * hit[order]) / np.cumsum(w)
    good = np.flatnonzero(accuracy >= target)
    least = float(sure[order[good[-1]]] if len(good) else np.quantile(sure, 0.9))
    return round(max(least, EVEN), 4)


def suggestions(reports: Reports, distribution: Array, levels: Mapping[str, float]) -> NDArray[np.intp]:
    """Index of the suggested grade [R, areas]."""
    grades, cat = reports.policy.grades, reports.catalogue
    each = [
        calibrate.suggest(distribution[:, j], grades, cat.scale(a), levels) for j, a in enumerate(cat.areas)
    ]
    return np.stack(each, axis=1)


def fit(reports: Reports) -> Layer:
    """The whole layer on these reports."""
    combine = fit_combine(reports)
    status = statuses(evidence(reports), combine)
    calibration = fit_calibration(reports, distributions(reports, status))
    distribution = distributions(reports, status, calibration)
    levels = fit_levels(reports, distribution)
    got = suggestions(reports, distribution, levels)
    sure = np.take_along_axis(distribution, got[..., None], -1)[..., 0]
    truth = np.take_along_axis(distribution, reports.grade[..., None], -1)[..., 0]
    areas = np.broadcast_to(np.array(list(reports.catalogue.areas)), truth.shape)
    worst = reports.grade == len(reports.policy.grades) - 1
    return Layer(
        combine=combine,
        calibration=calibration,
        conformal=conformal.fit((1 - truth).ravel(), areas.ravel(), worst.ravel()),
        levels=levels,
        shortfall=fit_shortfall(reports, status),
        decide=fit_decide(sure.ravel(), (got == reports.grade).ravel()),
        prior=_prior(reports),
    )


def _prior(reports: Reports) -> dict[str, dict[str, float]]:
    """Share of each grade in each area, half a report added to each grade of the scale."""
    out = {}
    for j, a in enumerate(reports.catalogue.areas):
        scale = reports.catalogue.scale(a)
        counts = {g: float((reports.grade[:, j] == k).sum()) for k, g in enumerate(reports.policy.grades)}
        total = sum(counts[g] + 0.5 for g in scale)
        out[a] = {
            g: round((counts[g] + 0.5) / total if g in scale else 0.0, 4) for g in reports.policy.grades
        }
    return out


# --- judging -----------------------------------------------------------------------------------


def drafts(
    reports: Reports, by: Layer, status: Array, distribution: Array
) -> dict[str, dict[str, AreaDraft]]:
    """Drafts of reports that all have text, as `grade` makes them, without explanations."""
    cat, policy = reports.catalogue, reports.policy
    learnt_by = replace(policy, layer=by)
    got = suggestions(reports, distribution, by.levels)
    out: dict[str, dict[str, AreaDraft]] = {}
    for r, name in enumerate(reports.names):
        out[str(name)] = {}
        for j, (a, area) in enumerate(cat.areas.items()):
            p = dict(zip(policy.grades, distribution[r, j].tolist(), strict=True))
            suggested = policy.grades[got[r, j]]
            rival = unsure(p, suggested, by)
            grades = {*by.conformal.grades(p, suggested, a, policy.confidence), *([rival] if rival else [])}
            told = [(c, *status_of(status[r, cat.index[c.id]], c, learnt_by)) for c in area.criteria]
            out[str(name)][a] = AreaDraft(
                has_text=True,
                suggested_grade=suggested,
                probabilities=p,
                grade_set=tuple(g for g in policy.grades if g in grades),
                abstain=rival is not None,
                criteria=tuple(CriterionDecision(c.id, s, q) for c, s, q in told),
            )
    return out


def figures(reports: Reports, made: Mapping[str, Mapping[str, AreaDraft]]) -> Figures:
    """Figures of drafts against the reports' truth."""
    cat, grades = reports.catalogue, reports.policy.grades
    gold = {
        str(n): {a: grades[k] for a, k in zip(cat.areas, row, strict=True)}
        for n, row in zip(reports.names, reports.grade, strict=True)
    }
    short = {
        str(n): frozenset(cat.criteria[c].id for c in np.flatnonzero(row))
        for n, row in zip(reports.names, reports.status, strict=True)
    }
    return grade_figures(gold, made, short, grades)


Fitter = Callable[[Reports], Callable[[Reports], Mapping[str, Mapping[str, AreaDraft]]]]


def cross_fitted(reports: Reports, fitter: Fitter) -> tuple[Reports, dict[str, Mapping[str, AreaDraft]]]:
    """Drafts whose layer was fitted on the other folds' writers, with the reports that they are of."""
    fold = writer_folds(reports.writers)
    made: dict[str, Mapping[str, AreaDraft]] = {}
    for f in np.unique(fold[fold >= 0]):
        made |= fitter(reports.take(fold != f))(reports.take(fold == f))
    return reports.take(fold >= 0), made


def learnt(reports: Reports) -> Callable[[Reports], Mapping[str, Mapping[str, AreaDraft]]]:
    """The whole layer: combined, calibrated, conformal."""
    by = fit(reports)

    def apply(new: Reports) -> Mapping[str, Mapping[str, AreaDraft]]:
        status = statuses(evidence(new), by.combine)
        return drafts(new, by, status, distributions(new, status, by.calibration))

    return apply


def _bare(new: Reports, status: Array) -> Mapping[str, Mapping[str, AreaDraft]]:
    """Drafts of statuses through the rule, nothing learnt."""
    return drafts(new, Layer(), status, distributions(new, status))


def combined(reports: Reports) -> Callable[[Reports], Mapping[str, Mapping[str, AreaDraft]]]:
    """Sentences combined as learnt, then the rule, not calibrated."""
    by = fit_combine(reports)
    return lambda new: _bare(new, statuses(evidence(new), by))


def propagated(_: Reports) -> Callable[[Reports], Mapping[str, Mapping[str, AreaDraft]]]:
    """Every sentence an independent witness (noisy or), then the rule; nothing learnt."""

    def apply(new: Reports) -> Mapping[str, Mapping[str, AreaDraft]]:
        unmet = 1 - np.exp(np.add.reduceat(np.log1p(-np.clip(new.proba[..., 2], 0, 1 - 1e-6)), new.starts))
        short = new.proba[..., 1] + new.proba[..., 2]
        short = 1 - np.exp(np.add.reduceat(np.log1p(-np.clip(short, 0, 1 - 1e-6)), new.starts))
        return _bare(new, np.stack([1 - short, short - unmet, unmet], axis=-1))

    return apply


def hard(thresholds: NDArray[np.float32]) -> Fitter:
    """The worst of the findings that are told, then the rule: no probabilities."""

    def apply(new: Reports) -> Mapping[str, Mapping[str, AreaDraft]]:
        codes, _ = found(new.proba.astype(np.float32), thresholds)
        worst = np.clip(np.maximum.reduceat(codes, new.starts, axis=0).astype(int) - 1, 0, 2)
        return _bare(new, np.eye(3)[worst])

    return lambda _: apply


# --- the commands ------------------------------------------------------------------------------

COLUMNS = {
    "grade_accuracy": "accuracy",
    "grade_qwk": "QWK",
    "grade_d_recall": "D recall",
    "grade_d_precision": "D precision",
    "shortfall_f1": "shortfall F1",
    "grade_ece": "ECE",
    "decided_share": "decided",
    "decided_accuracy": "decided accuracy",
    "set_coverage": "coverage",
    "set_coverage_worst_area": "worst area",
    "set_size": "set size",
    "set_singletons": "singletons",
}


Made = tuple[Reports, dict[str, Mapping[str, AreaDraft]]]


def ablations(reports: Reports, thresholds: NDArray[np.float32], made: Made) -> list[tuple[str, Figures]]:
    """Figures of each stage, cross-fitted by writer; `made`: the drafts of the shipped stage."""
    stages: list[tuple[str, Reports, Fitter]] = [
        ("rule on hard findings", reports, hard(thresholds)),
        ("propagated, sentences independent", reports, propagated),
        ("propagated, sentences combined", reports, combined),
        ("calibrated, without lists", reports.without(lists=True), learnt),
        ("calibrated, lists only", reports.without(lists=False), learnt),
    ]
    out = [(name, figures(*cross_fitted(data, fitter))) for name, data, fitter in stages]
    return [*out[:3], ("calibrated (shipped)", figures(*made)), *out[3:]]


def by_area(these: Reports, made: Mapping[str, Mapping[str, AreaDraft]]) -> list[tuple[str, Figures]]:
    """Figures of drafts in each area."""
    out = []
    for j, (a, area) in enumerate(these.catalogue.areas.items()):
        one = replace(these.catalogue, areas={a: area})
        columns = [these.catalogue.index[c.id] for c in area.criteria]
        part = replace(these, catalogue=one, grade=these.grade[:, [j]], status=these.status[:, columns])
        out.append((f"{a} {area.name}", figures(part, {n: {a: d[a]} for n, d in made.items()})))
    return out


def report(args: argparse.Namespace, reports: Reports, oof: OutOfFold, made: Made) -> list[str]:
    """The lines of `experiments/grading.md`."""
    lines = [
        "# Grades",
        "",
        f"Made by `python -m pipeline.training.grading --oof … --table {args.table.as_posix()}` on out-of-fold",
        f"probabilities of {oof.model} (data {oof.data[:12]}). Everything learnt is cross-fitted by writer; level of",
        f"the sets {reports.policy.confidence:.0%}. Only calibrated rows have learnt sets and abstention.",
        "",
        figures_table("stage", COLUMNS, ablations(reports, oof.thresholds, made)),
        "",
        "## The shipped layer by area",
        "",
        figures_table("area", COLUMNS, by_area(*made)),
        "",
    ]
    apply = learnt(reports)
    for path in args.also:
        other = of(oofs.load(path), reports.catalogue, reports.policy)
        name = f"{path.stem} ({len(other.names)} reports)"
        lines += [
            "## Reports apart, layer fitted on all the above",
            "",
            figures_table("set", COLUMNS, [(name, figures(other, apply(other)))]),
            "",
        ]
    return lines


def shipped(reports: Reports, oof: OutOfFold, made: Made) -> Layer:
    """The layer fitted on everything, with what it was fitted on and its cross-fitted figures."""
    cross = figures(*made)
    return replace(
        fit(reports),
        fitted_on={
            "model": oof.model,
            "data": oof.data,
            "reports": len(reports.names),
            "sentences": len(oof.section),
            "writers": sorted(set(map(str, reports.writers))),
            "policy": reports.policy.name,
            "catalogue": reports.catalogue.name,
        },
        metrics={k: round(v, 4) if isinstance(v, float) else v for k, v in cross.items()},
    )


def main(argv: Sequence[str] | None = None) -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.training.grading", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--oof", type=Path, required=True, help="out-of-fold probabilities (npz)")
    parser.add_argument(
        "--also", type=Path, nargs="*", default=[], help="npz of sets apart, scored in the table"
    )
    parser.add_argument("--catalogue", default=catalogues.DEFAULT)
    parser.add_argument("--policy", default=None, help="name or YAML file; by default the catalogue's")
    parser.add_argument("--out", type=Path, help="JSON file of the layer to write")
    parser.add_argument("--table", type=Path, help="Markdown file to write the figures to")
    parser.add_argument(
        "--no-track", action="store_true", help="no MLflow run, also where MLflow is installed"
    )
    args = parser.parse_args(argv)
    cat, oof = catalogues.load(args.catalogue), oofs.load(args.oof)
    oofs.check(oof, cat, str(args.oof))
    reports = of(oof, cat, Policy.load(args.policy or cat.name, layer=Layer()))
    made = cross_fitted(reports, learnt)
    if args.out:
        fitted = shipped(reports, oof, made)
        layer.write(args.out, fitted)
    if args.table:
        args.table.write_text("\n".join(report(args, reports, oof, made)), encoding="utf8")
    if args.out and not args.no_track and find_spec("mlflow"):
        _track(args, reports, oof, made, fitted)


def _track(args: argparse.Namespace, reports: Reports, oof: OutOfFold, made: Made, fitted: Layer) -> None:
    """The fit as an MLflow run."""
    from pipeline.training import grade_tracking, grades  # noqa: PLC0415  both build on this module

    recipe = grades.GradeRecipe(
        oof=str(args.oof),
        name=args.out.stem,
        model=oof.model,
        catalogue=args.catalogue,
        policy=args.policy,
        level=reports.policy.confidence,
    )
    trained = grades.Trained(fitted, grades.Corpus(oof, reports, made, fitted))
    grade_tracking.publish(recipe, trained, args.out, *([args.table] if args.table else []))


if __name__ == "__main__":
    main()
