"""A head for few labels on a frozen encoder: each criterion reads pooled sentences along one direction.

A criterion's direction is its wording's, turned by a matrix that all criteria share, plus a residual of its own: the two
parts of the network's criterion vectors (`pipeline.training.model`), without its attention. Convex in each part, and so
small that it is trained to the end in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from pipeline.catalogue import Catalogue
from pipeline.report import LISTS
from pipeline.training.cached import Cached

NORM = 8.0  # of a sentence's features: what the weights' penalties are measured against
START = (
    0.15  # of the shared matrix, times the identity: a wording's likeness to a sentence counts from the start
)


@dataclass(frozen=True)
class Space:
    """Pooled states to features: centred, and their principal axes evened out by half (a raw encoder's sentence vectors
    share a large mean and few axes)."""

    mean: NDArray[np.float32]
    axes: NDArray[np.float32]

    @classmethod
    def of(cls, pooled: NDArray[np.float32]) -> Space:
        """Of unlabelled sentences [n, width]."""
        mean = pooled.mean(0)
        _, deviation, axes = np.linalg.svd(pooled[::5] - mean, full_matrices=False)
        return cls(
            mean, (axes.T * np.sqrt(deviation.mean() / np.maximum(deviation, 1e-6))).astype(np.float32)
        )

    def __call__(self, pooled: NDArray[np.float32]) -> Tensor:
        """Features [n, width], each of length NORM."""
        z = (pooled - self.mean) @ self.axes
        return torch.from_numpy((z / np.linalg.norm(z, axis=1, keepdims=True) * NORM).astype(np.float32))


def pool(cached: Cached) -> NDArray[np.float32]:
    """The mean of each sentence's token states [n, width]."""
    order = np.argsort(cached.start)
    sums = np.add.reduceat(cached.states.astype(np.float32), cached.start[order], axis=0)
    out = np.zeros((len(cached), cached.states.shape[1]), np.float32)
    out[order] = sums / cached.length[order][:, None]
    return out


@dataclass(frozen=True)
class Inputs:
    """Sentences: features [n, width] and their section, one of `sections(catalogue)`, as indicators [n, sections]."""

    z: Tensor
    section: Tensor

    def take(self, rows: NDArray[np.integer]) -> Inputs:
        """Some of them."""
        return Inputs(self.z[rows], self.section[rows])


def sections(catalogue: Catalogue) -> list[str]:
    """Areas, then lists."""
    return [*catalogue.areas, *LISTS]


def inputs(space: Space, pooled: NDArray[np.float32], where: Sequence[str], catalogue: Catalogue) -> Inputs:
    """Sentences of these sections as features."""
    names = sections(catalogue)
    there = np.array([[s == name for name in names] for s in where], np.float32).reshape(-1, len(names))
    return Inputs(space(pooled), torch.from_numpy(there))


@dataclass(frozen=True)
class Penalty:
    """Weights of the squared parameters against the loss, a sum over sentences."""

    matrix: float = 0.01
    residual: float = 0.01
    status: float = 1.0
    bias: float = 0.3


@dataclass(frozen=True)
class Part:
    """Sentences to learn from: `soft` [n, criteria, 3] is P(tells of the criterion with the status); only pairs that are
    `asked` [n, criteria] count."""

    inputs: Inputs
    soft: Tensor
    asked: Tensor
    weight: float = 1.0


class LinearHead:
    """The head's parameters, and their training."""

    def __init__(self, wordings: Tensor, catalogue: Catalogue, penalty: Penalty) -> None:
        names, width = sections(catalogue), wordings.shape[1]
        areas = [c.area for c in catalogue.criteria]
        self.own = torch.tensor([[float(s == a) for a in areas] for s in names])
        self.listed = torch.tensor([float(s in LISTS) for s in names])
        self.wordings, self.penalty = wordings, penalty
        self.start = START * torch.eye(width)
        self.matrix, self.residual = self.start.clone(), torch.zeros(len(areas), width)
        self.bias, self.base = torch.zeros(len(areas)), torch.tensor([-6.0, 3.0, 1.5])
        self.status, self.status_section = torch.zeros(width, 3), torch.zeros(len(names), 3)
        self.status_bias = torch.zeros(len(areas), 3)
        self.parameters = [self.matrix, self.residual, self.bias, self.base]
        self.parameters += [self.status, self.status_section, self.status_bias]
        for p in self.parameters:
            p.requires_grad_()

    def __call__(self, x: Inputs) -> tuple[Tensor, Tensor]:
        """(relevance logits [n, criteria], status logits [n, criteria, 3])."""
        directions = self.wordings @ self.matrix.T + self.residual
        prior = self.base[0] + self.base[1] * (x.section @ self.own)
        prior = prior + self.base[2] * (x.section @ self.listed)[:, None]
        status = x.z @ self.status + x.section @ self.status_section
        return x.z @ directions.T / NORM + self.bias + prior, status[:, None] + self.status_bias

    def _penalty(self) -> Tensor:
        p = self.penalty
        shared = self.status.square().sum() + self.status_bias.square().sum()
        return (
            50 * p.matrix * (self.matrix - self.start).square().sum()
            + p.residual * self.residual.square().sum()
            + p.status * (shared + self.status_section.square().sum())
            + p.bias * self.bias.square().sum()
        )

    def fit(self, parts: Sequence[Part], iterations: int) -> LinearHead:
        """L-BFGS from where it is."""
        optimizer = torch.optim.LBFGS(
            self.parameters, max_iter=iterations, history_size=8, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = self._penalty()
            for part in parts:
                relevance, status = self(part.inputs)
                pair = F.binary_cross_entropy_with_logits(relevance, part.soft.sum(-1), reduction="none")
                told = (part.soft * status.log_softmax(-1)).sum()
                loss = loss + part.weight * ((pair * part.asked).sum() - told)
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimizer.step(closure)  # type: ignore[no-untyped-call]
        return self

    def like(self) -> LinearHead:
        """A copy to train on."""
        out = object.__new__(LinearHead)
        out.__dict__.update(self.__dict__)
        out.parameters = []
        for name in ("matrix", "residual", "bias", "base", "status", "status_section", "status_bias"):
            p = getattr(self, name).detach().clone().requires_grad_()
            setattr(out, name, p)
            out.parameters.append(p)
        return out

    @torch.no_grad()
    def joint(self, x: Inputs) -> NDArray[np.float32]:
        """P(tells of the criterion with the status) [n, criteria, 3]."""
        relevance, status = self(x)
        return np.asarray((relevance.sigmoid()[..., None] * status.softmax(-1)).numpy())
