"""A study in the form in which it is sent to a cluster: a name that the cluster knows, and `key=value` words.

The cluster cannot read a file of this machine, so its values are sent as `key=value` words.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import yaml

from shallowsight.cost.shapes import PUBLISHED_TOWERS, tower_depth
from shallowsight.errors import ConfigurationError
from shallowsight.study.data import BUILT_IN_SOURCES, in_bucket
from shallowsight.study.even_batches import require_even_batches
from shallowsight.study.experiment import EMBEDDED_TOWER
from shallowsight.study.fields import words_of
from shallowsight.study.overrides import flat, load_experiment, load_study
from shallowsight.study.study import Study
from shallowsight.study.words import check_word_or_setting
from shallowsight.study.yaml_lines import read_document

Kind = Literal["study", "experiment"]
_PLACES = ("data.images", "data.pretrain_images", "data.expectations", "data.benchmarks")
_SOURCES = ("data.pretrain", "data.finetune", "data.test")
_MODELS = ("vision.tower", "language.model")


@dataclass(frozen=True)
class Request:
    """`name` is a named study or experiment; `words` are overrides, as `--set` takes them."""

    kind: Kind
    name: str
    words: tuple[str, ...]


def request(kind: Kind, name_or_file: str, words: Sequence[str], gpus: int) -> Request:
    """The request for a name or a YAML file, after a check of all its values on this machine.

    Raises:
        ConfigurationError: an unknown name, key or value, or a file that only this machine has.
    """
    base, own = _from_file(Path(name_or_file)) if Path(name_or_file).suffix in {".yaml", ".yml"} else (name_or_file, ())
    asked = Request(kind, base, (*own, *words))
    for word in asked.words:
        if "{{" in word:
            raise ConfigurationError(
                f"{word!r}: the cluster would replace the text between {{{{ and }}}}; leave it out"
            )
    _check(asked, name_or_file, gpus)
    return asked


def words_for(values: Mapping[str, Any]) -> tuple[str, ...]:
    """`key=value` words that are read back as exactly these values; nested mappings give dotted keys."""
    return tuple(f"{key}={_text(value)}" for key, value in flat(values))


def _from_file(path: Path) -> tuple[str, tuple[str, ...]]:
    found = read_document(path).value
    if not isinstance(found, dict) or not isinstance(found.get("base"), str) or set(found) - {"base", "set"}:
        raise ConfigurationError(f"{path}: write `base:` (a name) and `set:` (keys and values), and nothing else")
    if not isinstance(found.get("set"), dict | None):
        raise ConfigurationError(f"{path}: write keys and values below `set:`")
    values = dict(flat(found.get("set") or {}))
    _require_readable_there(path, values)
    return found["base"], words_for({"name": path.stem} | values)


def _require_readable_there(path: Path, values: Mapping[str, Any]) -> None:
    named = [(key, str(values[key])) for key in _PLACES if values.get(key) is not None]
    for key in _SOURCES:
        listed = words_of(values.get(key))
        if isinstance(listed, list):
            named += [(key, str(source)) for source in listed if source not in BUILT_IN_SOURCES]
    named += [(key, str(values[key])) for key in _MODELS if key in values and (path.parent / str(values[key])).is_dir()]
    for key, place in named:
        # The cluster checks whether a bucket has the files, because this machine may be unable to reach the bucket.
        if not in_bucket(place) and not PurePosixPath(place).is_absolute():
            raise ConfigurationError(
                f"{path}: {key}: {place!r} is relative to this file, and a cluster cannot read it; put it into a "
                "bucket and write s3://bucket/path, or into the images and write that absolute path"
            )


def _check(asked: Request, shown: str, gpus: int) -> None:
    try:
        if asked.kind == "study":
            study = load_study(asked.name, asked.words, _depth)
            _require_depth(study)
            base = study.base
        else:
            base = load_experiment(asked.name, asked.words, _depth)
            _require_depth(Study(name=base.name, base=base, settings=(str(base.setting),)))
    except ConfigurationError as error:
        raise ConfigurationError(str(error) if shown == asked.name else f"{shown}: {error}") from None
    require_even_batches(base, gpus)
    data = base.data.model_dump(mode="json")
    _require_readable_there(Path(shown), {f"data.{key}": value for key, value in data.items()})


def _require_depth(study: Study) -> None:
    tower = study.base.vision.tower
    if tower != EMBEDDED_TOWER and tower not in PUBLISHED_TOWERS:
        return  # the depth is in the tower's files, which only the cluster may be able to read: the cluster checks it
    try:
        for text in study.settings:
            check_word_or_setting(text, _depth(tower))
    except ValueError as error:
        raise ConfigurationError(f"{tower}: {error}") from None


def _depth(tower: str) -> int:
    if in_bucket(tower):
        raise ConfigurationError(
            f"vision.tower: this machine does not read the bucket of {tower!r}, so it does not know the number of "
            "layers and cannot count layers from the end; write the layer's number, or last"
        )
    return tower_depth(tower)


def _text(value: Any) -> str:
    """The value as plain text if YAML reads the same value back, otherwise as JSON, which YAML reads exactly."""
    try:
        if isinstance(value, str) and value and yaml.safe_load(value) == value:
            return value
    except yaml.YAMLError:
        pass
    return json.dumps(value, ensure_ascii=False)
