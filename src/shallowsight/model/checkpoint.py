"""A trained model as files: safetensors only; names and shapes must match exactly when it is loaded."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from shallowsight.errors import ConfigurationError
from shallowsight.model.language.language import load_tokenizer
from shallowsight.model.vlm import VLM
from shallowsight.study.benchmarks import DEMO_BENCHMARKS
from shallowsight.study.data import Data, in_bucket
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

CONNECTOR = "connector.safetensors"
LANGUAGE = "language.safetensors"
EXPERIMENT = "experiment.json"
TOWER = "tower.json"
TOKENIZER = "tokenizer"
IN_A_FOLDER = "folder:"  # written into a checkpoint in place of the path or URL of a tower


def save_pretrained(model: VLM, experiment: Experiment, folder: Path) -> None:
    """Write what connects tower and language model (connector, fusion, injection), and the experiment."""
    _save(_connecting(model), folder / CONNECTOR)
    (folder / EXPERIMENT).write_text(_covered(experiment).model_dump_json(indent=1), encoding="utf-8")


def _covered(experiment: Experiment) -> Experiment:
    """The experiment without names, paths and benchmarks.

    The digest of a training cell does not cover these, so its files must not contain them.
    """
    vision = experiment.vision
    if in_bucket(vision.tower) or Path(vision.tower).is_dir():
        vision = vision.model_copy(update={"tower": IN_A_FOLDER})
    changes = {"name": "trained", "data": Data(), "benchmarks": DEMO_BENCHMARKS, "vision": vision}
    return experiment.model_copy(update=changes)


def save_finetuned(
    model: VLM, experiment: Experiment, tower: TowerFacts, tokenizer: PreTrainedTokenizerBase, folder: Path
) -> None:
    """Write everything that an evaluation needs, with the language model, the tokenizer and the tower's facts."""
    save_pretrained(model, experiment, folder)
    if tower.in_a_folder:
        tower = tower.model_copy(update={"name": IN_A_FOLDER})
    # named_parameters gives tied weights once, under the name of the parameter that holds them.
    _save(dict(model.language.named_parameters()), folder / LANGUAGE)
    (folder / TOWER).write_text(tower.model_dump_json(indent=1), encoding="utf-8")
    tokenizer.save_pretrained(folder / TOKENIZER)


def _save(parameters: dict[str, nn.Parameter], path: Path) -> None:
    save_file({name: p.detach().cpu().contiguous() for name, p in parameters.items()}, path)


def load_connector(model: VLM, folder: Path) -> None:
    """Raises ConfigurationError when names or shapes are not exactly the model's."""
    _copy_strictly(load_file(folder / CONNECTOR), _connecting(model), folder / CONNECTOR)


def _connecting(model: VLM) -> dict[str, nn.Parameter]:
    parts = {"connector": model.connector, "fusion": model.fusion, "injection": model.injection}
    return {f"{part}.{name}": p for part, module in parts.items() for name, p in module.named_parameters()}


def load_language(model: VLM, folder: Path) -> None:
    """Raises ConfigurationError when names or shapes are not exactly the model's."""
    _copy_strictly(load_file(folder / LANGUAGE), dict(model.language.named_parameters()), folder / LANGUAGE)


@dataclass(frozen=True)
class Trained:
    """A finetuned model that is ready to answer, with its experiment, tokenizer and tower's facts."""

    model: VLM
    experiment: Experiment
    tower: TowerFacts
    tokenizer: PreTrainedTokenizerBase


def load_experiment(folder: Path) -> Experiment:
    """The experiment of a finetuned model; raises ConfigurationError when the folder holds no finetuned checkpoint."""
    needed = (EXPERIMENT, TOWER, CONNECTOR, LANGUAGE, TOKENIZER)
    missing = [name for name in needed if not (folder / name).exists()]
    if missing:
        raise ConfigurationError(f"{folder} is not a finetuned checkpoint: it has no {', '.join(missing)}")
    return Experiment.model_validate_json((folder / EXPERIMENT).read_text(encoding="utf-8"))


def load_trained(folder: Path) -> Trained:
    """Load a finetuned model; raises ConfigurationError when the folder holds no finetuned checkpoint."""
    experiment = load_experiment(folder)
    tokenizer, tower = load_reading(folder)
    model = VLM(experiment, tower, tokenizer)
    load_connector(model, folder)
    load_language(model, folder)
    return Trained(model.eval(), experiment, tower, tokenizer)


def load_reading(folder: Path) -> tuple[PreTrainedTokenizerBase, TowerFacts]:
    """The tokenizer and the tower's facts of a finetuned checkpoint, which give the lengths of texts and pictures."""
    tower = TowerFacts.model_validate_json((folder / TOWER).read_text(encoding="utf-8"))
    return load_tokenizer(str(folder / TOKENIZER)), tower


def _copy_strictly(stored: dict[str, Tensor], expected: dict[str, nn.Parameter], path: Path) -> None:
    missing, unknown = sorted(set(expected) - set(stored)), sorted(set(stored) - set(expected))
    if missing or unknown:
        raise ConfigurationError(
            f"{path} is from another model: missing {missing or 'none'}, unknown {unknown or 'none'}"
        )
    for name, parameter in expected.items():
        if parameter.shape != stored[name].shape:
            raise ConfigurationError(
                f"{path}: {name} has shape {tuple(stored[name].shape)}, the model needs {tuple(parameter.shape)}"
            )
        with torch.no_grad():
            parameter.copy_(stored[name])
