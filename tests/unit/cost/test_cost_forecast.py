"""The forecast of whole studies: the paper's without weights, data or network, and what is refused."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from cost_subjects import subject

from shallowsight.cost import machines
from shallowsight.cost import stages as module
from shallowsight.cost.calibration import Speed
from shallowsight.cost.devices import DEVICES
from shallowsight.cost.forecast import StudyForecast, forecast_study, outlook
from shallowsight.cost.local import work_seconds
from shallowsight.cost.machines import Cpu, Gpus
from shallowsight.cost.memory import checkpoint_bytes, memory
from shallowsight.cost.stages import StageForecast, stage_forecast
from shallowsight.cost.subject import Made, subject_named, subject_of
from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import PAPER, STUDIES
from shallowsight.study.overrides import load_study
from shallowsight.study.settings import Setting
from shallowsight.study.stages import STAGES

PAGE = Path(__file__).parents[3] / "docs" / "costs.md"
EIGHT = Setting.parse("8")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No network, and an empty folder to stand in."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a forecast went to the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)


def paper(name: str, device: str = "A100-80G", gpus: int = 4) -> StudyForecast:
    return forecast_study(subject_named(STUDIES[name]), device, gpus, 2)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize("name", [e.name for e in PAPER])
def test_every_experiment_of_the_paper(name: str) -> None:
    found = paper(name)
    assert found.models == 25 * 3
    for stage in found.stages:
        assert stage.fits
        assert 0 < stage.operations.model < stage.operations.hardware
        assert 0 < stage.seconds.low < stage.seconds.high
    assert found.storage > 25 * 3 * found.stages[1].checkpoint


@pytest.mark.usefixtures("offline")
def test_the_papers_own_hours_lie_in_the_range() -> None:
    """About 2 and 8 hours on 4 A100-80G for the smallest model."""
    pretrain, finetune = paper("paper-1.4b").stages
    assert (pretrain.updates, finetune.updates) == (2181, 5198)  # 512 of the finetune records are held out
    assert pretrain.seconds.low < 2 * 3600 < pretrain.seconds.high
    assert finetune.seconds.low < 8 * 3600 < finetune.seconds.high
    # Hand-worked in the order of 2.0e18 and 4.7e18 with logits at every position and the whole tower.
    assert pretrain.operations.model == pytest.approx(2.0e18, rel=0.07)
    assert finetune.operations.model == pytest.approx(4.7e18, rel=0.07)


@pytest.mark.usefixtures("offline")
def test_published_hours_of_llava_lie_in_the_range() -> None:
    """LLaVA-1.5-7B on 8 A100: 3.5 hours of pretraining, 10 of finetuning."""
    pretrain, finetune = paper("paper-7b", gpus=8).stages
    assert pretrain.seconds.low < 3.5 * 3600 < pretrain.seconds.high
    assert finetune.seconds.low < 10 * 3600 < finetune.seconds.high


@pytest.mark.usefixtures("offline")
def test_a_study_is_the_sum_of_its_models() -> None:
    found = paper("paper-1.4b")
    one = found.subject.base.setting
    study = STUDIES["paper-1.4b"].model_copy(update={"settings": (str(one),), "seeds": (0,)})
    alone = forecast_study(subject_named(study), "A100-80G", 4, 2)
    assert alone.seconds.low == pytest.approx(sum(stage.seconds.low for stage in alone.stages))
    assert 3 * 20 < found.seconds.low / alone.seconds.low < 3 * 26
    s = subject_named(study)
    assert alone.storage == sum(checkpoint_bytes(s, one, stage) for stage in ("pretrain", "finetune"))


@pytest.mark.usefixtures("offline")
def test_more_gpus_take_less_time_and_memory() -> None:
    four, eight = paper("paper-7b").stages[1], paper("paper-7b", gpus=8).stages[1]
    assert eight.seconds.low == pytest.approx(four.seconds.low / 2, rel=1e-4)
    assert eight.memory < four.memory
    assert eight.own_batch == four.own_batch / 2


@pytest.mark.usefixtures("offline")
def test_what_does_not_fit_says_so() -> None:
    small = paper("paper-7b", device="A100-40G").stages[1]
    assert not small.fits
    assert small.micro_batch == 1
    assert paper("paper-1.4b", device="A100-40G").stages[1].fits


def test_the_micro_batch_is_the_one_that_training_comes_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the passes at least, and of those that divide the batch: 48, then 24, 12, 6, 3, 1."""
    tried: list[float] = []

    def heavy(*arguments: object) -> object:
        tried.append(float(str(arguments[-1])))
        return memory(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "memory", heavy)
    s = subject("finetune.global_batch=48", cached=False)
    micro = [48, 24, 12, 6, 3, 1]
    machine = Gpus(DEVICES["A100-80G"], 1)
    fitting = memory(s, EIGHT, "finetune", 1, 12).peak
    monkeypatch.setattr(Gpus, "usable", property(lambda _: fitting))
    found = stage_forecast(s, EIGHT, "finetune", machine, 1)
    assert (found.micro_batch, found.fits, tried) == (12, True, [48, 24, 12])
    tried.clear()
    monkeypatch.setattr(Gpus, "usable", property(lambda _: 1.0))
    found = stage_forecast(s, EIGHT, "finetune", machine, 1)
    assert (found.micro_batch, found.fits, tried) == (1, False, micro)


