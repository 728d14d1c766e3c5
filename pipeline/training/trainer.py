"""Fine-tuning the findings network: steps, averaged weights, and predictions.

On a GPU the whole step is one CUDA graph (all steps have one shape, see feed.py); elsewhere it runs op by op.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from pipeline import catalogue as catalogues
from pipeline.catalogue import Catalogue
from pipeline.findings.base import SentenceInput
from pipeline.findings.encoding import Encoder, section_names
from pipeline.grading.policy import Policy
from pipeline.training.bags import BagFeed, BagStep, step_loss
from pipeline.training.distant import DistantReport
from pipeline.training.feed import TOLD, Feed, StepArrays
from pipeline.training.labelled import Labelled
from pipeline.training.model import FindingsNetwork
from pipeline.training.recipe import Recipe
from pipeline.training.start import Tensors, make_network, pool_wordings, tensors


def half(device: torch.device) -> torch.autocast:
    """bfloat16 where the device computes in it (on many CPUs it is emulated, and far slower than float32)."""
    return torch.autocast(
        device.type, dtype=torch.bfloat16, enabled=device.type == "cuda", cache_enabled=False
    )


def parameter_groups(net: FindingsNetwork, recipe: Recipe, device: torch.device) -> list[dict[str, Any]]:
    """Layer-wise rates: the encoder's lower layers move less; norms, biases and embeddings don't decay."""
    layers = int(net.encoder.config.num_hidden_layers)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, p in net.named_parameters():
        if not p.requires_grad:
            continue
        decay = recipe.weight_decay if p.ndim > 1 and "embeddings" not in name and name != "residual" else 0.0
        if name.startswith("encoder.embeddings"):
            rate = recipe.rate * recipe.layer_decay ** (layers + 1)
        elif name.startswith("encoder."):
            rate = recipe.rate * recipe.layer_decay ** (
                layers - 1 - int(name.split(".layer.")[1].split(".")[0])
            )
        else:
            rate = recipe.head_rate
        groups.setdefault((rate, decay), []).append(p)
    # a tensor rate can change under a captured graph
    return [
        {
            "params": ps,
            "lr": torch.tensor(rate, device=device) if device.type == "cuda" else rate,
            "weight_decay": decay,
        }
        for (rate, decay), ps in groups.items()
    ]


def freeze(net: FindingsNetwork, layers: int) -> None:
    """Keep the embeddings and the lowest encoder layers as they are: a third less to compute with half of them."""
    still = [net.encoder.embeddings, *net.encoder.encoder.layer[:layers]] if layers else []
    for module in still:
        module.requires_grad_(False)


class Loss:
    """Weighted cross-entropy of relevance, summed over criteria and averaged over sentences, plus that of the told
    pairs' status, plus the divergence of two passes where there are two (R-Drop)."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.recipe = recipe
        weights = [0.0, 1.0, recipe.elsewhere, *[recipe.positive] * 3]  # by code of feed.py, from APART on
        self.weights = torch.tensor(weights, device=device)
        self.classes = torch.tensor(recipe.status_weights, device=device)

    def __call__(
        self, relevance: Tensor, status: Tensor, targets: Tensor, again: Tensor | None = None
    ) -> Tensor:
        """`relevance`, `targets` [n, criteria], codes of feed.py; `status` [n, criteria, 3]."""
        relevance, told = relevance.float(), targets >= TOLD
        weight = self.weights[targets + 1]
        sentences = (weight.sum(1) > 0).sum().clamp(min=1)
        pair = F.binary_cross_entropy_with_logits(relevance, told.float(), reduction="none")
        loss = (pair * weight).sum() / sentences
        code = (targets - TOLD).clamp(min=0)
        share = self.classes[code] * told
        each = F.cross_entropy(status.float().reshape(-1, 3), code.reshape(-1), reduction="none")
        loss = loss + (each * share.reshape(-1)).sum() / share.sum().clamp(min=1)
        if again is None:
            return loss
        other = again.float()
        apart = (relevance.sigmoid() - other.sigmoid()) * (relevance - other)
        return loss + self.recipe.consistency * (apart * weight).sum() / sentences / 2


