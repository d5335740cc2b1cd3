"""The numbers of a public benchmark: lmms-eval's own, and ours where lmms-eval's are faulty or too narrow."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from shallowsight.evaluate.matching import yes_no
from shallowsight.evaluate.matching.texts import bare, without_it_is, without_lead
from shallowsight.evaluate.public.outcome import Outcome
from shallowsight.evaluate.public.reading import Sample, prediction
from shallowsight.study.public_benchmarks import PublicBenchmark

_COGNITION = ("commonsense_reasoning", "numerical_calculation", "text_translation", "code_reasoning")


def official_numbers(benchmark: PublicBenchmark, result: Mapping[str, Any]) -> dict[str, float]:
    """lmms-eval's numbers as it gives them; `result` is its `results[task]`. None where only a judge can score."""
    if benchmark.needs_judge:
        return {}
    given = {key.removesuffix(",none"): value for key, value in result.items() if key.endswith(",none")}
    numbers = {name: float(v) for name, v in given.items() if _is_number(v) and not name.endswith("_stderr")}
    return {name: numbers[name] for name in benchmark.official or numbers if name in numbers}


def our_numbers(
    benchmark: PublicBenchmark, samples: Sequence[Sample], found: Sequence[Outcome]
) -> dict[str, float | None]:
    """Numbers that lmms-eval gives otherwise or not at all; None: a part of the benchmark was not asked."""
    match benchmark.ours:
        case "pairs":
            return _mme(samples, found)
        case "yes_no":
            return _yes_no(samples)
        case "share":
            return {"points": float(sum(o.score or 0 for o in found)), "accuracy": fmean(o.score or 0 for o in found)}
        case "sources":
            return _sources(samples, found)
    return {}


def _yes_no(samples: Sequence[Sample]) -> dict[str, float | None]:
    """POPE's five numbers, with `Yes.` read as yes, and the share of yes among the model's answers."""
    said = [yes_no.said(without_it_is(bare(without_lead(bare(prediction(sample)))))) for sample in samples]
    true = [str(sample["doc"]["answer"]).strip().lower() for sample in samples]
    pairs = list(zip(said, true, strict=True))
    hits = sum(pair == ("yes", "yes") for pair in pairs)
    claimed, there = said.count("yes"), true.count("yes")
    precision, recall = _share(hits, claimed), _share(hits, there)
    return {
        "accuracy": fmean(float(s == t) for s, t in pairs),
        "precision": precision,
        "recall": recall,
        "f1": _share(2 * precision * recall, precision + recall),
        "yes_ratio": _share(claimed, len(said)),
        "neither": _share(said.count(None), len(said)),
    }


def _mme(samples: Sequence[Sample], found: Sequence[Outcome]) -> dict[str, float | None]:
    """For each category 100 times accuracy plus accuracy of pairs, added up; pairs that are not whole are left out."""
    pairs: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample, outcome in zip(samples, found, strict=True):
        pairs[sample["doc"]["category"]][str(sample["doc"]["question_id"])].append(outcome.score or 0.0)
    points: dict[bool, list[float]] = {False: [], True: []}
    for category, by_picture in pairs.items():
        whole = [scores for scores in by_picture.values() if len(scores) == 2]
        if whole:
            each = [100 * fmean(scores) + 100 * (sum(scores) == 2) for scores in whole]
            points[category in _COGNITION].append(fmean(each))
    names = {False: "perception", True: "cognition"}
    return {names[key]: sum(found) for key, found in points.items() if found}


def _sources(samples: Sequence[Sample], found: Sequence[Outcome]) -> dict[str, float | None]:
    """CV-Bench as its authors define it (Cambrian-1, arXiv 2406.16860): both halves and both 2D sources weigh alike."""
    by_source: dict[str, list[float]] = defaultdict(list)
    for sample, outcome in zip(samples, found, strict=True):
        by_source[str(sample["doc"]["source"])].append(outcome.score or 0.0)
    known = {source: fmean(scores) for source, scores in by_source.items()}
    flat = fmean((known["ADE20K"], known["COCO"])) if {"ADE20K", "COCO"} <= known.keys() else None
    deep = known.get("Omni3D")
    return {"2d": flat, "3d": deep, "combined": None if flat is None or deep is None else (flat + deep) / 2}


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
