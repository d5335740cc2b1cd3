"""A table of labels: what it may hold, each refusal, and the parting into training and test pictures."""

from pathlib import Path

import pytest

from shallowsight.data.pictures.labels import parted, read_labels
from shallowsight.errors import ConfigurationError

PICTURES = ("a.png", "b.png", "c/d.png")


def test_columns_and_empty_fields(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text('\ufeffkind, image ,note\ncat, ./a.png ,\n\n"dog, old",c/d.png,"two\nlines"\n', encoding="utf-8")
    labels = read_labels(path, PICTURES)
    assert labels.columns == {"kind": {"a.png": "cat", "c/d.png": "dog, old"}, "note": {"c/d.png": "two\nlines"}}
    assert labels.pictures == ["a.png", "c/d.png"], "b.png has no label"


def test_a_table_of_more_pictures(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("image,kind\na.png,cat\nz.png,dog\n", encoding="utf-8")
    labels = read_labels(path, PICTURES)
    assert labels.columns == {"kind": {"a.png": "cat"}} and labels.others == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "found an empty file"),
        ("image\na.png\n", "one or more for labels, with commas; found 'image'"),
        ("image;kind\na.png;cat\n", "found 'image;kind'"),
        ("picture,kind\na.png,cat\n", "the first row must name the columns: 'image'"),
        ("image,kind,kind\n", "each with a name of its own; found 'kind'"),
        ("image,kind,\n", r"each with a name of its own; found '\(no name\)'"),
        ("image,kind\na.png\n", "row 2 has 1 fields and the header 2"),
        ("image,kind\na.png,cat, black\n", "row 2 has 3 fields .* a comma in it in double quotes"),
        ("image,kind\na.png,cat\nb.png,dog\n./a.png,dog\n", "'a.png' stands in rows 2 and 4; give each picture one"),
        (
            "image,kind\nz.png,dog\ny.png,dog\n",
            "is among the 3 of the folder; the first is 'z.png'",
        ),
        ("image,kind\n", "none of its pictures is among the 3 of the folder; it has no rows"),
        ('image,kind\n"a.png,cat\n', "cannot be read as CSV in UTF-8: unexpected end of data"),
    ],
)
def test_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        read_labels(path, PICTURES)


def test_no_readable_file(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("image,kind\na.png,K\u00e4fer\n".encode("latin-1"))
    for path, message in (
        (tmp_path / "none.csv", "there is no such file"),
        (tmp_path, "it is a folder; name a CSV file"),
        (tmp_path / "latin.csv", "cannot be read as CSV in UTF-8"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            read_labels(path, PICTURES)


def test_one_in_five_answers_and_the_order_has_no_say() -> None:
    names = [f"{number}.png" for number in range(100)]
    train, test = parted(names)
    assert (len(train), len(test)) == (80, 20) and sorted(train + test) == sorted(names)
    turned = parted(names[::-1])
    assert (set(turned[0]), set(turned[1])) == (set(train), set(test))
