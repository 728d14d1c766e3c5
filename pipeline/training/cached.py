"""Token states of a frozen encoder, computed once: then a head trains on a CPU in minutes.

FOLDER/states.npy    float16 [tokens, width], the sentences' own tokens
FOLDER/index.npz     `start`, `length` int64 [sentences]; `wordings` float32 [criteria, width]; `key`
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.findings.encoding import Encoder, section_names
from pipeline.training.model import FindingsNetwork
from pipeline.training.start import pool_wordings, tensors

STATES, INDEX = "states.npy", "index.npz"


@dataclass(frozen=True)
class Cached:
    """`states` [tokens, width]; of each sentence the place of its first token and their number [n]; `wordings` [criteria,
    width]: the catalogue's, pooled."""

    states: NDArray[np.float16]
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    wordings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.start)


def key(inputs: Sequence[SentenceInput], encoder: Encoder, catalogue: Catalogue, weights: str) -> str:
    """Names what a cache was made of."""
    out = hashlib.sha256(f"{catalogue.name} {encoder.max_tokens} {weights}".encode())
    for s in inputs:
        out.update(f"{s.report}\t{s.section}\t{s.text}\n".encode())
    return out.hexdigest()


@torch.no_grad()
def make(
    net: FindingsNetwork,
    inputs: Sequence[SentenceInput],
    encoder: Encoder,
    catalogue: Catalogue,
    folder: Path,
    weights: str = "",
) -> Cached:
    """The states of these sentences, in their windows, as `net`'s encoder gives them; those of `folder` where they are
    of the same sentences and `weights` (any name of the encoder's)."""
    name = key(inputs, encoder, catalogue, weights)
    if (folder / INDEX).is_file():
        with np.load(folder / INDEX) as index:
            if str(index["key"]) == name:
                states = np.load(folder / STATES, mmap_mode="r")
                return Cached(states, index["start"], index["length"], index["wordings"])
    net.eval()
    cpu = torch.device("cpu")
    parts, at = list[NDArray[np.float16]](), 0
    start, length = (np.zeros(len(inputs), np.int64) for _ in range(2))
    for batch in encoder.batches(encoder.windows(inputs, section_names(catalogue)), 4096):
        b = tensors(batch, cpu)
        states = net.states(b["ids"], b["mask"]).numpy().astype(np.float16)
        parts.append(states[batch.token_index[batch.token_mask == 1]])
        count = batch.token_mask.sum(1)
        start[batch.rows], length[batch.rows] = at + np.cumsum(count) - count, count
        at += int(count.sum())
    wordings = pool_wordings(net, encoder, catalogue, cpu).float().numpy()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / INDEX).unlink(missing_ok=True)  # the index is written last: a cut run leaves none
    np.save(folder / STATES, np.concatenate(parts))
    np.savez(folder / INDEX, start=start, length=length, wordings=wordings, key=np.array(name))
    return Cached(np.load(folder / STATES, mmap_mode="r"), start, length, wordings)
