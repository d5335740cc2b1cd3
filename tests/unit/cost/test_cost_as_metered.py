"""A forecast and a running training count the same operations in each setting, each in its own way."""

from collections.abc import Callable
from typing import Any

import pytest
from cost_subjects import with_loads

from shallowsight.cost.operations import sample_operations
from shallowsight.cost.shapes import language_shape
from shallowsight.cost.subject import Subject
from shallowsight.study.experiment import Experiment
from shallowsight.study.fusions import FUSIONS, Way
from shallowsight.study.image_tokens import image_tokens
from shallowsight.study.legal import widths_of
from shallowsight.study.resolved import TowerFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES, StageName
from shallowsight.study.study import Study


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "text",
    [
        "2+linear",
        "1,3:sti",
        "1-2|3:mean-concat",
        "1,2:scalar-mix+ldpv2",
        "1,3:concat-norm+avgpool_mlp",
        "1,2,3:mmfuser+resampler@4",
        "2+c_abstractor",
        "2+ldp",
        "1|3:deepstack+merger@4",
        "1>0|3:internal-direct",
        "1|3:internal-modular",
    ],
)
def test_a_setting_as_training_meters_it(
    small: Callable[..., Experiment], tokenizer: Any, facts: TowerFacts, text: str, stage: StageName
) -> None:
    import torch

    from shallowsight.model.vlm import VLM
    from shallowsight.train.efficiency import costs_of
    from shallowsight.train.parts import STAGE_PARTS

    setting = Setting.parse(text)
    # Sixteen patch vectors of width 32.
    base = small(language__vocabulary=len(tokenizer), vision__image_size=56, connector__kind="mlp2x_gelu")
    experiment = base.at(setting, 0)
    model = VLM(experiment, facts, tokenizer, torch.float32)
    for name, part in model.named_children():
        part.requires_grad_(name in STAGE_PARTS[stage])
    study = Study(name="x", base=base, settings=(text,), seeds=(0,))
    s = Subject(study, facts, language_shape(experiment.language), images=4, cached=True)
    connecting = (model.fusion, model.connector, model.injection)
    assert s.parts(setting).parameters == sum(p.numel() for part in connecting for p in part.parameters())
    assert s.load(setting, stage).image_tokens == image_tokens(experiment, facts)
    length = round(s.load(setting, stage).length)
    s = with_loads(s, length=length, supervised=5)
    seeing = length if FUSIONS[setting.fusion].way is Way.ATTENDED else 0
    metered = costs_of(model, widths_of(facts, setting.layers), s.patches, None, 56).total(
        length, length * (length + 1) // 2, 5, 1, seeing
    )
    # The forecast counts half a square of pairs, not a triangle with its diagonal.
    assert sample_operations(s, setting, stage, 1).model == pytest.approx(metered, rel=0.01)
