"""The only module that imports DeepSpeed: precision, ZeRO, clipping, optimizer update, and the state for a resume."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.study.stages import Stage
from shallowsight.train.optimizer import ADAMW_MOMENTS, STEP, adamw_moments, build_optimizer, first_state
from shallowsight.train.processes import Processes

log = logging.getLogger(__name__)

VALUE = "value"  # the parameter itself, in float32
_BUCKET = 500_000_000  # numbers that DeepSpeed collects before it sends them; its default


def _deepspeed() -> Any:
    if not torch.cuda.is_available():
        # Without this, DeepSpeed prints a line about its search for an accelerator before its log can be quietened.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    # Without this, DeepSpeed loads torch's compiler for an optimizer that is not used here: a second of every start.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    try:
        import deepspeed
        import deepspeed.ops
    except ImportError:
        raise MissingPackage("deepspeed", extra="train") from None
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    if not torch.cuda.is_available():
        # Without this, DeepSpeed's initialize compiles a C++ op, which takes two minutes and needs a compiler. The name
        # of the op is internal to DeepSpeed, so the package is pinned to deepspeed<0.20.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed


def _bucket(model: nn.Module) -> int:
    """Numbers of a bucket; DeepSpeed reserves its memory, 2 GB of float32, also for a model that is much smaller."""
    return min(_BUCKET, max(1, sum(p.numel() for p in model.parameters() if p.requires_grad)))


class Engine:
    """One model that is being trained, with its optimizer."""

    def __init__(self, model: nn.Module, stage: Stage, processes: Processes, accumulation: int) -> None:
        """`accumulation` micro-batches on each process make one global batch.

        Raises:
            ConfigurationError: the global batch does not divide among processes and micro-batches.
        """
        shares = processes.count * accumulation
        if stage.global_batch % shares:
            raise ConfigurationError(
                f"global_batch={stage.global_batch} does not divide by {processes.count} processes x {accumulation} "
                f"micro-batches; use a multiple of {shares}"
            )
        self._scale = float(shares)  # turns DeepSpeed's mean over micro-batches and processes into a sum
        self._stage = stage
        self._broken = False
        optimizer, self._shares_of_rate = build_optimizer(model, stage)
        self._engine, self._optimizer, _, _ = _deepspeed().initialize(
            model=model,
            optimizer=optimizer,
            config={
                "train_batch_size": stage.global_batch,
                "train_micro_batch_size_per_gpu": stage.global_batch // shares,
                "gradient_accumulation_steps": accumulation,
                "gradient_clipping": stage.clip,
                "zero_optimization": {"stage": stage.zero, "reduce_bucket_size": _bucket(model)},
                "bf16": {"enabled": stage.precision == "bfloat16"},
                "zero_allow_untested_optimizer": True,
                "steps_per_print": 10**9,
            },
        )
        self._make_moments()

    def forward(self, *batch: Any) -> Tensor:
        """The model's forward pass."""
        found: Tensor = self._engine(*batch)
        return found

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within this context forward passes have no dropout and leave no gradient; use it between two updates."""
        self._engine.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self._engine.train()

    def backward(self, loss_share: Tensor) -> None:
        """`loss_share` is this micro-batch's part of the global batch's loss; the parts add up."""
        self._engine.backward(loss_share * self._scale)

    def step(self, learning_rate: float) -> None:
        """Call this after each backward; the weights are updated after the last micro-batch of a global batch."""
        for group, share in zip(self._optimizer.param_groups, self._shares_of_rate, strict=True):
            group["lr"] = learning_rate * share
        self._broken = not self._gradients_are_numbers()
        if not self._broken:
            self._engine.step()

    @property
    def moved(self) -> bool:
        """False when the last update was skipped because its gradients are not finite."""
        # With ZeRO, DeepSpeed skips such an update without a message. Without ZeRO, DeepSpeed would write the gradients
        # into the weights, so `step` checks them first.
        return not self._broken and bool(self._engine.was_step_applied())

    def release(self) -> None:
        """Free the memory; the engine cannot be used afterwards."""
        self._engine.destroy()
        del self._engine, self._optimizer

    def _gradients_are_numbers(self) -> bool:
        if self._stage.zero > 0 or not self._engine.is_gradient_accumulation_boundary():
            return True
        gradients = [p.grad for _, p in self._trained() if p.grad is not None]
        return bool(torch.nn.utils.get_total_norm(gradients).isfinite())

    def whole_parameters(self) -> AbstractContextManager[Any]:
        """Within this context every process sees whole parameters, although ZeRO 3 divides them among processes."""
        if self._stage.zero < 3:
            return nullcontext()
        gathered: AbstractContextManager[Any] = _deepspeed().zero.GatheredParameters(list(self._engine.parameters()))
        return gathered

    def state(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """The float32 value and the moments of every trained parameter, joined from the parts that the processes hold.

        All processes must iterate over it at the same time.
        """
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        for name, parameter in self._trained():
            if self._holds_itself(parameter):
                kept = self._optimizer.state[parameter].items()
                yield name, {VALUE: parameter.detach(), **{key: moment for key, moment in kept if key != STEP}}
                continue
            moments = {key: safe_get_full_optimizer_state(parameter, key) for key in ADAMW_MOMENTS}
            yield name, {VALUE: safe_get_full_fp32_param(parameter), **moments}

    def restore(self, updates: int, state: Iterable[tuple[str, dict[str, Tensor]]]) -> None:
        """Set the engine to its state after `updates` updates; `state` is what the method `state` gave then.

        The model must hold the saved values when the engine is made. This method then restores the moments, and the
        digits of the float32 values that were lost by rounding to the model's precision.
        """
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        for kept in self._own_optimizer().state.values():
            if STEP in kept:
                kept[STEP].fill_(updates)
        trained = dict(self._trained())
        for name, tensors in state:
            parameter = trained[name]
            saved = {key: value.to(parameter.device) for key, value in tensors.items()}
            if self._holds_itself(parameter):
                for key in saved.keys() - {VALUE}:
                    self._optimizer.state[parameter][key].copy_(saved[key])
                continue
            safe_set_full_fp32_param(parameter, saved[VALUE])
            for key in ADAMW_MOMENTS:
                safe_set_full_optimizer_state(parameter, saved[key], key)

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, p) for name, p in self._engine.module.named_parameters() if p.requires_grad)

    def _holds_itself(self, parameter: nn.Parameter) -> bool:
        """Whether DeepSpeed trains the parameter itself, not a copy or a part of it: without ZeRO, in float32."""
        return not hasattr(parameter, "ds_id") and not hasattr(parameter, "_hp_mapping")

    def _own_optimizer(self) -> torch.optim.Optimizer:
        own: torch.optim.Optimizer = getattr(self._optimizer, "optimizer", self._optimizer)  # DeepSpeed may wrap it
        return own

    def _make_moments(self) -> None:
        """Make the moments that the optimizer would make at its first update.

        ZeRO 1 and 2 look for the moments once, after the first parameter group was updated, and would then miss those
        of the other groups.
        """
        own = self._own_optimizer()
        # Between updates, ZeRO 3 keeps its flat parameters outside the optimizer's groups.
        flat = getattr(self._optimizer, "fp32_partitioned_groups_flat", None)
        own.state.update({held: adamw_moments(held) for held in flat} if flat else first_state(own))
        if hasattr(self._optimizer, "_lazy_init_hp_params_optimizer_state"):
            self._optimizer._lazy_init_hp_params_optimizer_state()
