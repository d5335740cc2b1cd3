"""A kind of question becomes classes and words, or is refused with a reason."""

import pytest

from shallowsight.analysis.probes import task
from shallowsight.analysis.probes.task import LEAST_TEST, LEAST_TRAIN, Labelled, TooFew, same, task_of


def asked(answers: list[str], text: str = "What is it?") -> list[Labelled]:
    return [Labelled(str(number), text, (answer,)) for number, answer in enumerate(answers)]


TRAIN = asked(["red", "Blue"] * 40)
TEST = asked(["red", "blue."] * 20)


def test_answers_become_classes() -> None:
    found = task_of("kind", TRAIN, TEST)
    assert found.classes == ("blue", "red") and found.words == ()
    assert found.train.right[:2].tolist() == [[False, True], [True, False]]
    assert found.test.right[1].tolist() == [True, False]
    assert (found.rare_train, found.rare_test) == (0, 0)
    assert found.train.words.shape == (80, 0) and len(found.train) == 80


@pytest.mark.parametrize(("one", "other"), [(" Red. ", "red"), ("e\u0301", "\u00e9")])
def test_forms_of_an_answer(one: str, other: str) -> None:
    assert same(one) == same(other)


def test_only_frequent_answers_are_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MOST_CLASSES", 2)
    found = task_of("kind", TRAIN + asked(["green"] * 20), TEST + asked(["green"] * 10))
    assert found.classes == ("blue", "red")
    assert found.rare_train == pytest.approx(0.2) and len(found.train) == 80
    assert found.rare_test == pytest.approx(0.2) and len(found.test) == 50
    assert not found.test.right[40:].any(), "they count as wrong"


def test_equally_frequent_answers_are_taken_by_alphabet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "MOST_CLASSES", 2)
    answers = ["c", "b", "a"] * 30
    for order in (answers, answers[::-1]):
        assert task_of("kind", asked(order), asked(order)).classes == ("a", "b")


def test_words_that_tell_questions_apart() -> None:
    train = asked(["yes", "no"] * 20, "Is it RED?") + asked(["yes", "no"] * 20, "Is it blue?")
    test = [*asked(["yes"] * 20, "is it Red or green?")]
    found = task_of("kind", train, test)
    assert found.words == ("blue", "red"), "`is` and `it` are in every question"
    assert found.train.words[0].tolist() == [0, 1] and found.train.words[79].tolist() == [1, 0]
    assert found.test.words[0].tolist() == [0, 1], "a word that training does not know is not read"


@pytest.mark.parametrize(
    ("train", "test", "reason"),
    [
        (TRAIN[: LEAST_TRAIN - 1], TEST, "49 training and 40 test questions with a picture; a probe needs 50 and 20"),
        (TRAIN, TEST[: LEAST_TEST - 1], "80 training and 19 test questions"),
        ([], [], "0 training and 0 test"),
        (asked(["red"] * 80), TEST, "all training questions have the same answer"),
        (asked([str(n) for n in range(400)]), TEST, "most answers are different from each other .400 in 400"),
        (asked([str(n) for n in range(80)]), TEST, "most answers are different from each other .80 in 80"),
    ],
)
def test_kinds_that_cannot_be_probed(train: list[Labelled], test: list[Labelled], reason: str) -> None:
    with pytest.raises(TooFew, match=reason):
        task_of("kind", train, test)
