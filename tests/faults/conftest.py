"""What several tests of faults are compared with."""

from collections.abc import Callable

import among_two as trainings
import pytest

from shallowsight.train.process_task import ProcessTask


@pytest.fixture(scope="session")
def among_two(make_job: Callable[..., ProcessTask], tmp_path_factory: pytest.TempPathFactory) -> trainings.AmongTwo:
    return trainings.train(make_job, tmp_path_factory.mktemp("among two"))
