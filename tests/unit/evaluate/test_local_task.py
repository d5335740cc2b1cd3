"""What lmms-eval calls for the local benchmarks."""

from pathlib import Path
from typing import Any

import pytest

from shallowsight.evaluate.local_task import doc_to_text, doc_to_visual, mean, process_results


def test_an_answer_is_scored() -> None:
    doc = {"answer": "3", "accepted": ["a few"], "sayable": ["3", None], "score": "exact"}
    assert [process_results(doc, [said]) for said in ("Three", "A few.", "4")] == [{"accuracy": n} for n in (1, 1, 0)]


def test_the_answer_as_the_tokenizer_says_it_counts_too() -> None:
    doc = {"answer": "Isn't it?", "accepted": ["\u732b"], "sayable": ["isn ' t it?", None], "score": "exact"}
    said = ("isn't it?", "Isn ' t it?", "\u732b", "isn t it?", "")
    assert [process_results(doc, [one])["accuracy"] for one in said] == [1, 1, 1, 0, 0]


def test_mean() -> None:
    assert mean([1, 0, 0.5, 0.5]) == 0.5


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
