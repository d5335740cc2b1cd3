"""Named experiments and studies. A new one is a value that is derived from another, and needs no new code.

The embedded default comes first. It is designed for a laptop without a network and about ten minutes. Its numbers were
found by measurements on two cores, and are not the paper's.
"""

from shallowsight.study.data import Data
from shallowsight.study.experiment import Connector, Experiment, Language, Vision
from shallowsight.study.layers import LayerSet
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
    tower="openai/clip-vit-large-patch14-336", layers=LayerSet((18,)), image_size=336, normalize=False, pool=1
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

# --- By name ----------------------------------------------------------------------------------------------------

EXPERIMENTS: dict[str, Experiment] = {e.name: e for e in (DEMO, QUICK, *PAPER)}

STUDIES: dict[str, Study] = {
    s.name: s
    for s in (
        # A layer of every group, the usual choices, and the fusion of the groups' layers.
        Study(
            name="demo", base=DEMO, settings=("groups", "9", "penultimate", "last", "groups:concat"), seeds=(0, 1, 2)
        ),
        Study(name="quick", base=QUICK, settings=("6", "last"), seeds=(0,)),
        *(Study(name=e.name, base=e, settings=PAPER_SETTINGS, seeds=(0, 1, 2)) for e in PAPER),
    )
}
