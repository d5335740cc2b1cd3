"""A mistake on the command line or in a file is one line and a status, and nothing is written."""

from pathlib import Path

import pytest
from command_line import Run

WRONG = [
    pytest.param(["study", "demoo"], ["no study 'demoo'", "did you mean 'demo'", "quick"], id="unknown study"),
    pytest.param(["study", "nothing"], ["no study 'nothing'", "demo, quick", ".yaml"], id="study like no other"),
    pytest.param(["run", "quik"], ["no experiment 'quik'", "did you mean 'quick'"], id="unknown experiment"),
    pytest.param(
        ["study", "demo", "--set", "vision.layer=3"], ["unknown key 'vision.layer'", "'vision.layers'"], id="near key"
    ),
    pytest.param(
        ["study", "demo", "--set", "zzz=3"], ["unknown key 'zzz'", "the keys are name, vision.tower"], id="key"
    ),
    pytest.param(["study", "demo", "--set", "zzz"], ["'zzz'", "write key=value"], id="no equals sign"),
    pytest.param(
        ["study", "demo", "--set", "settings=13"], ["asked for layer 13", "layers 1 to 12"], id="layer 13 of 12"
    ),
    pytest.param(
        ["run", "demo", "--set", "vision.layers=13"], ["asked for layer 13", "layers 1 to 12"], id="run layer 13 of 12"
    ),
    pytest.param(["study", "demo", "--set", "settings=-13"], ["asked for layer -13"], id="layer -13 of 12"),
    pytest.param(["study", "demo", "--set", "settings=deep"], ["'deep'", "penultimate"], id="unknown word"),
    pytest.param(
        ["study", "demo", "--set", "benchmarks=scenes_colr"],
        ["no benchmark 'scenes_colr'", "did you mean 'scenes_colour'"],
        id="unknown benchmark",
    ),
    pytest.param(["study", "demo", "--set", "seeds=1 1"], ["seeds"], id="seed twice"),
    pytest.param(["study", "demo", "--set", "seeds=x"], ["seeds"], id="seed that is no number"),
    pytest.param(
        ["study", "demo", "--set", "vision.image_size=100"],
        ["vision.image_size=100 is no multiple of 28", "nearest that is: 112"],
        id="image size",
    ),
    pytest.param(
        ["study", "demo", "--set", "data.test=nowhere.json"],
        ["data.images: name the folder"],
        id="no image folder named",
    ),
    pytest.param(
        ["study", "demo", "--set", "data.test=nowhere.json", "--set", "data.images=."],
        ["no data source 'nowhere.json'", "scenes, scenes-captions, easy-vqa"],
        id="missing data file",
    ),
    pytest.param(
        ["study", "demo", "--set", "data.images=nowhere"], ["no folder", "nowhere"], id="missing image folder"
    ),
    pytest.param(
        ["study", "demo", "--dry-run", "--set", "data.expectations=rules.yaml"],
        ["data.expectations is for your own files"],
        id="rules for no files",
    ),
    pytest.param(
        ["study", "demo", "--dry-run", "--set", "data.refuse_conversions=image_lst"],
        ["data.refuse_conversions.0", "image_list", "made_id"],
        id="unknown conversion",
    ),
    pytest.param(["study", "nowhere.yaml"], ["no file 'nowhere.yaml'", "`base:`"], id="missing file"),
    pytest.param(["study", "demo", "--set", "vision.tower=embedded:x"], ["no tower 'embedded:x'"], id="unknown tower"),
    pytest.param(["study", "demo", "--set", "vision.tower=./nowhere"], ["no folder './nowhere'"], id="no tower folder"),
    pytest.param(["study", "demo", "--set", "name={{$}}"], ["rewrites the text"], id="text that kfp rewrites"),
    pytest.param(["study", "demo", "--out", "a/python3/b"], ["rewrites the text"], id="folder that kfp rewrites"),
    pytest.param(["study", "demo", "--oout", "x"], ["No such option", "--oout", "--help"], id="unknown option"),
    pytest.param(["study"], ["NAME_OR_FILE"], id="no name"),
    pytest.param(["studdy", "demo"], ["studdy"], id="unknown command"),
    pytest.param(["study", "demo", "--gpus", "-1"], ["--gpus", "greater than or equal to 0"], id="negative gpus"),
    pytest.param(["study", "demo", "--budget", "-1"], ["--budget"], id="negative budget"),
    pytest.param(["study", "demo", "--budget", "nan"], ["--budget"], id="budget that is no number"),
    pytest.param(
        ["study", "paper-1.4b", "--dry-run"],
        ["no data source 'data/", "; `shallowsight forecast paper-1.4b` prints the cost without data"],
        id="dry run without the data",
    ),
    pytest.param(
        ["run", "paper-1.4b", "--dry-run"],
        ["no data source 'data/", "`shallowsight forecast paper-1.4b --experiment`"],
        id="dry run of one experiment",
    ),
    pytest.param(["forecast", "demoo"], ["did you mean 'demo'"], id="forecast unknown"),
    pytest.param(["forecast", "paper-7b", "--device", "A100"], ["--device 'A100'", "A100-80G"], id="unknown device"),
    pytest.param(["forecast", "paper-7b", "--gpus", "3"], ["does not divide among 3"], id="gpus and batch"),
    pytest.param(["forecast", "paper-7b", "--gpus", "0"], ["--gpus"], id="forecast for no gpu"),
    pytest.param(["forecast", "paper-7b", "--set", "settings=25"], ["asked for layer 25"], id="forecast layer 25"),
    pytest.param(["study", "demo", "--gpus", "two"], ["--gpus", "valid integer"], id="gpus that are no number"),
    pytest.param(["show", "demoo"], ["did you mean 'demo'"], id="show unknown"),
    pytest.param(["train-stage", "quick", "--out", "x", "--setting", "6", "--stage", "middle"], ["middle"], id="stage"),
    pytest.param(["report", "--out", "nowhere"], ["nowhere", "study"], id="report of nothing"),
    *(
        pytest.param(
            [*command, "quick", "--out", "x", "--setting", text],
            [repr(text), says],
            id=f"{command[0]} --setting {text}",
        )
        for command in (["encode-features"], ["evaluate"], ["train-stage", "--stage", "pretrain"])
        for text, says in (("last", "layers are written"), ("13", "layers 1 to 12"), ("3,4:add", "no fusion 'add'"))
    ),
]


