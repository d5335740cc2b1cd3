"""docs/built.md shows the import table that test_import_direction.py enforces."""

from xml.etree import ElementTree

from import_picture import PAGE, PICTURE, picture, text, with_text
from test_import_direction import ALLOWED

AGAIN = "run `python tests/architecture/import_picture.py`"
SMALL = {"values": set[str](), "data": {"values"}, "model": {"values", "data"}}


def test_the_page_has_the_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert with_text(page, ALLOWED) == page, AGAIN


def test_the_picture_is_of_the_table() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(ALLOWED), AGAIN


def test_a_square_for_each_pair() -> None:
    titles = [each.text for each in ElementTree.fromstring(picture(SMALL)).iter("{http://www.w3.org/2000/svg}title")]
    assert titles[1:4] == ["values", "values may not import data", "values may not import model"]
    assert titles[7:] == ["model may import values", "model may import data", "model"]


def test_the_words_name_what_is_allowed() -> None:
    assert "| `model` | `values`, `data` |" in text(SMALL).splitlines()


def test_the_rest_of_the_page_stays() -> None:
    page = f"before\n{text({})}\nafter\n"
    assert with_text(page, SMALL) == f"before\n{text(SMALL)}\nafter\n"
