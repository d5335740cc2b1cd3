"""What lmms-eval calls for the local benchmarks."""

from pathlib import Path
from typing import Any

import pytest

from shallowsight.evaluate.local_task import doc_to_text, doc_to_visual, is_correct, mean, process_results


@pytest.mark.parametrize(
    ("prediction", "target", "correct"),
    [
        pytest.param("red", "red", True, id="equal"),
        pytest.param(" Red.\n", "red", True, id="case, space, full stop"),
        pytest.param("red", " RED.", True, id="of the target too"),
        pytest.param("red..", "red", False, id="two full stops"),
        pytest.param("dark red", "red", False, id="more words"),
        pytest.param("re d", "red", False, id="space inside"),
        pytest.param("", "red", False, id="no answer"),
        pytest.param("red green", "red", False, id="a list of guesses"),
        pytest.param("\u00c9t\u00e9", "\u00e9t\u00e9", True, id="not ASCII"),
        pytest.param("1.0", "1.0", True, id="full stop inside"),
        pytest.param("\u00e9t\u00e9", "e\u0301te\u0301", True, id="an accent of its own"),
        pytest.param("E\u0301.", "\u00e9", True, id="the same, with case and full stop"),
        pytest.param("\u1112\u1161\u11ab", "\ud55c", True, id="a syllable of letters"),
        pytest.param("e", "\u00e9", False, id="no accent"),
        pytest.param("25", "2\u2075", False, id="a power is no number of two digits"),
        pytest.param("", ".", False, id="no answer is no full stop"),
        pytest.param(" ", ".", False, id="nor is a space"),
        pytest.param(".", ".", True, id="a full stop"),
        pytest.param("...", ".", False, id="three full stops"),
    ],
)
def test_exact_match(prediction: str, target: str, correct: bool) -> None:
    assert is_correct(prediction, target) is correct
    assert process_results({"answer": target}, [prediction]) == {"accuracy": int(correct)}


def test_the_answer_as_the_tokenizer_says_it_counts_too() -> None:
    doc = {"answer": "Isn't it?", "sayable": "isn ' t it?"}
    assert [process_results(doc, [said])["accuracy"] for said in ("isn't it?", "Isn ' t it?", "isn t it?")] == [1, 1, 0]
    assert process_results({"answer": "\u732b", "sayable": None}, [""]) == {"accuracy": 0}


def test_an_answer_that_is_a_number() -> None:
    assert process_results({"answer": 3}, ["3"]) == {"accuracy": 1}


def test_mean() -> None:
    assert mean([1, 0, 0, 1]) == 0.5


def test_question_as_it_is() -> None:
    assert doc_to_text({"question": "Which colour?"}, {"pre_prompt": "ignored"}) == "Which colour?"


def test_picture_of_the_shards(prepared: Any) -> None:
    from PIL import Image

    (picture,) = doc_to_visual({"shards": str(prepared.folder), "image": "files/10.png"})
    original = Image.open(prepared.files / "images" / "10.png").convert("RGB")
    assert (picture.mode, picture.tobytes()) == ("RGB", original.tobytes())


@pytest.mark.parametrize("image", [None, ""])
def test_question_without_a_picture(image: str | None) -> None:
    assert doc_to_visual({"shards": "nowhere", "image": image}) == []


def test_unknown_picture_is_an_error(prepared: Any) -> None:
    with pytest.raises(KeyError):
        doc_to_visual({"shards": str(prepared.folder), "image": "files/99.png"})


def test_pictures_of_two_data_sets(prepared: Any, tmp_path: Path) -> None:
    from shallowsight.data.shards import write_shards

    other = (prepared.files / "images" / "11.png").read_bytes()
    write_shards([("files/10.png", other)], tmp_path)
    (a,) = doc_to_visual({"shards": str(prepared.folder), "image": "files/10.png"})
    (b,) = doc_to_visual({"shards": str(tmp_path), "image": "files/10.png"})
    assert a.tobytes() != b.tobytes()
