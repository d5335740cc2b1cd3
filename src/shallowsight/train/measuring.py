"""Measure a finetuning on its held-out questions, by teacher forcing, at some of its updates.

Every process computes all of it, because with ZeRO 3 no process can compute alone.

Shapes: S supervised tokens, V vocabulary.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from shallowsight.data.batches import collate
from shallowsight.data.features import FeatureSource
from shallowsight.data.learning import Answers, Learning, Point
from shallowsight.errors import LossNotFinite
from shallowsight.train.engine import Engine
from shallowsight.train.held_out import HeldOut
from shallowsight.train.processes import Processes
from shallowsight.train.schedule import Schedule

log = logging.getLogger(__name__)

_PARTS = 4  # the model is measured at the beginning, and at the end of each of so many equal parts of the updates
_Answer = tuple[float, int, bool]  # the sum of the losses of its tokens, their number, and whether all are right


class Measuring:
    """Measures the model of one finetuning where it is due; `points` are the results so far."""

    def __init__(
        self,
        held_out: HeldOut,
        engine: Engine,
        features: FeatureSource,
        pad: int,
        at_once: int,
        processes: Processes,
        points: list[Point],
        schedule: Schedule,
    ) -> None:
        """`pad` is a token id; `at_once` sequences share a forward pass."""
        self._schedule, self._due = schedule, due_updates(schedule)
        self._held_out, self._engine, self._features = held_out, engine, features
        self._pad, self._at_once, self._processes = pad, at_once, processes
        self.points = points

    @property
    def learning(self) -> Learning:
        """What was measured at the updates of this training; other points are for longer ones that go on from it."""
        updates = self._schedule.updates
        own = (point for point in self.points if point.update in measured_updates(updates))
        points = tuple(point.model_copy(update={"share": point.update / updates}) for point in own)
        return Learning(points=points, left_out=self._held_out.left_out)

    def after_update(self, update: int, alive: Callable[[], None]) -> None:
        """Measure the model if that is due after this update; all processes must call this together.

        `alive` is called after every forward pass. The random numbers of the training are not touched.

        Raises:
            LossNotFinite: the message names the first record with such a loss.
        """
        done = {point.update for point in self.points}
        if not self._held_out.asked or update in done or update not in self._due:
            return
        updates = self._schedule.updates
        found: dict[str, list[_Answer]] = defaultdict(list)
        with self._engine.evaluating():
            for record, kind, answer in self._answers(alive):
                if not math.isfinite(answer[0]):
                    raise LossNotFinite(
                        f"the loss of the held-out record {record} is {answer[0]} after update {update}; look at this "
                        "record, or try a smaller learning_rate"
                    )
                found[kind].append(answer)
        kinds = {kind: _summary(found[kind]) for kind in sorted(found)}
        self.points.append(Point(update=update, share=update / updates, kinds=kinds))
        if self._processes.leads:
            shown = ", ".join(f"{kind} {a.exact:.0%} (loss {a.loss:.3f})" for kind, a in kinds.items())
            log.info("update %d of %d, held-out questions answered exactly: %s", update, updates, shown)

    def _answers(self, alive: Callable[[], None]) -> Iterator[tuple[str, str, _Answer]]:
        """Each question's record, kind and answer."""
        asked = self._held_out.asked
        for first in range(0, len(asked), self._at_once):
            part = asked[first : first + self._at_once]
            batch = collate([[each.example] for each in part], self._features, self._pad, supervised=0)
            batch = batch.to(self._processes.device)
            features = self._features.features(batch.pictures) if batch.pictures else []
            outcome = self._engine.forward(features, batch.ids, batch.positions, batch.labels, _losses_and_hits).cpu()
            asked_of = [(each.example.id, kind) for each in part for kind in each.kinds]
            sizes = [size for each in part for size in each.supervised]
            for (record, kind), (losses_S, hits_S) in zip(asked_of, torch.split(outcome, sizes, dim=1), strict=True):
                yield record, kind, (float(losses_S.double().sum()), len(losses_S), bool(hits_S.all()))
            alive()


def measured_updates(updates: int) -> tuple[int, ...]:
    """The updates after which the model is measured, each once; 0 is before the first."""
    return tuple(sorted({-(-updates * part // _PARTS) for part in range(_PARTS + 1)}))


def due_updates(schedule: Schedule) -> frozenset[int]:
    """The updates of this training after which the model is measured.

    A longer part may go on from this training's trunk. So the updates at which any longer part of the same updates is
    measured count too, where this part divides into that one.
    """
    part = schedule.stage.part
    longer = (-(-schedule.whole // each) for each in range(1, part + 1) if part % each == 0)
    due = {update for updates in longer for update in measured_updates(updates) if update <= schedule.trunk}
    return frozenset(due) | set(measured_updates(schedule.updates))


def _losses_and_hits(logits_SV: Tensor, targets_S: Tensor) -> Tensor:
    """[2, S]: the loss of each token in nats, and 1 where it is the most likely token."""
    losses_S = F.cross_entropy(logits_SV.float(), targets_S, reduction="none")
    return torch.stack([losses_S, (logits_SV.argmax(dim=-1) == targets_S).float()])


def _summary(answers: Sequence[_Answer]) -> Answers:
    losses, tokens, exact = zip(*answers, strict=True)
    return Answers(questions=len(answers), loss=sum(losses) / sum(tokens), exact=sum(exact) / len(answers))
