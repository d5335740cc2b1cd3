"""Cells: the output of one step, of one experiment or shared by several, named by a digest of what it was made from."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from shallowsight.store.digest import code_digest, digest_of, versions_of
from shallowsight.study.early_stop import usual_choice
from shallowsight.study.public_benchmarks import find_public
from shallowsight.study.resolved import Resolved, SetFacts
from shallowsight.study.settings import Setting
from shallowsight.study.stages import StageName

# The modules that do a step's work, and the packages whose version can change its output.
_CODE = {
    "prepare": (
        ("shallowsight.data.prepare", "shallowsight.model.language.given_tokenizer"),
        ("pillow", "numpy", "tokenizers", "transformers", "great-expectations", "pandas"),
    ),
    "analyze": (("shallowsight.analysis.analyze",), ("torch", "transformers", "numpy", "pillow")),
    "probe": (("shallowsight.analysis.probes.probing",), ("torch", "transformers", "numpy", "pillow")),
    "encode": (("shallowsight.model.encode",), ("torch", "transformers", "numpy", "pillow")),
    "pretrain": (("shallowsight.train.stage",), ("torch", "transformers", "deepspeed", "numpy", "pillow")),
    "finetune": (("shallowsight.train.stage",), ("torch", "transformers", "deepspeed", "peft", "numpy", "pillow")),
    # lmms-eval imports the last two modules by name, so that following the import statements does not find them.
    "evaluate": (
        ("shallowsight.evaluate.harness", "shallowsight.evaluate.adapter", "shallowsight.evaluate.local_task"),
        ("torch", "transformers", "lmms-eval", "numpy", "pillow"),
    ),
    "screen": (
        ("shallowsight.evaluate.screening", "shallowsight.evaluate.adapter", "shallowsight.evaluate.local_task"),
        ("torch", "transformers", "lmms-eval", "numpy", "pillow", "scipy"),
    ),
    "judge": (("shallowsight.evaluate.judging",), ()),
}


class Cell(BaseModel):
    """The key of one step's output. `parents` are the digests of the cells whose outputs this cell reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    digest: str
    setting: str | None = None
    seed: int | None = None
    parents: tuple[str, ...] = ()

    @classmethod
    def make(
        cls,
        step: str,
        inputs: Mapping[str, Any],
        parents: Sequence["Cell"] = (),
        setting: str | None = None,
        seed: int | None = None,
    ) -> Self:
        modules, packages = _CODE[step]
        found = tuple(parent.digest for parent in parents)
        whole = {
            "step": step,
            "inputs": dict(inputs),
            "parents": found,
            "code": [code_digest(module) for module in modules],
            "packages": versions_of(*packages),
        }
        return cls(step=step, digest=digest_of(whole), setting=setting, seed=seed, parents=found)

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages whose version is part of the digest."""
        return _CODE[self.step][1]

    def __str__(self) -> str:
        what = [
            self.step,
            *([self.setting] if self.setting else []),
            *([f"seed {self.seed}"] if self.seed is not None else []),
        ]
        return " ".join(what)


def prepare_cell(resolved: Resolved) -> Cell:
    """Records, pictures, questions and tokenizer of a study."""
    data = resolved.base.data
    inputs = {
        # The tolerances decide which records pass the gate; the sources' digests cover everything else of `data`.
        "tolerances": data.model_dump(
            mode="json", include={"max_bad_share", "max_leaked_images", "refuse_conversions", "decode"}
        ),
        "sources": {
            use: [resolved.sources[s].digest for s in getattr(data, use)] for use in ("pretrain", "finetune", "test")
        },
        "held_out": data.held_out,
        "turns": data.turns,
        "language": resolved.language_digest,
        "vocabulary": resolved.base.language.vocabulary,
    }
    return Cell.make("prepare", inputs)


def analyze_cell(resolved: Resolved) -> Cell:
    """Similarity and groups of the tower's layers."""
    base = resolved.base
    inputs = {
        "tower": resolved.tower.digest,
        "image_size": base.vision.image_size,
        "prefix_tokens": base.vision.prefix_tokens,
        "patch": base.vision.patch,
        "picture": base.finetune.picture,
    }
    return Cell.make("analyze", inputs, [prepare_cell(resolved)])


def encode_cell(resolved: Resolved, layer: int) -> Cell:
    """The features of one layer, for all pictures of the study."""
    inputs = {**_encoding(resolved), "layer": layer}
    return Cell.make("encode", inputs, [prepare_cell(resolved)], setting=f"layer {layer}")


def pictures_digest(resolved: Resolved) -> str:
    """Equal digests mean equal features of equal pictures."""
    return Cell.make("encode", _encoding(resolved)).digest


