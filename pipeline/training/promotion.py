"""Whether a model may become the champion: compared on guarded slices, calibration, size and speed; refused with reasons.

What it takes stands in `configs/promotion.yaml`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings import FindingsModel, manifest
from pipeline.report import SpurError
from pipeline.resources import assets
from pipeline.training import evaluation
from pipeline.training import slices as sliced
from pipeline.training.labelled import Labelled
from pipeline.training.significance import METRICS, Difference, compare

CORPUS = Path("data/corpus")
_SPEED, _TIMES = (
    100,
    4,
)  # sentences that speed is measured on, and how often: what else runs here only ever slows


@dataclass(frozen=True, slots=True)
class Guard:
    """Refused where P(worse by more than `tolerance`) reaches `level`."""

    tolerance: float
    level: float


@dataclass(frozen=True, slots=True)
class Least:
    """Of a slice, to be guarded."""

    reports: int
    sentences: int
    shortfalls: int


@dataclass(frozen=True, slots=True)
class Limits:
    """`configs/promotion.yaml`; see there."""

    registered: str
    judged_on: tuple[str, ...]
    metrics: tuple[str, ...]
    all: Guard
    slices: Guard
    guarded: tuple[str, ...]
    least: Least
    resamples: int
    seed: int
    calibration: Mapping[str, float]
    megabytes: float
    seconds_per_1000: float

    @classmethod
    def load(cls, path: Path | None = None) -> Limits:
        """The file, or the shipped one. Raises SpurError where it is malformed."""
        path = path or assets("configs") / "promotion.yaml"
        try:
            raw: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf8"))
            if unknown := set(raw) - {f.name for f in fields(cls)}:
                raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
            made = cls(
                **{
                    **raw,
                    "judged_on": tuple(raw["judged_on"]),
                    "metrics": tuple(raw["metrics"]),
                    "guarded": tuple(raw["guarded"]),
                    "all": Guard(**raw["all"]),
                    "slices": Guard(**raw["slices"]),
                    "least": Least(**raw["least"]),
                }
            )
        except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as e:
            raise SpurError(f"{path}: no limits for promotion ({e}); compare configs/promotion.yaml") from e
        if bad := {*made.metrics} - {*METRICS} | {*made.guarded} - {*sliced.KINDS}:
            raise SpurError(f"{path}: unknown {', '.join(sorted(bad))}")
        return made


@dataclass(frozen=True)
class Slice:
    """A metric on a part of the sentences; `guarded`: large enough to refuse for."""

    kind: str
    name: str
    metric: str
    sentences: int
    guarded: bool
    difference: Difference


@dataclass(frozen=True)
class Verdict:
    """The comparison of a candidate with the champion. `reasons` is empty where it may be promoted."""

    champion: str
    candidate: str
    data: str  # hash of the labelled reports …
    on: tuple[str, ...]  # … and their paths
    slices: tuple[Slice, ...]
    calibration: tuple[float | None, float | None]  # ECE of champion, candidate
    megabytes: float
    seconds_per_1000: tuple[float, float]  # champion, candidate
    reasons: tuple[str, ...]

    @property
    def accepted(self) -> bool:
        return not self.reasons

    @property
    def overall(self) -> tuple[Slice, ...]:
        """The metrics over all sentences."""
        return tuple(s for s in self.slices if s.kind == "all")


@dataclass(frozen=True)
class Judged:
    """A model's findings on the labelled sentences."""

    codes: NDArray[np.int8]
    sure: NDArray[np.float32]


def judge(model: FindingsModel, data: Labelled) -> Judged:
    """Predict all sentences."""
    return Judged(*evaluation.found(model.predict(data.inputs()), model.thresholds))


def seconds(first: FindingsModel, second: FindingsModel, data: Labelled) -> tuple[float, float]:
    """What each model takes for 1,000 sentences: the quickest of several passes over some of them, the two in turn."""
    some = data.inputs()[:_SPEED]
    least = [float("inf"), float("inf")]
    for k in [0, 1] * _TIMES:
        begin = time.perf_counter()
        (first, second)[k].predict(some)
        least[k] = min(least[k], time.perf_counter() - begin)
    return least[0] / len(some) * 1000, least[1] / len(some) * 1000


def megabytes(folder: Path) -> float:
    """Size of the files that the manifest names, with it."""
    names = [manifest.FILE, *manifest.read(folder).files]
    return sum((folder / n).stat().st_size for n in names) / 1e6


