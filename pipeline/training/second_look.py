"""Fitting the second look (`pipeline.findings.second_look`) on readings of writers that the network had not seen.

Reports are shown whole and in parts (a section, some sections, no lists, one sentence, section names hidden), as they will
come: silence in the rest of a report says less, the less there is of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.catalogue import Catalogue
from pipeline.findings.base import Probabilities
from pipeline.findings.second_look import FEATURES, NEAR, Array, Member, SecondLook, features
from pipeline.report import LISTS
from pipeline.training.labelled import Labelled


@dataclass(frozen=True)
class Settings:
    """Chosen on writers left out and on stress (experiments/second-look.md). `rate` is the highest of the cycle."""

    members: int = 3
    width: int = 48
    epochs: int = 8
    pairs: int = 4096  # of a step
    rate: float = 4e-3
    decay: float = 1e-3
    dropout: float = 0.1


Part = tuple[NDArray[np.intp], list[str | None]]  # rows of the data, and the section told of each


def parts(data: Labelled, rng: np.random.Generator) -> Iterator[Part]:
    """Every report whole, and parts of it; rows stay in document order."""
    for name in dict.fromkeys(data.reports):
        rows = np.flatnonzero(data.reports == name)
        sections = data.sections[rows]
        named = np.unique(sections)
        some = rng.choice(named, rng.integers(2, len(named)), replace=False) if len(named) > 2 else named
        alone = np.arange(len(rows)) == rng.integers(len(rows))
        masks = [sections == s for s in named]
        for mask in (
            np.ones(len(rows), bool),
            *masks,
            np.isin(sections, some),
            ~np.isin(sections, LISTS),
            alone,
        ):
            if mask.any():
                yield rows[mask], [str(s) for s in sections[mask]]
        yield rows, [None] * len(rows)


class _Network(nn.Module):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        w = settings.width
        self.first, self.second, self.last = nn.Linear(len(FEATURES), w), nn.Linear(w, w), nn.Linear(w, 4)
        self.dropout = nn.Dropout(settings.dropout)
        nn.init.zeros_(self.last.weight)  # at first it changes nothing
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(nn.functional.silu(self.first(x)))
        x = self.dropout(nn.functional.silu(self.second(x)))
        out: Tensor = self.last(x)
        return out

    def member(self) -> Member:
        layers = (self.first, self.second, self.last)
        numbers = [(x.weight.detach().T.numpy().copy(), x.bias.detach().numpy().copy()) for x in layers]
        return Member(tuple(w for w, _ in numbers), tuple(b for _, b in numbers))


def _pairs(
    data: Labelled, probabilities: Probabilities, catalogue: Catalogue, seed: int
) -> tuple[Array, NDArray[np.int8]]:
    """(features, gold) of the pairs that training looks at: those that scoring will, and what is told but was not read."""
    told, gold = [], []
    for rows, sections in parts(data, np.random.default_rng(seed)):
        x, y = features(probabilities[rows], sections, catalogue), data.gold[rows]
        near = (x[..., 0] > NEAR) | (y > 0)
        told.append(x[near])
        gold.append(y[near])
    return np.concatenate(told), np.concatenate(gold)


def _loss(z: Tensor, y: Tensor) -> Tensor:
    told = y > 0
    relevance = nn.functional.binary_cross_entropy_with_logits(z[:, 0], told.float())
    status = nn.functional.cross_entropy(z[told, 1:], y[told] - 1, reduction="sum")
    return relevance + status / len(y)


def _member(x: Tensor, z0: Tensor, y: Tensor, settings: Settings, seed: int) -> Member:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = _Network(settings)
        best = torch.optim.AdamW(net.parameters(), settings.rate, weight_decay=settings.decay)
        steps = settings.epochs * -(-len(x) // settings.pairs)
        cycle = torch.optim.lr_scheduler.OneCycleLR(best, settings.rate, total_steps=max(steps, 2))
        for _ in range(settings.epochs):
            for rows in torch.split(torch.randperm(len(x)), settings.pairs):
                loss = _loss(z0[rows] + net(x[rows]), y[rows])
                best.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                best.step()
                cycle.step()
        return net.eval().member()


def fit(
    data: Labelled,
    probabilities: Probabilities,
    catalogue: Catalogue,
    seed: int,
    settings: Settings | None = None,
) -> SecondLook:
    """A second look at what a network said of sentences that it had not been trained on.

    `probabilities` [n, criteria, 3], calibrated, of `data`'s n sentences. The same seed gives the same one.
    """
    settings = settings or Settings()
    raw, gold = _pairs(data, probabilities, catalogue, seed)
    mean, scale = raw.mean(axis=0), raw.std(axis=0) + np.float32(1e-3)
    x, y = torch.from_numpy((raw - mean) / scale), torch.from_numpy(gold.astype(np.int64))
    z0 = torch.from_numpy(raw[:, [FEATURES.index(f) for f in ("relevance", "met", "partly", "unmet")]])
    members = tuple(_member(x, z0, y, settings, seed + k) for k in range(settings.members))
    return SecondLook(mean, scale, members)


def together(data: Sequence[Labelled]) -> Labelled:
    """Several labelled sets of the same criteria as one."""
    first = data[0]
    return Labelled(
        reports=np.concatenate([d.reports for d in data]),
        writers=np.concatenate([d.writers for d in data]),
        sections=np.concatenate([d.sections for d in data]),
        index=np.concatenate([d.index for d in data]),
        texts=tuple(t for d in data for t in d.texts),
        gold=np.concatenate([d.gold for d in data]),
        criteria=first.criteria,
    )
