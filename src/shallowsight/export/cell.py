"""Find a trained model: the folder of a finetune cell, or a study folder with a setting and a seed."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shallowsight.errors import ConfigurationError, CorruptOutput
from shallowsight.export.earlier import holds_stock_model
from shallowsight.store.digest import file_sha256
from shallowsight.store.record import CellRecord, read_record
from shallowsight.store.store import CELL, PLAN, STUDY
from shallowsight.study.settings import Setting
from shallowsight.study.words import is_word, needs_groups, resolve_settings

_CHECKPOINT = ("experiment.json", "tower.json", "connector.safetensors", "language.safetensors", "tokenizer")
WANTED = "name the folder of a finetune cell, or a study folder with --setting (and --seed)"
_SHOWN = 6  # names of files in a message


@dataclass(frozen=True)
class TrainedCell:
    """A finetuned model's folder, and what its study knows of it; the latter is empty where there is no study."""

    folder: Path
    digest: str = ""
    study: str = ""
    tower: str = ""  # as the study names it: a hub id, a folder, a bucket
    scores: tuple[Mapping[str, Any], ...] = ()  # as in scores.json

    @property
    def tower_folder(self) -> str:
        """The tower's place if it is a folder or a bucket; a checkpoint itself names towers of other kinds."""
        return self.tower if "://" in self.tower or Path(self.tower).is_dir() else ""


def find_cell(place: str, setting: str = "", seed: int | None = None, wanted: str = WANTED) -> TrainedCell:
    """`place` is the folder of a finetune cell, or a study folder: then with the setting, and a seed if not its first.

    Raises:
        ConfigurationError: there is no such folder or trained model; the message names what is there.
        CorruptOutput: a file is not the one that the cell recorded.
    """
    if "://" in place:
        raise ConfigurationError(f"{place}: copy the study or its finetune cell to this machine, and name that folder")
    folder = Path(place)
    if not folder.is_dir():
        raise ConfigurationError(f"{place}: {'a file' if folder.exists() else 'no such folder'}; {wanted}")
    if (folder / STUDY).is_file():
        cell = _of_study(folder, setting, seed)
    elif all((folder / name).exists() for name in _CHECKPOINT):
        cell = _of_cell(folder.resolve())
    else:
        raise ConfigurationError(f"{place} is {_what_it_is(folder)}; {wanted}")
    _require_intact(cell.folder)
    return cell


def _what_it_is(folder: Path) -> str:
    """What a wrong folder holds, in words."""
    record = _record(folder)
    if record is not None:
        cell = f"a cell of the step {record.step}" + (f" ({record.setting})" if record.setting else "")
        return cell + (", which has no language model yet" if record.step == "pretrain" else ", not a trained model")
    if holds_stock_model(folder):
        return "a model in the form of transformers already"
    names = sorted(path.name for path in folder.iterdir())
    shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    return f"neither a study nor a trained model: it holds {shown or 'nothing'}"


def _of_cell(folder: Path) -> TrainedCell:
    """A cell that was named by its folder, in a study or not."""
    study = folder.parent.parent
    if (study / STUDY).is_file():
        for member, experiment in _experiments(study):
            if experiment["cells"]["finetune"] == folder.name:
                return _known(study, member, experiment)
    record = _record(folder)
    return TrainedCell(folder, digest=record.digest if record else "")


def _of_study(study: Path, setting: str, seed: int | None) -> TrainedCell:
    trained = [(m, e) for m, e in _experiments(study) if (study / "cells" / e["cells"]["finetune"] / CELL).is_file()]
    if not trained:
        raise ConfigurationError(
            f"{study}: no model of this study is trained yet; `shallowsight study` goes on with it"
        )
    wanted = _normal(setting, _depth(study))
    mine = [(m, e) for m, e in trained if wanted == m["setting"]]
    mine = mine or [(m, e) for m, e in trained if wanted in m["roles"]]
    if len(settings := dict.fromkeys(m["setting"] for m, _ in mine)) > 1:
        raise ConfigurationError(f"{study}: setting {setting!r} stands for {' and '.join(settings)}; name one of them")
    found = [(m, e) for m, e in mine if seed is None or e["seed"] == seed]
    if not found:
        asked = f"setting {setting!r}" + (f" with seed {seed}" if seed is not None and mine else "")
        what = f"{asked} is not trained" if setting else "a study has many trained models: choose one by --setting"
        raise ConfigurationError(f"{study}: {what}; trained are {_listed(trained)}")
    return _known(study, *found[0])


def _known(study: Path, member: Mapping[str, Any], experiment: Mapping[str, Any]) -> TrainedCell:
    raw = json.loads((study / STUDY).read_text(encoding="utf-8"))["study"]
    digest = experiment["cells"]["finetune"]
    scores = study / "cells" / experiment["cells"]["evaluate"] / "scores.json"
    return TrainedCell(
        folder=study / "cells" / digest,
        digest=digest,
        study=raw["name"],
        tower=raw["base"]["vision"]["tower"],
        scores=tuple(json.loads(scores.read_text(encoding="utf-8"))["benchmarks"]) if scores.is_file() else (),
    )


def _experiments(study: Path) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each member of the study's plan with each of its seeds."""
    plan = study / PLAN
    members = json.loads(plan.read_text(encoding="utf-8"))["members"] if plan.is_file() else []
    return ((member, experiment) for member in members for experiment in member["experiments"])


def _depth(study: Path) -> int | None:
    """The tower's number of layers; None in a study that does not say it."""
    tower = json.loads((study / STUDY).read_text(encoding="utf-8")).get("tower") or {}
    return tower.get("depth")


def _normal(setting: str, depth: int | None) -> str:
    """A setting as plans write it; a role, and a word for several settings, is left as it is."""
    try:
        if not is_word(setting):
            return str(Setting.parse(setting, depth))
        if depth is None or needs_groups([setting]):
            return setting
        found = [str(each) for each in resolve_settings([setting], depth, groups=())]
        return found[0] if len(found) == 1 else setting
    except ValueError:
        return setting


def _listed(trained: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> str:
    seeds: dict[str, list[str]] = {}
    for member, experiment in trained:
        seeds.setdefault(member["setting"], []).append(str(experiment["seed"]))
    return ", ".join(f"{setting} (seed {' '.join(found)})" for setting, found in seeds.items())


def _record(folder: Path) -> CellRecord | None:
    path = folder / CELL
    if not path.is_file():
        return None
    data = path.read_bytes()
    try:
        digest = json.loads(data)["digest"]
    except (ValueError, KeyError, TypeError):
        return None
    return read_record(str(digest), data)


def _require_intact(folder: Path) -> None:
    record = _record(folder)
    for name, output in record.outputs.items() if record else ():
        path = folder / name
        if not path.is_file() or file_sha256(path) != output.sha256:
            raise CorruptOutput(f"{path} is missing or not the file that was written; run the study again to mend it")
