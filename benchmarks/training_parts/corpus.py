"""A scale model of the paper's finetuning: the mixture's make-up, a tower and a language model of an eighth the width.

The mixture's counts are LLaVA-1.5's (665K). Its text lengths are not published: those here are assumed, chosen so that
random batches waste about as much on padding as is reported of such mixtures (near half). Everything is a quarter as
long as in the paper: 144 image tokens for 576, rows of 512 tokens for 2,048.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel

from shallowsight.data.prepare import prepare
from shallowsight.model.tower.facts import describe
from shallowsight.study.experiment import Experiment
from shallowsight.study.resolved import TowerFacts

SIDE, PATCH, DEPTH, LAYER = 168, 14, 8, 6  # the paper's layer 18 of 24
WORDS = 800
# Part of the mixture -> (share of 665,298 rows, turns, median words of an answer, sigma of their logarithm, a picture).
MIXTURE = {
    "llava": (157_712, 3, 18.0, 0.9, True),
    "text": (40_688, 3, 45.0, 0.7, False),
    "vqav2": (82_783, 4, 1.2, 0.3, True),
    "gqa": (72_140, 5, 1.2, 0.3, True),
    "okvqa": (75_158, 2, 1.5, 0.4, True),
    "ocrvqa": (80_000, 3, 3.0, 0.6, True),
    "textcaps": (21_953, 1, 3.5, 0.4, True),
    "refcoco": (48_447, 4, 3.0, 0.5, True),
    "vg": (86_417, 4, 3.0, 0.5, True),
}


def make_corpus(folder: Path, rows: int, seed: int) -> None:
    """LLaVA JSON files with pictures: `train.json`, `test.json`, `images/`."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    words = ["".join(random.choice(list("abcdefghijklmnopqrstuvwxyz"), 5)) for _ in range(WORDS)]
    kinds, shares = list(MIXTURE), np.array([part[0] for part in MIXTURE.values()], dtype=float)
    for name, count in (("train", rows), ("test", 8)):
        records = []
        for number in range(count):
            kind = kinds[random.choice(len(kinds), p=shares / shares.sum())]
            _, turns, median, sigma, picture = MIXTURE[kind]
            talk = []
            for turn in range(turns):
                question = " ".join(random.choice(words, 7))
                answer = " ".join(random.choice(words, max(1, round(float(random.lognormal(np.log(median), sigma))))))
                first = "<image>\n" if picture and turn == 0 else ""
                talk += [{"from": "human", "value": first + question}, {"from": "gpt", "value": answer}]
            record = {"id": f"{name}-{number}", "conversations": talk}
            if picture:
                record["image"] = f"{name}-{number}.jpg"
                pixels = random.integers(0, 256, (240, 320, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / "images" / record["image"])
            records.append(record)
        (folder / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")


def make_tower(folder: Path) -> TowerFacts:
    torch.manual_seed(0)
    shape = CLIPVisionConfig(
        hidden_size=128, intermediate_size=512, num_hidden_layers=DEPTH, num_attention_heads=4, image_size=SIDE,
        patch_size=PATCH,
    )  # fmt: skip
    CLIPVisionModel(shape).save_pretrained(folder)
    CLIPImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return describe(str(folder))


def make_experiment(folder: Path, updates: int, batch: int) -> Experiment:
    stage = {"learning_rate": 1e-3, "global_batch": batch, "updates": updates, "warmup": 0.1, "zero": 0}
    return Experiment.model_validate(
        {
            "name": "benchmark",
            "vision": {
                "tower": str(folder / "tower"), "layers": str(LAYER), "image_size": SIDE, "pool": 1, "normalize": False,
            },
            "connector": {"kind": "mlp2x_gelu"},
            "language": {"width": 256, "depth": 4, "heads": 4, "vocabulary": 1024, "max_length": 512},
            "data": {
                "finetune": [str(folder / "train.json")], "pretrain": [], "test": [str(folder / "test.json")],
                "images": str(folder / "images"),
            },
            "pretrain": stage, "finetune": stage, "benchmarks": ["own"],
        }
    )  # fmt: skip


def make_data(experiment: Experiment, folder: Path) -> None:
    """The real data step."""
    (folder / "data").mkdir()
    prepare(experiment, folder / "data", folder / "work", folder / "verdicts", None, lambda *_: None)
