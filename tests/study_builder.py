"""Build a synthetic study folder with the layout of a real one."""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

CHANCE = {"category": 0.25, "count": 0.2, "position": 0.11, "colour": 0.17, "ocr": 0.1, "hallucination": 0.5}
# Plausible shapes per layer: rising then falling.
CURVES: dict[str, dict[int, float]] = {
    "category": {2: 0.43, 4: 0.57, 7: 0.65, 9: 0.645, 11: 0.62, 12: 0.53},
    "count": {2: 0.39, 4: 0.44, 7: 0.51, 9: 0.62, 11: 0.45, 12: 0.37},
    "position": {2: 0.88, 4: 0.95, 7: 0.98, 9: 0.98, 11: 0.95, 12: 0.72},
    "colour": {2: 0.93, 4: 0.94, 7: 0.95, 9: 0.92, 11: 0.77, 12: 0.55},
    "ocr": {2: 0.90, 4: 0.96, 7: 0.95, 9: 0.91, 11: 0.76, 12: 0.40},
    "hallucination": {2: 0.66, 4: 0.72, 7: 0.77, 9: 0.78, 11: 0.76, 12: 0.70},
}
BENCHMARKS = {"hallucination": "own:hallucination"}  # of a category; the others are `scenes_` and the category
LEVEL = (0.1, 0.8, 0.95, 0.97, 0.97)  # right answers to held-out questions after each quarter of a training
FEW = {  # a planted winner (layer 7), a null
    "count": {2: 0.45, 7: 0.75, 11: 0.50, 12: 0.40},
    "colour": {2: 0.60, 7: 0.60, 11: 0.60, 12: 0.60},
}
ROLES = {2: ["shallow representative"], 7: ["middle representative"], 11: ["deep representative", "penultimate"]}


