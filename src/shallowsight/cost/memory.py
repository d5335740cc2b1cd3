"""The peak memory of a stage on each GPU, and the bytes that the stage writes to the disk.

Letters: e bytes of a number (2 or 4), H width, q and kv the widths of queries and of keys.

Counted: weights, gradients, the optimizer's moments and master weights as ZeRO divides them, ZeRO's buckets, the
activations of every layer and of the logits that the backward pass needs, and the tower. Not counted: the CUDA context
and NCCL, gaps between allocations, temporary arrays of single kernels, norms' statistics, and, without flash-attn, the
mask of packed rows.
"""

from dataclasses import dataclass

from shallowsight.cost.optimizer import moments
from shallowsight.cost.shapes import LanguageShape
from shallowsight.cost.subject import Subject
from shallowsight.study.settings import Setting
from shallowsight.study.stages import Lora, StageName

_SINGLE = 4  # bytes of a float32
_BUCKET = 5e8  # numbers that DeepSpeed collects before it sends them; its default
_LIVE = 1e9  # parameters that ZeRO 3 keeps undivided; its default
_LOGIT = 12  # bytes for one logit: its float32 value, softmax and gradient
_CHANNELS = 3


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on each GPU."""

    weights: float  # with those that ZeRO 3 keeps undivided
    optimizer: float
    buckets: float
    tower: float
    gradients: float
    passes: int  # over which the gradients are summed
    seeing: float  # activations while the tower runs, before the language model
    forward: float  # activations at the start of the backward pass, with the logits
    layer: float  # activations at the end of the backward pass, when all gradients exist
    updating: float  # temporary memory while the optimizer updates the weights

    @property
    def states(self) -> float:
        """The bytes that are in use all the time."""
        return self.weights + self.optimizer + self.buckets + self.tower

    @property
    def peak(self) -> float:
        earlier = self.gradients if self.passes > 1 else 0.0
        before = earlier + max(self.seeing, self.forward)
        return self.states + max(before, self.gradients + max(self.layer, self.updating))


def trained_parameters(subject: Subject, setting: Setting, stage: StageName) -> int:
    """The number of parameters that a stage trains; with adapters, those of the adapters, fusion and connectors."""
    parts = subject.parts(setting).parameters
    if stage == "pretrain":
        return parts
    rank = subject.base.finetune.lora.rank
    return parts + (subject.language.adapters(rank) if rank else subject.language.parameters)


def number_bytes(subject: Subject, stage: StageName) -> int:
    """The bytes of a weight or an activation in the computation of a stage."""
    return 2 if subject.base.stage(stage).precision == "bfloat16" else _SINGLE


def memory(subject: Subject, setting: Setting, stage: StageName, gpus: int, micro_batch: float) -> Memory:
    """The memory of a stage with `micro_batch` samples at a time on each of `gpus` GPUs."""
    settings, trained = subject.base.stage(stage), _split(subject, setting, stage)
    e, zero = number_bytes(subject, stage), settings.zero
    whole = trained[0] + trained[1]
    parts = gpus if zero else 1  # among which ZeRO divides
    share = trained[0] / parts
    master = _SINGLE if e == 2 or zero else 0
    return Memory(
        weights=e * (min(whole, whole / gpus + _LIVE) if zero == 3 else whole),
        optimizer=_SINGLE * moments(subject, setting, stage, trained[0]) / parts + master * share,
        buckets=e * min(trained[0], _BUCKET) * (0, 1, 1, 2)[zero],
        tower=_tower_weights(subject, setting),
        gradients=e * (share if zero >= 2 else trained[0]),
        passes=round(settings.global_batch / gpus / micro_batch),
        seeing=_seeing(subject, setting) * micro_batch,
        forward=_forward(subject, setting, stage, micro_batch),
        layer=_layer(subject, setting, stage, micro_batch),
        updating=(_SINGLE + (_SINGLE if e == 2 else 0)) * share,  # a temporary of AdamW, a float32 gradient
    )


def _split(subject: Subject, setting: Setting, stage: StageName) -> tuple[int, int]:
    """Trained and frozen parameters, without the tower's."""
    trained = trained_parameters(subject, setting, stage)
    frozen = stage == "pretrain" or subject.base.finetune.lora.rank > 0
    return trained, subject.language.parameters if frozen else 0


