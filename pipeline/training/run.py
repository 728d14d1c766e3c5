"""A whole training: the folds of leave-writers-out, then all of the corpus; each a folder that is resumed or skipped.

runs/<recipe>/fold-0 … fold-3, all     weights.safetensors, logits.npz, record.jsonl, done.json
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors.torch import load_file, save_file

from pipeline import __version__
from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.findings.calibration import Calibration
from pipeline.findings.encoding import Encoder
from pipeline.report import SpurError
from pipeline.training import calibrate, distant, evaluation, labelled, start, unknown
from pipeline.training import record as records
from pipeline.training.feed import ahead
from pipeline.training.folds import writer_fold
from pipeline.training.labelled import Labelled
from pipeline.training.model import FindingsNetwork
from pipeline.training.recipe import Recipe
from pipeline.training.record import Record
from pipeline.training.trainer import Trainer, predict

Tell = Callable[[int, evaluation.Figures], None]

WEIGHTS, LOGITS, DONE, CHECKPOINT = "weights.safetensors", "logits.npz", "done.json", "checkpoint.pt"
CHECKPOINT_SECONDS = 120.0
VIEWS = ("context", "alone", "unnamed")


def view(data: Labelled, name: str) -> list[SentenceInput]:
    """Sentences with their context, each alone, or unnamed (no section: a report is one stream)."""
    return [
        SentenceInput(t, None if name == "unnamed" else str(s), None if name == "alone" else str(r))
        for t, s, r in zip(data.texts, data.sections, data.reports, strict=True)
    ]


def held_out(data: Labelled, fold: int | None) -> NDArray[np.bool_]:
    """Which sentences a fold does not train on."""
    return np.array([fold is not None and writer_fold(str(w)) == fold for w in data.writers], bool)


def folder_of(out: Path, fold: int | None) -> Path:
    return out / ("all" if fold is None else f"fold-{fold}")


def versions() -> dict[str, str]:
    """What a run can be repeated with."""
    import transformers  # noqa: PLC0415

    return {
        "spur": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def network(recipe: Recipe, folder: Path, catalogue: Catalogue) -> tuple[FindingsNetwork, Encoder]:
    """A trained fold's network. Raises SpurError where its weights are missing."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise SpurError(f"{path} is missing: run `spur train` to the end first")
    net, maker = start.make_network(recipe, start.source(recipe), catalogue)
    net.load_state_dict(load_file(str(path)))
    return net.eval(), maker


class Budget:
    """Epochs of a recipe, or fewer where a number of minutes is all there is.

    The schedule's length is set anew from the last steps' speed, which changes as other processes come and go: the rate
    reaches its end as the time does.
    """

    EVERY = 5  # steps

    def __init__(self, trainer: Trainer, minutes: float | None) -> None:
        self.trainer, self.planned = trainer, trainer.total
        self.end = None if minutes is None else time.monotonic() + minutes * 60
        self.last: float | None = None

    def update(self) -> None:
        """Call after every step."""
        done = self.trainer.average.steps
        if self.end is None or done % self.EVERY:
            return
        if self.trainer.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.monotonic()
        if self.last is not None:
            each = (now - self.last) / self.EVERY
            self.trainer.total = max(done, min(self.planned, done + int((self.end - now) / each)))
        self.last = now

    def aside(self, seconds: float) -> None:
        """Time that went to something else than steps: it says nothing of their speed."""
        if self.last is not None:
            self.last += seconds


def _train(
    trainer: Trainer,
    folder: Path,
    record: Record,
    minutes: float | None,
    show: bool,
    look: Callable[[int], None] | None = None,
) -> None:
    """All steps, from the last checkpoint on; a checkpoint every few minutes. Between epochs `look` is called with how
    many are done."""
    path = folder / CHECKPOINT
    if path.is_file():
        trainer.restore(torch.load(path, map_location=trainer.device, weights_only=True))
    done, seen, losses, saved = trainer.average.steps, 0, list[torch.Tensor](), time.monotonic()
    budget = Budget(trainer, minutes)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, disable=not show) as bar:
        task = bar.add_task(folder.name, total=trainer.total, completed=done)
        epochs = ahead(trainer.feed, range(trainer.recipe.epochs), trainer.device.type == "cuda")
        for number, steps in enumerate(epochs, 1):
            for step in steps:
                seen += 1
                if seen <= done or seen > trainer.total:
                    continue
                losses.append(trainer.step(step))
                budget.update()
                bar.update(task, completed=seen, total=trainer.total)
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    torch.save(trainer.state(), path.with_suffix(".part"))
                    path.with_suffix(".part").replace(path)
                    saved = time.monotonic()
                    record.metrics({"loss": float(torch.stack(losses[-50:]).mean())}, seen)
            if losses:
                record.metrics({"loss": float(torch.stack(losses).mean())}, seen)
                losses = []
                if look is not None and seen < trainer.total:
                    began = time.monotonic()
                    look(number)
                    budget.aside(time.monotonic() - began)
            if seen >= trainer.total:
                break


def _figures(data: Labelled, logits: calibrate.Logits, at: float = 0.5) -> evaluation.Figures:
    probabilities = Calibration()(logits)
    return evaluation.sentence_figures(data.gold, *evaluation.found(probabilities, np.array(at)))


