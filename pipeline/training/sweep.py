"""`spur train` of kind sweep: a recipe tried with other settings, drawn by Optuna, and the best written as a recipe.

runs/<sweep>/study.db      Optuna's storage: a sweep that was cut goes on from it, a cut trial from its checkpoint
runs/<sweep>/trial-0 …     each trial's record (`run.py`); its weights are not kept
runs/<sweep>/best.yaml     the best recipe so far

Trials are drawn by TPE (Bergstra et al. 2011, „Algorithms for Hyper-Parameter Optimization“) and cut short where their
figures after an epoch are below the median of the earlier trials'.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import optuna
import yaml
from optuna.trial import FrozenTrial, Trial, TrialState

from pipeline import catalogue as catalogues
from pipeline.report import SpurError
from pipeline.training import evaluation, labelled, record, run, start, sweep_tracking, table
from pipeline.training.evaluation import Figures
from pipeline.training.recipe import Recipe

STORE, BEST = "study.db", "best.yaml"
FOLDER = "folder"  # a trial's attribute: the name of its folder, which a trial that was cut hands on
LOWER_IS_BETTER = ("finding_ece",)
Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Range:
    """What a field is drawn from: numbers between two ends, both included, whole where both ends are; or a choice."""

    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choice: tuple[Scalar, ...] = ()

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Range:
        """From `{from: …, to: …, log: true}` or `{choice: […]}`. Raises ValueError with what is wrong."""
        if set(raw) == {"choice"}:
            options = raw["choice"]
            if (
                not options
                or not isinstance(options, list)
                or not all(isinstance(x, Scalar) for x in options)
            ):
                raise ValueError("choice: a list of single values")
            return cls(choice=tuple(options))
        if not {"from", "to"} <= set(raw) <= {"from", "to", "log"}:
            raise ValueError("either from and to, and log: true if wanted, or choice")
        low, high, log = raw["from"], raw["to"], bool(raw.get("log", False))
        if any(isinstance(x, bool) or not isinstance(x, int | float) for x in (low, high)):
            raise ValueError(f"{low} and {high} should be numbers (3e-5 is text in YAML; write 3.0e-5)")
        if not low < high or (log and low <= 0):
            raise ValueError("from should be less than to" + (", and above 0 with log" if log else ""))
        return cls(low, high, log)

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> tuple[Scalar, ...]:
        """Values to try a recipe with before any trial runs."""
        return self.choice or (self.low, self.high)

    def draw(self, trial: Trial, name: str) -> Any:
        """The trial's value."""
        if self.choice:
            return trial.suggest_categorical(name, self.choice)
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True)
class Sweep:
    """See configs/train/sweep.yaml. Trials are judged on the held-out writers of `fold`, or, trained on everything, on the
    labelled set `judge`: exactly one of them."""

    name: str
    base: str
    vary: Mapping[str, Range]
    trials: int | None = None
    minutes: float | None = None  # no trial starts later than that
    fold: int | None = None
    judge: str | None = None
    metric: str = "shortfall_micro_f1"  # of sentence_figures, at threshold 0.5, uncalibrated
    drawn: int = 5  # first trials, drawn at random and never cut short
    seed: int = 7

    def __post_init__(self) -> None:
        if (self.fold is None) == (self.judge is None):
            raise SpurError(
                f"{self.name}: either fold (0-3) or judge (a labelled set) says what trials are judged by"
            )
        if self.trials is None and self.minutes is None:
            raise SpurError(f"{self.name}: trials or minutes says when it is over")
        if self.metric not in (known := metrics()):
            raise SpurError(f"{self.name}: metric {self.metric!r} should be one of {', '.join(known)}")
        if not self.vary:
            raise SpurError(f"{self.name}: vary names no field")
        base = self.recipe({})
        if base.start is not None and self.fold is not None:
            raise SpurError(
                f"{self.name}: {base.start} has seen every writer; give a labelled set (judge), no fold"
            )
        if self.fold is not None and not 0 <= self.fold < base.folds:
            raise SpurError(f"{self.name}: fold {self.fold} should be 0 to {base.folds - 1}")
        for name, its in self.vary.items():
            for value in its.ends:  # an unknown field is told now, not in the middle of the night
                self.recipe({name: value})

    @classmethod
    def load(cls, path: Path, **changes: Any) -> Sweep:
        """A sweep file, with single values changed. Raises SpurError on unknown keys and ranges that are none."""
        raw = {**Recipe.raw(path), **changes}
        raw.pop("kind", None)
        if unknown := set(raw) - {f.name for f in fields(cls)}:
            raise SpurError(
                f"{path}: unknown keys {', '.join(sorted(map(str, unknown)))}; see configs/train/sweep.yaml"
            )
        if missing := {"name", "base", "vary"} - set(raw):
            raise SpurError(f"{path}: lacks {', '.join(sorted(missing))}; see configs/train/sweep.yaml")
        vary = {}
        for name, its in (raw.pop("vary") or {}).items():
            try:
                vary[name] = Range.of(its)
            except (TypeError, ValueError) as e:
                raise SpurError(f"{path}: vary: {name}: {e}") from e
        return cls(vary=vary, **raw)

    @property
    def set_name(self) -> str:
        """The name, in records, of what trials are judged on."""
        return "held" if self.judge is None else Path(self.judge).name

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        return "minimize" if self.metric in LOWER_IS_BETTER else "maximize"

    def keys(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """The base file's keys with the drawn values; `augment.join` is the key `join` of `augment`."""
        out = Recipe.raw(Path(self.base))
        for name, value in drawn.items():
            outer, dot, inner = name.partition(".")
            if dot and not isinstance(out.get(outer, {}), dict):
                raise SpurError(f"{self.name}: vary: {name}: {outer} holds no further fields in {self.base}")
            out[outer] = {**out.get(outer, {}), inner: value} if dot else value
        return out

    def recipe(self, drawn: Mapping[str, Any]) -> Recipe:
        """The recipe of a trial."""
        return Recipe.of(self.keys(drawn), Path(self.base))


def metrics() -> list[str]:
    """The figures that a sweep can go by."""
    none = np.zeros((0, 1), np.int8)
    return [k for k in evaluation.sentence_figures(none, none, np.zeros((0, 1))) if k != "sentences"]


@dataclass
class Trials:
    """A sweep that runs: its study, and the folder that it is kept in."""

    sweep: Sweep
    out: Path
    encoder: Path | None = None
    device: str = "cpu"
    show: bool = True
    study: optuna.Study = field(init=False)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.out.mkdir(parents=True, exist_ok=True)
        self.study = optuna.create_study(
            storage=f"sqlite:///{self.out / STORE}",
            study_name=self.sweep.name,
            direction=self.sweep.direction,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=self.sweep.drawn),
            load_if_exists=True,
        )
        settings = {**settings_of(self.sweep), "data": self._data()}
        if self.study.user_attrs.get("settings", settings) != settings:
            raise SpurError(
                f"{self.out} holds the trials of other settings or data: choose another --out, or remove it"
            )
        self.study.set_user_attr("settings", settings)

    def _data(self) -> list[str]:
        """Hashes of what trials learn from and are judged on. Raises SpurError where a report is in both."""
        base = self.sweep.recipe({})
        catalogue = catalogues.load(base.catalogue)
        sets = [
            labelled.load(p, catalogue) for p in (base.train, base.replay, [self.sweep.judge or ""]) if any(p)
        ]
        if self.sweep.judge is not None:
            seen = {str(r) for s in sets[:-1] for r in s.reports}
            if both := sorted(seen & {str(r) for r in sets[-1].reports}):
                raise SpurError(
                    f"{self.sweep.judge}: {both[0]} is trained on too: trials can't be judged by it"
                )
        return [s.hash() for s in sets]

    # -- the loop

    def run(self) -> None:
        """All trials that are left, each published when it is over. Raises SpurError where none came to its end."""
        began = time.monotonic()
        self._hand_on()
        with sweep_tracking.opened(self) as publish:
            publish()  # what an earlier start left
            while self._left(time.monotonic() - began):
                self._one()
                self.write_best()
                publish()
        if self.best() is None:
            raise SpurError(f"{self.sweep.name}: no trial came to its end with a figure; see {self.out}")

    def _left(self, seconds: float) -> bool:
        s = self.sweep
        if s.minutes is not None and seconds >= 60 * s.minutes and self.over():
            return False
        return s.trials is None or len(self.over()) < s.trials

    def _hand_on(self) -> None:
        """Trials that were cut are tried again, with their values and in their folders."""
        for t in self.study.get_trials(states=(TrialState.RUNNING,)):
            if FOLDER in t.user_attrs:
                self.study.enqueue_trial(t.params, user_attrs={FOLDER: t.user_attrs[FOLDER]})
            self.study.tell(t.number, state=TrialState.FAIL)

    def _ask(self) -> Trial:
        """The next trial. The sampler is seeded by the trial's place, so that a sweep that was cut draws as a whole one."""
        place = len({t.user_attrs[FOLDER] for t in self.study.get_trials() if FOLDER in t.user_attrs})
        self.study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=self.sweep.drawn, seed=self.sweep.seed * 1000 + place
        )
        trial = self.study.ask()
        if FOLDER not in trial.user_attrs:
            trial.set_user_attr(FOLDER, f"trial-{place}")
        return trial

    def _one(self) -> None:
        trial = self._ask()
        drawn = {name: its.draw(trial, name) for name, its in self.sweep.vary.items()}
        try:
            value = self._train(trial, self.sweep.recipe(drawn))
        except optuna.TrialPruned:
            self.study.tell(trial, state=TrialState.PRUNED)
        except RuntimeError as e:  # of torch, as where memory is too small for what was drawn: others may do
            trial.set_user_attr("error", str(e)[:500])
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            failed = value is None or not np.isfinite(value)
            self.study.tell(trial, None if failed else value, TrialState.FAIL if failed else None)
        for name in (run.WEIGHTS, run.LOGITS, run.CHECKPOINT):
            (self.folder(trial) / name).unlink(missing_ok=True)

    def _train(self, trial: Trial, recipe: Recipe) -> float | None:
        """The metric of one training; `optuna.TrialPruned` where it was cut short."""
        s = self.sweep

        def tell(epoch: int, figures: Figures) -> None:
            if (value := figures[s.metric]) is not None:
                trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        job = run.Job(
            recipe,
            self.out / trial.user_attrs[FOLDER],
            self.encoder if recipe.start is None else None,
            self.device,
            watch=() if s.judge is None else (Path(s.judge),),
            show=self.show,
            views=("context",),
            looked_at=s.set_name,
            tell=tell,
        )
        told = table.last(record.read(run.train_fold(job, s.fold)))
        return told.get(f"{s.set_name}.context.{s.metric}")

    # -- what came out

    def folder(self, trial: Trial | FrozenTrial) -> Path:
        """A trial's folder, with its record."""
        return run.folder_of(self.out / trial.user_attrs[FOLDER], self.sweep.fold)

    def over(self) -> list[FrozenTrial]:
        """Trials that are over, also cut short or failed; of those tried again the last."""
        last = {t.user_attrs[FOLDER]: t for t in self.study.get_trials() if FOLDER in t.user_attrs}
        return [t for t in last.values() if t.state.is_finished()]

    def best(self) -> FrozenTrial | None:
        """The best trial that came to its end."""
        done = [t for t in self.over() if t.state == TrialState.COMPLETE]
        sign = 1 if self.sweep.direction == "maximize" else -1
        return max(done, key=lambda t: sign * (t.value or 0.0), default=None)

    def write_best(self) -> None:
        """The best recipe so far, as a file that `spur train` takes."""
        if (best := self.best()) is None:
            return
        s = self.sweep
        where = f"writers left out of fold {s.fold}" if s.judge is None else s.judge
        keys = {**s.keys(best.params), "name": f"{s.name}-best"}
        head = (
            f"# {best.user_attrs[FOLDER]} of the sweep {s.name}, the best of {len(self.over())} so far:"
            f" {s.metric} {best.value:.4f} on {where}.\n"
        )
        body = yaml.safe_dump(keys, allow_unicode=True, sort_keys=False)
        (self.out / BEST).write_text(head + body, encoding="utf8")


def settings_of(sweep: Sweep) -> dict[str, Any]:
    """All that makes trials comparable: the sweep and its base; not how many trials there are."""
    raw = {k: v for k, v in asdict(sweep).items() if k not in ("trials", "minutes", "name")}
    plain: dict[str, Any] = yaml.safe_load(yaml.safe_dump({**raw, "keys": sweep.keys({})}, sort_keys=True))
    return plain


def source(sweep: Sweep) -> Path | None:
    """The built encoder's folder, where trials start from one."""
    return start.source(sweep.recipe({}))
