"""Every fusion: how it reads the layers of a setting, and what it makes of them. The classes are in model/fusion.

A fusion takes the layers in one of four forms. In a list the deepest layer, written last, is the *base*: the one that
others are added to. Inside the language model, the first group enters its hidden states and the last group, one layer,
is what the connector turns into image tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from shallowsight.study.layers import Layers
from shallowsight.study.near_names import unknown_name

Blocks = tuple[tuple[int, ...], ...]  # for each block of channels the layers that it is made of


class Form(StrEnum):
    """How a fusion's layers are written."""

    ONE = "one layer, as in 18"
    LIST = "one layer or several, as in 3,18,23"
    GROUPS = "groups of layers, as in 1-12|13-24|23"
    INSIDE = "layers that enter the language model and, after `|`, one that does not, as in 3,18|23"


class Way(StrEnum):
    """How layers enter the language model."""

    ADDED = "added to its hidden states at the image's positions"
    ATTENDED = "attended to by all its positions, through a gate"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One fusion. `blocks` says which layers each block of a fused vector's channels is made of."""

    form: Form
    least: int = 1  # layers
    blocks: Callable[[Layers], Blocks]
    linear: bool = True  # a block is the mean of its layers, times a number: it can be folded into a first matrix
    grid: bool = False  # needs the patches as a square: no class token
    way: Way | None = None  # of fusions inside the language model
    says: str
    source: str


def _each(layers: Layers) -> Blocks:
    return tuple((layer,) for layer in layers.indices)


def _together(layers: Layers) -> Blocks:
    return (layers.indices,)


def _groups(layers: Layers) -> Blocks:
    return tuple(group.indices for group in layers.groups)


def _base(layers: Layers) -> Blocks:
    return ((layers.groups[-1].deepest,),)


def _base_and_others(layers: Layers) -> Blocks:
    *others, base = layers.indices
    return ((base,), *((layer,) for layer in others))


def _base_and_halves(layers: Layers) -> Blocks:
    listed = layers.indices
    half = len(listed) // 2
    return (listed[-1],), listed[:half], listed[half:]


_LSF = "multi-layer fusion study, LSF, arXiv 2503.06063"
_DENSE = "DenseConnector, arXiv 2405.13800"

FUSIONS: Mapping[str, Kind] = {
    "single": Kind(form=Form.ONE, blocks=_each, says="one layer", source="the layer study, arXiv 2504.21447"),
    "concat": Kind(
        form=Form.LIST, blocks=_each, says="layers side by side along the channels", source="arXiv 2504.21447"
    ),
    "mean": Kind(form=Form.LIST, blocks=_together, says="the mean of the layers", source="a control"),
    "sum": Kind(form=Form.LIST, blocks=_together, says="the sum of the layers", source="a control"),
    "mean-concat": Kind(
        form=Form.GROUPS, blocks=_groups, says="the mean of each group, side by side", source=f"E_D of the {_LSF}"
    ),
    "scalar-mix": Kind(
        form=Form.LIST,
        blocks=_together,
        linear=False,
        says="a sum with learned softmax weights and one learned scale",
        source="ELMo, arXiv 1802.05365",
    ),
    "scalar-mix-norm": Kind(
        form=Form.LIST,
        blocks=_together,
        linear=False,
        says="scalar-mix of normalised layers",
        source="ELMo, arXiv 1802.05365",
    ),
    "concat-norm": Kind(
        form=Form.LIST,
        blocks=_each,
        linear=False,
        says="concat, then a layer norm",
        source="ViP-LLaVA, arXiv 2312.00784",
    ),
    "sti": Kind(
        form=Form.LIST,
        least=2,
        blocks=_base,
        linear=False,
        grid=True,
        says="the tokens of the last layer, then those of the others, averaged eight by eight",
        source=_DENSE,
    ),
    "sci": Kind(form=Form.LIST, blocks=_base_and_others, says="concat with the last layer in front", source=_DENSE),
    "dci": Kind(
        form=Form.LIST,
        least=2,
        blocks=_base_and_halves,
        says="the last layer beside the means of the list's two halves",
        source=_DENSE,
    ),
    "mmfuser": Kind(
        form=Form.LIST,
        least=2,
        blocks=_base,
        linear=False,
        grid=True,
        says="the last layer looks at the others by deformable attention",
        source="MMFuser, arXiv 2410.11829",
    ),
    "deepstack": Kind(
        form=Form.INSIDE,
        blocks=_base,
        way=Way.ADDED,
        says="the n-th layer is added to the output of the language model's n-th layer",
        source="DeepStack, arXiv 2406.04334, as in Qwen3-VL",
    ),
    "internal-direct": Kind(
        form=Form.INSIDE,
        blocks=_base,
        way=Way.ADDED,
        says="each layer is added at its share of the language model's depth, or where the setting says",
        source=f"I_D of the {_LSF}; Granite 4 Vision with places of its own",
    ),
    "internal-modular": Kind(
        form=Form.INSIDE,
        blocks=_base,
        way=Way.ATTENDED,
        says="cross-attention with gates in front of some layers of the language model",
        source=f"I_M of the {_LSF}",
    ),
}


