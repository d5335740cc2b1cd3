"""A kind of question as a task for a probe: its answers are classes, its texts are sets of words.

Shapes: Q questions, C classes, V words.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

import torch
from torch import Tensor

MOST_CLASSES = 100  # the answers that are most frequent in training; a probe cannot give any other
MOST_WORDS = 200  # of the questions' texts, by frequency in training
LEAST_TRAIN, LEAST_TEST = 50, 20  # questions

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Labelled:
    """A question about a picture. The first of `answers` is learnt; a test accepts any of them."""

    picture: str
    text: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The training or the test questions of a task."""

    pictures: tuple[str, ...]  # of each question
    right: Tensor  # [Q, C] bool: which classes are right answers; none where every right answer is rare
    words: Tensor  # [Q, V] float, 1 where a word is in the question; V = 0 when all questions have the same text

    def __len__(self) -> int:
        return len(self.pictures)


@dataclass(frozen=True)
class Task:
    """A kind of question that a probe learns."""

    name: str
    classes: tuple[str, ...]
    words: tuple[str, ...]
    train: Part  # without the questions whose answer is no class
    test: Part
    rare_train: float  # share of the training questions whose answer is no class: they are left out
    rare_test: float  # share of the test questions with no right answer among the classes: they count as wrong


class TooFew(ValueError):
    """A kind of question cannot be probed; the message says why."""


def task_of(name: str, train: Sequence[Labelled], test: Sequence[Labelled]) -> Task:
    """Make numbers of the questions.

    Raises:
        TooFew: there are too few questions, or answers that are no classes.
    """
    if len(train) < LEAST_TRAIN or len(test) < LEAST_TEST:
        raise TooFew(
            f"{len(train)} training and {len(test)} test questions with a picture; a probe needs {LEAST_TRAIN} and "
            f"{LEAST_TEST}"
        )
    counts = Counter(same(question.answers[0]) for question in train)
    classes = tuple(sorted(answer for answer, _ in _frequent(counts, MOST_CLASSES)))
    known = set(classes)
    kept = [question for question in train if same(question.answers[0]) in known]
    if len(classes) < 2:
        raise TooFew("all training questions have the same answer")
    if 2 * len(kept) < len(train) or len(kept) < 2 * len(classes):
        raise TooFew(f"most answers are different from each other ({len(counts)} in {len(train)} training questions)")
    words = _vocabulary(kept)
    rare = sum(known.isdisjoint(map(same, question.answers)) for question in test)
    return Task(
        name=name,
        classes=classes,
        words=words,
        train=_part([Labelled(q.picture, q.text, q.answers[:1]) for q in kept], classes, words),
        test=_part(test, classes, words),
        rare_train=1 - len(kept) / len(train),
        rare_test=rare / len(test),
    )


def same(answer: str) -> str:
    """Two answers with the same form are the same class: case, space around it and a full stop at its end are lost."""
    return normalize("NFC", answer).strip().rstrip(".").casefold()


def _frequent(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """The most frequent ones; among equally frequent ones, by alphabet, so that the order of records has no say."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def _vocabulary(questions: Sequence[Labelled]) -> tuple[str, ...]:
    """The words that are in some questions and not in all: only they can tell questions apart."""
    counts = Counter(word for question in questions for word in _words(question.text))
    telling = {word: count for word, count in counts.items() if count < len(questions)}
    return tuple(sorted(word for word, _ in _frequent(telling, MOST_WORDS)))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(normalize("NFC", text).casefold()))


def _part(questions: Sequence[Labelled], classes: Sequence[str], words: Sequence[str]) -> Part:
    class_of = {answer: number for number, answer in enumerate(classes)}
    word_of = {word: number for number, word in enumerate(words)}
    right = torch.zeros(len(questions), len(classes), dtype=torch.bool)
    bags = torch.zeros(len(questions), len(words))
    for row, question in enumerate(questions):
        right[row, [class_of[a] for a in map(same, question.answers) if a in class_of]] = True
        bags[row, [word_of[word] for word in _words(question.text) if word in word_of]] = 1.0
    return Part(tuple(question.picture for question in questions), right, bags)