class Average:
    """Exponential moving average of the weights, with a warm start: what is evaluated and shipped."""

    def __init__(self, net: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {k: v.detach().clone() for k, v in net.state_dict().items()}
        self._pairs = [
            (self.weights[k], v.detach()) for k, v in net.state_dict().items() if v.is_floating_point()
        ]

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        d = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_([a for a, _ in self._pairs], [b for _, b in self._pairs], 1 - d)


@torch.no_grad()
def predict(
    net: FindingsNetwork,
    inputs: Sequence[SentenceInput],
    encoder: Encoder,
    catalogue: Catalogue,
    device: torch.device,
) -> NDArray[np.float32]:
    """Logits [sentences, criteria, 4] of the trained catalogue: relevance, then the three statuses."""
    net.eval()
    out = np.zeros((len(inputs), len(catalogue.criteria), 4), np.float32)
    with half(device):
        vectors, bias = net.vectors(pool_wordings(net, encoder, catalogue, device))
        budget = 32768 if device.type == "cuda" else 4096
        for batch in encoder.batches(encoder.windows(inputs, section_names(catalogue)), budget):
            b = tensors(batch, device)
            relevance, status, _ = net.score(
                net.states(b["ids"], b["mask"]), b["token_index"], b["token_mask"], vectors, bias
            )
            out[batch.rows, :, 0], out[batch.rows, :, 1:] = (
                relevance.float().cpu().numpy(),
                status.float().cpu().numpy(),
            )
    net.train()
    return out


class Trainer:
    """One network's training: `step` for each of the feed's steps, then `averaged`.

    With `distant` reports, every `distant_every`-th step reads some of them too and adds the loss of what they tell; that
    step runs op by op also where the others are a graph, as its shape is its own.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Labelled,
        encoder_folder: Path | None,
        device: torch.device,
        graph: bool = True,
        distant: Sequence[DistantReport] = (),
        replay: Labelled | None = None,
    ) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe, self.device, self.graph = recipe, device, graph and device.type == "cuda"
        self.catalogue = catalogues.load(recipe.catalogue)
        self.net, self.encoder = make_network(recipe, encoder_folder, self.catalogue)
        self.net.to(device)
        freeze(self.net, recipe.frozen)
        self.feed = Feed(data, self.catalogue, self.encoder, recipe, replay)
        self.average = Average(self.net, recipe.ema)
        self._start = (
            {k: v.detach().clone() for k, v in self.net.state_dict().items()} if recipe.blend < 1 else {}
        )
        cuda = device.type == "cuda"
        self.optimizer = torch.optim.AdamW(
            parameter_groups(self.net, recipe, device), fused=cuda, capturable=cuda
        )
        self.total = self.feed.planned()
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.loss = Loss(recipe, device)
        self.graph = self.graph and recipe.wordings_every == 1  # a captured step has one shape
        self.distant = self._distant(distant)
        self._wordings: Tensor | None = None
        self._static: Tensors | None = None
        self._graph: Any = None
        self._loss = torch.zeros((), device=device)

    def _distant(self, reports: Sequence[DistantReport]) -> Iterator[BagStep] | None:
        """Steps of those that tell something; None without any."""
        if not reports:
            return None
        r, policy = self.recipe, Policy.of(self.catalogue, self.recipe.catalogue)
        feed = BagFeed(
            reports, self.catalogue, policy, self.encoder, r.distant_tokens, r.seed, r.criteria_left_out
        )
        return iter(feed) if feed.reports else None

    def _rate(self, step: int) -> float:
        warm = self.recipe.warmup * self.total
        if step < warm:
            return (step + 1) / warm
        return max(0.0, 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / (self.total - warm)))))

    def _arrays(self, step: StepArrays) -> dict[str, NDArray[Any]]:
        """The step's arrays; for a graph in its one shape: missing sentences have one token and no part in the loss."""
        missing = self.recipe.sentences - len(step.targets) if self.graph else 0
        pad = np.full((missing, step.targets.shape[1]), -1, np.int8)
        p = step.packed
        return {
            "ids": p.ids,
            "segment": p.segment,
            "position": p.position,
            "start": np.pad(p.start, (0, missing)),
            "length": np.pad(p.length, (0, missing), constant_values=1),
            "targets": np.concatenate([step.targets, pad]).astype(np.int64),
        }

    def _forward(self, t: Tensors) -> tuple[Tensor, Tensor]:
        n = len(t["start"]) - len(t["targets"])  # the wordings' sentences, or none
        attend = t["segment"][:, None, :, None] == t["segment"][:, None, None, :]
        states = self.net.states(t["ids"], attend, t["position"])
        span = self.encoder.max_sentence if self.graph else int(t["length"].max())
        offset = torch.arange(span, device=self.device)
        mask = (offset[None] < t["length"][:, None]).long()
        index = (t["start"][:, None] + offset[None]).clamp(max=len(states) - 1)
        pooled = self.net.pool(states, index[:n], mask[:n]) if n else self._last_wordings()
        if self.recipe.wordings_every > 1:
            self._wordings = pooled.detach()
        vectors, bias = self.net.vectors(pooled)
        relevance, status, _ = self.net.score(states, index[n:], mask[n:], vectors, bias)
        return relevance, status

    def _half(self, t: Tensors) -> tuple[Tensor, Tensor]:
        with half(self.device):
            return self._forward(t)

    def _last_wordings(self) -> Tensor:
        assert self._wordings is not None  # an epoch's first step reads them
        return self._wordings

    def _compute(self, t: Tensors, bags: BagStep | None = None) -> Tensor:
        self.optimizer.zero_grad(set_to_none=True)
        with half(self.device):
            relevance, status = self._forward(t)
            again = self._forward(t)[0] if self.recipe.consistency else None
        loss = self.loss(relevance, status, t["targets"], again)
        loss.backward()  # type: ignore[no-untyped-call]
        if bags is not None:
            of_bags = step_loss(self._half, bags, self.device, self.recipe.bags, self.loss)
            told = self.recipe.distant_weight * of_bags
            told.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach() + told.detach()
        nn.utils.clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        self.optimizer.step()
        return loss.detach()

    def _capture(self, t: Tensors) -> None:
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(
            stream
        ):  # warm up off the main stream, as capture asks for; the rate is near 0
            for _ in range(3):
                self._compute(t)
        torch.cuda.current_stream().wait_stream(stream)
        self._static, self._graph = t, torch.cuda.CUDAGraph()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(self._graph):
            self._loss = self._compute(t)

    def step(self, arrays: StepArrays) -> Tensor:
        """One optimiser step; returns the loss (a tensor on the device)."""
        host = {k: torch.from_numpy(v) for k, v in self._arrays(arrays).items()}
        bags = None
        if self.distant is not None and (self.average.steps + 1) % self.recipe.distant_every == 0:
            bags = next(self.distant)
        if not self.graph or bags is not None:
            loss = self._compute({k: v.to(self.device) for k, v in host.items()}, bags)
        else:
            if self._static is None:
                self._capture({k: v.to(self.device) for k, v in host.items()})
            assert self._static is not None
            for k, v in host.items():
                self._static[k].copy_(v, non_blocking=True)
            self._graph.replay()
            loss = self._loss.clone()
        self.scheduler.step()
        self.average.update()
        return loss

    def state(self) -> dict[str, Any]:
        """What a cut training goes on from."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.weights,
            "steps": self.average.steps,
            "total": self.total,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": {k: v for k, v in self.scheduler.state_dict().items() if k != "lr_lambdas"},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.net.load_state_dict(state["net"])
        for k, v in state["average"].items():
            self.average.weights[k].copy_(v)
        self.average.steps, self.total = state["steps"], state["total"]
        if self.distant is not None:  # on to the reports that are due
            read = self.average.steps // self.recipe.distant_every
            self.distant = islice(self.distant, read, None)
        self.optimizer.load_state_dict(state["optimizer"])
        lambdas = [None] * len(self.optimizer.param_groups)  # functions are not part of the state
        self.scheduler.load_state_dict({**state["scheduler"], "lr_lambdas": lambdas})

    @contextmanager
    def peek(self) -> Iterator[FindingsNetwork]:
        """The network with its averaged weights while the block lasts, for figures between steps. It trains on as if nobody
        had looked: the weights come back, in the same memory, and predicting draws no random numbers."""
        kept = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        try:
            yield self.averaged()
        finally:
            self.net.load_state_dict(kept)

    def averaged(self) -> FindingsNetwork:
        """The network with its averaged weights in place, the recipe's `blend` of the way from where it started: call when
        training is over."""
        weights, share = self.average.weights, self.recipe.blend
        if share < 1:
            weights = {
                k: torch.lerp(self._start[k], w, share) if w.is_floating_point() else w
                for k, w in weights.items()
            }
        self.net.load_state_dict(weights)
        return self.net
