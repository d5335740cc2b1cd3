"""Check before training that prepared records and questions are not too long for the language model."""

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from shallowsight.data.conversation import TEMPLATES, Template, answer_length, encode_record, prompt_ids
from shallowsight.data.examples import shorten
from shallowsight.data.plain_text import Tokenizer
from shallowsight.data.prepare import QUESTIONS
from shallowsight.data.questions import EARLIER_TURNS
from shallowsight.data.records import Record, read_jsonl
from shallowsight.data.shortened import Shortened, require_few
from shallowsight.errors import DataRefused
from shallowsight.study.benchmarks import find_benchmark
from shallowsight.study.experiment import Experiment
from shallowsight.study.stages import STAGES

log = logging.getLogger(__name__)


def require_lengths(experiment: Experiment, image_tokens: int, folder: Path) -> None:
    """Raises DataRefused when too many records or questions in a prepared folder do not fit `language.max_length`."""
    from transformers import AutoTokenizer

    tokenizer: Tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
    limit, allowed = experiment.language.max_length, experiment.data.max_bad_share
    for name in STAGES:
        stage = experiment.stage(name)
        if stage.updates == 0:  # the stage is skipped
            continue
        records = read_jsonl(folder / f"{name}.jsonl")
        _require(f"{name} records", _fates(records, TEMPLATES[stage.template], tokenizer, image_tokens, limit), allowed)
    found, template = Shortened(limit), TEMPLATES[experiment.finetune.template]
    asked = asked_questions(experiment.own_benchmarks, folder)
    fit = Counter(q["kind"] for q in asked if add_question(found, q, template, tokenizer, image_tokens))
    _require("test questions", found, allowed)
    for benchmark in map(find_benchmark, experiment.own_benchmarks):
        kind = benchmark.question_kind
        require_fitting(benchmark.name, fit.total() if kind is None else fit[kind], limit)


def asked_questions(benchmarks: Iterable[str], folder: Path) -> Iterator[Record]:
    """The questions of a prepared folder that one of the benchmarks asks, each once."""
    kinds = {find_benchmark(name).question_kind for name in benchmarks}
    return (question for question in read_jsonl(folder / QUESTIONS) if None in kinds or question["kind"] in kinds)


def require_fitting(benchmark: str, fitting: int, limit: int) -> None:
    """Raises DataRefused for a benchmark without a question that fits."""
    if not fitting:
        raise DataRefused(
            f"benchmark {benchmark!r}: none of its questions fits language.max_length={limit} tokens; raise this "
            "limit, shorten the questions, or ask them without the turns before them (data.turns=alone)"
        )


def add_question(
    found: Shortened, question: Record, template: Template, tokenizer: Tokenizer, image_tokens: int
) -> bool:
    """Whether a question, the turns before it and its answer fit; if not, the question counts as left out."""
    pictured = image_tokens if question["image"] else 0
    prompt = prompt_ids(question["question"], template, tokenizer, pictured, question[EARLIER_TURNS])
    length = len(prompt) + answer_length(question["answer"], template, tokenizer)
    found.add(question["id"], length, length <= found.limit)
    return length <= found.limit


def _fates(
    records: Iterable[Record], template: Template, tokenizer: Tokenizer, image_tokens: int, limit: int
) -> Shortened:
    found = Shortened(limit)
    for record in records:
        length, seen = shorten(encode_record(record, template, tokenizer, image_tokens=1), image_tokens, limit)
        found.add(seen.id, length, seen.supervised)
    return found


def _require(what: str, found: Shortened, allowed: float) -> None:
    require_few(what, found, allowed)
    if found.share:
        log.warning("%s: %s", what, found)
