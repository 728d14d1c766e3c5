"""`spur promote`: a model becomes the champion, or is told why not; and back."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli import options
from pipeline.cli.output import Failed, error, existing, usage

if find_spec("mlflow") is None:
    raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")

if TYPE_CHECKING:
    from pipeline.findings.champion import Champion
    from pipeline.training.promotion import Limits, Verdict

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def promote(
    folder: Annotated[Path | None, typer.Argument(help="Model folder, as spur export writes it.")] = None,
    *,
    on: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled reports that no training has seen; by default the limits'. Repeatable."),
    ] = None,
    limits: Annotated[
        Path | None, typer.Option(help="What it takes; by default configs/promotion.yaml.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare only.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Back to the champion before.")] = False,
    catalogue: options.CatalogueName = options.DEFAULT_CATALOGUE,
) -> None:
    """Makes a model the champion that --model champion means, unless it is worse than the one in use beyond noise, badly
    calibrated, too large or too slow: then it says why and ends with 1.

    The model is kept in the MLflow registry either way, as champion or as challenger.
    """
    from pipeline.training.promotion import Limits  # noqa: PLC0415

    its = Limits.load(limits)
    if rollback:
        if folder is not None:
            raise usage("--rollback takes no folder")
        return _rollback(its)
    if folder is None:
        raise usage("give a model folder, or --rollback")
    existing([folder])
    paths = existing(on or [Path(p) for p in its.judged_on])
    champion, verdict = _compare(folder, list(paths), catalogue, its)
    _tell(verdict)
    if dry_run:
        if not verdict.accepted:
            raise Failed(1)
        return
    _settle(folder, champion, verdict, catalogue, its)


def _compare(folder: Path, paths: list[Path], catalogue: str, limits: Limits) -> tuple[Path, Verdict]:
    """(folder of the model in use, verdict)."""
    from pipeline import catalogue as catalogues  # noqa: PLC0415
    from pipeline import findings  # noqa: PLC0415
    from pipeline.training import promotion  # noqa: PLC0415

    criteria = catalogues.load(catalogue)
    in_use = _in_use()
    first, second = findings.load(in_use, criteria), findings.load(folder, criteria)
    return in_use, promotion.compare_models(first, second, folder, paths, criteria, limits)


def _in_use() -> Path:
    """Folder of the champion, else of the model that is used without one."""
    from pipeline import drafting, findings  # noqa: PLC0415
    from pipeline.findings import champion  # noqa: PLC0415

    if champion.history():
        return champion.folder()
    name = drafting.default_model()
    if name == champion.NAME:  # $SPUR_MODEL asks for one that is still to come
        name = drafting.shipped_model()
    return findings.available().get(name, Path(name))


def _settle(folder: Path, in_use: Path, verdict: Verdict, catalogue: str, limits: Limits) -> None:
    from pipeline.findings import champion  # noqa: PLC0415
    from pipeline.training import registry  # noqa: PLC0415

    name = limits.registered
    if verdict.accepted and not champion.history():  # what was in use can be returned to
        champion.install(in_use, name, registry.register(in_use, name, catalogue))
    version = registry.register(folder, name, catalogue, verdict)
    if not verdict.accepted:
        registry.point(name, registry.CHALLENGER, version)
        error(f"{folder}: not promoted; kept as {name} {version}, challenger")
        raise Failed(1)
    made = champion.install(folder, name, version)
    registry.point(name, registry.CHAMPION, version)
    registry.clear(name, registry.CHALLENGER)
    print(f"{name} {made.version} is the champion: {made.folder}")


def _rollback(limits: Limits) -> None:
    from pipeline.findings import champion  # noqa: PLC0415
    from pipeline.training import registry  # noqa: PLC0415

    made: Champion = champion.rollback()
    print(f"{made.name} {made.version} is the champion again: {made.folder}")
    registry.point(limits.registered, registry.CHAMPION, made.version)


def _tell(verdict: Verdict) -> None:
    print(f"{verdict.candidate} against the champion {verdict.champion}")
    for s in verdict.overall:
        d = s.difference
        if d.first is not None and d.second is not None:
            interval = "" if d.low is None else f" (95 %: {d.low:+.3f} to {d.high:+.3f}; p {d.p:.3f})"
            print(f"{s.metric}: {d.second:.3f}, champion {d.first:.3f}{interval}")
    guarded = sum(s.guarded for s in verdict.slices if s.kind != "all")
    print(f"{guarded} guarded slices of {len(verdict.slices) - len(verdict.overall)}")
    ece = " / ".join("-" if e is None else f"{e:.3f}" for e in verdict.calibration)
    seconds = " / ".join(f"{s:.2f}" for s in verdict.seconds_per_1000)
    print(
        f"ECE champion / candidate: {ece}; seconds for 1,000 sentences: {seconds}; {verdict.megabytes:.1f} MB"
    )
    for reason in verdict.reasons:
        print(f"refused: {reason}")