@dataclass(frozen=True)
class Job:
    """What every fold of a training shares. `minutes`: the time a fold has, if less than the recipe's epochs take;
    `watch`: labelled sets beside the held-out writers whose logits are kept too (stress), by their folders' names; `views`
    in which all are judged at the end. After an epoch the set `looked_at` is judged (by default the held-out writers, else
    the first watched set) and `tell` called with the number of epochs done and its figures; what it raises ends the
    training."""

    recipe: Recipe
    out: Path
    encoder: Path | None
    device: str = "cpu"
    watch: tuple[Path, ...] = ()
    minutes: float | None = None
    show: bool = True
    views: tuple[str, ...] = VIEWS
    looked_at: str | None = None
    tell: Tell | None = None


def _looks(job: Job, trainer: Trainer, sets: Mapping[str, Labelled], record: Record) -> Callable[[int], None]:
    """What is done between epochs: figures of one set, with context, from the averaged weights, under the names that
    `_judge` gives them at the end, so that they are one curve."""
    name = job.looked_at or next((n for n, data in sets.items() if len(data)), None)
    every = trainer.recipe.figures_every

    def look(epoch: int) -> None:
        if name is None or not every or epoch % every:
            return
        data = sets[name]
        with trainer.peek() as net:
            raw = predict(net, view(data, "context"), trainer.encoder, trainer.catalogue, trainer.device)
        told = _figures(data, raw)
        record.metrics({f"{name}.context.{k}": x for k, x in told.items()}, trainer.average.steps)
        if job.tell is not None:
            job.tell(epoch, told)

    return look


def _judge(
    trainer: Trainer, sets: Mapping[str, Labelled], record: Record, views: Sequence[str]
) -> dict[str, NDArray[np.float16]]:
    """Logits of each set in each view, from the averaged weights; their figures go to the record."""
    net, logits = trainer.averaged(), {}
    for name, data in sets.items():
        for v in views if len(data) else ():
            raw = predict(net, view(data, v), trainer.encoder, trainer.catalogue, trainer.device)
            logits[f"{name}.{v}"] = raw.astype(np.float16)
            told = {f"{name}.{v}.{k}": x for k, x in _figures(data, raw).items()}
            if left := trainer.recipe.criteria_left_out:
                means = unknown.left_out(raw, data.gold, data.criteria, left)["mean"]
                told |= {f"{name}.{v}.left_out_{k}": x for k, x in means.items()}
            record.metrics(told, trainer.average.steps)
    return logits


def train_fold(job: Job, fold: int | None) -> Path:
    """Train one fold (None: all of the corpus) and write its folder; a folder that is done is left as it is."""
    recipe, folder = job.recipe, folder_of(job.out, fold)
    if recipe.start is not None and fold is not None:
        raise SpurError(
            f"{recipe.name}: no folds from {recipe.start}, which has seen every writer; use --fold all"
        )
    if (folder / DONE).is_file():
        return folder
    catalogue = catalogues.load(recipe.catalogue)
    data = labelled.load([Path(p) for p in recipe.train], catalogue)
    held, record = held_out(data, fold), Record(folder)
    replay = labelled.load([Path(p) for p in recipe.replay], catalogue) if recipe.replay else None
    if not (folder / CHECKPOINT).is_file():
        (folder / records.FILE).unlink(missing_ok=True)
    training = data.take(~held)
    record.params(
        **asdict(recipe),
        fold=fold,
        training_sentences=len(training),
        device=job.device,
        minutes=job.minutes,
    )
    record.tags(data=data.hash(), catalogue=catalogue.name, **versions())
    if replay is not None:
        record.tags(replay=replay.hash())
    sets = {"held": data.take(held), **{p.name: labelled.load([p], catalogue) for p in job.watch}}
    told = distant.apart(distant.load(recipe.distant, catalogue), list(sets.values()))
    if told:
        record.params(distant_reports=len(told))
        record.tags(distant=distant.digest(told))
    trainer = Trainer(recipe, training, job.encoder, torch.device(job.device), distant=told, replay=replay)
    _train(trainer, folder, record, job.minutes, job.show, _looks(job, trainer, sets, record))
    np.savez_compressed(folder / LOGITS, **_judge(trainer, sets, record, job.views))  # type: ignore[arg-type]
    weights = {k: t.contiguous().cpu() for k, t in trainer.net.state_dict().items()}
    save_file(weights, str(folder / WEIGHTS))
    (folder / CHECKPOINT).unlink(missing_ok=True)
    (folder / DONE).write_text(json.dumps({"data": data.hash(), "seed": recipe.seed}) + "\n", encoding="utf8")
    return folder


def train(job: Job, folds: Sequence[int | None], parallel: int = 1) -> None:
    """Train folds one after the other, or several at once in processes of their own (for a GPU that one fold leaves
    idle). A fold that fails does not stop the others; the first failure is raised when they are done."""
    if parallel == 1:
        for fold in folds:
            train_fold(job, fold)
        return
    quiet = replace(job, show=False)
    with ProcessPoolExecutor(parallel, mp_context=get_context("spawn")) as pool:
        pending = [pool.submit(train_fold, quiet, fold) for fold in folds]
    for future in pending:
        future.result()
