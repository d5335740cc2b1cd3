"""Which changes follow from what is wanted and what is there."""

from dataclasses import replace
from datetime import datetime

import pytest

from shallowsight.cluster.kubeflow.values import RecurringRun
from shallowsight.cluster.schedules.plan import Wanted, job_name, ours, plan, removals

WANTED = Wanted(
    name=job_name("default", "weekly"),
    cron="0 0 2 * * 1",
    pipeline="layer_study",
    version="sha256-0",
    parallelism=2,
    arguments={"study": "demo", "gpus": "8"},
    max_concurrency=1,
    catchup=False,
    kfp_experiment="shallowsight",
    service_account=None,
    enabled=True,
)
NEWER = replace(WANTED, cron="0 0 3 * * 1")


def there(wanted: Wanted, number: int = 1, enabled: bool = True, name: str | None = None) -> RecurringRun:
    return RecurringRun(
        id=f"id-{number}",
        name=name or wanted.name,
        description=wanted.described(),
        enabled=enabled,
        created=datetime(2026, 11, number),
        cron=wanted.cron,
        arguments=wanted.arguments,
        max_concurrency=wanted.max_concurrency,
        catchup=wanted.catchup,
    )


OFF = replace(WANTED, enabled=False)
CASES = [
    pytest.param(WANTED, [], "create", None, [], id="nothing there"),
    pytest.param(WANTED, [there(WANTED)], "same", "id-1", [], id="as wanted"),
    pytest.param(NEWER, [there(WANTED)], "update", None, ["id-1"], id="another spec"),
    pytest.param(WANTED, [there(WANTED, enabled=False)], "enable", "id-1", [], id="switched off by hand"),
    pytest.param(OFF, [there(WANTED)], "disable", "id-1", [], id="to be switched off"),
    pytest.param(OFF, [there(WANTED, enabled=False)], "same", "id-1", [], id="off as wanted"),
    pytest.param(NEWER, [there(WANTED), there(NEWER, 2, False)], "mend", "id-2", ["id-1"], id="new one not on yet"),
    pytest.param(WANTED, [there(WANTED, 1, False), there(WANTED, 2)], "mend", "id-2", ["id-1"], id="one of two is on"),
    pytest.param(WANTED, [there(WANTED, 2), there(WANTED)], "mend", "id-1", ["id-2"], id="two the same: the older"),
    pytest.param(
        NEWER, [there(WANTED, 2), there(replace(WANTED, cron="x"))], "update", None, ["id-1", "id-2"], id="two old ones"
    ),
]


@pytest.mark.parametrize(("wanted", "existing", "kind", "keeper", "others"), CASES)
def test_change(wanted: Wanted, existing: list[RecurringRun], kind: str, keeper: str | None, others: list[str]) -> None:
    (change,) = plan([wanted], existing, prune=False)
    assert change.kind == kind
    assert (change.keeper.id if change.keeper else None) == keeper
    assert [run.id for run in change.others] == others
    assert change.is_one == (kind != "same")


def test_what_the_file_no_longer_names_is_kept_or_pruned() -> None:
    old = there(WANTED, name=job_name("default", "old"))
    kept, pruned = (plan([WANTED], [there(WANTED), old], prune=prune) for prune in (False, True))
    assert [change.kind for change in kept] == ["same", "extra"]
    assert not kept[1].is_one
    assert "--prune deletes it" in kept[1].says()[0]
    assert [(change.kind, [run.id for run in change.others]) for change in pruned] == [
        ("same", []),
        ("delete", ["id-1"]),
    ]


def test_removals_take_doubles_together() -> None:
    (change,) = removals([there(WANTED), there(NEWER, 2)])
    assert (change.kind, len(change.others)) == ("delete", 2)


def test_ours_have_the_name_and_the_mark() -> None:
    mine = there(WANTED)
    foreign = [
        replace(mine, description="Made by hand"),
        replace(mine, description=""),
        replace(mine, name="weekly"),
        replace(mine, name=job_name("other", "weekly")),
        replace(mine, name=job_name("default2", "weekly")),
        replace(mine, name=""),
    ]
    assert ours([*foreign, mine], "default") == [mine]


@pytest.mark.parametrize(
    "change",
    [
        {"cron": "0 0 0 * * *"},
        {"pipeline": "retrain"},
        {"version": "sha256-1"},
        {"arguments": {"study": "quick", "gpus": "8"}},
        {"max_concurrency": 2},
        {"catchup": True},
        {"kfp_experiment": "x"},
        {"service_account": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_covers_all_but_the_switch(change: dict[str, object]) -> None:
    assert replace(WANTED, **change).digest != WANTED.digest  # type: ignore[arg-type]
    assert replace(WANTED, enabled=False).digest == WANTED.digest


def test_an_update_says_what_differs() -> None:
    wanted = replace(
        NEWER, arguments={"study": "demo", "gpus": "4"}, version="sha256-1", max_concurrency=2, catchup=True
    )
    (change,) = plan([wanted], [there(WANTED)], prune=False)
    assert change.says() == [
        "cron: '0 0 2 * * 1' -> '0 0 3 * * 1'",
        "max_concurrency: 1 -> 2",
        "catchup: False -> True",
        "gpus: '8' -> '4'",
        "pipeline: now layer_study sha256-1",
    ]
    (change,) = plan([replace(WANTED, version="sha256-2", parallelism=3)], [there(WANTED)], prune=False)
    assert change.says() == ["parallelism: 2 -> 3", "pipeline: now layer_study sha256-2"]
    (change,) = plan([replace(WANTED, service_account="x")], [there(WANTED)], prune=False)
    assert change.says() == ["experiment or service account"]
