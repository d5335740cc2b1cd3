"""Count floating-point operations, a multiply-add as two: those that the model needs, and those that are computed.

Letters: T tokens of a sequence, H width, P parameters in matrices. A forward pass takes 2 P T for the matrices and,
because attention is causal, 2 T^2 H in each layer for the attention. The backward pass of a matrix takes the same for
the gradient of its input, and again for the gradient of its weights if they are trained. Attention has no weights
and two inputs, so its backward pass always takes twice its forward pass.
"""

from dataclasses import dataclass

from shallowsight.cost.shapes import LanguageShape
from shallowsight.cost.subject import Subject
from shallowsight.errors import ConfigurationError
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName

_CHANNELS = 3


@dataclass(frozen=True)
class Operations:
    """The operations of one stage of one model, or of one sequence."""

    tower: float  # forward, in float32
    needed: float  # fusion, connectors and language model, forward and backward
    computed: float  # `needed`, with recomputation and padding

    @property
    def model(self) -> float:
        return self.tower + self.needed

    @property
    def hardware(self) -> float:
        return self.tower + self.computed


def tower_operations(facts: TowerFacts, image_size: int, layers: int) -> float:
    """The forward pass of one picture through the first layers: 12 H^2 parameters and full attention in each layer.

    Raises ConfigurationError for a tower in stages, whose operations are others.
    """
    if facts.stride:
        raise ConfigurationError(f"the operations of {facts.name}, a tower in stages, are not counted")
    patches, width = (image_size // facts.patch) ** 2, facts.width
    tokens = patches + facts.prefix_tokens
    embedding = 2 * facts.patch**2 * _CHANNELS * width * patches
    return layers * (2 * 12 * width**2 * tokens + 4 * tokens**2 * width) + embedding


def forward_operations(shape: LanguageShape, tokens: float, predicted: float) -> float:
    """The forward pass of a language model over one sequence, with logits at `predicted` of its tokens."""
    return _matrices(shape, tokens) + _head(shape, predicted) + _attention(shape, tokens)


def _matrices(shape: LanguageShape, tokens: float) -> float:
    return 2 * shape.layers * shape.layer_matrices * tokens


def _head(shape: LanguageShape, predicted: float) -> float:
    return 2 * shape.head * predicted


def _attention(shape: LanguageShape, tokens: float) -> float:
    return 2 * shape.layers * tokens**2 * shape.query_width


def language_operations(
    shape: LanguageShape, tokens: float, supervised: float, *, trained: bool, rank: int = 0, checkpointing: bool = False
) -> tuple[float, float]:
    """The forward and backward passes over one sequence, and the operations that checkpointing repeats.

    Checkpointing repeats every layer, except the layer's last product, whose result is not needed again. It does not
    repeat the logits. A frozen model has no gradients of weights. With a `rank` the matrices are frozen too, and their
    adapters are trained.
    """
    k = 3 if trained and not rank else 2
    adapters = 2 * shape.adapters(rank) * tokens if trained else 0.0
    matrices, attention = _matrices(shape, tokens), _attention(shape, tokens)
    needed = k * (matrices + _head(shape, supervised)) + 3 * (attention + adapters)
    last = 0.0 if rank and trained else 2 * shape.layers * shape.inner * shape.width * tokens
    return needed, (matrices - last + attention + adapters if checkpointing else 0.0)


def stage_operations(subject: Subject, setting: Setting, stage: StageName) -> Operations:
    """The operations for all samples of one stage of one model."""
    return sample_operations(subject, setting, stage, subject.load(setting, stage).samples)


def sample_operations(subject: Subject, setting: Setting, stage: StageName, samples: float) -> Operations:
    """The operations for `samples` samples in one stage of a setting."""
    load, settings, parts = subject.load(setting, stage), subject.base.stage(stage), subject.parts(setting)
    inside = parts.inside(load.length)
    needed = load.pictured * sum(piece.trained for piece in inside)
    again = load.pictured * sum(piece.forward for piece in inside) if settings.checkpointing else 0.0
    for share, tokens in ((load.pictured, load.length), (1 - load.pictured, load.bare_length)):
        once, twice = language_operations(
            subject.language,
            tokens,
            load.supervised,
            trained=stage == "finetune",
            rank=settings.lora.rank,
            checkpointing=settings.checkpointing,
        )
        needed, again = needed + share * once, again + share * twice
    seen = load.pictured * parts.trained
    live = 0.0
    if not subject.cached:
        live = load.pictured * _encoding(subject, setting)
    return Operations(
        tower=samples * live,
        needed=samples * (needed + seen),
        computed=samples * ((needed + again) * load.padded + seen),
    )


def answer_operations(subject: Subject, setting: Setting) -> float:
    """The operations for one question of an evaluation: its prompt once, without the few tokens of the answer.

    The study's own pictures may be cached.
    """
    return _prompt_operations(subject, setting) + (0.0 if subject.cached else _encoding(subject, setting))


def public_operations(subject: Subject, setting: Setting) -> float:
    """The same for a question of a public benchmark, about a picture of its own; the prompt is taken to be as long."""
    return _prompt_operations(subject, setting) + _encoding(subject, setting)


def _encoding(subject: Subject, setting: Setting) -> float:
    return tower_operations(subject.tower, subject.base.vision.image_size, setting.layers.deepest)


def _prompt_operations(subject: Subject, setting: Setting) -> float:
    load, parts = subject.load(setting, "finetune"), subject.parts(setting)
    inside = sum(piece.forward for piece in parts.inside(load.length))
    return forward_operations(subject.language, load.length, 1) + parts.forward + inside
