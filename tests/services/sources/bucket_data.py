"""A user's data in a bucket: where each thing lies there, and what is read of it."""

import json
from collections.abc import Callable
from pathlib import Path

from tiny import Prepared

from shallowsight.data.prepare import prepare
from shallowsight.data.sources import source_facts
from shallowsight.steps import resolve_study
from shallowsight.store.objects.objects import Objects
from shallowsight.study.data import Data
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import Resolved, SourceFacts


def upload(folder: Path, objects: Objects) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            objects.put_file(path.relative_to(folder).as_posix(), path)


def data_in(url: str) -> Data:
    return Data(pretrain=(), finetune=(f"{url}/train.json",), test=(f"{url}/test.json",), images=f"{url}/images")


def experiment_in(url: str, small: Callable[..., Experiment]) -> Experiment:
    return small().model_copy(update={"data": data_in(url)})


def facts(url: str) -> SourceFacts:
    return source_facts(f"{url}/train.json", data_in(url))


def prepared_from(experiment: Experiment, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    out.mkdir()
    prepare(experiment, out, tmp_path / "work", tmp_path / "verdicts", None, lambda *_: None)
    return out


def flip(objects: Objects, key: str) -> None:
    """Other content of the same size."""
    data = bytearray(objects.get_bytes(key) or b"")
    data[-1] ^= 1
    objects.put_bytes(key, bytes(data))


def resolved_in(url: str) -> Resolved:
    data = {"pretrain": "[]", "finetune": f"{url}/train.json", "test": f"{url}/test.json", "images": f"{url}/images"}
    words = [f"data.{key}={value}" for key, value in data.items()]
    return resolve_study("quick", [*words, "benchmarks=own", "settings=4", "data.max_bad_share=0.5"])


def rows(prepared: Prepared, **names: str) -> bytes:
    """train.json with other names for some pictures."""
    records = json.loads((prepared.files / "train.json").read_text(encoding="utf-8"))
    for record in records:
        if record["id"] in names:
            record["image"] = names[record["id"]]
    return json.dumps(records).encode()