def _encoding(resolved: Resolved) -> dict[str, Any]:
    return {
        "tower": resolved.tower.digest,
        "vision": resolved.base.vision.model_dump(mode="json", exclude={"tower", "revision", "layers"}),
        "picture": resolved.base.finetune.picture,
    }


def probe_cell(resolved: Resolved) -> Cell:
    """How well each layer alone answers the questions of the benchmarks, without a language model."""
    base = resolved.base
    inputs = {
        "tower": resolved.tower.digest,
        "vision": base.vision.model_dump(mode="json", exclude={"tower", "revision", "layers"}),
        "picture": base.finetune.picture,
        "benchmarks": list(base.own_benchmarks),
    }
    layers = range(1, resolved.tower.depth + 1) if resolved.cache_features else ()
    return Cell.make("probe", inputs, [prepare_cell(resolved), *(encode_cell(resolved, layer) for layer in layers)])


def feature_cells(resolved: Resolved, setting: Setting) -> tuple[Cell, ...] | None:
    """The cached features that a setting reads, one cell for each layer; None where features are not cached."""
    return tuple(encode_cell(resolved, layer) for layer in setting.layers.read) if resolved.cache_features else None


def stage_cell(resolved: Resolved, setting: Setting, seed: int, stage: StageName, part: int | None = None) -> Cell:
    """A finetune cell has the pretrain cell of the same experiment as its last parent.

    A finetuning that went on from a shorter part of itself has the digest of one that did not: both give the same
    bytes. `part` is as in Study.at.
    """
    experiment = resolved.study.at(setting, seed, part)
    parents = [prepare_cell(resolved), *(feature_cells(resolved, setting) or ())]
    if stage == "finetune":
        parents.append(stage_cell(resolved, setting, seed, "pretrain"))
    inputs = experiment.model_dump(mode="json", include={"fusion", "connector", "seed", stage})
    inputs["vision"] = experiment.vision.model_dump(mode="json", exclude={"tower", "revision"})
    inputs["language"] = experiment.language.model_dump(mode="json", exclude={"model", "revision"})
    inputs["weights"] = [resolved.tower.digest, resolved.language_digest]
    return Cell.make(stage, inputs, parents, str(setting), seed)


def evaluate_cell(resolved: Resolved, setting: Setting, seed: int, part: int | None = None) -> Cell:
    """Answers and scores of one setting and seed; `part` is as in Study.at."""
    parents = _answered(resolved, setting, seed, part)
    return Cell.make("evaluate", _questions(resolved), parents, str(setting), seed)


def screen_cell(resolved: Resolved, setting: Setting, seed: int) -> Cell:
    """Whether the evaluation of one setting and seed ends early, as it loses against the usual choice."""
    usual = evaluate_cell(resolved, usual_choice(resolved.tower.depth), seed)
    parents = [*_answered(resolved, setting, seed, None), usual]
    return Cell.make("screen", _questions(resolved), parents, str(setting), seed)


def judge_cell(resolved: Resolved, setting: Setting, seed: int, part: int | None = None) -> Cell:
    """The same with what a judge decided. Where the judge is, and how fast it is asked, change no decision."""
    inputs = resolved.base.judge.model_dump(mode="json", exclude={"ask", "url", "requests_per_minute"})
    return Cell.make("judge", inputs, [evaluate_cell(resolved, setting, seed, part)], str(setting), seed)


def scores_cell(resolved: Resolved, setting: Setting, seed: int, part: int | None = None) -> Cell:
    """The cell that has the final scores of one setting and seed."""
    cell = judge_cell if resolved.base.judge.ask else evaluate_cell
    return cell(resolved, setting, seed, part)


def _answered(resolved: Resolved, setting: Setting, seed: int, part: int | None) -> list[Cell]:
    """What the answers of one setting and seed are made from."""
    trained = stage_cell(resolved, setting, seed, "finetune", part)
    return [prepare_cell(resolved), *(feature_cells(resolved, setting) or ()), trained]


def _questions(resolved: Resolved) -> dict[str, Any]:
    inputs: dict[str, Any] = {"benchmarks": list(resolved.base.benchmarks)}
    if resolved.public:
        inputs["public"] = {name: _public(name, facts) for name, facts in resolved.public.items()}
        inputs["benchmark_rows"] = resolved.base.data.benchmark_rows
    return inputs


def _public(name: str, facts: SetFacts) -> list[Any]:
    """A set, and how it is read: its data file is no code, so that the code's digest does not cover it."""
    benchmark = find_public(name)
    return [facts.digest, facts.not_run, facts.unscored, benchmark.model_dump(mode="json") if benchmark else None]
