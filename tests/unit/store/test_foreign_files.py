"""A folder that is replaced as a whole never holds a user's files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.store.foreign_files import refuse_foreign

OWN = {"page.html", "below/plot.png"}


def refusal(out: Path) -> str:
    with pytest.raises(ConfigurationError) as refused:
        refuse_foreign(out, "report", OWN.__contains__)
    return str(refused.value)


def put(out: Path, *names: str) -> None:
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")


@pytest.mark.parametrize("names", [(), ("page.html",), tuple(OWN)], ids=["empty", "some", "all"])
def test_an_earlier_one_may_be_replaced(tmp_path: Path, names: tuple[str, ...]) -> None:
    put(tmp_path, *names)
    refuse_foreign(tmp_path, "report", OWN.__contains__)
    refuse_foreign(tmp_path / "new" / "folder", "report", OWN.__contains__)


def test_the_whole_message(tmp_path: Path) -> None:
    put(tmp_path, "page.html", "below/plot.png", "below/mine.txt", "thesis.tex")
    assert refusal(tmp_path) == (
        f"asked to write the report into {tmp_path}, but this folder holds other files, which would be deleted: "
        "thesis.tex, below/mine.txt; name a new or empty folder, or one that holds nothing but an earlier report"
    )


def test_many_names_are_not_all_listed(tmp_path: Path) -> None:
    put(tmp_path, *"abcdefgh")
    assert "deleted: a, b, c, d, e and others;" in refusal(tmp_path)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.mkdir(), id="an empty folder"),
        pytest.param(lambda path: path.symlink_to(os.curdir), id="a link to a folder"),
        pytest.param(lambda path: path.symlink_to("nowhere"), id="a link to nothing"),
    ],
)
def test_what_is_no_file_stays_too(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "mine")
    assert "would be deleted: mine;" in refusal(tmp_path)


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    put(tmp_path, "file")
    asked = f"asked to write the report into {tmp_path / 'file'}"
    assert refusal(tmp_path / "file") == f"{asked}: it is a file; name a folder"
    below = f"{asked}/below: {tmp_path / 'file'} is a file; name a folder elsewhere"
    assert refusal(tmp_path / "file" / "below") == below


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    put(tmp_path, "closed/mine.txt")
    (tmp_path / "closed").chmod(0)
    try:
        assert f"but {tmp_path / 'closed'} cannot be read" in refusal(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o755)
