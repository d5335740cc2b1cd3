"""A micro-batch that does not fit the memory of a node: the box asks for smaller ones, and knows it the next time."""

from typing import Any

import pytest
from boxes import SETTING, Cluster, built, fails
from tiny_training import pretraining

from shallowsight.cluster.pod_task import PodTask, document_of
from shallowsight.cluster.training import Launch, train_on_cluster
from shallowsight.errors import ClusterUnavailable, ConfigurationError, OutOfMemory
from shallowsight.store.cells import stage_cell
from shallowsight.store.mirror import MirroredStore
from shallowsight.study.resolved import Resolved


def told(store: MirroredStore, resolved: Resolved, processes: int = 16) -> PodTask:
    return PodTask.read(store, stage_cell(resolved, SETTING, 0, "pretrain").digest, processes)


def train(resolved: Resolved, store: MirroredStore, gpus: int = 16) -> None:
    train_on_cluster(pretraining(resolved), store, Launch(gpus))


def test_the_trainjob_is_made_again_with_smaller_micro_batches(
    alone: Resolved, store: MirroredStore, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[int | None] = []

    def look_and(outcome: Any) -> Any:
        def make() -> Any:
            seen.append(told(store, alone).accumulation)
            return outcome()

        return make

    outcomes = [fails(OutOfMemory("no memory", 2)), fails(OutOfMemory("no memory", 4)), built(store, alone)]
    cluster.makes = [look_and(each) for each in outcomes]
    train(alone, store)
    assert seen == [None, 2, 4]
    assert cluster.jobs[0] == cluster.jobs[1] == cluster.jobs[2], "the launcher replaces a failed one of that name"
    said = [text for text in caplog.messages if "going on" in text or "goes on with" in text]
    assert [text.partition("goes on with ")[2] for text in said] == [
        f"accumulation={n}, the same global batch" for n in (2, 4)
    ]


def test_one_sample_at_a_time_is_the_end(alone: Resolved, store: MirroredStore, cluster: Cluster) -> None:
    cluster.makes = [fails(OutOfMemory("no memory", 2)), fails(OutOfMemory("one sample at a time already"))]
    with pytest.raises(OutOfMemory, match="one sample at a time already"):
        train(alone, store)
    assert len(cluster.jobs) == 2


def test_passes_that_do_not_grow_are_not_tried_for_ever(
    alone: Resolved, store: MirroredStore, cluster: Cluster
) -> None:
    cluster.makes = [fails(OutOfMemory("no memory", 2)), fails(OutOfMemory("no memory", 2))]
    with pytest.raises(OutOfMemory):
        train(alone, store)
    assert len(cluster.jobs) == 2


def test_a_box_that_comes_again_goes_on_with_what_was_found(
    alone: Resolved, store: MirroredStore, cluster: Cluster
) -> None:
    cluster.makes = [fails(OutOfMemory("no memory", 4)), fails(ClusterUnavailable("away"))]
    with pytest.raises(ClusterUnavailable):
        train(alone, store)
    seen: list[int | None] = []
    make = built(store, alone)
    cluster.makes = [lambda: (seen.append(told(store, alone).accumulation), make())[1]]
    train(alone, store)
    assert seen == [4]


def test_a_box_that_works_beside_this_one_may_be_further(
    alone: Resolved, store: MirroredStore, cluster: Cluster
) -> None:
    def the_other_one() -> OutOfMemory:
        told(store, alone).model_copy(update={"accumulation": 8}).write(store)
        return OutOfMemory("no memory", 2)

    cluster.makes = [the_other_one, built(store, alone)]
    train(alone, store)
    assert told(store, alone).accumulation == 8


@pytest.mark.parametrize("gpus", [8, 32])
def test_what_was_found_with_other_processes_says_nothing(
    alone: Resolved, store: MirroredStore, cluster: Cluster, gpus: int
) -> None:
    cluster.makes = [fails(OutOfMemory("no memory", 4)), fails(ClusterUnavailable("away"))]
    with pytest.raises(ClusterUnavailable):
        train(alone, store)
    cluster.makes = [built(store, alone)]
    train(alone, store, gpus)
    assert (told(store, alone, gpus).accumulation, told(store, alone, gpus).processes) == (None, gpus)
    assert told(store, alone).accumulation == 4, "what the pods of the other one are told stays"


@pytest.mark.parametrize("text", ["", "{}", '{"seed": 0, "stage": "pretrain", "later": 1}'])
def test_a_document_of_another_version_is_written_anew(
    alone: Resolved, store: MirroredStore, cluster: Cluster, text: str
) -> None:
    digest = stage_cell(alone, SETTING, 0, "pretrain").digest
    store.write_document(document_of(digest, 16), text)
    with pytest.raises(ConfigurationError, match="was written by another version, use images of one version"):
        PodTask.read(store, digest, 16)
    cluster.makes = [built(store, alone)]
    train(alone, store)
    assert told(store, alone).accumulation is None
