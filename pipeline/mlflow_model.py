"""The whole of grading as an MLflow pyfunc model: a report's text or file in, its draft out.

Logged from code (`pipeline/mlflow_entry.py`), never pickled. The logged model carries this package with its catalogues and
policies, the findings model's folder and pinned requirements, so it loads and serves without the repository or an
installation of it.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow.pyfunc
import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from pipeline import catalogue as catalogues
from pipeline import drafting, reading
from pipeline.findings import manifest
from pipeline.rendering import jsonl
from pipeline.report import Source, SpurError
from pipeline.resources import PACKAGE, assets

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

ENTRY = PACKAGE / "mlflow_entry.py"
ARTIFACT = "findings"
REQUIREMENTS = (
    "mlflow",
    "numpy",
    "pandas",
    "pyyaml",
    "platformdirs",
    "spacy",
    "onnxruntime",
    "tokenizers",
    "pdfplumber",
    "python-docx",
    "lxml",
    "charset-normalizer",
)
INPUTS = {"text": "string", "content": "binary", "name": "string"}  # columns, with their types to MLflow
_KEPT = ("grading", "list-splitter")  # of the shipped models, beside the one that is logged


class Spur(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow is not typed here
    """Drafts grades. `context.artifacts["findings"]` is the findings model's folder."""

    def load_context(self, context: Any) -> None:
        """Loads model, catalogue and policy; raises SpurError where the folder is damaged."""
        config = getattr(context, "model_config", None) or {}
        catalogue = config.get("catalogue") or catalogues.DEFAULT
        self._drafter = drafting.Drafter.load(Path(context.artifacts[ARTIFACT]), catalogue)

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """A row a report: `draft`, as `spur grade --json` has it, or "" and `error`, which says what is wrong.

        `model_input` has `text`, whole reports, or `content`, the bytes of report files (what stands in both is read from
        `content`), and if wanted `name`, a file's name or path. `params["as_of"]` (ISO, else today) is the day on which
        the action plan's dates are judged.
        """
        day = (params or {}).get("as_of") or ""
        drafter = drafting.Drafter(
            self._drafter.model,
            self._drafter.catalogue,
            self._drafter.policy,
            date.fromisoformat(day) if day else date.today(),
        )
        rows = list(_drafts(drafter, *(_column(model_input, c) for c in ("text", "content", "name"))))
        return pd.DataFrame(rows, columns=["draft", "error"], index=model_input.index)


def _column(rows: pd.DataFrame, name: str) -> list[object]:
    """A column's values; None for each where there is no such column."""
    return list(rows[name]) if name in rows else [None] * len(rows)


def _drafts(
    drafter: drafting.Drafter, texts: Sequence[object], contents: Sequence[object], names: Sequence[object]
) -> Iterator[tuple[str, str]]:
    """(draft, error) of each row. Files are read in a process of its own, as the commands do."""
    with tempfile.TemporaryDirectory() as folder, reading.IsolatedReader() as reader:
        paths = [Path(folder) / str(n) / _base(name) for n, name in enumerate(names)]
        given = dict(zip(paths, zip(texts, contents, strict=True), strict=True))

        def read(path: Path) -> Source:
            text, content = given[path]
            if isinstance(content, bytes | bytearray | memoryview):
                path.parent.mkdir()
                path.write_bytes(content)
                return reader.read(path)
            if isinstance(text, str):
                return reading.read_bytes(text.encode(), path.name)
            raise SpurError(
                "raden har varken text eller content: ange rapportens text, eller filens innehåll"
            )

        for outcome in drafting.each(paths, drafter.draft, read):
            draft = outcome.result
            yield ("", outcome.error) if draft is None else (jsonl.dump(jsonl.draft_json(draft)), "")


def _base(name: object) -> str:
    """The base name of a file's name, path or URL."""
    base = name.replace("\\", "/").rpartition("/")[2] if isinstance(name, str) else ""
    return base if base.strip(".") else "report.txt"


def signature() -> ModelSignature:
    """Columns text or content, and name, in (all optional to MLflow), draft and error out, parameter as_of."""
    from mlflow.models import ModelSignature  # noqa: PLC0415
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema  # noqa: PLC0415

    return ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for name, kind in INPUTS.items()]),
        outputs=Schema([ColSpec("string", "draft"), ColSpec("string", "error")]),
        params=ParamSchema([ParamSpec("as_of", "string", "")]),
    )


def example(catalogue: str | Path = catalogues.DEFAULT) -> pd.DataFrame:
    """A short invented report: the catalogue's areas under their names."""
    weak = "Individuella utbildningsprogram saknas för samtliga ST-läkare."
    areas = catalogues.load(catalogue).areas.values()
    body = [f"{a.letter}. {a.name}\nHandledning ges varje vecka. {weak}" for a in areas]
    text = "\n\n".join(["Styrkor\nGott handledarklimat.", f"Svagheter\n{weak}", *body])
    return pd.DataFrame({"text": [text], "name": ["exempel.txt"]})


def requirements() -> list[str]:
    """What scoring needs, pinned to what is installed."""
    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


@contextmanager
def code() -> Iterator[Path]:
    """A copy of this package with its assets inside, as the wheel has them, but without the shipped findings models."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / PACKAGE.name
        ignore = shutil.ignore_patterns("__pycache__", "_assets", "node_modules")
        shutil.copytree(PACKAGE, target, ignore=ignore)
        shutil.copytree(assets("configs"), target / "_assets" / "configs")
        for name in _KEPT:
            if (source := assets("models") / name).is_dir():
                shutil.copytree(source, target / "_assets" / "models" / name)
        (target / "_assets" / "models").mkdir(exist_ok=True)
        yield target


def log(
    folder: Path,
    catalogue: str = catalogues.DEFAULT,
    name: str = "spur",
    registered: str | None = None,
    **tags: str,
) -> Any:
    """Log a findings model's folder as the whole of grading into the active MLflow run; the model's info.

    `registered`: also as a new version of this name in the registry. Raises SpurError where the folder is damaged.
    """
    its = manifest.read(folder)
    told = {
        "findings_model": its.name,
        "findings_version": its.version,
        "data": str(its.data.get("hash")),
        **tags,
    }
    with code() as package:
        return mlflow.pyfunc.log_model(
            name=name,
            python_model=str(ENTRY),
            artifacts={ARTIFACT: str(folder)},
            code_paths=[str(package)],
            model_config={"catalogue": catalogue},
            signature=signature(),
            input_example=example(catalogue),
            pip_requirements=requirements(),
            registered_model_name=registered,
            metadata=told,
        )