def blocks_of(layers: Layers, fusion: str) -> Blocks:
    """For each block of a fused vector's channels the layers that it is made of."""
    return FUSIONS[fusion].blocks(layers)


def require_form(layers: Layers, fusion: str) -> None:
    """Raises ValueError when a fusion is unknown, or takes its layers in another form, or more of them."""
    if fusion not in FUSIONS:
        raise ValueError(unknown_name("fusion", fusion, FUSIONS))
    form, groups = FUSIONS[fusion].form, layers.groups
    if form is Form.ONE and len(layers.indices) != 1:
        raise ValueError(f"fusion {fusion!r} takes one layer, got {layers}")
    if form is Form.LIST and len(groups) != 1:
        raise ValueError(f"fusion {fusion!r} takes {form}; got the groups {layers}")
    if len(layers.indices) < (least := FUSIONS[fusion].least):
        raise ValueError(f"fusion {fusion!r} takes {least} layers or more, as in 3,18,23; got {layers}")
    if form is Form.INSIDE and (len(groups) != 2 or len(groups[1]) != 1):
        raise ValueError(f"fusion {fusion!r} takes {form}; got {layers}")
    if layers.entries and form is not Form.INSIDE:
        raise ValueError(f"fusion {fusion!r} is outside the language model: no layer enters its states; got {layers}")
    if layers.entries and fusion == "deepstack":
        raise ValueError(f"deepstack enters the states 1, 2, 3, ...; for other places write {layers}:internal-direct")


def is_its_layer(layers: Layers, fusion: str) -> bool:
    """Whether a fusion of several layers is written with one layer, and is that layer again: its mean, for instance."""
    about = FUSIONS[fusion]
    return about.linear and about.form not in {Form.ONE, Form.INSIDE} and len(layers.indices) == 1


def require_widths(layers: Layers, fusion: str, widths: Mapping[int, int]) -> None:
    """Raises ValueError when a fusion cannot take layers of these widths.

    Layers of different widths can only stand side by side. MMFuser's attention divides the width into heads.
    """
    read = {widths[layer] for layer in layers.read}
    blocks = blocks_of(layers, fusion)
    side_by_side = sorted({block[0] for block in blocks if len(block) == 1}) == list(layers.read)
    if len(read) > 1 and not side_by_side and FUSIONS[fusion].form is not Form.INSIDE:
        raise ValueError(
            f"fusion {fusion!r} mixes layers of the widths {', '.join(map(str, sorted(read)))}; use concat"
        )
    if fusion == "mmfuser":
        mmfuser_heads(widths[layers.deepest])


MMFUSER_POINTS = 4  # that a head looks at, in each layer
MMFUSER_HEAD = 64  # width of a head of MMFuser's attention: 16 heads in CLIP-ViT-L


def mmfuser_heads(width: int) -> int:
    """How many heads MMFuser's attention has in a tower of this width: of 64 each, or as near to it as divides.

    Raises:
        ValueError: the width has no such divisor.
    """
    if width <= MMFUSER_HEAD:
        return 1
    divisors = [heads for heads in range(1, width + 1) if width % heads == 0]
    heads = min(divisors, key=lambda heads: abs(heads - width / MMFUSER_HEAD))
    if not MMFUSER_HEAD // 2 <= width // heads <= 2 * MMFUSER_HEAD:
        raise ValueError(
            f"mmfuser divides the tower's width into heads of {MMFUSER_HEAD}, or of {MMFUSER_HEAD // 2} to "
            f"{2 * MMFUSER_HEAD}; {width} does not divide so: use another fusion or another tower"
        )
    return heads


def fused_width(layers: Layers, fusion: str, widths: Mapping[int, int]) -> int:
    """The width of a fused patch vector."""
    return sum(widths[block[0]] for block in blocks_of(layers, fusion))


STI_POOL = 8  # tokens along the raster order that become one


def fused_tokens(layers: Layers, fusion: str, tokens: int) -> int:
    """The number of fused patch vectors of a picture with `tokens` patch vectors in each layer.

    Raises:
        ValueError: too few patch vectors for STI to average any.
    """
    if fusion != "sti":
        return tokens
    if tokens < STI_POOL:
        raise ValueError(
            f"sti averages {STI_POOL} patch vectors, but a picture has {tokens}: raise vision.image_size, or lower "
            "vision.pool"
        )
    return tokens + (len(layers.indices) - 1) * (tokens // STI_POOL)
