"""Low-rank adapters (LoRA, arXiv 2106.09685) on a language model: the only door to peft."""

from torch import nn
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from shallowsight.errors import MissingPackage
from shallowsight.study.stages import Lora


def add_adapters(language: PreTrainedModel, lora: Lora) -> None:
    """Put adapters on every matrix but the output layer's, as the public code does; only they are left to train.

    At first they change nothing: one of their two matrices is zero. The other follows torch's global seed.

    Raises:
        MissingPackage: peft is not installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise MissingPackage("peft", extra="train") from None
    chosen = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=_matrix_names(language),
        fan_in_fan_out=_keeps_inputs_first(language),
        bias="none",
    )
    inject_adapter_in_model(chosen, language)
    for name, parameter in language.named_parameters():
        parameter.requires_grad_(".lora_" in name)


def merge_adapters(language: PreTrainedModel) -> None:
    """Add the adapters to the matrices that they are on, and leave the model as it was built."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for name, layer in list(language.named_modules()):
        if isinstance(layer, BaseTunerLayer):
            layer.merge(safe_merge=True)
            parent, _, own = name.rpartition(".")
            setattr(language.get_submodule(parent), own, layer.get_base_layer())


def _matrix_names(language: PreTrainedModel) -> list[str]:
    output = language.get_output_embeddings()
    return [
        name for name, part in language.named_modules() if isinstance(part, nn.Linear | Conv1D) and part is not output
    ]


def _keeps_inputs_first(language: PreTrainedModel) -> bool:
    """Whether matrices are [in, out], as GPT-2's are: Conv1D. No family has both kinds."""
    return any(isinstance(part, Conv1D) for part in language.modules())
