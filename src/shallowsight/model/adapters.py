"""Low-rank adapters (LoRA, arXiv 2106.09685) on a language model. The only module that imports peft."""

from torch import nn
from transformers.modeling_utils import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from shallowsight.errors import MissingPackage
from shallowsight.study.stages import Lora


def add_adapters(language: PreTrainedModel, lora: Lora) -> None:
    """Put adapters on every matrix except the output layer's, as LLaVA's public code does; freeze everything else.

    New adapters do not change the model's output, because one of their two matrices is zero. The other matrix is random
    and follows torch's global seed.

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
    """Add every adapter to its matrix, and remove the adapters, so that the model has its original modules."""
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
    """Whether the model's matrices are [in, out], as GPT-2's Conv1D are. No family of models has both kinds."""
    return any(isinstance(part, Conv1D) for part in language.modules())
