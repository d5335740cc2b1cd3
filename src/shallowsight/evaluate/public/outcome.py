"""The rows of samples.jsonl of a public benchmark: one for each question, with our score and lmms-eval's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from shallowsight.data.records import Record
from shallowsight.evaluate.matching.answers import is_correct
from shallowsight.evaluate.public.captions import caption_scores
from shallowsight.evaluate.public.reading import Sample, official_score, prediction
from shallowsight.evaluate.to_judge import JUDGED, ToJudge
from shallowsight.study.public_benchmarks import PublicBenchmark

LETTERS = "ABCDE"


@dataclass(frozen=True)
class Outcome:
    """The score of one answer from 0 to 1; None: no rule decides it."""

    score: float | None
    official: float | None
    asked: ToJudge | None = None


def outcomes(benchmark: PublicBenchmark, samples: Sequence[Sample]) -> list[Outcome]:
    """One for each sample.

    Raises:
        NotRunnable: the samples have no score that can be read.
    """
    if benchmark.scores_captions:
        return [Outcome(score, None) for score in caption_scores(samples)]
    return [_outcome(benchmark, sample) for sample in samples]


def rows_of(
    benchmark: PublicBenchmark, samples: Sequence[Sample], found: Sequence[Outcome], pictures: Mapping[int, str]
) -> list[Record]:
    """The rows of samples.jsonl; the rotations of one question are one row.

    `pictures` names the picture of each `doc_id`: questions with the same name are about the same picture.
    """
    if benchmark.ours == "rotations":
        return [_rotated(benchmark, group, pictures) for group in _rotations(samples, found)]
    return [_row(benchmark, sample, outcome, pictures) for sample, outcome in zip(samples, found, strict=True)]


def _outcome(benchmark: PublicBenchmark, sample: Sample) -> Outcome:
    official = official_score(benchmark, sample)
    doc, said = sample["doc"], prediction(sample)
    if options := _options(benchmark, doc):
        return _ruled(ToJudge(str(doc["question"]), said, str(doc["answer"]).strip().upper(), options), official)
    if benchmark.needs_judge:
        return _ruled(ToJudge(str(doc["question"]), said, str(doc["answer"])), official)
    if benchmark.ours in {"yes_no", "pairs"}:
        return Outcome(float(is_correct(said, str(doc["answer"]))), official)
    return Outcome(official, official)


def _ruled(asked: ToJudge, official: float | None) -> Outcome:
    decision = asked.question_of.by_rule()
    return Outcome(None if decision is None else asked.score(decision), official, asked)


def _options(benchmark: PublicBenchmark, doc: Mapping[str, Any]) -> dict[str, str]:
    """Letter -> text, of a benchmark whose answers we read as options."""
    if benchmark.ours == "option":
        return {letter: str(doc[column]) for letter, column in zip(LETTERS, benchmark.options, strict=False)}
    if benchmark.ours == "rotations":
        return {letter: str(doc[letter]) for letter in LETTERS if doc.get(letter) not in {None, "", "nan"}}
    return {}


def _row(benchmark: PublicBenchmark, sample: Sample, outcome: Outcome, pictures: Mapping[int, str]) -> Record:
    doc, number = sample["doc"], int(sample["doc_id"])
    subtask = _subtask(benchmark, doc)
    group = str(doc[benchmark.group_column]) if benchmark.group_column else None
    return {
        "benchmark": benchmark.name,
        "category": benchmark.category,
        "subtask": subtask,
        "groups": benchmark.groups_of(subtask, group),
        "id": str(number),
        "image_id": pictures.get(number, str(number)),
        "question": _question(sample),
        "prediction": prediction(sample),
        "target": str(sample["target"]),
        "correct": outcome.score or 0.0,
        **({} if outcome.score is not None else {"undecided": True, JUDGED: _to_judge([outcome])}),
        **({} if outcome.official is None else {"official": outcome.official}),
    }


def _rotations(samples: Sequence[Sample], found: Sequence[Outcome]) -> Iterable[list[tuple[Sample, Outcome]]]:
    """The rotations of each question, the question itself first; rotations without their question are left out."""
    groups: dict[int, list[tuple[Sample, Outcome]]] = {}
    for sample, outcome in zip(samples, found, strict=True):
        groups.setdefault(int(sample["doc"]["index"]) % 1_000_000, []).append((sample, outcome))
    for group in groups.values():
        group.sort(key=lambda each: int(each[0]["doc"]["index"]))
        if int(group[0][0]["doc"]["index"]) < 1_000_000:
            yield group


def _rotated(benchmark: PublicBenchmark, group: list[tuple[Sample, Outcome]], pictures: Mapping[int, str]) -> Record:
    """Wrong if one rotation is wrong; undecided if none is wrong and one is undecided."""
    scores = [outcome.score for _, outcome in group]
    whole = 0.0 if 0.0 in scores else None if None in scores else 1.0
    row = _row(benchmark, group[0][0], Outcome(whole, None), pictures)
    row |= {"prediction": " | ".join(prediction(sample) for sample, _ in group)}
    # A judge is asked about the rotations that no rule decides; the others are right.
    return row | {JUDGED: _to_judge([outcome for _, outcome in group])} if whole is None else row


def _to_judge(found: Sequence[Outcome]) -> list[dict[str, Any]]:
    return [asdict(outcome.asked) for outcome in found if outcome.score is None and outcome.asked is not None]


def _question(sample: Sample) -> str:
    """The prompt, which lmms-eval logs alone or as the first of a request's arguments."""
    first = sample["arguments"][0]
    return str(first if isinstance(first, str) else first[0])


def _subtask(benchmark: PublicBenchmark, doc: Mapping[str, Any]) -> str | None:
    if benchmark.subtask is None:
        return None
    value = str(doc[benchmark.subtask])
    return benchmark.subtask_names.get(value, value)
