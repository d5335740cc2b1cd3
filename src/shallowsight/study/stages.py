"""The two training stages of an experiment, and their hyper-parameters."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shallowsight.study.fields import Count, Part, Positive

StageName = Literal["pretrain", "finetune"]
PictureShape = Literal["stretch", "crop", "pad"]
STAGES: tuple[StageName, ...] = ("pretrain", "finetune")  # in the order of training


class Lora(Part):
    """Train low-rank adapters on the language model's matrices, not the matrices themselves; merge them at the end.

    LLaVA's public code uses the rank 64 and the defaults of the other values.
    """

    rank: Count = 0  # 0: no adapters; every weight is trained
    alpha: Positive = 16
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.05


class Stage(Part):
    """One of the two training stages."""

    optimizer: Literal["adamw", "muon"] = "adamw"  # muon: for the matrices, and AdamW for everything else
    learning_rate: Annotated[float, Field(gt=0)]
    connector_learning_rate: Annotated[float, Field(gt=0)] | None = None  # of fusion and connector; None: the same
    global_batch: Positive
    updates: Count | None = None  # optimizer updates; 0 skips the stage
    epochs: Annotated[float, Field(gt=0)] | None = None
    schedule: Literal["cosine", "constant_then_decay"] = "cosine"  # of the learning rate, after the warm-up
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.03  # share of the updates
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.1  # constant_then_decay: the last share of the updates
    part: Positive = 1  # 9: the training ends, decayed, after the ninth part of its updates
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip: Annotated[float, Field(gt=0)] = 1.0  # global gradient norm
    template: Literal["plain", "caption", "short", "v1"] = "short"
    picture: PictureShape = "stretch"  # how a picture becomes square
    order: Literal["shuffled", "by_length"] = "shuffled"  # by_length: sequences of similar length share a batch
    packed: bool = False  # several sequences in a row without padding; they do not attend to each other
    zero: Literal[0, 1, 2, 3] = 2  # DeepSpeed ZeRO stage
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpointing: bool = False  # compute activations again in the backward pass, to save memory
    lora: Lora = Lora()

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.updates is None) == (self.epochs is None):
            raise ValueError("give either updates or epochs")
        return self

    @model_validator(mode="after")
    def _has_a_constant_part(self) -> Self:
        if self.schedule == "cosine":
            if self.part > 1:
                raise ValueError(
                    f"part={self.part}: only a training with schedule=constant_then_decay can end after a part of its "
                    "updates and go on later"
                )
        elif self.warmup >= (longest := (1 - self.decay) / self.part):
            raise ValueError(
                f"warmup={self.warmup:g} leaves no update with a constant learning rate: with decay={self.decay:g} and "
                f"part={self.part} it must be less than {longest:.3g}"
            )
        return self

    @model_validator(mode="after")
    def _weights_are_kept_exactly(self) -> Self:
        if self.precision == "bfloat16" and self.zero == 0:
            raise ValueError("bfloat16 with zero=0 keeps no float32 copy of the weights; use zero=1, 2 or 3")
        return self

    @model_validator(mode="after")
    def _matrices_are_whole(self) -> Self:
        if self.optimizer == "muon" and self.zero > 0:
            raise ValueError(
                f"optimizer=muon with zero={self.zero}: Muon needs whole matrices, but ZeRO 1, 2 and 3 divide "
                "them among processes; use zero=0 with precision=float32, or optimizer=adamw"
            )
        return self
