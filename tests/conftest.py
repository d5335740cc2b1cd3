"""One quick study for all end-to-end tests, run as a user would."""

import gc
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from own_linear import restore_linear
from PIL import Image, ImageDraw
from study_runs import QUICK, Ended, copy_with, shallowsight

pytest_plugins = ["tiny", "tiny_training"]


def pytest_collection_finish() -> None:
    """What all modules of the tests have made lives as long as the process: Python need not look through it again."""
    gc.collect()
    gc.freeze()


# A shell starts what runs in its background deaf to Ctrl-C, and that is inherited: here it is heard again, by the
# commands that tests start too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_linear() -> Iterator[None]:
    yield
    restore_linear()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """torch computes in one thread: what is so small takes longer in several."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


Once = Callable[..., tuple[Path, Ended]]


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Once:
    """Run a study once for all workers of pytest-xdist: the study folder, which no test changes, and how it ended.

    `begun` is another study and the names of its cells that are there from the beginning.
    """
    own = tmp_path_factory.getbasetemp()

    def run(name: str, *words: str, begun: tuple[Path, tuple[str, ...]] | None = None) -> tuple[Path, Ended]:
        folder = (own if worker_id == "master" else own.parent) / f"study {name}"
        study, how = folder / "study", folder / "ended.json"
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "lock"):
            if not how.exists():
                if begun is not None:
                    copy_with(begun[0], study, *begun[1])
                how.write_text(json.dumps(asdict(shallowsight("study", *words, "--out", str(study)))))
        return study, Ended(**json.loads(how.read_text()))

    return run


@pytest.fixture(scope="session")
def finished(once: Once) -> tuple[Path, Ended]:
    return once("quick", *QUICK)


@pytest.fixture(scope="session")
def quick(finished: tuple[Path, Ended]) -> Path:
    study, ended = finished
    assert ended.status == 0, ended.all
    return study


@pytest.fixture(scope="session")
def own_study(once: Once, own_data: Path) -> Path:
    """Of `own_data`."""
    study, ended = once("own", str(own_data / "mine.yaml"))
    assert ended.status == 0, ended.all
    return study


COLOURS = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}


@pytest.fixture(scope="session")
def own_data(tmp_path_factory: pytest.TempPathFactory, towers: dict[str, Path]) -> Path:
    """A user's folder: a tower, pictures in a subfolder, two LLaVA files, and a study file that names them."""
    folder = tmp_path_factory.mktemp("own data")
    shutil.copytree(towers["clip"], folder / "tower")
    (folder / "pictures" / "a").mkdir(parents=True)
    random = np.random.default_rng(0)
    records = []
    for number in range(60):
        colour, shape = list(COLOURS)[number % 3], ("square", "disc")[number % 2]
        noise = random.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        picture = Image.fromarray((noise // 3 + 60).astype(np.uint8))
        x, y = (int(v) for v in random.integers(4, 30, 2))
        box = (x, y, x + 26, y + 26)
        pen = ImageDraw.Draw(picture)
        (pen.rectangle if shape == "square" else pen.ellipse)(box, fill=COLOURS[colour])
        name = f"a/{number}.{'jpg' if number % 5 == 0 else 'png'}"
        picture.save(folder / "pictures" / name)
        talk = [
            {"from": "human", "value": "<image>\nWhich colour?"},
            {"from": "gpt", "value": colour},
            {"from": "human", "value": "Which shape?"},
            {"from": "gpt", "value": shape},
        ]
        records.append({"id": f"n{number}", "image": name, "conversations": talk, "tasks": ["hue", "form"]})
    (folder / "train.json").write_text(json.dumps(records[:44]))
    (folder / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records[44:]))
    (folder / "mine.yaml").write_text(
        "base: quick\n"
        "set:\n"
        "  settings: '2'\n"
        "  data: {images: pictures, pretrain: [], finetune: train.json, test: test.jsonl}\n"
        "  benchmarks: own own:hue\n"
        "  vision: {tower: tower, image_size: 28}\n"
        "  pretrain.updates: 2\n"
        "  finetune.updates: 2\n"
    )
    return folder
