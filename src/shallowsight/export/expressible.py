"""What a stock LLaVA of transformers can express, and the nearest setting that it can. Needs no torch.

Two stock models are used. `llava` takes one layer or a list of layers as they are. `vipllava` brings the vectors of its
layers to mean 0 and variance 1, as `vision.normalize` does, and always drops the first token.
"""

from typing import Literal

from shallowsight.export.folding import FOLDINGS, NORMED, stock_layers
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

StockModel = Literal["llava", "vipllava"]
STOCK_CLASSES: dict[StockModel, str] = {
    "llava": "LlavaForConditionalGeneration",
    "vipllava": "VipLlavaForConditionalGeneration",
}
CONNECTORS = ("linear", "mlp2x_gelu")  # both are two matrices with an activation: see projector.py
TOWERS = ("clip", "clip_vision_model", "dinov2", "siglip", "siglip_vision_model")


def why_not(experiment: Experiment, tower: TowerFacts) -> tuple[str, ...]:
    """What of this setting no stock LLaVA can express, each with the nearest that it can; empty if all of it can be.

    Which language models can be expressed is known only from their files: see `language_families`.
    """
    reasons = []
    if experiment.fusion.kind not in FOLDINGS:
        reasons.append(f"fusion.kind={experiment.fusion.kind}: the nearest that can is one of {', '.join(FOLDINGS)}")
    if experiment.connector.kind not in CONNECTORS:
        reasons.append(f"connector.kind={experiment.connector.kind}: the nearest that can is mlp2x_gelu")
    if experiment.vision.pool > 1:
        reasons.append(f"vision.pool={experiment.vision.pool}: {_instead_of_pooling(experiment, tower)}")
    if stock_model(experiment) == "vipllava":
        reasons += _normalized(experiment, tower)
    if tower.family not in TOWERS:
        reasons.append(f"vision.tower is a {tower.family!r} model: a CLIP, SigLIP or DINOv2 model can")
    return tuple(reasons)


def stock_model(experiment: Experiment) -> StockModel:
    """Which of the two expresses the setting, of which `why_not` said that it can be expressed."""
    return "vipllava" if experiment.vision.normalize or experiment.fusion.kind == NORMED else "llava"


def select_strategy(experiment: Experiment, tower: TowerFacts) -> Literal["default", "full"]:
    """`vision_feature_select_strategy`: default drops the first token, full keeps every token."""
    drops = tower.has_class_token and experiment.vision.features == "patch"
    return "default" if drops else "full"


def snippet(folder: str, question: str) -> str:
    """The lines that load an exported folder in transformers and ask a question about a picture."""
    return f'''from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

processor = AutoProcessor.from_pretrained("{folder}")
model = AutoModelForImageTextToText.from_pretrained("{folder}")
content = [{{"type": "image"}}, {{"type": "text", "text": "{question}"}}]
text = processor.apply_chat_template([{{"role": "user", "content": content}}], add_generation_prompt=True)
inputs = processor(images=Image.open("picture.png"), text=text, return_tensors="pt")
answer = model.generate(**inputs)[:, inputs["input_ids"].shape[1] :]
print(processor.batch_decode(answer, skip_special_tokens=True)[0].strip())'''


def stock_values(experiment: Experiment, tower: TowerFacts) -> dict[str, object]:
    """The values by which a stock model reads the same features."""
    values: dict[str, object] = {
        "class": STOCK_CLASSES[stock_model(experiment)],
        "vision_feature_layer": stock_layers(experiment.fusion.kind, experiment.vision.layers),
        "vision_feature_select_strategy": select_strategy(experiment, tower),
    }
    return values


def _instead_of_pooling(experiment: Experiment, tower: TowerFacts) -> str:
    """A smaller picture gives as many image tokens without pooling."""
    side = experiment.vision.image_size // experiment.vision.pool
    side -= side % tower.patch
    smaller = f" and vision.image_size={side}, which give as many image tokens" if side else ""
    return f"a stock LLaVA does not average neighbouring patches; the nearest that can is vision.pool=1{smaller}"


def _normalized(experiment: Experiment, tower: TowerFacts) -> list[str]:
    """Why vipllava cannot take the place of `vision.normalize`, or of the norm of a fusion."""
    nearest = "the nearest that can is vision.normalize=false"
    if experiment.vision.normalize and experiment.fusion.kind != "single":
        return [
            "vision.normalize=true with several layers: VipLlava brings the joined vector of all layers to mean 0 and "
            f"variance 1, not the vector of each layer; {nearest}, or one layer"
        ]
    if select_strategy(experiment, tower) == "full":
        kept = "vision.features=cls_patch" if tower.has_class_token else f"a {tower.family!r} tower has no class token"
        if not experiment.vision.normalize:
            return [f"fusion {NORMED}: {kept}, but VipLlava always drops the first token; use concat"]
        return [f"vision.normalize=true: {kept}, but VipLlava always drops the first token; {nearest}"]
    return []
