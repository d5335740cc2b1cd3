"""Make a checked Experiment or Study from a name or a YAML file, and `key=value` words.

Hydra and OmegaConf are not used: they would need a second schema beside pydantic's, and do not give line numbers.
"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from shallowsight.errors import ConfigurationError
from shallowsight.study.data import BUILT_IN_SOURCES, in_bucket
from shallowsight.study.experiment import Experiment
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.fields import words_of
from shallowsight.study.halving import Halving
from shallowsight.study.layers import Layers
from shallowsight.study.near_names import unknown_name
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES
from shallowsight.study.study import Study
from shallowsight.study.value_faults import explain
from shallowsight.study.words import check_word_or_setting, is_word
from shallowsight.study.yaml_lines import read_document

M = TypeVar("M", Experiment, Study)
DepthOf = Callable[[str], int]  # tower -> number of its layers
_STUDY_KEYS = (
    "name",
    "settings",
    "seeds",
    "more_seeds",
    "added",
    "probes",
    *(f"halving.{name}" for name in Halving.model_fields),
    "early_stop",
)
_MODELS = ("vision.tower", "language.model")  # a folder, a hub id, or the URL of a folder in a bucket
# Keys that a study varies: a study's key -> the key of one experiment, and the other way round.
_ONE = {"settings": "vision.layers", "seeds": "seed"}
_VARIED = {"seed": "seeds", "vision.layers": "settings", "fusion.kind": "settings"}
_SOURCES = ("data.pretrain", "data.finetune", "data.test")


def load_study(name_or_file: str, words: Sequence[str], depth_of: DepthOf) -> Study:
    """A study by name or from a YAML file (`base:` and `set:`), with `key=value` overrides.

    Raises:
        ConfigurationError: there is no such name or file, a key is unknown, or a value does not fit.
    """
    return _load(Study, STUDIES, name_or_file, words, depth_of)


def load_experiment(name_or_file: str, words: Sequence[str], depth_of: DepthOf) -> Experiment:
    """An experiment by name or from a YAML file, with overrides; raises as `load_study`."""
    experiment = _load(Experiment, EXPERIMENTS, name_or_file, words, depth_of)
    try:
        check_word_or_setting(str(experiment.setting))
    except ValueError as error:
        raise ConfigurationError(f"experiment {name_or_file!r}: {error}, and fusion.kind=single") from None
    return experiment


def _load(kind: type[M], named: Mapping[str, M], name_or_file: str, words: Sequence[str], depth_of: DepthOf) -> M:
    base, changes = _base_and_changes(kind, named, name_or_file)
    raw = base.model_dump(mode="json")
    for key, value in chain(changes.items(), map(_split, words)):  # of two words for one thing the last one counts
        _put(kind, raw, key, value)
    _count_negative_layers_from_one(raw, depth_of)
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(f"{kind.__name__.lower()} {name_or_file!r}: {explain(error)}") from None


def _base_and_changes(kind: type[M], named: Mapping[str, M], name_or_file: str) -> tuple[M, dict[str, Any]]:
    if name_or_file in named:
        return named[name_or_file], {}
    path = Path(name_or_file)
    if path.suffix not in {".yaml", ".yml"}:
        raise ConfigurationError(f"{unknown_name(kind.__name__.lower(), name_or_file, named)}, or give a .yaml file")
    if not path.is_file():
        raise ConfigurationError(
            f"no file {name_or_file!r}; give a YAML file with `base:` and `set:`, or one of {', '.join(named)}"
        )
    raw = read_document(path).value
    if _is_document(raw) and raw["base"] not in named:
        raise ConfigurationError(f"{path}: base: {unknown_name(kind.__name__.lower(), raw['base'], named)}")
    if not _is_document(raw):
        raise ConfigurationError(
            f"{path}: write `base:` (one of {', '.join(named)}) and `set:` (keys and values), found {_shape(raw)}"
        )
    pairs = flat(raw.get("set") or {})
    changes = dict(pairs)
    if len(changes) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ConfigurationError(f"{path}: {twice} is given twice, with and without a dot; give it once")
    for stage in STAGES:
        if changes.get(f"{stage}.updates") is not None and changes.get(f"{stage}.epochs") is not None:
            raise ConfigurationError(f"{path}: {stage}.updates and {stage}.epochs: give one of the two")
    return named[raw["base"]], {"name": path.stem} | _absolute(changes, path.parent)


def _is_document(raw: Any) -> bool:
    if not isinstance(raw, dict) or set(raw) - {"base", "set"} or not isinstance(raw.get("base"), str):
        return False
    return isinstance(raw.get("set"), dict | None)


def _absolute(changes: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the paths in a file absolute: they are relative to the file."""
    for key in ("data.images", "data.pretrain_images", "data.expectations", "data.benchmarks"):
        if changes.get(key) is not None:
            changes[key] = _from(folder, str(changes[key]))
    for key in _SOURCES:
        named = changes.get(key)
        # A text is a list of sources, unless it is one path with spaces.
        listed = [named] if isinstance(named, str) and (folder / named).is_file() else words_of(named)
        if isinstance(listed, list):
            changes[key] = [s if s in BUILT_IN_SOURCES else _from(folder, str(s)) for s in listed]
    for key in _MODELS:
        if isinstance(changes.get(key), str) and (folder / changes[key]).is_dir():
            changes[key] = str((folder / changes[key]).resolve())
    return changes


