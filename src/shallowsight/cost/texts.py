"""The number and the lengths of a stage's sequences: counted in files of this machine, assumed for published files."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from shallowsight.data.conversation import TEMPLATES, Template
from shallowsight.data.gate.rows import read_rows
from shallowsight.data.own_files import copy_of_records
from shallowsight.errors import ConfigurationError
from shallowsight.study.data import BUILT_IN_SOURCES, Data, in_bucket
from shallowsight.study.experiment import Experiment
from shallowsight.study.stages import StageName

_CHARACTERS = 4.0  # of one token in English; 3.7 with the demo's own tokenizer
_LONGEST = 0.99  # the quantile of the lengths that is taken as the longest sequence


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The records of one epoch; tokens are means, without image tokens."""

    pictured: float  # records with a picture
    bare: float  # records without a picture
    pictured_tokens: float = 0.0
    bare_tokens: float = 0.0
    supervised: float  # tokens with loss, mean over all records
    turns: float  # answers, mean over all records
    longest: float  # tokens of the longest record with a picture

    @property
    def records(self) -> float:
        return self.pictured + self.bare


@dataclass(frozen=True, slots=True)
class Talk:
    """Characters and turns of one record, or their means over records."""

    questions: float
    answers: float
    turns: float  # number of answers
    pictured: bool = True


# Means over the records of the demo.
_BUILT_IN = {"scenes": Talk(104, 23, 5), "scenes-captions": Talk(37, 70, 1), "easy-vqa": Talk(125, 14, 4)}

# Published: the number of records of both stages, and that 40,688 records of LLaVA's mixture are text only. Assumed:
# that the larger mixtures contain the same text records, and all lengths and turns.
_CAPTIONS = Texts(pictured=558_128, bare=0, pictured_tokens=30, supervised=28, turns=1, longest=60)


def _mixture(records: int) -> Texts:
    bare = 40_688
    return Texts(
        pictured=records - bare,
        bare=bare,
        pictured_tokens=250,
        bare_tokens=900,
        supervised=150,
        turns=5,
        longest=float("inf"),
    )


PUBLISHED = {
    "blip_laion_cc_sbu_558k.json": _CAPTIONS,
    "llava_v1_5_mix665k.json": _mixture(665_298),
    "cambrian_737k.jsonl": _mixture(737_000),
    "custom_1m.json": _mixture(1_000_000),
}


def stage_texts(experiment: Experiment, stage: StageName) -> Texts:
    """The texts of a stage; raises ConfigurationError for a file that is neither on this machine nor published."""
    data, template = experiment.data, TEMPLATES[experiment.stage(stage).template]
    names = data.finetune if stage == "finetune" else data.pretrain or data.finetune
    return _together([_source_texts(name, data, template) for name in names])


def questions(experiment: Experiment) -> float:
    """The number of questions in an evaluation; 0 for a published test set."""
    return sum(_questions(name, experiment.data) for name in experiment.data.test)


def _questions(name: str, data: Data) -> float:
    if name in BUILT_IN_SOURCES:
        return _BUILT_IN[name].turns * (data.easy_vqa_test if name == "easy-vqa" else data.scenes_test)
    path = _place(name)
    return sum(talk.turns for talk in _read(path).talks) if path.is_file() else 0.0


def _place(name: str) -> Path:
    """The path of a source. A published file in a bucket is not fetched, because a forecast must not need a network."""
    return copy_of_records(name) if in_bucket(name) and Path(name).name not in PUBLISHED else Path(name)


def images(experiment: Experiment) -> int:
    """The number of different pictures of all sources; for a published file, one for each record."""
    data, found = experiment.data, 0
    for name in {*data.pretrain, *data.finetune, *data.test}:
        if name in BUILT_IN_SOURCES:
            found += {"scenes": data.scenes_train + data.scenes_test, "scenes-captions": 0}.get(
                name, data.easy_vqa_train + data.easy_vqa_test
            )
        elif (path := _place(name)).is_file():
            found += _read(path).images
        elif Path(name).name in PUBLISHED:
            found += int(PUBLISHED[Path(name).name].pictured)
    return found


def _source_texts(name: str, data: Data, template: Template) -> Texts:
    if name in BUILT_IN_SOURCES:
        rows = data.easy_vqa_train if name == "easy-vqa" else data.scenes_train
        return _summary([_BUILT_IN[name]], template, times=rows)
    path = _place(name)
    if path.is_file():
        return _summary(_read(path).talks, template)
    if path.name not in PUBLISHED:
        raise ConfigurationError(
            f"no data source {name!r}; a forecast without the file is possible for {', '.join(PUBLISHED)}"
        )
    return PUBLISHED[path.name]


@dataclass(frozen=True)
class _File:
    talks: Sequence[Talk]
    images: int


@lru_cache(maxsize=16)
def _read(path: Path) -> _File:
    talks, names = [], set()
    for row in read_rows(path):
        talks.append(_talk(row.record))
        names.add(str(row.record.get("image") or ""))
    return _File(talks, len(names - {""}))


def _talk(record: dict[str, Any]) -> Talk:
    """The counts of one unchecked record; a part that cannot be read does not count."""
    turns = record.get("conversations")
    said = [str(t.get("value", "")) for t in turns if isinstance(t, dict)] if isinstance(turns, list) else []
    return Talk(sum(map(len, said[::2])), sum(map(len, said[1::2])), len(said) // 2, bool(record.get("image")))


def _summary(talks: Sequence[Talk], template: Template, times: int = 1) -> Texts:
    lengths: dict[bool, list[float]] = {True: [], False: []}
    for talk in talks:
        lengths[talk.pictured].append(tokens(talk, template))
    pictured = sorted(lengths[True])
    return Texts(
        pictured=times * len(pictured),
        bare=times * len(lengths[False]),
        pictured_tokens=statistics.fmean(pictured or [0.0]),
        bare_tokens=statistics.fmean(lengths[False] or [0.0]),
        supervised=statistics.fmean([talk.answers / _CHARACTERS + talk.turns for talk in talks] or [0.0]),
        turns=statistics.fmean([talk.turns for talk in talks] or [0.0]),
        longest=pictured[min(len(pictured) - 1, int(_LONGEST * len(pictured)))] if pictured else 0.0,
    )


def tokens(talk: Talk, template: Template) -> float:
    """The tokens of a record: a start, the template's text, the record's text, and an end after each answer."""
    asked = 0.0
    if template.asks:
        each = _words(template.before_question) + _words(template.after_question)
        asked = _words(template.system) + talk.turns * each + talk.questions / _CHARACTERS
    return 1 + asked + talk.answers / _CHARACTERS + talk.turns


def _words(text: str) -> float:
    return max(1.0, len(text) / _CHARACTERS) if text else 0.0


def _together(parts: Sequence[Texts]) -> Texts:
    pictured, bare = sum(p.pictured for p in parts), sum(p.bare for p in parts)
    return Texts(
        pictured=pictured,
        bare=bare,
        pictured_tokens=sum(p.pictured * p.pictured_tokens for p in parts) / max(1, pictured),
        bare_tokens=sum(p.bare * p.bare_tokens for p in parts) / max(1, bare),
        supervised=sum(p.records * p.supervised for p in parts) / max(1, pictured + bare),
        turns=sum(p.records * p.turns for p in parts) / max(1, pictured + bare),
        longest=max(p.longest for p in parts),
    )
