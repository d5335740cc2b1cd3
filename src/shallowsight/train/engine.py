"""The only door to DeepSpeed: precision, ZeRO, clipping, the optimizer update, and the state that a resume needs."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from shallowsight.errors import ConfigurationError, MissingPackage
from shallowsight.study.stages import Stage
from shallowsight.train.processes import Processes

log = logging.getLogger(__name__)

MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW keeps of every parameter
VALUE = "value"  # the parameter itself, in float32


def _deepspeed() -> Any:
    if not torch.cuda.is_available():
        # Else DeepSpeed says on the standard output, before its log can be quietened, that it looked for one.
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    # Else DeepSpeed loads torch's compiler, a second of every start, for an optimizer that is not ours.
    os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")
    try:
        import deepspeed
        import deepspeed.ops
    except ImportError:
        raise MissingPackage("deepspeed", extra="train") from None
    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    if not torch.cuda.is_available():
        # Else init compiles a C++ op, which takes two minutes and needs a compiler; pinned to deepspeed<0.20.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    return deepspeed


class Engine:
    """One model under training."""

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
        self._scale = float(shares)  # DeepSpeed takes the mean over micro-batches and processes; we want the sum
        self._stage = stage
        self._broken = False
        groups = _groups(model.named_parameters(), stage)
        self._shares_of_rate = [group.pop("share_of_rate") for group in groups]
        self._engine, self._optimizer, _, _ = _deepspeed().initialize(
            model=model,
            optimizer=torch.optim.AdamW(groups, lr=stage.learning_rate),
            config={
                "train_batch_size": stage.global_batch,
                "train_micro_batch_size_per_gpu": stage.global_batch // shares,
                "gradient_accumulation_steps": accumulation,
                "gradient_clipping": stage.clip,
                "zero_optimization": {"stage": stage.zero},
                "bf16": {"enabled": stage.precision == "bfloat16"},
                "zero_allow_untested_optimizer": True,
                "steps_per_print": 10**9,
            },
        )

    def loss(self, *batch: Any) -> Tensor:
        """The model's forward pass."""
        loss: Tensor = self._engine(*batch)
        return loss

    def backward(self, loss_share: Tensor) -> None:
        """`loss_share` is this micro-batch's part of the global batch's loss; the parts add up."""
        self._engine.backward(loss_share * self._scale)

    def step(self, learning_rate: float) -> None:
        """After each backward; the optimizer moves when all micro-batches of the batch are in."""
        for group, share in zip(self._optimizer.param_groups, self._shares_of_rate, strict=True):
            group["lr"] = learning_rate * share
        self._broken = not self._gradients_are_numbers()
        if not self._broken:
            self._engine.step()

    @property
    def moved(self) -> bool:
        """False when the last update was left out because its gradients are no numbers."""
        # With ZeRO, DeepSpeed leaves it out in silence; without, it would write them into the weights.
        return not self._broken and bool(self._engine.was_step_applied())

    def release(self) -> None:
        """Give the memory back; the engine is of no more use."""
        self._engine.destroy()
        del self._engine, self._optimizer

    def _gradients_are_numbers(self) -> bool:
        if self._stage.zero > 0 or not self._engine.is_gradient_accumulation_boundary():
            return True
        gradients = [p.grad for _, p in self._trained() if p.grad is not None]
        return bool(torch.nn.utils.get_total_norm(gradients).isfinite())

    def whole_parameters(self) -> AbstractContextManager[Any]:
        """Within it every process sees every parameter whole, also those that ZeRO 3 has shared out."""
        if self._stage.zero < 3:
            return nullcontext()
        gathered: AbstractContextManager[Any] = _deepspeed().zero.GatheredParameters(list(self._engine.parameters()))
        return gathered

    def state(self) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Of every trained parameter its float32 value and moments, whole, whoever holds which part of them.

        All processes must walk through it together.
        """
        from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_optimizer_state

        for name, parameter in self._trained():
            if self._holds_itself(parameter):
                kept = self._optimizer.state[parameter]
                yield name, {VALUE: parameter.detach(), **{key: kept[key] for key in MOMENTS}}
                continue
            moments = {key: safe_get_full_optimizer_state(parameter, key) for key in MOMENTS}
            yield name, {VALUE: safe_get_full_fp32_param(parameter), **moments}

    def restore(self, updates: int, state: Iterable[tuple[str, dict[str, Tensor]]]) -> None:
        """Go on as after `updates` updates, with what `state` gave then.

        The model must hold the saved values when the engine is made; what is put back here is what rounding to the
        model's precision took away, and the moments.
        """
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        self._make_moments(updates)
        trained = dict(self._trained())
        for name, tensors in state:
            parameter = trained[name]
            saved = {key: value.to(parameter.device) for key, value in tensors.items()}
            if self._holds_itself(parameter):
                for key in MOMENTS:
                    self._optimizer.state[parameter][key].copy_(saved[key])
                continue
            safe_set_full_fp32_param(parameter, saved[VALUE])
            for key in MOMENTS:
                safe_set_full_optimizer_state(parameter, saved[key], key)

    def _trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, p) for name, p in self._engine.module.named_parameters() if p.requires_grad)

    def _holds_itself(self, parameter: nn.Parameter) -> bool:
        """True without ZeRO in float32: no flat copy, no shares."""
        return not hasattr(parameter, "ds_id") and not hasattr(parameter, "_hp_mapping")

    def _make_moments(self, updates: int) -> None:
        """What AdamW makes at its first update, and how many there were."""
        own = getattr(self._optimizer, "optimizer", self._optimizer)  # DeepSpeed's wraps ours
        # ZeRO 3 takes its flat parameters out of the groups between updates.
        flat = getattr(self._optimizer, "fp32_partitioned_groups_flat", None)
        for held in flat or [p for group in own.param_groups for p in group["params"]]:
            own.state[held] = {
                "step": torch.tensor(float(updates)),
                **{key: torch.zeros_like(held, memory_format=torch.preserve_format) for key in MOMENTS},
            }
        if hasattr(self._optimizer, "_lazy_init_hp_params_optimizer_state"):
            self._optimizer._lazy_init_hp_params_optimizer_state()


def _groups(parameters: Iterable[tuple[str, Tensor]], stage: Stage) -> list[dict[str, Any]]:
    """Weight decay on matrices only: not on biases and norms. Fusion and connector may have their own rate."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    ratio = (stage.connector_learning_rate or stage.learning_rate) / stage.learning_rate
    for name, parameter in parameters:
        if parameter.requires_grad:
            share = 1.0 if name.startswith("language.") else ratio
            decay = stage.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
    return [
        {"params": members, "weight_decay": decay, "share_of_rate": share} for (share, decay), members in groups.items()
    ]
