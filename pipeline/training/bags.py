"""Learning from what is told of many sentences together (multiple-instance learning): the loss, and its feed.

P(a report's criterion is short) comes from its sentences' probabilities by noisy-or (as in attention-free MIL, Maron &
Ratan 1998): it is short when at least one sentence says so. Only the few surest sentences of a criterion take part, as the
small probabilities of eighty others would add up to a certainty that nothing tells of. `lse` pools by a smooth maximum
instead (log-sum-exp, Ramon & De Raedt 2000).

A plan's actions are no bag: each is a sentence that is known to tell of its criteria, learnt as hand labels are.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.catalogue import Catalogue
from pipeline.findings.encoding import Encoder, Packed, Window, pack, section_names
from pipeline.grading.policy import Policy
from pipeline.training.distant import DistantReport, Truth, can_tell, labels, truth, without
from pipeline.training.feed import APART, TOLD, wording_windows

Pool = Literal["noisy-or", "lse"]
_LEAST = 1e-6


@dataclass(frozen=True)
class BagConfig:
    """Weights of the three kinds of statement and of the plans' actions against each other, and how sentences are pooled.

    `surest`: sentences of a criterion that take part; `sharpness` of lse: the higher, the nearer to the maximum.
    """

    told: float = 1.0
    kept: float = 0.5
    either: float = 0.5
    actions: float = 0.5
    pool: Pool = "noisy-or"
    surest: int = 4
    sharpness: float = 4.0


@dataclass(frozen=True)
class Statements:
    """Statements about the bags of a step, as index tensors (int64).

    `told`, `kept` [k, 3]: bag, criterion, PARTLY or UNMET; `either` [k, 4]: clause, bag, criterion, PARTLY or UNMET.
    """

    told: Tensor
    kept: Tensor
    either: Tensor

    def to(self, device: torch.device) -> Statements:
        """The same on a device."""
        return Statements(self.told.to(device), self.kept.to(device), self.either.to(device))


def statements(truths: Sequence[Truth]) -> Statements:
    """The statements of reports that are bags 0, 1, …"""
    told = [(b, *p) for b, t in enumerate(truths) for p in t.told]
    kept = [(b, *p) for b, t in enumerate(truths) for p in t.kept]
    clauses = [(b, clause) for b, t in enumerate(truths) for clause in t.either]
    either = [(k, b, *p) for k, (b, clause) in enumerate(clauses) for p in clause]
    return Statements(
        torch.tensor(told, dtype=torch.long).reshape(-1, 3),
        torch.tensor(kept, dtype=torch.long).reshape(-1, 3),
        torch.tensor(either, dtype=torch.long).reshape(-1, 4),
    )


def short(relevance: Tensor, status: Tensor) -> Tensor:
    """P(sentence says that the criterion is short) [n, criteria, 2], at partly or worse and at unmet, of logits
    `relevance` [n, criteria], `status` [n, criteria, 3]."""
    p = relevance.float().sigmoid()[..., None] * status.float().softmax(-1)
    return torch.stack([p[..., 1] + p[..., 2], p[..., 2]], dim=-1)


def pooled(p: Tensor, bag: Tensor, can: Tensor, bags: int, config: BagConfig) -> Tensor:
    """P(the bag's criterion is short) [bags, criteria, 2] of sentences' `p` [n, criteria, 2]; `bag` [n] their bag,
    `can` [n, criteria] whether they may tell. 0 where none may."""
    p = p.clamp(0, 1 - _LEAST) * can[..., None]
    out = []
    for b in range(bags):
        inside = p[bag == b]
        if not len(inside):
            out.append(p.new_zeros(p.shape[1:]))
        elif config.pool == "noisy-or":
            top = inside.topk(min(config.surest, len(inside)), dim=0).values
            out.append(1 - (1 - top).prod(0))
        else:
            mine = can[bag == b][..., None].expand_as(inside)
            logit = torch.logit(inside, eps=_LEAST).masked_fill(~mine, -torch.inf)
            top = logit.topk(min(config.surest, len(inside)), dim=0).values
            count = torch.isfinite(top).sum(0).clamp(min=1).log()
            some = mine.any(0)
            mean = torch.logsumexp(config.sharpness * top.masked_fill(~some, 0.0), 0) - count
            out.append(torch.where(some, (mean / config.sharpness).sigmoid(), 0.0))
    return torch.stack(out)


def bag_loss(
    relevance: Tensor,
    status: Tensor,
    bag: Tensor,
    can: Tensor,
    said: Statements,
    bags: int,
    config: BagConfig,
) -> Tensor:
    """Negative log-likelihood of the statements: the mean of each kind, weighted; 0 (with a gradient of 0) of none.

    A statement about a criterion that no sentence of its bag may tell of has no part.
    """
    p = pooled(short(relevance, status), bag, can, bags, config)
    there = torch.stack(
        [can[bag == b].any(0) if (bag == b).any() else can.new_zeros(can.shape[1]) for b in range(bags)]
    )
    loss = relevance.sum() * 0.0 + status.sum() * 0.0
    for told, weight, sign in ((said.told, config.told, True), (said.kept, config.kept, False)):
        keep = told[there[told[:, 0], told[:, 1]]]
        if len(keep):
            q = p[keep[:, 0], keep[:, 1], keep[:, 2]]
            loss = loss - weight * ((q if sign else 1 - q).clamp(min=_LEAST).log()).mean()
    keep = said.either[there[said.either[:, 1], said.either[:, 2]]]
    if len(keep):
        none = (1 - p[keep[:, 1], keep[:, 2], keep[:, 3]]).clamp(min=_LEAST).log()
        clauses, place = torch.unique(keep[:, 0], return_inverse=True)
        silent = torch.zeros(len(clauses), dtype=none.dtype, device=none.device).index_add(0, place, none)
        loss = loss - config.either * ((1 - silent.exp()).clamp(min=_LEAST).log()).mean()
    return loss


Forward = Callable[[dict[str, Tensor]], tuple[Tensor, Tensor]]
LabelLoss = Callable[[Tensor, Tensor, Tensor], Tensor]


def step_loss(
    forward: Forward,
    step: BagStep,
    device: torch.device,
    config: BagConfig,
    label_loss: LabelLoss,
) -> Tensor:
    """The loss of one step of the feed: its bags' and, weighted, its actions'.

    `forward` is the trainer's: packed windows, the wordings first, to (relevance [n, criteria], status [n, criteria, 3])
    of the sentences after them; so is `label_loss`: relevance, status and `targets`, to the loss of labelled sentences.
    """
    p = step.packed
    parts = {"ids": p.ids, "segment": p.segment, "position": p.position, "start": p.start, "length": p.length}
    host = {k: torch.from_numpy(v) for k, v in parts.items()}
    host["targets"] = torch.from_numpy(step.targets.astype(np.int64))
    relevance, status = forward({k: v.to(device) for k, v in host.items()})
    bag, can = torch.from_numpy(step.bag).to(device), torch.from_numpy(step.can).to(device)
    loss = bag_loss(relevance, status, bag, can, step.said.to(device), len(step.reports), config)
    rows = torch.from_numpy(np.flatnonzero(step.bag == ACTION)).to(device)
    if len(rows):
        targets = host["targets"].to(device)[rows]
        loss = loss + config.actions * label_loss(relevance[rows], status[rows], targets)
    return loss


# --- the feed ---------------------------------------------------------------------------------------------------

ACTION = -1  # in `bag`: no report's sentence, but a plan's action


@dataclass(frozen=True, slots=True)
class BagStep:
    """One step: whole reports as packed windows, the catalogue's wordings first; `bag` [n], `can` and `targets`
    [n, criteria] in the order of the spans after the wordings'. Only actions have targets, codes of feed.py."""

    packed: Packed
    bag: NDArray[np.int64]
    can: NDArray[np.bool_]
    targets: NDArray[np.int8]
    said: Statements
    reports: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Bag:
    """A report in a step: windows of its sentences and of its plan's actions, with these' targets [actions, criteria]."""

    report: DistantReport
    truth: Truth
    windows: list[Window]
    actions: list[Window]
    targets: NDArray[np.int8]

    @property
    def size(self) -> int:
        """Tokens."""
        return sum(len(w.ids) for w in (*self.windows, *self.actions))


class BagFeed:
    """Endless steps of whole reports that tell something, in an order made from the seed; each step at most `tokens`
    (one report at least). Of the criteria `left_out` nothing is learnt."""

    def __init__(
        self,
        reports: Sequence[DistantReport],
        catalogue: Catalogue,
        policy: Policy,
        encoder: Encoder,
        tokens: int = 6144,
        seed: int = 0,
        left_out: Sequence[str] = (),
    ) -> None:
        self.catalogue, self.encoder, self.tokens, self.seed = catalogue, encoder, tokens, seed
        self.policy = policy
        self.left_out = [catalogue.index[c] for c in left_out]
        each = [(r, without(truth(r.told, catalogue, policy), self.left_out)) for r in reports if r.texts]
        self.reports = [(r, t) for r, t in each if t or r.actions]
        self.names = section_names(catalogue)
        self.wordings = wording_windows(encoder, catalogue)

    def _bag(self, report: DistantReport, its: Truth) -> _Bag:
        gold = labels(report.actions, self.catalogue, self.policy)
        targets = np.where(gold > 0, TOLD - 1 + gold, gold).astype(np.int8)  # OPEN is APART, none is SILENT
        targets[:, self.left_out] = APART
        return _Bag(
            report,
            its,
            self.encoder.windows(report.inputs(), self.names),
            self.encoder.windows(report.action_inputs(), self.names) if report.actions else [],
            targets,
        )

    def epoch(self, number: int) -> Iterator[BagStep]:
        """Every report once."""
        order = list(range(len(self.reports)))
        random.Random(f"{self.seed}-{number}").shuffle(order)
        group, used = list[_Bag](), 0
        for k in order:
            its = self._bag(*self.reports[k])
            if group and used + its.size > self.tokens:
                yield self._step(group)
                group, used = [], 0
            group.append(its)
            used += its.size
        if group:
            yield self._step(group)

    def __iter__(self) -> Iterator[BagStep]:
        """Epoch after epoch; ends at once where no report tells anything."""
        number = 0
        while self.reports:
            yield from self.epoch(number)
            number += 1

    def _step(self, group: Sequence[_Bag]) -> BagStep:
        windows = [
            *self.wordings,
            *(w for b in group for w in b.windows),
            *(w for b in group for w in b.actions),
        ]
        length = self.encoder.max_tokens
        rows = -(-sum(len(w.ids) for w in windows) // length)
        while (packed := pack(windows, rows, length, self.encoder.pad)) is None:
            rows += 1
        bag = [k for k, b in enumerate(group) for w in b.windows for _ in w.rows]
        can = can_tell(
            [b.report.sections[row] for b in group for w in b.windows for row in w.rows], self.catalogue
        )
        targets = np.concatenate([b.targets[[row for w in b.actions for row in w.rows]] for b in group])
        return BagStep(
            packed,
            np.array([*bag, *[ACTION] * len(targets)], np.int64),
            np.concatenate([can, np.zeros(targets.shape, bool)]),
            np.concatenate([np.full(can.shape, APART, np.int8), targets]),
            statements([b.truth for b in group]),
            tuple(b.report.id for b in group),
        )
