"""Named experiments and studies. A new one is a value that is derived from another, and needs no new code.

The embedded default comes first. It is designed for a laptop without a network and about ten minutes. Its numbers were
found by measurements on two cores, and are not the paper's.
"""

from shallowsight.study.connectors import Connector
from shallowsight.study.data import Data
from shallowsight.study.experiment import Experiment, Language, Vision
from shallowsight.study.layers import Layers
from shallowsight.study.stages import Stage
from shallowsight.study.study import Study

# --- The embedded default -------------------------------------------------------------------------------------

DEMO = Experiment(
    name="demo",
    # With 1,700 pictures instead of 1,200, loss on pictures of the training and on others lay a third less apart.
    data=Data(scenes_train=1600),
    # In pretraining only the connector learns, in front of a frozen random language model, so a short stage is enough.
    # With one process ZeRO has nothing to divide: ZeRO 0 and 2 give the same result, and 0 is faster.
    pretrain=Stage(learning_rate=2e-3, global_batch=16, updates=60, warmup=0.1, template="plain", zero=0),
    # Many small updates by Muon, which learns several times as much in an update as AdamW. Decay is strong because the
    # model sees each picture four or five times. Not every layer has finished learning (docs/statistics.md).
    finetune=Stage(
        optimizer="muon",
        learning_rate=4e-3,
        global_batch=16,
        updates=500,
        warmup=0.1,
        weight_decay=1.0,
        zero=0,
    ),
)

# What a stock LLaVA of transformers can express, so that its models can be exported: raw features without pooling. The
# smaller picture has 64 image tokens. A shorter training, which learns clearly more than chance.
DEMO_STOCK = DEMO.model_copy(
    update={
        "name": "demo-stock",
        "vision": Vision(image_size=112, normalize=False, pool=1),
        "finetune": DEMO.finetune.model_copy(update={"updates": 300}),
    }
)

# AdamW, so that a study file that is based on it may divide its training with ZeRO 1, 2 and 3.
QUICK = DEMO.model_copy(
    update={
        "name": "quick",
        "data": Data(scenes_train=160, scenes_test=40, easy_vqa_train=20, easy_vqa_test=10),
        "pretrain": DEMO.pretrain.model_copy(update={"updates": 10}),
        "finetune": Stage(learning_rate=2e-3, global_batch=16, updates=40, warmup=0.1, weight_decay=0.05, zero=0),
    }
)

# --- The paper, section C: training ---------------------------------------------------------------------------

# The settings of the public code: ZeRO 2 for every size of model, activation checkpointing, no weight decay. Only
# packing is added: a batch has the same samples, without padding between them.
_PAPER_STAGE = Stage(
    learning_rate=1e-3,
    global_batch=256,
    epochs=1.0,
    warmup=0.03,
    template="caption",
    picture="crop",
    packed=True,
    zero=2,
    precision="bfloat16",
    checkpointing=True,
)
_PAPER_FINETUNE = _PAPER_STAGE.model_copy(
    update={"learning_rate": 2e-5, "global_batch": 128, "template": "v1", "picture": "pad", "order": "by_length"}
)
_PAPER_VISION = Vision(
    tower="openai/clip-vit-large-patch14-336", layers=Layers.of(18), image_size=336, normalize=False, pool=1
)
# For the smallest size, the public code trains the Base model, although the paper's text names the Chat model.
PAPER_LANGUAGES = {
    "1.4b": "mtgv/MobileLLaMA-1.4B-Base",
    "2.7b": "mtgv/MobileLLaMA-2.7B-Base",
    "7b": "lmsys/vicuna-7b-v1.5",
}
# File names of the finetuning records; the user sets their paths by `data.*`. Cambrian's 737K and the authors' 1M
# records must be requested from their authors.
PAPER_MIXTURES = {"665k": "llava_v1_5_mix665k.json", "737k": "cambrian_737k.jsonl", "1m": "custom_1m.json"}


def _paper(size: str, mixture: str) -> Experiment:
    return Experiment(
        name=f"paper-{size}" if mixture == "665k" else f"paper-{size}-{mixture}",
        vision=_PAPER_VISION,
        connector=Connector(kind="linear"),
        language=Language(model=PAPER_LANGUAGES[size], max_length=2048),
        data=Data(
            pretrain=("data/pretrain/blip_laion_cc_sbu_558k.json",),
            pretrain_images="data/pretrain/images",
            finetune=(f"data/finetune/{PAPER_MIXTURES[mixture]}",),
            images="data/finetune/images",
            test=("data/test.json",),
        ),
        pretrain=_PAPER_STAGE,
        finetune=_PAPER_FINETUNE,
        benchmarks=("own",),
    )


PAPER = tuple(_paper(size, mixture) for size in PAPER_LANGUAGES for mixture in PAPER_MIXTURES)
# Every layer of CLIP-ViT-L/14-336 alone, and the fusion of one layer from each group. The word `penultimate` makes
# layer 23 the usual choice, with which all others are compared.
PAPER_SETTINGS = (*(str(layer) for layer in range(1, 25)), "penultimate", "3,18,23:concat")