def seen(folder: Path, paths: Sequence[Path]) -> list[str]:
    """Those of the paths that the model's manifest names as trained on, that lie in a folder it names, or hold one.

    Paths are as they were where it was trained; a bare name is a folder of `data/corpus`.
    """
    told = [Path(s) for s in manifest.read(folder).data.get("sources") or ()]
    sources = {s.resolve() for s in told} | {(CORPUS / s).resolve() for s in told if len(s.parts) == 1}
    around = {parent for s in sources for parent in s.parents}
    return [str(p) for p in paths if p.resolve() in around or sources & {p.resolve(), *p.resolve().parents}]


def slices(
    data: Labelled, groups: sliced.Groups, first: Judged, second: Judged, limits: Limits
) -> Iterator[Slice]:
    """Every metric on every slice. Of one criterion, only its shortfalls are compared."""
    for part in sliced.parts(data, groups, limits.guarded):
        kind, which = part.kind, part.sentences
        gold, a, b = (x[which][:, part.criteria] for x in (data.gold, first.codes, second.codes))
        reports = data.reports[which]
        told = (gold > 1).any(1)
        enough = (
            len(np.unique(reports[told] if kind == "criterion" else reports)) >= limits.least.reports
            and len(gold) >= limits.least.sentences
            and int((gold > 1).sum()) >= limits.least.shortfalls
        )
        guard = limits.all if kind == "all" else limits.slices
        for metric in limits.metrics if kind != "criterion" else ("shortfall_micro_f1",):
            d = compare(gold, a, b, reports, metric, guard.tolerance, limits.resamples, limits.seed)
            if d.first is not None or d.second is not None:
                yield Slice(kind, part.name, metric, len(gold), kind == "all" or enough, d)


def worse(s: Slice, limits: Limits) -> str | None:
    """Why the slice speaks against the candidate; None where it doesn't."""
    guard = limits.all if s.kind == "all" else limits.slices
    if not s.guarded or s.difference.worse < guard.level or s.difference.value is None:
        return None
    d = s.difference
    where = "over all" if s.kind == "all" else f"{s.kind} {s.name}"
    return (
        f"{s.metric} {where}: {d.second:.3f} against the champion's {d.first:.3f} "
        f"(difference {d.value:+.3f}, 95 % interval {d.low:+.3f} to {d.high:+.3f}, {d.reports} reports)"
    )


def _other(
    candidate: FindingsModel,
    catalogue: Catalogue,
    first: float | None,
    second: float | None,
    size: float,
    taken: tuple[float, float],
    limits: Limits,
) -> Iterator[str]:
    """What else speaks against it."""
    most, more = limits.calibration["at_most"], limits.calibration["worse"]
    if second is None:
        yield "it finds nothing: no calibration to judge"
    elif second > most:
        yield f"calibration: the findings' ECE is {second:.3f}, at most {most:.3f} is allowed"
    elif first is not None and second > first + more:
        yield (
            f"calibration: the findings' ECE is {second:.3f}, the champion's {first:.3f}, "
            f"at most {more:.3f} above is allowed"
        )
    if size > limits.megabytes:
        yield f"size: {size:.1f} MB, at most {limits.megabytes:g} is allowed"
    if taken[1] > limits.seconds_per_1000:
        yield (
            f"speed: {taken[1]:.1f} s for 1,000 sentences, at most {limits.seconds_per_1000:g} is allowed "
            f"(the champion took {taken[0]:.1f} s here)"
        )
    unknown = getattr(candidate, "unknown", ())
    if unknown:
        some = ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else "")
        yield f"criteria: it was not trained on {some} of {catalogue.name}"


def _ece(judged: Judged, gold: NDArray[np.int8]) -> float | None:
    told = judged.codes > 0
    return evaluation.ece(judged.sure[told], (gold == judged.codes)[told])


def compare_models(
    champion: FindingsModel,
    candidate: FindingsModel,
    folder: Path,
    paths: Sequence[Path],
    catalogue: Catalogue,
    limits: Limits,
) -> Verdict:
    """The verdict on the candidate in `folder`, from the labelled reports of `paths`."""
    data, groups = sliced.load(paths, catalogue)
    first, second = judge(champion, data), judge(candidate, data)
    each = tuple(slices(data, groups, first, second, limits))
    reasons = [why for s in each if (why := worse(s, limits))]
    if trained := seen(folder, paths):
        reasons.insert(
            0, f"it was trained on {', '.join(trained)}: judge it on reports that it has not seen (--on)"
        )
    calibration = (_ece(first, data.gold), _ece(second, data.gold))
    size = megabytes(folder)
    taken = seconds(champion, candidate, data)
    reasons += _other(candidate, catalogue, *calibration, size, taken, limits)
    return Verdict(
        _named(champion),
        _named(candidate),
        data.hash(),
        tuple(map(str, paths)),
        each,
        calibration,
        size,
        taken,
        tuple(reasons),
    )


def _named(model: FindingsModel) -> str:
    return f"{model.info.name} {model.info.version}"
