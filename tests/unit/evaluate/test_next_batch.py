"""What is sent to a process that answers: the batch whose pictures it has seen, and the pictures themselves."""

import pickle
from io import BytesIO

import pytest
from PIL import Image

from shallowsight.evaluate.answerer import Question
from shallowsight.evaluate.seen_pictures import Seen
from shallowsight.evaluate.workers import _LOOK, best_of


def batch(*pictures: str | None) -> list[Question]:
    """Each name is a picture's; None is a question without one."""
    found = [None if name is None else Seen(name, Image.Image) for name in pictures]
    return [Question([1], picture, 4) for picture in found]


WAITING = {3: batch("a", "b"), 5: batch("b", "c", None), 6: batch("c", "d"), 8: batch("c", "d")}


@pytest.mark.parametrize(
    ("seen", "best"), [(set(), 3), ({"b"}, 3), ({"c"}, 5), ({"b", "c"}, 5), ({"c", "d"}, 6), ({"x"}, 3)]
)
def test_the_first_with_most_pictures_that_were_seen(seen: set[str], best: int) -> None:
    assert best_of(WAITING, seen) == best


def test_it_does_not_look_far() -> None:
    waiting = {number: batch(str(number)) for number in range(_LOOK + 1)}
    assert best_of(waiting, {str(_LOOK - 1)}) == _LOOK - 1
    assert best_of(waiting, {str(_LOOK)}) == 0


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK"])
def test_a_picture_is_sent_with_its_pixels(mode: str) -> None:
    file = BytesIO()
    Image.effect_noise((9, 7), 60).convert("RGB").convert(mode).save(file, "TIFF")
    seen = Seen.of(lambda: Image.open(file))
    again = pickle.loads(pickle.dumps(seen))
    assert again.key == seen.key == Seen.of(again.open).key
    assert again.open().convert("RGB").tobytes() == seen.open().convert("RGB").tobytes()