@dataclass
class Builder:
    """What to plant; `write` makes the folder."""

    curves: dict[str, dict[int, float]] = field(default_factory=lambda: CURVES)
    fusion_gain: float | None = 0.0  # over the best layer; None for no fusion
    seeds: tuple[int, ...] = (0, 1, 2)
    seed_sd: float = 0.008
    n: int = 300
    questions_per_image: int = 1
    # setting, layers, fusion, connector and image tokens of members beside those of the curves
    more: tuple[tuple[str, list[int], str, str | None, int | None], ...] = ()
    analysis: bool = True
    failed: dict[tuple[str, int], str] = field(default_factory=dict)  # (setting, seed) -> step that failed
    unfinished: set[tuple[str, int]] = field(default_factory=set)
    evaluated: bool = True
    prediction: str | None = None
    held_out: dict[str, tuple[float, ...] | None] = field(default_factory=dict)  # setting -> other than LEVEL; None: no
    probes: str | None = None  # the content of probes.json
    salt: str = ""  # of the cells' digests: another one makes a study of other trainings
    pictures: str = "scene"  # how their names begin
    shortened: dict[str, dict[str, Any]] = field(default_factory=dict)  # step -> what its cells say of long texts
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def write(self, folder: Path) -> Path:
        """Write the study and return its folder."""
        self.folder = folder
        folder.mkdir(parents=True)
        self.ledger: list[dict[str, Any]] = []
        layers = sorted({i for curve in self.curves.values() for i in curve})
        last = max(layers)
        tokens = 36 if self.more else None
        settings: list[tuple[str, list[int], str, str | None, int | None]]
        settings = [(str(i), [i], "single", None, tokens) for i in layers]
        if self.fusion_gain is not None:
            settings.append(("2,7,11:concat", [2, 7, 11], "concat", None, tokens))
        settings += self.more
        prepare = self.cell("prepare", None, None, 41.0, {"data.json": self.data()})
        encode = {str(i): self.cell("encode", str(i), None, 21.0 + i, {}) for i in layers}
        analysis = (
            self.cell("analyze", None, None, 33.0, {"analysis.json": self.similarity()}) if self.analysis else None
        )
        difficulty = {c: self.rng.normal(size=self.n) for c in self.curves}
        members = []
        for setting, numbers, fusion, connector, image_tokens in settings:
            roles = [*ROLES.get(numbers[0], []), *(["last"] if numbers == [last] else [])]
            experiments = [self.experiment(setting, numbers, fusion, seed, difficulty) for seed in self.seeds]
            members.append(
                {
                    "setting": setting,
                    "layers": numbers,
                    "fusion": fusion,
                    "connector": connector,
                    "image_tokens": image_tokens,
                    "roles": [] if connector else roles if fusion == "single" else ["group fusion"],
                    "experiments": experiments,
                }
            )
        probed = self.cell("probe", None, None, 50.0, {"probes.json": self.probes}) if self.probes else None
        plan = {
            "members": members,
            "analysis": analysis,
            "probes": probed,
            "shared": {"prepare": prepare, "encode": encode},
        }
        study = {
            "name": "demo",
            "seeds": list(self.seeds),
            "settings": ["groups"],
            "base": {
                "vision": {"tower": "dinov2-small", "features": "patch"},
                "language": {"model": "scratch"},
                "data": {"finetune": ["scenes"], "test": ["scenes"]},
                "pretrain": {"updates": 100},
                "finetune": {"updates": 350},
            },
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        (folder / "study.json").write_text(json.dumps({"study": study}))
        (folder / "ledger.jsonl").write_text("".join(json.dumps(e) + "\n" for e in self.ledger))
        return folder

    def experiment(
        self, setting: str, layers: list[int], fusion: str, seed: int, difficulty: dict[str, Any]
    ) -> dict[str, Any]:
        cells = {}
        stop = self.failed.get((setting, seed))
        for step, seconds in (("pretrain", 6.5), ("finetune", 19.0), ("evaluate", 5.2)):
            outputs = self.evaluation(setting, layers, fusion, seed, difficulty) if step == "evaluate" else {}
            if step == "finetune" and (right := self.held_out.get(setting, LEVEL)) is not None:
                outputs = {"learning.json": self.learning(right)}
            if step in self.shortened:
                outputs |= {"shortened.json": json.dumps(self.shortened[step])}
            cells[step] = self.digest_of(step, setting, seed)
            if stop == step:
                self.event("failed", cells[step], step, setting, seed, error=f"RuntimeError: loss is nan in {step}")
                cells |= {s: self.digest_of(s, setting, seed) for s in ("finetune", "evaluate")}
                break
            if step == "evaluate" and (not self.evaluated or (setting, seed) in self.unfinished):
                self.event("started", cells[step], step, setting, seed)
                break
            self.cell(step, setting, seed, seconds * (1 + 0.1 * self.rng.random()), outputs)
        return {"seed": seed, "cells": cells}

    def learning(self, right: tuple[float, ...]) -> str:
        points = [
            {
                "update": int(100 * share),
                "share": share,
                "kinds": {c: {"questions": 40, "loss": 3 * (1 - exact), "exact": exact} for c in self.curves},
            }
            for share, exact in zip((0.0, 0.25, 0.5, 0.75, 1.0), right, strict=True)
        ]
        return json.dumps({"points": points, "left_out": 0})

    def evaluation(
        self, setting: str, layers: list[int], fusion: str, seed: int, difficulty: dict[str, Any]
    ) -> dict[str, str]:
        rows, benchmarks = [], []
        for category, curve in self.curves.items():
            wanted = curve[layers[0]] if fusion == "single" else max(curve.values()) + (self.fusion_gain or 0)
            wanted = float(np.clip(wanted + self.seed_sd * self.rng.normal(), 0.005, 0.995))
            latent = 0.8 * difficulty[category] + 0.6 * self.rng.normal(size=self.n)
            right = latent < NormalDist().inv_cdf(wanted)
            for i, ok in enumerate(right):
                target = str(i % 5 + 1)
                wrong = self.prediction or str((i + 2) % 5 + 1)
                rows.append(
                    {
                        "benchmark": BENCHMARKS.get(category, f"scenes_{category}"),
                        "category": category,
                        "id": f"{i:04}",
                        "image_id": f"{self.pictures}-{i // self.questions_per_image:04}",
                        "question": f"What is the {category} in this picture?",
                        "prediction": target if ok else wrong,
                        "target": target,
                        "correct": int(ok),
                    }
                )
            value = float(right.mean())
            benchmarks.append(
                {
                    "name": BENCHMARKS.get(category, f"scenes_{category}"),
                    "category": category,
                    "metric": "accuracy",
                    "value": value,
                    "n": self.n,
                    "standard_error": (value * (1 - value) / self.n) ** 0.5,
                    "chance": CHANCE.get(category, 0.25),
                }
            )
        scores = {"setting": setting, "layers": layers, "fusion": fusion, "connector": "mlp", "seed": seed}
        return {
            "scores.json": json.dumps(scores | {"benchmarks": benchmarks}),
            "samples.jsonl": "".join(json.dumps(r) + "\n" for r in rows),
        }

    def cell(self, step: str, setting: str | None, seed: int | None, seconds: float, outputs: dict[str, str]) -> str:
        digest = self.digest_of(step, setting, seed)
        folder = self.folder / "cells" / digest
        folder.mkdir(parents=True)
        for name, text in outputs.items():
            (folder / name).write_text(text)
        content = {
            "digest": digest,
            "step": step,
            "setting": setting,
            "seed": seed,
            "seconds": seconds,
            "outputs": {
                n: {"sha256": hashlib.sha256(t.encode()).hexdigest(), "size": len(t.encode())}
                for n, t in outputs.items()
            },
            "machine": {"cpus": 2, "python": "3.11.7"},
        }
        (folder / "cell.json").write_text(json.dumps(content))
        self.event("done", digest, step, setting, seed, seconds)
        return digest

    def digest_of(self, step: str, setting: str | None, seed: int | None) -> str:
        """A digest as the study would make one."""
        return digest_of(step, setting, seed, self.salt)

    def event(
        self,
        event: str,
        cell: str,
        step: str,
        setting: str | None,
        seed: int | None,
        seconds: float = 0,
        error: str = "",
    ) -> None:
        self.ledger.append(
            {
                "time": "2026-01-01T00:00:00Z",
                "event": event,
                "cell": cell,
                "step": step,
                "setting": setting,
                "seed": seed,
                "seconds": seconds,
                "error": error,
            }
        )

    def data(self) -> str:
        return json.dumps({"train_rows": 3000, "test_rows": 300, "images": 3300, "quarantined": 4})

    def similarity(self) -> str:
        at = np.arange(1, 13)
        block = np.digitize(at, [4, 10])
        apart = np.abs(at[:, None] - at[None, :])
        same = block[:, None] == block[None, :]
        cosine = np.clip(0.86**apart - 0.16 * ~same, 0, 1)
        cka = np.clip(0.97**apart - 0.10 * ~same * (apart > 0), 0, 1)
        return json.dumps(
            {
                "tower": "dinov2-small",
                "layers": at.tolist(),
                "images": 500,
                "cosine": cosine.round(4).tolist(),
                "cka": cka.round(4).tolist(),
                "groups": [
                    {"name": "shallow", "layers": [1, 2, 3], "representative": 2},
                    {"name": "middle", "layers": [4, 5, 6, 7, 8, 9], "representative": 7},
                    {"name": "deep", "layers": [10, 11, 12], "representative": 11},
                ],
                "boundaries": [{"after": 3, "stability": 0.97}, {"after": 9, "stability": 0.91}],
            }
        )


def digest_of(step: str, setting: str | None, seed: int | None, salt: str = "") -> str:
    """That of a cell of a study without another salt."""
    return hashlib.sha256(f"{salt}{step}/{setting}/{seed}".encode()).hexdigest()
