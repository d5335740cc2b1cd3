"""With how many threads a process computes: what is asked for, or its share of the machine."""

import os

import pytest
import torch

from shallowsight.errors import ConfigurationError
from shallowsight.model.threads import THREADS, threads_for, threads_of
from shallowsight.steps.machine import (
    ANSWERING,
    MEMBERS_AT_ONCE,
    answering_processes,
    member_threads,
    share_cores,
    use_all_cores,
)


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    monkeypatch.delenv(MEMBERS_AT_ONCE, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(("processes", "threads"), [(1, 8), (3, 2), (8, 1), (20, 1)])
def test_a_process_has_its_share_of_the_cores(processes: int, threads: int) -> None:
    assert threads_for(processes) == threads


@pytest.mark.parametrize("asked", [1, 3, 64, 1024])
def test_a_person_may_ask_for_more_than_there_are_cores(monkeypatch: pytest.MonkeyPatch, asked: int) -> None:
    monkeypatch.setenv(THREADS, str(asked))
    assert threads_for(1) == threads_for(4) == asked


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5", "1025", "²", "0x2", " 2"])
def test_what_is_no_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(THREADS, text)
    with pytest.raises(ConfigurationError) as refused:
        threads_for(1)
    assert str(refused.value) == (
        f"SHALLOWSIGHT_THREADS={text!r}: write with how many threads each process computes, 1 to 1024, or leave it "
        "unset: each then has its share of the machine's cores"
    )


def test_members_share_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (member_threads(1), member_threads(2)) == (8, 4)
    monkeypatch.setenv(MEMBERS_AT_ONCE, "2")
    assert (member_threads(1), member_threads(2)) == (4, 2)


def test_on_a_node_the_processes_are_those_that_torchrun_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert member_threads(None) == 8
    monkeypatch.setenv("PET_NPROC_PER_NODE", "4")
    assert member_threads(None) == 2


def test_an_evaluation_has_one_process_for_each_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ANSWERING, raising=False)
    for gpus, processes in ((0, 1), (1, 1), (4, 4)):
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        assert answering_processes() == processes
    monkeypatch.setenv(ANSWERING, "2")
    assert answering_processes() == 2


@pytest.mark.parametrize("text", ["0", "-1", "two", "", "1.5", "65", "\u00b2", " 2"])
def test_what_is_no_number_of_processes_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(ANSWERING, text)
    with pytest.raises(ConfigurationError) as refused:
        answering_processes()
    assert str(refused.value) == (
        f"SHALLOWSIGHT_ANSWERING_PROCESSES={text!r}: write how many processes answer the questions of an evaluation, 1 "
        "to 64, or leave it unset: one for each GPU, and one where there is none"
    )


def test_steps_compute_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with threads_of(1):
        monkeypatch.setenv(MEMBERS_AT_ONCE, "4")
        share_cores()
        assert torch.get_num_threads() == 2
        share_cores(2)
        assert torch.get_num_threads() == 1
        monkeypatch.setenv(THREADS, "5")
        use_all_cores()
        assert torch.get_num_threads() == 5


def test_a_number_for_a_while() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), threads_of(before + 2):
        assert torch.get_num_threads() == before + 2
        raise ZeroDivisionError
    assert torch.get_num_threads() == before
