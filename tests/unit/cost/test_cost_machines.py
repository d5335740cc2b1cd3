"""Seconds from operations: on this CPU by timing, on GPUs by a share of their peak."""

import itertools
import math
import os
from collections.abc import Iterator

import pytest
from cost_subjects import SMALL, subject

from shallowsight.cost import hardware, local, machines, probing
from shallowsight.cost.calibration import Pass, Speed
from shallowsight.cost.devices import DEVICES, device_of_cuda, find_device
from shallowsight.cost.local import cell_seconds, forecast, work_seconds
from shallowsight.cost.machines import Cpu, Gpus, Span, this_machine
from shallowsight.cost.memory import trained_parameters
from shallowsight.cost.operations import answer_operations, sample_operations, stage_operations, tower_operations
from shallowsight.cost.optimizer import update_operations
from shallowsight.cost.subject import Made, Task, all_tasks
from shallowsight.errors import ConfigurationError
from shallowsight.study.settings import Setting

EIGHT, NINE = Setting.parse("8"), Setting.parse("9")
ASKED: list[tuple[Pass, int]] = []


@pytest.fixture
def speeds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of 1 GFLOP/s a core in training and in matrix products; what was timed is in ASKED."""
    ASKED.clear()

    def timed(work: Pass, threads: int) -> Speed:
        ASKED.append((work, threads))
        return Speed(1e-9 / threads, update=0.01, parameters=100_000)

    monkeypatch.setattr(machines, "training_speed", timed)
    monkeypatch.setattr(machines, "matrix_speed", lambda: 1e9)
    yield


def middle(span: Span) -> float:
    return span.low / machines._SPREAD[0]


@pytest.mark.usefixtures("speeds")
def test_a_stage_on_the_cpu_by_hand() -> None:
    s, two = subject(), Cpu(overlap=1, cores=2)
    one = sample_operations(s, EIGHT, "finetune", 64)
    more = (s.language.parameters + 384 * 128 + 128 + 128**2 + 128) / 100_000
    expected = 100 * (one.computed / 2e9 + more * 0.01 + machines._AROUND)
    assert middle(two.train(s, EIGHT, "finetune")) == pytest.approx(expected)
    # A member that shares the machine has half the cores, and its connector alone is no more work than was timed.
    half = Cpu(overlap=2, cores=2)
    frozen = sample_operations(s, EIGHT, "pretrain", 64)
    assert middle(half.train(s, EIGHT, "pretrain")) == pytest.approx(
        100 * (frozen.computed / 1e9 + 0.01 + machines._AROUND)
    )
    assert [threads for _, threads in ASKED] == [2, 1]


@pytest.mark.usefixtures("speeds")
def test_muon_takes_its_own_time() -> None:
    muon = subject("finetune.optimizer=muon", "finetune.zero=0", "pretrain.optimizer=muon", "pretrain.zero=0")
    first, square, inner = (5 * 2 * (2 * 128**2 * side + 128**3) for side in (384, 128, 344))
    assert update_operations(muon, EIGHT, "pretrain") == first + square
    more = update_operations(muon, EIGHT, "finetune")
    assert more == first + square + 2 * (4 * square + 3 * inner)
    assert update_operations(subject(), EIGHT, "finetune") == 0
    cpu = Cpu(overlap=1, cores=2)
    longer = middle(cpu.train(muon, EIGHT, "finetune")) - middle(cpu.train(subject(), EIGHT, "finetune"))
    assert longer == pytest.approx(100 * more / 2e9)
    gpus = [Gpus(DEVICES["H100"], 64).train(s, EIGHT, "finetune") for s in (subject(), muon)]
    assert gpus[0].low <= gpus[1].low and gpus[0].high <= gpus[1].high


@pytest.mark.usefixtures("speeds")
def test_what_is_timed_is_the_studys_own() -> None:
    s = subject("finetune.checkpointing=true", "finetune.precision=bfloat16", "finetune.zero=2")
    Cpu(2, cores=2).train(s, EIGHT, "finetune")
    Cpu(2, cores=2).train(s, EIGHT, "pretrain")
    (finetune, _), (pretrain, _) = ASKED
    load = s.load(EIGHT, "finetune")
    assert finetune.shape == s.language
    assert (finetune.sequences, finetune.tokens) == (64, round(load.mean_length * load.padded))
    assert finetune.predicted == round(load.supervised)
    assert (finetune.trained, finetune.half, finetune.checkpointing) == (True, True, True)
    assert (pretrain.trained, pretrain.half, pretrain.checkpointing) == (False, False, False)


@pytest.mark.usefixtures("speeds")
def test_one_length_is_timed_and_each_setting_has_its_own_operations() -> None:
    s = subject("settings=8 6,8:sti 8+c_abstractor@4")
    cpu, sti, few = Cpu(1, cores=2), Setting.parse("6,8:sti"), Setting.parse("8+c_abstractor@4")
    for setting in (EIGHT, sti, few):
        found, own = cpu.train(s, setting, "finetune"), sample_operations(s, setting, "finetune", 64)
        more = trained_parameters(s, setting, "finetune") / 100_000
        assert middle(found) == pytest.approx(100 * (own.computed / 2e9 + more * 0.01 + machines._AROUND))
    assert len({work for work, _ in ASKED}) == 1
    assert s.load(few, "finetune").length < s.load(EIGHT, "finetune").length < s.load(sti, "finetune").length


@pytest.mark.usefixtures("speeds")
def test_adapters_are_timed_on_a_frozen_model() -> None:
    Cpu(2, cores=2).train(subject("finetune.lora.rank=4"), EIGHT, "finetune")
    assert not ASKED[0][0].trained


@pytest.mark.usefixtures("speeds")
def test_a_tower_on_every_batch_takes_its_own_time() -> None:
    cached, live = (Cpu(1, cores=1).train(subject(cached=c), EIGHT, "finetune") for c in (True, False))
    tower = 6400 * tower_operations(SMALL, 168, 8) / (1e9 * machines._TOWER_SHARE)
    assert middle(live) - middle(cached) == pytest.approx(tower)


@pytest.mark.usefixtures("speeds")
def test_no_updates_time_nothing() -> None:
    assert Cpu(1).train(subject("pretrain.updates=0"), EIGHT, "pretrain") == Span(0, 0)
    assert ASKED == []


def test_more_members_than_cores() -> None:
    assert Cpu(overlap=4, cores=2).threads == 1
    assert Cpu(overlap=1).cores == len(os.sched_getaffinity(0))


# --- GPUs -----------------------------------------------------------------------------------------------------------


def test_an_update_of_a_small_model_takes_its_time_on_gpus() -> None:
    assert Gpus(DEVICES["H100"], 4).train(subject(), EIGHT, "finetune") == Span(100 * 0.02, 100 * 0.1)


def test_gpus_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_GPU_UPDATE", (0.0, 0.0))
    s = subject("finetune.precision=bfloat16", "finetune.zero=2", cached=False)
    found = stage_operations(s, EIGHT, "finetune")
    span = Gpus(DEVICES["A100-80G"], 4).train(s, EIGHT, "finetune")
    at_peak = (found.computed / 312e12 + found.tower / 156e12) / 4
    assert (span.low, span.high) == pytest.approx((at_peak / 0.6, at_peak / 0.15))


def test_float32_runs_at_the_speed_of_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machines, "_GPU_UPDATE", (0.0, 0.0))
    s = subject()
    found = stage_operations(s, EIGHT, "finetune")
    assert Gpus(DEVICES["H100"], 1).train(s, EIGHT, "finetune").low == pytest.approx(found.hardware / 494e12 / 0.42)


@pytest.mark.parametrize("name", DEVICES)
def test_a_devices_share_is_a_range(name: str) -> None:
    device = find_device(name)
    assert 0 < device.low < device.high < 0.7
    assert device.single < device.half
    assert device.usable < device.memory


def test_the_peaks_are_those_that_training_meters_with() -> None:
    from shallowsight.cost import devices
    from shallowsight.train import efficiency

    for cuda, name in devices._NAMES.items():
        assert DEVICES[name].half == efficiency._BFLOAT16_PEAKS[cuda]


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"--device 'A100': choose from A100-80G, A100-40G, H100 and cpu"):
        find_device("A100")
    with pytest.raises(ConfigurationError, match="no figures for a GPU 'NVIDIA T4'"):
        device_of_cuda("NVIDIA T4")


def test_which_machine_this_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert this_machine(2, 0) == Cpu(2)
    monkeypatch.setattr(machines, "gpu_name", lambda: "NVIDIA A100-SXM4-40GB")
    assert this_machine(2, 4) == Gpus(DEVICES["A100-40G"], 4)
    assert this_machine(2, 0) == Gpus(DEVICES["A100-40G"], 1)
    monkeypatch.setattr(machines, "gpu_name", lambda: "Something")
    with pytest.raises(ConfigurationError, match="'Something'"):
        this_machine(2, 4)


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "find_spec", lambda _: None)
    with pytest.raises(ConfigurationError, match=r"shallowsight\[models\]"):
        this_machine(2, 0)


# --- The rest of a study --------------------------------------------------------------------------------------------


def total(tasks: list[Task], overlap: int = 1) -> float:
    return forecast(subject(), tasks, Cpu(overlap, cores=2)).low


@pytest.mark.usefixtures("speeds")
def test_nothing_missing_costs_nothing() -> None:
    found = forecast(subject(), [], Cpu(2))
    assert (found.low, found.high, found.storage) == (0, 0, 0)
    assert ASKED == []


@pytest.mark.usefixtures("speeds")
def test_one_pass_encodes_every_layer() -> None:
    three, eight = Made("encode", "layer 3"), Made("encode", "layer 8")
    assert total([eight]) == total([three, eight]), "the deepest layer's pass gives the others"
    found = forecast(subject(), [three, eight], Cpu(2))
    assert found.storage == 2 * 150 * 36 * 384 * 2


@pytest.mark.usefixtures("speeds")
def test_members_side_by_side() -> None:
    light, start = local._LIGHT_BOXES, local._PROCESS + local._IMPORTS["finetune"]
    one, other, seed = Made("finetune", "8", 0), Made("finetune", "9", 0), Made("finetune", "8", 1)
    s = subject()
    alone = work_seconds(s, one, Cpu(1, cores=2)).low
    shared = work_seconds(s, one, Cpu(2, cores=2)).low
    assert total([one]) == pytest.approx(light + start + alone)
    # Two at once: each has one core, and they overlap; one alone has one core too, and nothing to overlap with.
    assert total([one], overlap=2) == pytest.approx(light + start + shared)
    assert total([one, other], overlap=2) == pytest.approx(light + start + shared)
    # A box makes the cells of all seeds: one start.
    assert total([one, seed]) == pytest.approx(light + start + 2 * alone)


@pytest.mark.usefixtures("speeds")
def test_a_range_with_more_missing_higher() -> None:
    tasks = all_tasks(subject())
    found = [forecast(subject(), tasks[:n], Cpu(2)) for n in range(1, len(tasks))]
    assert all(0 < f.low <= f.high < math.inf for f in found)
    assert all(a.low <= b.low for a, b in itertools.pairwise(found))
    assert found[-1].low < found[-1].high


@pytest.mark.usefixtures("speeds")
def test_simple_steps_by_hand() -> None:
    s, one = subject(), Cpu(1, cores=1)
    assert work_seconds(s, Made("prepare"), one) == Span(0.75, 0.75)
    looked = 208 * tower_operations(SMALL, 168, 12) / (1e9 * machines._TOWER_SHARE)
    assert middle(work_seconds(s, Made("analyze"), one)) == pytest.approx(looked)
    questions = 5 * 50 + 4 * s.base.data.easy_vqa_test
    asked = questions * answer_operations(s, EIGHT) / (1e9 * machines._ANSWER_SHARE) * machines._SPREAD[0]
    assert work_seconds(s, Made("evaluate", "8", 0), one).low == pytest.approx(asked + local._EVALUATION)


@pytest.mark.usefixtures("speeds")
def test_the_first_cell_of_a_box_counts_the_imports() -> None:
    s, task, machine = subject(), Made("finetune", "8", 0), Cpu(2)
    first, later = (cell_seconds(s, task, machine, first=f) for f in (True, False))
    assert first.low - later.low == pytest.approx(local._IMPORTS["finetune"])


def test_all_tasks_of_a_study() -> None:
    tasks = all_tasks(subject("settings=8 groups:concat", "probes=false"))
    assert "probe" not in [t.step for t in tasks]
    assert [t.setting for t in tasks if t.step == "encode"] == ["layer 4", "layer 8", "layer 12"]
    assert [t.setting for t in tasks if t.step == "evaluate"] == ["8", "8", "4,8,12:concat", "4,8,12:concat"]
    assert not [t for t in all_tasks(subject(cached=False)) if t.step == "encode"]


def test_probes_look_at_every_layer() -> None:
    tasks = all_tasks(subject("settings=8", "probes=true"))
    assert [t.setting for t in tasks if t.step == "encode"] == [f"layer {layer}" for layer in range(1, 13)]
    assert [t.step for t in tasks].count("probe") == 1


@pytest.mark.usefixtures("speeds")
def test_probes_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    s, one = subject("probes=true"), Cpu(1, cores=2)
    # 100 scenes with 5 questions and 20 easy-VQA pictures with 4, in 6 benchmarks: 200 updates of 64 questions each; 36
    # tokens of width 384; twelve layers on two cores.
    seconds = probing._NUMBER * 6 * 200 * 64 * 36 * 384 * 6
    cached = work_seconds(s, Made("probe"), one)
    assert cached.low == pytest.approx(seconds * probing._SPREAD[0])
    assert cached.high == pytest.approx(seconds * probing._SPREAD[1])
    live = work_seconds(subject("probes=true", cached=False), Made("probe"), one)
    looked = one.look(150 * tower_operations(SMALL, 168, 12))
    assert (live.low - cached.low, live.high - cached.high) == pytest.approx((looked.low, looked.high))
