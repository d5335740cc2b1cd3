"""Measure how fast this machine's CPU trains a Llama of a study's shape, with passes of a second or two in all.

torch and transformers are imported only for a measurement.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from shallowsight.cost.operations import language_operations
from shallowsight.cost.shapes import LanguageShape
from shallowsight.errors import MissingPackage
from shallowsight.model.threads import threads_of

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM

_SECONDS = 1.0  # the most time for timed passes, except that
_PASSES = (5, 25)  # there are at least and at most so many
_WARM = 2
_LARGEST = 5e10  # operations of one pass; for more, a smaller pass is timed and its time scaled up
_WIDEST, _MOST_WORDS = 2048, 8192


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A micro-batch that goes forward and backward through a language model."""

    shape: LanguageShape
    sequences: int
    tokens: int  # of a sequence
    predicted: int  # tokens of a sequence with a loss
    trained: bool
    half: bool  # bfloat16
    checkpointing: bool

    @property
    def operations(self) -> float:
        each = language_operations(
            self.shape, self.tokens, self.predicted, trained=self.trained, checkpointing=self.checkpointing
        )
        return self.sequences * (sum(each) + 2 * 2 * self.shape.width**2 * self.tokens)  # with a linear connector


@dataclass(frozen=True)
class Speed:
    """The measured speed of training, in seconds."""

    operation: float  # for one operation, forward or backward
    update: float  # for clipping and AdamW, with
    parameters: int  # this number of trained parameters


@lru_cache
def training_speed(whole: Pass, threads: int) -> Speed:
    """Time a pass with `threads` threads.

    With one thread this is processor time, so that other processes on the machine do not change the forecast.

    Raises:
        MissingPackage: torch or transformers are not installed.
    """
    timed, clock = _smaller(whole), time.process_time if threads == 1 else time.perf_counter
    with threads_of(threads):
        model = _llama(timed)
        run, trained = _runner(model, timed, clock)
        for _ in range(_WARM):
            run()
        times: list[tuple[float, float]] = []
        began = time.perf_counter()
        while len(times) < _PASSES[0] or (len(times) < _PASSES[1] and time.perf_counter() - began < _SECONDS):
            times.append(run())
    passes, updates = (statistics.median(part) for part in zip(*times, strict=True))
    return Speed(passes / timed.operations, updates, trained)


def _smaller(work: Pass) -> Pass:
    """A similar pass with at most _LARGEST operations: narrower, with fewer layers, and fewer and shorter sequences."""
    shape = work.shape
    if shape.width > _WIDEST:
        ratio = _WIDEST / shape.width
        heads, inner = max(1, round(shape.heads * ratio)), round(shape.inner * ratio)
        shape = replace(shape, width=heads * shape.head_width, inner=inner, heads=heads, kv_heads=heads)
    work = replace(work, shape=replace(shape, vocabulary=min(shape.vocabulary, _MOST_WORDS)))
    over = work.operations / _LARGEST
    if over > 1:
        work = replace(work, shape=replace(work.shape, layers=max(1, int(work.shape.layers / over))))
        work = replace(work, sequences=max(1, int(work.sequences * _LARGEST / work.operations)))
    if work.operations > _LARGEST:
        tokens = max(8, int(work.tokens * _LARGEST / work.operations))
        work = replace(work, tokens=tokens, predicted=min(work.predicted, tokens - 1))
    return work


def _llama(work: Pass) -> "LlamaForCausalLM":
    try:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError as error:
        raise MissingPackage(error.name or "torch", extra="models") from None
    shape = work.shape
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=shape.inner,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            head_dim=shape.head_width,
            tie_word_embeddings=shape.tied,
        )
    )
    model = model.to(torch.bfloat16 if work.half else torch.float32).train().requires_grad_(work.trained)
    if work.checkpointing:
        model.activation_checkpointing_enable()
    return model


def _runner(
    model: "LlamaForCausalLM", work: Pass, clock: Callable[[], float]
) -> tuple[Callable[[], tuple[float, float]], int]:
    """A function that runs one update and returns the seconds of pass and optimizer; the number of its parameters."""
    import torch
    import torch.nn.functional as F

    connector = torch.nn.Linear(work.shape.width, work.shape.width).to(model.dtype)
    parameters = [p for p in (*connector.parameters(), *model.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-6)
    ids = torch.randint(work.shape.vocabulary, (work.sequences, work.tokens))
    targets = ids[:, : work.predicted].flatten()

    def run() -> tuple[float, float]:
        began = clock()
        embeddings = connector(model.get_input_embeddings()(ids))
        states = model.base_model(inputs_embeds=embeddings, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(states[:, -work.predicted :].flatten(0, 1))
        loss: Tensor = F.cross_entropy(logits.float(), targets)
        torch.autograd.backward(loss)
        passed = clock()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return passed - began, clock() - passed

    return run, sum(p.numel() for p in parameters)
