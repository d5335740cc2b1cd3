"""The two training stages of an experiment, and their hyper-parameters."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shallowsight.study.fields import Count, Part, Positive

StageName = Literal["pretrain", "finetune"]
PictureShape = Literal["stretch", "crop", "pad"]
STAGES: tuple[StageName, ...] = ("pretrain", "finetune")  # in the order trained


class Lora(Part):
    """Low-rank adapters on the language model's matrices instead of the matrices themselves; merged at the end.

    The public code's adapters are of rank 64 with these other values.
    """

    rank: Count = 0  # 0: none, every weight is trained
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05


class Stage(Part):
    """One of the two training stages."""

    learning_rate: Annotated[float, Field(gt=0)]
    connector_learning_rate: Annotated[float, Field(gt=0)] | None = None  # of fusion and connector; left out: the same
    global_batch: Positive
    updates: Count | None = None  # optimizer updates; 0 skips the stage
    epochs: Annotated[float, Field(gt=0)] | None = None
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the updates
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0  # global gradient norm
    template: Literal["plain", "caption", "short", "v1"] = "short"
    picture: PictureShape = "stretch"  # how a picture becomes square
    order: Literal["shuffled", "by_length"] = "shuffled"  # by_length: sequences of like length share a batch
    packed: bool = False  # several sequences in a row, without padding and without seeing each other
    zero: Literal[0, 1, 2, 3] = 2  # DeepSpeed ZeRO stage
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpointing: bool = False  # activations computed again in the backward pass instead of kept
    lora: Lora = Lora()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give either updates or epochs")
        return self

    @model_validator(mode="after")
    def _weights_are_kept_exactly(self) -> Self:
        if self.precision == "bfloat16" and self.zero == 0:
            raise ValueError("bfloat16 with zero=0 would keep no float32 copy of the weights; use zero=1, 2 or 3")
        return self
