"""A tower over a folder of pictures, and what layers see in one: real pictures, a real and tiny tower."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_vision_models import save_small_model
from tiny import COLOURS, save_tower, write_pictures

from shallowsight.errors import ConfigurationError, ShallowsightError
from shallowsight.steps.analyze_folder import FolderAnalysis, analyze_folder
from shallowsight.steps.explain import Explanation, explain_picture
from shallowsight.steps.lab_tower import LabTower
from shallowsight.store.disk import naming

FILES = {"analysis.html", "analysis.json", "similarity.png", "profiles.png"}
Ask = Callable[..., tuple[Path, list[str]]]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("some pictures")
    write_pictures(folder / "a", 12)
    write_pictures(folder / "b", 12, first=12)
    (folder / "notes <i>.txt").write_text("no picture")
    whole = (folder / "a" / "0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


@pytest.fixture
def ask(towers: dict[str, Path], pictures: Path, tmp_path: Path) -> Ask:
    def run(
        tower: str = "clip",
        image_size: int | None = 28,
        prefix_tokens: int | None = None,
        patch: int | None = None,
        **changes: Any,
    ) -> tuple[Path, list[str]]:
        said: list[str] = []
        name = str(towers.get(tower, Path(tower)))
        wanted = {"images": pictures, "out": tmp_path / "out", **changes}
        asked = FolderAnalysis(tower=LabTower(name, image_size, 224, prefix_tokens, patch), **wanted)
        return analyze_folder(asked, said.append, lambda task: lambda done, total: said.append(f"{done}/{total}")), said

    return run


def read(page: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((page.parent / "analysis.json").read_text(encoding="utf-8"))
    return found


def test_layers_of_different_widths(ask: Ask, tmp_path: Path) -> None:
    tower = save_small_model("convnext", tmp_path / "convnext")
    page, _ = ask(tower=str(tower), image_size=64, groups=2, measures=["norms"])
    text = page.read_text(encoding="utf-8")
    assert "4 layers of width 8, 16, 24 and 32" in text
    assert "Layers of different widths share no direction, so that their cosine is 0" in text
    cosine = np.array(read(page)["cosine"])
    assert not cosine[~np.eye(4, dtype=bool)].any()


@pytest.mark.slow
def test_everything_about_a_tower(ask: Ask) -> None:
    page, said = ask(measures=["all"], groups=3)
    found = read(page)
    assert set(path.name for path in page.parent.iterdir()) == FILES
    assert found["pictures"]["found"] == 25 and found["pictures"]["read"] == found["images"] == 24
    assert set(found["pictures"]["unreadable"]) == {"notes <i>.txt", "cut.png"}
    assert said[0].startswith("25 of 25 pictures, about ") and said[-2] == "25/25"
    assert said[-1].startswith("2 files were left out: notes <i>.txt (")
    assert [group["layers"] for group in found["groups"]] and len(found["groups"]) == 3
    assert [border["after"] for border in found["boundaries"]] == [place["after"] for place in found["places"]]
    assert found["evidence_of_the_test"]["groups"] == 1 and found["groups_asked"] == 3
    measures = found["measures"]
    assert all("absent" not in measure for measure in measures.values()) and len(measures) == 11
    assert np.diagonal(measures["cka_pooled"]["matrix"]) == pytest.approx(1)
    # Of all pictures, and by another computation over the sample, which here is all of them.
    assert np.array(measures["cosine_patch"]["matrix"]) == pytest.approx(np.array(found["cosine"]), abs=2e-6)
    assert np.array(measures["cka_pooled"]["matrix"]) == pytest.approx(np.array(found["cka"]), abs=2e-6)
    heads = measures["attention_distance"]
    assert heads["pictures"] == 16
    # Of 2 x 2 patches the mean distance is at most that to the other corner.
    assert all(0 < each < 2**0.5 for each in heads["profiles"]["mean over heads"])
    assert [each["layers"] for each in found["neighbours"]] == [[1, 2], [2, 3], [3, 4]]
    assert all(each["cosine_interval"][0] < each["cosine"] < each["cosine_interval"][1] for each in found["neighbours"])


@pytest.mark.slow
def test_the_page_needs_nothing_else(ask: Ask) -> None:
    page, _ = ask(groups=2)
    text = page.read_text(encoding="utf-8")
    assert "http" not in text.replace("http-equiv", "") and "<script" not in text and "src=" not in text
    assert "notes &lt;i&gt;.txt" in text and "<i>" not in text
    assert "Frames: the groups" in text
    assert "1\u2060\N{EN DASH}\u2060" in text.partition("</h1>")[0], "no line ends in a range"
    for part in ("Two groups of layers", "cosine, patches", "length of patch vectors", "attention distance", "1 → 2"):
        assert part in text, part


@pytest.mark.slow
def test_the_same_numbers_each_time(ask: Ask) -> None:
    one = read(ask()[0])
    assert one == read(ask()[0]), "the second one takes the place of the first"
    assert one["groups"][0]["name"] == "all" and one["places"] == [] and "evidence" in one


@pytest.mark.slow
def test_probes_of_labels(ask: Ask, pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "labelled"
    write_pictures(folder, 110)
    (folder / "cut.png").write_bytes((pictures / "cut.png").read_bytes())
    colours = "".join(f"{number}.png,{list(COLOURS)[number % len(COLOURS)]},{number}\n" for number in range(110))
    table = tmp_path / "labels.csv"
    table.write_text("image,colour,number\n" + colours + "cut.png,red,7\n", encoding="utf-8")
    page, said = ask(images=folder, labels=table, pictures=20)
    probes = read(page)["probes"]
    (column,) = probes["benchmarks"]
    assert (column["name"], column["train"], column["n"]) == ("colour", 88, 22), "the cut picture is left out"
    assert list(probes["skipped"]) == ["number"]
    best = max(row["accuracy"] for row in column["layers"])
    assert best > 2 * column["without_picture"]["accuracy"], "the pictures are of one colour each"
    assert said[1].startswith("number: not probed: most answers are different from each other")
    assert said[2].startswith("probes of 1 column of labels, about ")
    assert any(text.startswith("colour: layer ") for text in said)
    text = page.read_text(encoding="utf-8")
    assert "What probes read from each layer" in text and "colour: right answers" in text
    assert set(path.name for path in page.parent.iterdir()) == FILES
    assert not list(page.parent.parent.glob(".features-*"))


def test_a_wrong_table_ends_before_the_tower_looks(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--labels .*none\.csv: there is no such file"):
        ask(labels=tmp_path / "none.csv")
    assert not (tmp_path / "out").exists()


def test_what_a_tower_does_not_have_is_said(ask: Ask) -> None:
    page, _ = ask("siglip", measures=["cosine_class", "norms"])
    measure = read(page)["measures"]["cosine_class"]
    assert measure["absent"] == "the tower has no class token" and "matrix" not in measure
    assert "absent, the tower has no class token" in page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_groups_of_a_deep_tower(ask: Ask, tmp_path: Path) -> None:
    tower = save_tower("dinov2", tmp_path / "deep", depth=9)
    page, said = ask(str(tower), pictures=20, measures=["norms"])
    found = read(page)
    assert said[0].startswith("20 of 25 pictures, about ")
    assert found["pictures"]["found"] == 25 and found["pictures"]["read"] in {19, 20}, "the cut one may be among them"
    assert found["evidence"]["p"] is not None and len(found["places"]) == len(found["groups"]) - 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tower": "no/such/tower"}, "no/such/tower"),
        ({"image_size": 30}, "--image-size 30 is no multiple of 14, the patch of .*; the nearest that is: 28"),
        ({"measures": ["norms", "norm"]}, "no measure 'norm'; allowed are all and cosine_patch"),
        ({"measures": []}, "no measure is named"),
        ({"groups": 5}, "groups=5, but there are only 4 layers"),
        ({"groups": 9}, "groups=9: allowed are 2 to 5"),
        (
            {"prefix_tokens": 5},
            "vision.prefix_tokens=5, but this 'clip_vision_model' model has 1; .* here it is --prefix-tokens$",
        ),
        ({"patch": 7}, "vision.patch=7, but this 'clip_vision_model' model has 14; .* here it is --patch$"),
        ({"pictures": 15}, "at least 16 pictures, the folder has 25 of which 15 were asked for"),
    ],
)
def test_refused(changes: dict[str, Any], message: str, ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        ask(**changes)
    assert not (tmp_path / "out").exists()


def test_too_few_pictures(ask: Ask, pictures: Path, tmp_path: Path) -> None:
    few = tmp_path / "few"
    shutil.copytree(pictures / "a", few)
    with pytest.raises(ConfigurationError, match="needs at least 16 pictures, the folder has 12"):
        ask(images=few)
    for number in range(4):
        shutil.copy(pictures / "cut.png", few / f"cut{number}.png")
    with pytest.raises(ConfigurationError, match=r"the folder has 16, 12 of them can be read; not readable: cut\d.png"):
        ask(images=few)
    assert not (tmp_path / "out").exists()


def test_one_layer_cannot_be_compared(ask: Ask, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has one layer, and the analysis compares layers"):
        ask(str(save_tower("clip", tmp_path / "one", depth=1)))


def test_a_folder_of_something_else_is_left_alone(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(
        ConfigurationError, match=r"the analysis into .*other files, which would be deleted: thesis\.tex;"
    ):
        ask()
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"
    file = tmp_path / "file"
    file.write_text("mine")
    for out in (file, file / "below"):
        with pytest.raises(ConfigurationError, match=r"file; name a folder|is a file; name a folder elsewhere"):
            ask(out=out)
    assert file.read_text() == "mine"


@pytest.mark.slow
def test_an_earlier_analysis_stays_where_a_new_one_fails(ask: Ask) -> None:
    page, _ = ask()
    before = page.read_bytes()
    with pytest.raises(ConfigurationError):
        ask(groups=5)
    assert page.read_bytes() == before


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    out = tmp_path / ("x" * 300)  # longer than a file system's names
    with pytest.raises(ShallowsightError, match=r"x cannot be written: File name too long; name another place$"):
        with naming(tmp_path / "x"):
            out.write_text("seen")


def test_explain_draws_layers(towers: dict[str, Path], pictures: Path, tmp_path: Path) -> None:
    picture = tmp_path / "wide.png"
    Image.effect_noise((90, 30), 60).convert("RGB").save(picture)
    tower = LabTower(str(towers["siglip"]), 56, usual_size=448)
    sizes = []
    for point in (None, (89, 0)):
        asked = Explanation(tower=tower, image=picture, out=tmp_path / "new" / "seen.PNG", layers="1,-1", point=point)
        with Image.open(explain_picture(asked)) as drawn:
            sizes.append(drawn.size)
    assert sizes[0][0] == sizes[1][0] and sizes[1][1] == 2 * sizes[0][1], "the likeness is a row of its own"
    again = explain_picture(asked)
    assert again.read_bytes() == explain_picture(asked).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": "5"}, "--layers '5': asked for layer 5, the tower has layers 1 to 4"),
        ({"layers": "x"}, "--layers 'x': cannot read 'x' as layers"),
        ({"point": (28, 0)}, "--point 28,0 is outside the picture, which has 28 x 28 pixels"),
        ({"out": Path("seen.jpg")}, "--out seen.jpg: name a file that ends in .png"),
        ({"out": Path(__file__) / "seen.png"}, f"--out {__file__}: it is a file; name a folder"),
        ({"image": Path("none.png")}, "picture none.png: there is no such file"),
    ],
)
def test_explain_refuses(
    changes: dict[str, Any], message: str, towers: dict[str, Path], pictures: Path, tmp_path: Path
) -> None:
    tower = LabTower(str(towers["clip"]), 28, usual_size=448)
    wanted = {"image": pictures / "a" / "1.png", "out": tmp_path / "seen.png", **changes}
    with pytest.raises(ConfigurationError, match=message):
        explain_picture(Explanation(tower=tower, **wanted))
    assert not (tmp_path / "seen.png").exists()