# --- Studies of fusions and connectors ----------------------------------------------------------------------------

# As the demo, so that they share its data and its cached features.
LAB = tuple(DEMO.model_copy(update={"name": name}) for name in ("fusions", "connectors"))
# Layers 4, 8 and 12, spread evenly over the tower, through every fusion. The control of their concat has as many
# parameters. The small language model has two layers, so that the places inside it are written.
FUSION_SETTINGS = (
    "penultimate",
    "11,11,11:concat",
    "thirds:concat",
    "thirds:mean",
    "thirds:sum",
    "all:mean-concat",
    "thirds:scalar-mix",
    "thirds:scalar-mix-norm",
    "thirds:concat-norm",
    "thirds:sti",
    "thirds:sci",
    "thirds:dci",
    "thirds:mmfuser",
    "8|11:deepstack",
    "4>0,8>1|11:internal-direct",
    "4>0,8>1|11:internal-modular",
)
# 36 patch vectors of the penultimate layer: as many image tokens, or nine. Without merger@9, whose matrix of 1,536 x
# 1,536 takes Muon some 20 minutes of each training on a laptop.
CONNECTOR_SETTINGS = (
    "penultimate",
    *(
        f"penultimate+{connector}"
        for connector in (
            "linear",
            "mlp4x_gelu",
            "merger",
            "avgpool_mlp@9",
            "c_abstractor@9",
            "ldp@9",
            "ldpv2@9",
            "resampler@9",
        )
    ),
)

# The multi-layer fusion study (arXiv 2503.06063): its sets of layers, each beside layer 23, through its four kinds of
# fusion. In a list the last layer is the base, so that of E_M's sets only those without deeper layers can be written.
# Of I_M the small sets only: each layer adds 51 million parameters. MobileLLaMA-1.4B has 24 layers, into whose states 0
# to 23 the former, the latter and all layers enter as there.
PAPER_FUSION_SETTINGS = (
    "penultimate",
    *("18,23:concat", "3,18,23:concat", "1-12|23:mean-concat", "13-24|23:mean-concat", "1-12|13-24|23:mean-concat"),
    *("18,23:mmfuser", "3,18,23:mmfuser", "1-12,23:mmfuser"),
    *("18|23:internal-direct", "3,18|23:internal-direct", "3,18,23|23:internal-direct"),
    *("1-12>0-11|23:internal-direct", "13-24>12-23|23:internal-direct", "1-24>0-23|23:internal-direct"),
    *("18|23:internal-modular", "3,18|23:internal-modular", "3,18,23|23:internal-modular"),
)
PAPER_FUSION = _paper("1.4b", "665k").model_copy(
    update={"name": "paper-fusion-1.4b", "connector": Connector(kind="mlp2x_gelu")}
)
# The connector study (arXiv 2410.06765) at 336 pixels: 576 patch vectors, and 144 or 64 tokens of them.
PAPER_CONNECTOR_SETTINGS = (
    "penultimate",
    "penultimate+linear",
    *(f"penultimate+{kind}@{tokens}" for kind in ("avgpool_mlp", "c_abstractor", "resampler") for tokens in (144, 64)),
)
PAPER_CONNECTORS = _paper("7b", "665k").model_copy(
    update={"name": "paper-connectors-7b", "connector": Connector(kind="mlp2x_gelu")}
)

# --- By name ----------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Experiment] = {
    e.name: e for e in (DEMO, QUICK, DEMO_STOCK, *LAB, *PAPER, PAPER_FUSION, PAPER_CONNECTORS)
}

STUDIES: dict[str, Study] = {
    s.name: s
    for s in (
        # A layer of every group, the usual choices, and the fusion of the groups' layers.
        Study(
            name="demo",
            base=DEMO,
            settings=("groups", "9", "penultimate", "last", "groups:concat"),
            seeds=(0, 1, 2),
            probes=True,
        ),
        Study(name="quick", base=QUICK, settings=("6", "last"), seeds=(0,)),
        # Exportable settings, for the way from a study to a model that others load (docs/export.md).
        Study(name="demo-stock", base=DEMO_STOCK, settings=("8", "penultimate", "4,8,12:concat"), seeds=(0, 1)),
        Study(name="fusions", base=LAB[0], settings=FUSION_SETTINGS, seeds=(0, 1, 2)),
        Study(name="connectors", base=LAB[1], settings=CONNECTOR_SETTINGS, seeds=(0, 1, 2)),
        Study(name="paper-fusion-1.4b", base=PAPER_FUSION, settings=PAPER_FUSION_SETTINGS, seeds=(0, 1, 2)),
        Study(name="paper-connectors-7b", base=PAPER_CONNECTORS, settings=PAPER_CONNECTOR_SETTINGS, seeds=(0, 1, 2)),
        *(Study(name=e.name, base=e, settings=PAPER_SETTINGS, seeds=(0, 1, 2), probes=True) for e in PAPER),
    )
}