def _from(folder: Path, place: str) -> str:
    return place if in_bucket(place) else str((folder / place).resolve())


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """A list of dotted keys and values from nested mappings and dotted keys."""
    pairs: list[tuple[str, Any]] = []
    for key, value in tree.items():
        pairs += flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)]
    return pairs


def _split(word: str) -> tuple[str, Any]:
    key, equals, text = word.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"--set {word!r}: write key=value, for instance vision.layers=3,8")
    try:
        value = yaml.safe_load(text) if text.strip() else ""
    except yaml.YAMLError:
        value = text
    if isinstance(value, dict) and not text.lstrip().startswith("{"):
        value = text  # a colon at the end, as in settings=3,8: without the name of a fusion, makes no mapping
    return key.strip(), value


def _put(kind: type[BaseModel], raw: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key; a study accepts the keys of its base experiment too.

    A value such as 1e-3 is a text for YAML, which pydantic then reads as a number.
    """
    if kind is Study and key not in _STUDY_KEYS:
        _require_key(Experiment, key, also=_STUDY_KEYS)
        if key in _VARIED:
            raise ConfigurationError(f"{key}: a study varies this; use {_VARIED[key]}=, or `shallowsight run`")
        raw, parts = raw["base"], key.split(".")
    else:
        _require_key(kind, key)
        parts = key.split(".")
    for part in parts[:-1]:
        raw = raw[part]
    raw[parts[-1]] = value
    # Only one of updates and epochs may be set: setting one removes the other.
    other = {"updates": "epochs", "epochs": "updates"}.get(parts[-1])
    if other is not None and value is not None:
        raw[other] = None


def _require_key(kind: type[BaseModel], key: str, also: Sequence[str] = ()) -> None:
    valid = [*_leaf_keys(kind), *also]
    if kind is Experiment and not also and key in _ONE:
        raise ConfigurationError(f"{key} belongs to a study; one experiment has {_ONE[key]}=")
    if key not in valid:
        near = difflib.get_close_matches(key, valid, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else f"; the keys are {', '.join(valid)}"
        raise ConfigurationError(f"unknown key {key!r}{hint}")


def _leaf_keys(kind: type[BaseModel], prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in kind.model_fields.items():
        part = next((t for t in (field.annotation, *get_args(field.annotation)) if _is_part(t)), None)
        keys += _leaf_keys(cast(type[BaseModel], part), f"{prefix}{name}.") if part else [f"{prefix}{name}"]
    return keys


def _is_part(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _count_negative_layers_from_one(raw: dict[str, Any], depth_of: DepthOf) -> None:
    """Replace negative layers such as -1, the last, which only a user may write, by layer numbers from 1."""
    experiment = raw.get("base", raw)
    tower, layers, settings = (
        experiment["vision"]["tower"],
        experiment["vision"]["layers"],
        words_of(raw.get("settings")),
    )
    if not isinstance(tower, str):
        return  # the later checks refuse such a value
    text = ",".join(map(str, layers)) if isinstance(layers, list) else str(layers)
    listed = [str(t) for t in settings] if isinstance(settings, list) else []
    try:
        if _has_negative(text):
            experiment["vision"]["layers"] = str(Layers.parse(text, depth_of(tower)))
        if any(map(_has_negative, listed)):
            depth = depth_of(tower)
            raw["settings"] = [str(Setting.parse(t, depth)) if _has_negative(t) else t for t in listed]
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _has_negative(text: str) -> bool:
    return not is_word(text) and any(part.strip().startswith("-") for part in re.split("[,|]", text))


def _shape(raw: Any) -> str:
    return f"the keys {', '.join(map(str, raw))}" if isinstance(raw, dict) else type(raw).__name__