@pytest.mark.parametrize(("arguments", "says"), WRONG)
def test_wrong_usage_is_status_2_and_one_line(run: Run, arguments: list[str], says: list[str]) -> None:
    ended = run(*arguments)
    assert ended.status == 2, ended
    assert ended.err.startswith("shallowsight: ")
    assert ended.err.count("\n") == 1
    assert "Traceback" not in ended.out + ended.err
    for text in says:
        assert text in ended.err
    if arguments[0] in {"study", "run", "show"}:
        assert list(Path().iterdir()) == []  # nothing was written


YAMLS = [
    pytest.param("base: [", ["is not YAML"], id="broken"),
    pytest.param("- a\n", ["write `base:`", "found list"], id="a list"),
    pytest.param("base: other\n", ["base: no study 'other'; choose from demo, quick"], id="unknown base"),
    pytest.param("base: quick\nsets: {}\n", ["found the keys base, sets"], id="unknown key at the top"),
    pytest.param("base: quick\nset: {vision: {layer: 3}}\n", ["'vision.layers'"], id="unknown key"),
    pytest.param("base: quick\nset: {settings: [13]}\n", ["layers 1 to 12"], id="layer"),
    pytest.param("", ["mine.yaml is empty; write its keys and values"], id="empty"),
]


@pytest.mark.parametrize(("text", "says"), YAMLS)
def test_wrong_file_is_status_2_and_says_where(run: Run, tmp_path: Path, text: str, says: list[str]) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    ended = run("study", str(path))
    assert ended.status == 2
    for words in says:
        assert words in ended.err
    assert "Traceback" not in ended.err


def test_file_that_is_no_text(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xff\xfe\x00")
    ended = run("study", str(tmp_path / "mine.yaml"))
    assert ended.status == 2
    assert "is not YAML" in ended.err


def test_out_that_is_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = run("study", "quick", "--out", str(tmp_path / "file"))
    assert (ended.status, ended.err) == (2, f"shallowsight: --out {tmp_path / 'file'}: it is a file; name a folder\n")
    assert (tmp_path / "file").read_text() == "mine"


def test_out_below_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    ended = run("study", "quick", "--out", str(tmp_path / "file" / "below"))
    assert ended.status == 2
    assert ended.err.startswith("shallowsight: ")
    assert "file is a file; name a folder elsewhere" in ended.err
    assert "Traceback" not in ended.err


def test_out_that_holds_something_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("mine")
    ended = run("study", "quick", "--out", str(tmp_path / "photos"))
    assert ended.status == 2
    assert "holds other files; name a new folder" in ended.err
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["cat.png"]


def test_a_budget_that_cannot_do_is_status_2(run: Run) -> None:
    ended = run("study", "quick", "--budget", "0.001")
    assert ended.status == 2
    assert ended.err.startswith("shallowsight: --budget 0.001: the missing cells take at least ")
    assert list(Path().iterdir()) == []
