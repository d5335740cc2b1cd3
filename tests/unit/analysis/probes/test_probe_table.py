"""Probes of made-up layers: the layer that holds the answers is found, and where there is none nothing is."""

from collections.abc import Mapping

import pytest
import torch
from planted_layers import KEYS, TEST, asked, holding, labels, noise
from torch import Tensor

from shallowsight.analysis.probes.table import Score, probe_table, score_of
from shallowsight.analysis.probes.task import Labelled, Task, task_of

CLASSES = 4


def probed(layers: Mapping[int, Tensor], *tasks: Task) -> dict[str, dict[int, Score]]:
    done: list[tuple[int, int]] = []
    found = probe_table(layers.__getitem__, list(layers), KEYS, tasks, lambda *at: done.append(at))
    assert done == [(n, len(layers)) for n in range(1, len(layers) + 1)]
    return found


def test_the_layer_that_holds_the_answers_is_found() -> None:
    answers = labels(CLASSES)
    layers = {1: noise(1), 2: holding(answers, 2), 3: noise(3).half()}
    found = probed(layers, task_of("kind", *asked(answers)))["kind"]
    assert list(found) == [0, 1, 2, 3]
    assert found[2].accuracy > 0.9
    # 100 questions, three probes that share them: chance is 25 %, its standard error at most 4.4 points.
    assert all(found[layer].accuracy < 0.25 + 4 * 0.044 for layer in (0, 1, 3))
    assert 0 < found[1].error < 0.05


def test_answers_that_are_in_no_layer_are_near_chance() -> None:
    """Random labels, in a layer that holds other answers: not the test's labels are learnt, only the training's."""
    layers = {1: holding(labels(CLASSES), 2)}
    found = probed(layers, task_of("kind", *asked(labels(CLASSES, seed=11))))["kind"][1]
    assert abs(found.accuracy - 0.25) < 4 * 0.044


def test_a_question_decides_what_is_read() -> None:
    """Two questions about each picture, whose answers are in different dimensions and must not be mixed up."""
    one, other = labels(2, seed=1), labels(2, seed=2)
    features = noise(0)
    for picture, (a, b) in enumerate(zip(one, other, strict=True)):
        features[picture, :, 1] += 3 * (2 * a - 1)
        features[picture, :, 2] += 3 * (2 * b - 1)
    pairs = [asked(one, "Is it red?"), asked(other, "Is it blue?")]
    train, test = ([q for pair in pairs for q in pair[part]] for part in (0, 1))
    task = task_of("kind", train, test)
    assert task.words == ("blue", "red")
    assert probed({1: features}, task)["kind"][1].accuracy > 0.9


def test_a_place_can_be_the_answer() -> None:
    """Which patch is marked: the patches' vectors do not say where they are."""
    answers = labels(4)
    features = noise(0)
    for picture, place in enumerate(answers):
        features[picture, place, 3] += 6
    assert probed({1: features}, task_of("kind", *asked(answers)))["kind"][1].accuracy > 0.5  # chance is 25 %


def test_scale_and_shift_of_a_layer_do_not_count() -> None:
    answers = labels(CLASSES)
    layers = {1: holding(answers, 2), 2: 1000 * holding(answers, 2) + 300}
    found = probed(layers, task_of("kind", *asked(answers)))["kind"]
    assert found[1].accuracy == pytest.approx(found[2].accuracy, abs=0.05)


@pytest.mark.parametrize("threads", ["1", "3"])
def test_equal_bits_each_time_and_with_any_number_of_threads(threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = labels(CLASSES)
    layers = {layer: noise(layer) + holding(answers, layer) / layer for layer in range(1, 5)}
    task = task_of("kind", *asked(answers))
    first = probed(layers, task)
    monkeypatch.setenv("SHALLOWSIGHT_THREADS", threads)
    assert probed(layers, task) == first


def test_the_number_of_threads_is_as_before() -> None:
    before = torch.get_num_threads()
    probed({1: noise(1)}, task_of("kind", *asked(labels(2))))
    assert torch.get_num_threads() == before


def test_the_error_is_of_pictures() -> None:
    """Questions about one picture that are right or wrong together count as one."""
    right = torch.tensor([[1, 0, 1, 0, 1, 1, 0, 1]], dtype=torch.bool)
    alone = score_of(right, list("abcdefgh"))
    p = 5 / 8
    assert alone.accuracy == p and alone.sd == 0
    assert alone.error == pytest.approx((p * (1 - p) / 7) ** 0.5)
    twice = score_of(right.repeat_interleave(2, dim=1), [key for key in "abcdefgh" for _ in range(2)])
    assert twice.error == pytest.approx(alone.error)


def test_sd_is_between_seeds() -> None:
    right = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)
    assert score_of(right, list("abcd")).sd == pytest.approx(0.5 / 2**0.5)


def test_several_accepted_answers() -> None:
    """A test question may have several right answers; a probe that gives any of them is right."""
    answers = labels(2)
    train, test = asked(answers)
    either = [Labelled(q.picture, q.text, ("class 0", "class 1")) for q in test]
    assert probed({1: noise(1)}, task_of("kind", train, either))["kind"][1].accuracy == 1.0
    assert len(test) == TEST


def test_a_stop_does_not_wait_for_the_other_layers() -> None:
    """Ctrl-C while probes are trained: the layers that have not begun never begin."""
    pictures = [f"p{n}" for n in range(80)]
    questions = [Labelled(picture, "", ("even" if n % 2 else "odd",)) for n, picture in enumerate(pictures)]
    task = task_of("parity", questions[:60], questions[60:])
    begun: list[int] = []

    def features_of(layer: int) -> torch.Tensor:
        begun.append(layer)
        return torch.randn(80, 4, 8)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe_table(features_of, range(1, 41), pictures, [task], stop)
    assert len(begun) < 40