@pytest.mark.usefixtures("offline")
@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["data.finetune=mine.json"], "no data source 'mine.json'", id="an absent file"),
        pytest.param(["settings=25"], "asked for layer 25", id="a layer too many"),
        pytest.param(["language.max_length=500"], "one picture is 576 tokens", id="no room for the picture"),
        pytest.param(["vision.image_size=100"], "no multiple of 14", id="image size"),
        pytest.param(["language.model=./nowhere"], "language.model: no folder './nowhere'", id="no model"),
    ],
)
def test_what_cannot_be_forecast_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        subject_named(load_study("paper-1.4b", words, lambda _: 24))


@pytest.mark.usefixtures("offline")
def test_gpus_that_do_not_fit_the_batch() -> None:
    with pytest.raises(ConfigurationError, match=r"pretrain.global_batch=256 does not divide among 3 processes"):
        paper("paper-1.4b", gpus=3)
    with pytest.raises(ConfigurationError, match="name at least one GPU, or --device cpu"):
        paper("paper-1.4b", gpus=0)
    with pytest.raises(ConfigurationError, match="--device 'V100'"):
        paper("paper-1.4b", device="V100")


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "training_speed", lambda work, threads: Speed(1e-9, 0.01, 100_000))
    monkeypatch.setattr(machines, "matrix_speed", lambda: 1e9)


@pytest.mark.usefixtures("speeds")
def test_on_the_cpu_every_step_counts() -> None:
    found = forecast_study(subject(), "cpu", 4, 2)
    assert found.gpus == 0
    assert found.seconds.low > found.models * sum(stage.seconds.low for stage in found.stages) / 2
    assert all(stage.memory > 0.45e9 for stage in found.stages), "the packages are counted"
    assert found.stages[0].own_batch == 64


@pytest.mark.usefixtures("speeds")
def test_outlook_counts_what_is_missing() -> None:
    s = subject()
    tasks = [Made("finetune", "8", 0), Made("finetune", "3,6,9:concat", 0), Made("evaluate", "8", 0)]
    found = outlook(s, tasks, 2, 0)
    ((stage, models),) = found.stages
    assert (stage.stage, models) == ("finetune", 2)
    heaviest = Setting.parse("3,6,9")
    assert stage.operations == stage_forecast(s, heaviest, "finetune", machines.Cpu(2), 1).operations
    assert found.cost.low > stage.seconds.low
    assert outlook(s, [], 2, 0).stages == ()


def test_a_resolved_study_is_a_subject() -> None:
    from shallowsight import steps

    resolved = steps.resolve_study("quick", [])
    found, named = subject_of(resolved), subject_named(STUDIES["quick"])
    for setting in named.members():
        for stage in STAGES:
            assert found.load(setting, stage) == named.load(setting, stage)
    assert (found.images, found.cached) == (named.images, named.cached) == (resolved.images, resolved.cache_features)
    assert found.tower == named.tower


def test_the_page_shows_what_the_command_prints() -> None:
    """The table that `python -m benchmarks.paper_forecast` prints, with the numbers of this code."""
    from benchmarks.paper_forecast import table

    text = PAGE.read_text(encoding="utf-8")
    assert table().strip() in text


def test_forecasts_are_plain_values() -> None:
    """What a front end may show: no torch, nothing lazy."""
    stage = stage_forecast(subject(), EIGHT, "finetune", Gpus(DEVICES["H100"], 1), 1)
    assert isinstance(stage, StageForecast)
    assert json.dumps([stage.samples, stage.memory, stage.seconds.low, stage.operations.model])


def test_added_seeds_are_counted() -> None:
    study = STUDIES["demo"].model_copy(update={"settings": ("9", "penultimate"), "seeds": (0, 1), "more_seeds": (2, 3)})
    few, more = (
        forecast_study(subject_named(s), "A100-80G", 1, 2)
        for s in (study, study.model_copy(update={"added": ("9=2,3",)}))
    )
    assert (few.models, more.models) == (4, 6)
    # Of two settings of one layer each, nothing but the number of models differs; shared cells are not trainings.
    assert more.seconds.low == pytest.approx(few.seconds.low * 6 / 4)


@pytest.mark.usefixtures("offline")
def test_settings_that_cost_alike_stand_together() -> None:
    words = ["settings=23 3 23+c_abstractor@144 3,18|23:internal-direct", "seeds=0"]
    found = forecast_study(subject_named(load_study("paper-7b", words, lambda _: 24)), "A100-80G", 4, 2)
    plain, compressed, inside = found.settings
    linear, compressing = 1024 * 4096 + 4096, 576 * 1024 + 6 * 2_638_080 + 1024 * 4096 + 4096**2 + 2 * 4096
    assert (str(plain.setting), plain.others) == ("23", 1)
    assert [each.image_tokens for each in found.settings] == [576, 144, 576]
    assert [each.parameters for each in found.settings] == [linear, compressing, 3 * linear]
    assert compressed.operations < plain.operations / 2 < inside.operations / 2
    assert inside.seconds.low > plain.seconds.low > compressed.seconds.low
    assert found.setting == plain.setting and found.stages[0].image_tokens == 576
    assert plain.operations == sum(stage.operations.model for stage in found.stages)


@pytest.mark.usefixtures("offline")
def test_the_setting_that_stands_for_a_study_is_one_of_its_own() -> None:
    def shown(*words: str) -> str:
        return str(subject_named(load_study("paper-7b", list(words), lambda _: 24)).shown)

    assert shown() == str(STUDIES["paper-7b"].base.setting)
    assert shown("settings=4,8 3") == "4,8:concat"


def test_public_questions_take_time() -> None:
    task = Made("evaluate", "8", 0)
    without = subject()
    asked = replace(without, public_rows=10_000)
    machine = Cpu(2)
    assert work_seconds(asked, task, machine).low > 2 * work_seconds(without, task, machine).low
