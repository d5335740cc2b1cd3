"""Train the probes of one layer for one task, and let them answer the test questions.

Shapes: I pictures, N patches, D width, S seeds, Q questions.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from shallowsight.analysis.probes.attentive import AttentiveProbe
from shallowsight.analysis.probes.size import BATCH, updates_for
from shallowsight.analysis.probes.task import Part, Task

SEEDS = 3
LEFT_OUT = 0.1  # of the training pictures; each seed leaves out others
_RATE, _DECAY = 5e-3, 0.1


@dataclass(frozen=True)
class Pictures:
    """The features of one layer, [I, N, D] in float32 with mean 0 and variance 1 in every dimension, and their rows."""

    features: Tensor
    rows: Mapping[str, int]

    def rows_of(self, part: Part) -> Tensor:
        return torch.tensor([self.rows[picture] for picture in part.pictures])


def standardized(features_IND: Tensor, training: Tensor) -> Tensor:
    """Every dimension with mean 0 and variance 1 over all patches of the training pictures; layers differ in scale."""
    values = features_IND.to(torch.float32, copy=True)
    seen = values[training].flatten(0, 1)
    spread, mean = torch.std_mean(seen, dim=0, correction=0)
    return values.sub_(mean).div_(spread.clamp_min(1e-6))


def answers(pictures: Pictures, task: Task) -> Tensor:
    """[S, Q] which test questions each seed's probe answers right, as bool. Equal inputs give equal bits on a CPU."""
    random = torch.Generator().manual_seed(0)
    _, N, D = pictures.features.shape
    probe = AttentiveProbe(SEEDS, N, D, len(task.classes), len(task.words), random)
    _fit(probe, pictures, task.train, random)
    return _right(probe, pictures, task.test)


def _fit(probe: AttentiveProbe, pictures: Pictures, part: Part, random: torch.Generator) -> None:
    rows, labels = pictures.rows_of(part), part.right.int().argmax(dim=1)
    kept = torch.rand(SEEDS, len(pictures.features), generator=random) >= LEFT_OUT
    weights_SQ = kept[:, rows].float()
    optimizer = torch.optim.AdamW(probe.parameters(), lr=_RATE, weight_decay=_DECAY)
    updates = updates_for(len(part))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    for chosen in itertools.islice(_batches(len(part), random), updates):
        scores_SBC = probe(pictures.features[rows[chosen]], part.words[chosen])
        each = F.cross_entropy(scores_SBC.flatten(0, 1), labels[chosen].repeat(SEEDS), reduction="none")
        losses_SB = each.view(SEEDS, -1)
        optimizer.zero_grad()
        loss = (losses_SB * weights_SQ[:, chosen]).sum() / len(chosen)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()


def _batches(questions: int, random: torch.Generator) -> Iterator[Tensor]:
    """Numbers of questions, in epoch after epoch without an end, each in a new order."""
    while True:
        yield from torch.split(torch.randperm(questions, generator=random), BATCH)


@torch.no_grad()
def _right(probe: AttentiveProbe, pictures: Pictures, part: Part) -> Tensor:
    rows, found = pictures.rows_of(part), []
    for chosen in torch.split(torch.arange(len(part)), BATCH):
        given_SB = probe(pictures.features[rows[chosen]], part.words[chosen]).argmax(dim=-1)
        found.append(part.right[chosen].expand(SEEDS, -1, -1).gather(2, given_SB[..., None]).squeeze(-1))
    return torch.cat(found, dim=1)
