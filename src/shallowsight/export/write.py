"""Write a trained model as a folder that transformers loads without this package."""

import logging
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    VipLlavaConfig,
    VipLlavaForConditionalGeneration,
)
from transformers.modeling_utils import PreTrainedModel

from shallowsight.data.conversation import TEMPLATES
from shallowsight.data.gate.facts import IMAGE_TOKEN
from shallowsight.errors import ConfigurationError
from shallowsight.export.card import card
from shallowsight.export.cell import TrainedCell
from shallowsight.export.earlier import CARD, is_written_by_export
from shallowsight.export.expressible import select_strategy, stock_model, why_not
from shallowsight.export.folding import stock_layers
from shallowsight.export.language import is_tied, language_config, language_weights, rows_for
from shallowsight.export.language_families import why_not_language
from shallowsight.export.pictures import different_pictures, stock_pictures
from shallowsight.export.projector import EPSILON, activation_of, projector_weights
from shallowsight.export.prompt import chat_prompt, with_image_token
from shallowsight.export.tower import tower_config, tower_weights
from shallowsight.model.checkpoint import Trained, load_trained
from shallowsight.model.encode import PictureEncoder
from shallowsight.model.language.room import MAX_NEW_TOKENS
from shallowsight.model.located import located_vision
from shallowsight.model.tower.tower import Tower
from shallowsight.store.foreign_files import refuse_foreign
from shallowsight.store.whole_folder import whole_folder

log = logging.getLogger(__name__)

_ROUNDED = (
    "the study rounded features to half precision before the connector, as its cache does; here they are not rounded, "
    "so logits differ in their third or fourth digit, and an answer can differ where two were nearly equal"
)
_CONTROL = "a question that has the name of a control token in it (such as `</s>`) is read with that token"


def export(cell: TrainedCell, out: Path, tower: str = "") -> tuple[str, ...]:
    """Write the folder `out`, whole or not at all; returns what is not as in the study, in sentences.

    `tower` is the tower's folder, where the study does not name it.

    Raises:
        ConfigurationError: no stock model can express the setting, or `out` holds other files.
    """
    refuse_foreign(out, "exported model", partial(is_written_by_export, out))
    trained = load_trained(cell.folder)
    experiment, facts = trained.experiment, trained.tower
    _require_expressible(trained)
    vision = located_vision(experiment.vision, facts, tower or cell.tower_folder, "--tower FOLDER")
    own_tower = PictureEncoder(vision, facts, vision.layers.deepest, experiment.finetune.picture).tower.to("cpu")

    tokenizer = with_image_token(trained.tokenizer)
    prompt = chat_prompt(TEMPLATES[experiment.finetune.template], trained.tokenizer, tokenizer)
    tokenizer.chat_template = prompt.chat_template
    processor = LlavaProcessor(
        image_processor=stock_pictures(vision, experiment.finetune.picture),
        tokenizer=tokenizer,
        patch_size=facts.patch,
        vision_feature_select_strategy=select_strategy(experiment, facts),
        num_additional_image_tokens=int(facts.has_class_token),
        chat_template=prompt.chat_template,
    )
    model = _stock_module(trained, own_tower, tokenizer.convert_tokens_to_ids(IMAGE_TOKEN))
    differences = (*prompt.differences, *different_pictures(experiment.finetune.picture), _ROUNDED, _CONTROL)
    family = trained.model.language.config.model_type
    with whole_folder(out.absolute()) as new:
        model.save_pretrained(new)
        processor.save_pretrained(new)
        (new / CARD).write_text(card(cell, experiment, facts, family, differences, out), encoding="utf-8")
        for weights in new.glob("*.safetensors"):  # safetensors lets only the owner read them
            weights.chmod((new / CARD).stat().st_mode)
    return differences


def _require_expressible(trained: Trained) -> None:
    reasons = list(why_not(trained.experiment, trained.tower))
    if reason := why_not_language(trained.model.language.config.model_type):
        reasons.append(reason)
    if reasons:
        lines = "".join(f"\n- {reason}" for reason in reasons)
        raise ConfigurationError(f"no stock LLaVA can be this model:{lines}")


def _stock_module(trained: Trained, tower: Tower, image_token: int) -> PreTrainedModel:
    """The stock model with the trained weights, on the CPU; it is for saving, not for computing."""
    experiment, facts, language = trained.experiment, trained.tower, trained.model.language
    vision, stock = experiment.vision, stock_model(experiment)
    rows = rows_for(language, image_token)
    values = {
        "vision_config": tower_config(tower, vision.image_size),
        "text_config": language_config(language, rows),
        "image_token_index": image_token,
        "image_seq_length": facts.tokens(vision.image_size, vision.pool, vision.features),
        "vision_feature_layer": stock_layers(experiment.fusion.kind, vision.layers),
        "projector_hidden_act": activation_of(experiment.connector.kind),
        "tie_word_embeddings": is_tied(language),
    }
    with torch.device("meta"):  # the trained weights take the place of all others
        model: PreTrainedModel
        if stock == "llava":
            strategy = select_strategy(experiment, facts)
            model = LlavaForConditionalGeneration(LlavaConfig(vision_feature_select_strategy=strategy, **values))
        else:
            model = VipLlavaForConditionalGeneration(VipLlavaConfig(projector_layernorm_eps=EPSILON, **values))
    model.load_state_dict(_weights(trained, tower, rows), assign=True)
    model.tie_weights()
    model.generation_config = _generation(trained)
    return model


def _weights(trained: Trained, tower: Tower, rows: int) -> dict[str, Tensor]:
    experiment, model = trained.experiment, trained.model
    decoder, output = language_weights(model.language, rows)
    projector = projector_weights(stock_model(experiment), experiment, model)
    parts = {
        "model.vision_tower": tower_weights(tower, experiment.vision.image_size),
        "model.multi_modal_projector": projector,
        "model.language_model": decoder,
        "lm_head": {"weight": output},
    }
    return {f"{part}.{name}": value for part, weights in parts.items() for name, value in weights.items()}


def _generation(trained: Trained) -> GenerationConfig:
    """Greedy, as the study evaluates."""
    stop = trained.tokenizer.eos_token_id
    return GenerationConfig(
        do_sample=False,
        max_new_tokens=MAX_NEW_TOKENS,
        bos_token_id=trained.tokenizer.bos_token_id,
        eos_token_id=stop,
        pad_token_id=stop,
    )
