"""Named experiments and studies. A new one is a value derived from another, not a new branch.

The embedded default (design: a laptop, no network, about ten minutes) comes first; every number in it is ours,
measured on two cores, not the paper's.
"""

from shallowsight.config import Data, Experiment, Stage, Study

# --- The embedded default -------------------------------------------------------------------------------------

DEMO = Experiment(
    name="demo",
    # The connector alone learns from captions; a random language model is frozen behind it, so a short stage will do.
    pretrain=Stage(learning_rate=2e-3, global_batch=16, updates=60, warmup=0.1, template="plain"),
    # Many small updates: at equal work, batches of 16 ended at less than half the training loss of batches of 64.
    finetune=Stage(learning_rate=2e-3, global_batch=16, updates=750, warmup=0.1, weight_decay=0.05),
)

QUICK = DEMO.model_copy(
    update={
        "name": "quick",
        "data": Data(scenes_train=160, scenes_test=40, easy_vqa_train=20, easy_vqa_test=10),
        "pretrain": DEMO.pretrain.model_copy(update={"updates": 10}),
        "finetune": DEMO.finetune.model_copy(update={"updates": 40}),
    }
)

EXPERIMENTS: dict[str, Experiment] = {e.name: e for e in (DEMO, QUICK)}

STUDIES: dict[str, Study] = {
    s.name: s
    for s in (
        # What one would ask about: a layer of every group, the usual choices, and the fusion of the groups.
        Study(name="demo", base=DEMO, settings=("groups", "9", "penultimate", "last", "groups:concat"), seeds=(0, 1)),
        Study(name="quick", base=QUICK, settings=("6", "last"), seeds=(0,)),
    )
}
