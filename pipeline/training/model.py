"""The findings network: a BERT over a window of sentences, and a head in which each criterion reads each sentence.

A criterion is a vector read from its wording by the same encoder (decision 2 of the design), plus a learned residual
that is dropped at random in training, so that a criterion without labels works from its wording alone. Every criterion
attends over the sentence's own tokens (label-wise attention, as Query2Label, Liu et al. 2021, arXiv:2107.10834), so that a
sentence of several findings gives each of them its own words; the pooled sentence's cosine to the criterion is added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - its customary name


@dataclass(frozen=True)
class HeadConfig:
    """Shape of the head. `heads` of attention; `inner` width of its feed-forward layer."""

    heads: int = 6
    inner: int = 768
    dropout: float = 0.1
    residual_dropout: float = 0.3
    attention: bool = True  # False: cosine to the pooled sentence only (ablation)


class FindingsNetwork(nn.Module):
    """Windows in, logits out: relevance [sentences, criteria] and status [sentences, criteria, 3]."""

    def __init__(self, encoder: Any, criteria: int, config: HeadConfig) -> None:
        super().__init__()
        width = int(encoder.config.hidden_size)
        self.encoder, self.config, self.width = encoder, config, width
        self.residual = nn.Parameter(torch.zeros(criteria, width))
        self.bias = nn.Parameter(torch.zeros(criteria))
        self.base = nn.Parameter(torch.tensor(-4.0))
        self.scale = nn.Parameter(torch.tensor(10.0))
        self.centre = nn.Parameter(torch.zeros(width))
        self.criterion = nn.Linear(width, width)
        nn.init.eye_(self.criterion.weight)
        nn.init.zeros_(self.criterion.bias)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ff = nn.Sequential(
            nn.Linear(width, config.inner),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.inner, width),
        )
        self.relevance, self.status = nn.Linear(width, 1), nn.Linear(width, 3)
        self.dropout = nn.Dropout(config.dropout)

    def states(self, ids: Tensor, mask: Tensor, position: Tensor | None = None) -> Tensor:
        """Token states, flattened [rows × length, width]; `mask` [rows, length], or boolean [rows, 1, length, length]."""
        out = self.encoder(input_ids=ids, attention_mask=mask, position_ids=position)
        return torch.as_tensor(out.last_hidden_state.reshape(-1, self.width))

    @staticmethod
    def pool(states: Tensor, token_index: Tensor, token_mask: Tensor) -> Tensor:
        """Mean over a sentence's tokens [sentences, width]."""
        m = token_mask[..., None].to(states.dtype)
        return (states[token_index] * m).sum(1) / m.sum(1).clamp(min=1)

    def read_criteria(self, pooled: Tensor) -> Tensor:
        """Criterion vectors from the pooled wordings [criteria, width]."""
        return torch.as_tensor(self.criterion(pooled - self.centre))

    def vectors(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """(vectors [criteria, width], biases [criteria]) of the trained catalogue; in training, residuals drop out."""
        keep = torch.ones_like(self.bias)
        if self.training:
            keep = (torch.rand_like(keep) >= self.config.residual_dropout).to(keep.dtype)
        return self.read_criteria(pooled) + keep[:, None] * self.residual, self.base + keep * self.bias

    def attend(self, states: Tensor, token_index: Tensor, token_mask: Tensor, vectors: Tensor) -> Tensor:
        """What each criterion reads in each sentence [sentences, criteria, width]."""
        n, span = token_index.shape
        heads, size = self.config.heads, self.width // self.config.heads
        q = self.query(vectors).view(-1, heads, size).transpose(0, 1)
        k = self.key(states)[token_index].view(n, span, heads, size).permute(0, 2, 3, 1)
        v = self.value(states)[token_index].view(n, span, heads, size).transpose(1, 2)
        scores = (q[None] @ k) / math.sqrt(size)
        scores = scores.masked_fill(token_mask[:, None, None, :] == 0, -1e4)
        read = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, -1, self.width)
        z = self.norm1(vectors[None] + self.dropout(self.out(read)))
        return torch.as_tensor(self.norm2(z + self.dropout(self.ff(z))))

    def score(
        self, states: Tensor, token_index: Tensor, token_mask: Tensor, vectors: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(relevance logits [n, criteria], status logits [n, criteria, 3], pooled sentences [n, width])."""
        pooled = self.pool(states, token_index, token_mask)
        directions = F.normalize(vectors, dim=-1)
        relevance = self.scale * (F.normalize(pooled - self.centre, dim=-1) @ directions.T) + bias
        if not self.config.attention:
            z = self.norm2(self.ff(pooled[:, None] * directions[None] * 4) + pooled[:, None])
            return relevance, self.status(z), pooled
        z = self.attend(states, token_index, token_mask, vectors)
        return relevance + self.relevance(z)[..., 0], self.status(z), pooled

    def forward(
        self,
        ids: Tensor,
        mask: Tensor,
        token_index: Tensor,
        token_mask: Tensor,
        vectors: Tensor,
        bias: Tensor,
    ) -> tuple[Tensor, ...]:
        """Logits of a batch against given criterion vectors: the exported graph (see `pipeline.training.export`).

        Returns relevance [n, criteria], status [n, criteria, 3], pooled [n, width], and pooled read as criteria.
        """
        relevance, status, pooled = self.score(self.states(ids, mask), token_index, token_mask, vectors, bias)
        return relevance, status, pooled, self.read_criteria(pooled)

    @torch.no_grad()
    def start_from(self, pooled: Tensor) -> None:
        """Centre the space on the wordings before training: the encoder's sentence vectors share a large mean."""
        self.centre.copy_(pooled.mean(0))
