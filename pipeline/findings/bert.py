"""The fine-tuned BERT at run time: one ONNX graph, a tokenizer, and the criteria's vectors. No torch.

The graph takes the criteria as vectors. Those of the trained catalogue are shipped; a criterion of another catalogue is
read from its wording by the same graph, so a new catalogue works at once (how well: the model card).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.catalogue import Catalogue
from pipeline.findings import manifest as manifests
from pipeline.findings import second_look
from pipeline.findings.base import Probabilities, SentenceInput
from pipeline.findings.calibration import Calibration
from pipeline.findings.encoding import Batch, Encoder, section_names, wordings
from pipeline.report import ModelInfo, SpurError

KIND = "bert"
GRAPH, TOKENIZER, CRITERIA = "model.onnx", "tokenizer.json", "criteria.npz"
INPUTS = ("ids", "mask", "token_index", "token_mask", "vectors", "bias")
OUTPUTS = ("relevance", "status", "pooled", "criterion")
Array = NDArray[np.float32]
BUDGET = 1024  # tokens of a pass: what it works on stays in the processor's cache, and little is padding


class Bert:
    """A findings model (see `FindingsModel`) on ONNX Runtime."""

    def __init__(
        self, folder: Path, manifest: manifests.Manifest, catalogue: Catalogue, threads: int = 0
    ) -> None:
        import onnxruntime as ort  # noqa: PLC0415  only where a model is run

        settings = manifest.settings
        self._manifest, self._catalogue = manifest, catalogue
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # the int8 weights are multiplied back once, at load, not at every pass
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = ort.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])
        self._encoder = Encoder(
            Tokenizer.from_file(str(folder / TOKENIZER)),
            settings["prefix"],
            settings["max_tokens"],
            settings["max_sentence"],
        )
        self._calibration = Calibration.of(settings["calibration"])
        self._look = (
            second_look.load(folder / second_look.FILE) if second_look.FILE in manifest.files else None
        )
        with np.load(folder / CRITERIA, allow_pickle=False) as z:
            trained = {w: k for k, w in enumerate(manifest.criteria.values())}
            self._vectors, self._bias = self._criteria(z["vectors"], z["bias"], float(z["base"]), trained)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(self._manifest.name, self._manifest.version)

    @property
    def catalogue(self) -> Catalogue:
        return self._catalogue

    @property
    def thresholds(self) -> Array:
        usual = float(self._manifest.settings["threshold"])
        own = self._manifest.thresholds
        same = {c.id for c in self._catalogue.criteria if self._manifest.criteria.get(c.id) == c.text}
        return np.array(
            [own.get(c.id, usual) if c.id in same else usual for c in self._catalogue.criteria], np.float32
        )

    @property
    def unknown(self) -> tuple[str, ...]:
        """Criteria of the catalogue in use whose wording the model was not trained on."""
        trained = set(self._manifest.criteria.values())
        return tuple(c.id for c in self._catalogue.criteria if c.text not in trained)

    def _criteria(
        self, vectors: Array, bias: Array, base: float, trained: dict[str, int]
    ) -> tuple[Array, Array]:
        criteria = self._catalogue.criteria
        if all(c.text in trained for c in criteria):
            rows = [trained[c.text] for c in criteria]
            return vectors[rows], bias[rows]
        inputs = [SentenceInput(s.text, s.section, "catalogue") for s in wordings(self._catalogue)]
        read = np.zeros((len(criteria), vectors.shape[1]), np.float32)
        for batch in self._batches(inputs):
            read[batch.rows] = self._run(batch, vectors[:1], bias[:1])[3]
        known = np.array([trained.get(c.text, -1) for c in criteria])
        own = known >= 0
        read[own] = vectors[known[own]]
        return read, np.where(own, bias[known], base).astype(np.float32)

    def _batches(self, sentences: Sequence[SentenceInput]) -> Any:
        return self._encoder.batches(self._encoder.windows(sentences, section_names(self._catalogue)), BUDGET)

    def _run(self, batch: Batch, vectors: Array, bias: Array) -> list[Array]:
        feed = {k: getattr(batch, k) for k in INPUTS[:4]}
        out: list[Array] = self._session.run(list(OUTPUTS), {**feed, "vectors": vectors, "bias": bias})
        return out

    def logits(self, sentences: Sequence[SentenceInput]) -> tuple[Array, Array]:
        """(logits [n, criteria, 4]: relevance and three statuses; sentence vectors [n, width])."""
        logits = np.zeros((len(sentences), len(self._bias), 4), np.float32)
        pooled = np.zeros((len(sentences), self._vectors.shape[1]), np.float32)
        for batch in self._batches(sentences) if sentences else ():
            relevance, status, vector, _ = self._run(batch, self._vectors, self._bias)
            logits[batch.rows, :, 0], logits[batch.rows, :, 1:] = relevance, status
            pooled[batch.rows] = vector
        return logits, pooled

    def first_look(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        """What the network says of each sentence in its section."""
        return self.read(sentences)[0]

    def second_look(self, sentences: Sequence[SentenceInput], first: Probabilities) -> Probabilities:
        """That, weighed beside the rest of each sentence's report."""
        return first if self._look is None else self._look(sentences, first, self._catalogue)

    def read(self, sentences: Sequence[SentenceInput]) -> tuple[Probabilities, Array]:
        """(first look, the sentence vectors [n, width]) in one pass."""
        logits, vectors = self.logits(sentences)
        return self._calibration(logits), vectors

    def predict(self, sentences: Sequence[SentenceInput]) -> Probabilities:
        return self.second_look(sentences, self.first_look(sentences))


def load(folder: Path, catalogue: Catalogue, threads: int = 0) -> Bert:
    """The model in a folder. Raises SpurError (in Swedish) where it is damaged or foreign.

    `threads` for one pass, 0: all cores.
    """
    manifest = manifests.read(folder)
    manifests.require(folder, manifest, KIND, (GRAPH, TOKENIZER, CRITERIA))
    try:
        return Bert(folder, manifest, catalogue, threads)
    except Exception as e:  # the runtime raises kinds of its own for a graph that is none
        raise SpurError(
            f"{folder}: modellen går inte att läsa ({e}); hämta eller exportera den på nytt"
        ) from e