def _forward(subject: Subject, setting: Setting, stage: StageName, micro_batch: float) -> float:
    load, settings, shape = subject.load(setting, stage), subject.base.stage(stage), subject.language
    e, tokens = number_bytes(subject, stage), micro_batch * load.longest
    predicted = load.supervised * tokens / load.mean_length
    logits = _LOGIT * shape.vocabulary * predicted
    around = (
        (3 * e + _SINGLE + 2 * e) * shape.width * tokens
    )  # embeddings, the picture's vectors in them, the last norm
    parts = subject.parts(setting)
    inside = sum(piece.kept for piece in parts.inside(load.longest))
    features = micro_batch * (_SINGLE * subject.read_numbers(setting) + e * (parts.kept + inside))
    layer = _layer(subject, setting, stage, micro_batch)
    if settings.checkpointing:
        # One layer at a time is computed again, after the logits are freed.
        return features + around + shape.layers * e * shape.width * tokens + max(logits, layer)
    return features + around + shape.layers * layer + logits


def _layer(subject: Subject, setting: Setting, stage: StageName, micro_batch: float) -> float:
    load, settings = subject.load(setting, stage), subject.base.stage(stage)
    kept = layer_activations(
        subject.language, number_bytes(subject, stage), trained=stage == "finetune", lora=settings.lora
    )
    return kept * micro_batch * load.longest


def layer_activations(shape: LanguageShape, e: int, *, trained: bool, lora: Lora | None = None) -> float:
    """Bytes that one layer keeps of one token for backward.

    A norm keeps its input in float32 and, if its weight is trained, the result before and after the weight. Attention
    keeps queries, keys, values and its output. The MLP keeps gate, up and activated gate and, as the input of a trained
    matrix, their product.
    """
    H, q, kv, inner = shape.width, shape.query_width, shape.kv_width, shape.inner
    kept = 2 * _SINGLE * H + e * (2 * q + 2 * kv) + 3 * e * inner
    if lora is not None and lora.rank and trained:
        # With dropout, each adapter keeps its own input and mask.
        inputs = (e + 1) * (5 * H + q + inner) if lora.dropout else e * (2 * H + inner)
        return kept + inputs + e * lora.rank * len(shape.linear_sides)
    return kept + (2 * 2 * e * H + e * inner if trained else 0)


def _tower_weights(subject: Subject, setting: Setting) -> float:
    if subject.cached:
        return 0.0
    tower, width = subject.tower, subject.tower.width
    tokens = (subject.base.vision.image_size // tower.patch) ** 2 + tower.prefix_tokens
    return _SINGLE * width * (12 * width * setting.layers.deepest + _CHANNELS * tower.patch**2 + tokens)


def _seeing(subject: Subject, setting: Setting) -> float:
    """The bytes of one picture in the tower: the outputs of all layers, and the temporary memory of the last layer."""
    if subject.cached:
        return 0.0
    tower = subject.tower
    tokens = (subject.base.vision.image_size // tower.patch) ** 2 + tower.prefix_tokens
    return _SINGLE * tokens * tower.width * (setting.layers.deepest + 1 + 4 + 2 * 4)


def state_bytes(subject: Subject, setting: Setting, stage: StageName) -> float:
    """The bytes of one saved state: every trained parameter and its moments in float32."""
    trained = trained_parameters(subject, setting, stage)
    return _SINGLE * (trained + moments(subject, setting, stage, trained))


def checkpoint_bytes(subject: Subject, setting: Setting, stage: StageName) -> float:
    """The bytes of a stage's checkpoint: what it connects, and after finetuning the language model, adapters merged."""
    numbers = trained_parameters(subject, setting, "pretrain")
    return number_bytes(subject, stage) * (numbers + (subject.language.parameters if stage == "finetune" else 0))
