"""A run around its pipeline's process: what it is given, what it leaves, and how a failure is told."""

from collections.abc import Callable

import pytest

from shallowsight.errors import ConfigurationError, DataRefused, ShallowsightError
from shallowsight.store.store import Store


def test_success_cleans_up_and_watches(pipeline: Callable[..., None], store: Store) -> None:
    (store.root / "kfp" / "old").mkdir(parents=True)
    seen = []

    def watch() -> None:
        seen.append((store.root / "tmp").exists())

    pipeline(
        "assert os.environ['TMPDIR'] == str(ROOT / 'tmp' / f'run-{os.getppid()}')\n"
        "assert os.environ['SHALLOWSIGHT_PROGRESS'] == str(ROOT / 'progress.jsonl')\n"
        "assert os.environ['SHALLOWSIGHT_MEMBERS_AT_ONCE'] == '2'\n"
        "assert sys.argv[1:5] == ['-m', 'shallowsight.cluster.kubeflow.pipelines', 'layer_study', str(ROOT / 'kfp')]\n"
        "assert sys.argv[5] == ''\n"
        "assert json.loads(sys.argv[6]) == {'study': 'quick'}\n"
        "assert not (ROOT / 'kfp').exists()\n"
        "assert os.getpgrp() == os.getpid()\n"
        "print('said'); time.sleep(0.5)\n",
        watch,
    )
    assert seen[0] is True
    assert seen[-1] is False  # once more at the very end
    assert not (store.root / "tmp").exists()
    assert (store.root / "pipeline.log").read_text() == "said\n"


BOOM = "def make(out): raise {error}\ntry: store.build(cell, make)\nexcept Exception: sys.exit(1)\n"


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        pytest.param("errors.DataRefused('3 rows are bad')", DataRefused, "3 rows are bad", id="data"),
        pytest.param("errors.ConfigurationError('no questions')", ConfigurationError, "no questions", id="usage"),
        pytest.param("errors.MissingPackage('x', 'train')", ConfigurationError, r"shallowsight\[train\]", id="package"),
        pytest.param("ValueError('loss is nan')", ShallowsightError, "loss is nan", id="other"),
        pytest.param("OSError(28, 'No space left')", ShallowsightError, "No space left", id="disk"),
    ],
)
def test_failed_cell_is_named(
    pipeline: Callable[..., None], store: Store, error: str, kind: type[ShallowsightError], says: str
) -> None:
    with pytest.raises(ShallowsightError, match=f"finetune 6 seed 1: .*{says}") as found:
        pipeline(BOOM.format(error=error))
    assert type(found.value) is kind
    assert f"run the same command again: complete cells stay. Log: {store.root}/pipeline.log" in str(found.value)


def test_failures_of_earlier_runs_are_not_told_again(pipeline: Callable[..., None]) -> None:
    with pytest.raises(ShallowsightError, match="first"):
        pipeline(BOOM.format(error="ValueError('first')"))
    with pytest.raises(ShallowsightError) as found:
        pipeline(BOOM.format(error="ValueError('second')"))
    assert "second" in str(found.value)
    assert "first" not in str(found.value)


def test_all_failed_members_are_named(pipeline: Callable[..., None]) -> None:
    other = "cell = cell.model_copy(update={'digest': 'd' * 16, 'setting': '12'})\n"
    once = BOOM.replace("sys.exit(1)", "pass")
    with pytest.raises(ShallowsightError, match="finetune 6 seed 1: one; finetune 12 seed 1: two"):
        pipeline(once.format(error="ValueError('one')") + other + BOOM.format(error="ValueError('two')"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param("shallowsight.errors.ConfigurationError: no such thing", ConfigurationError, id="usage"),
        pytest.param("TypeError: two were given", ShallowsightError, id="bug"),
    ],
)
def test_failure_outside_of_any_cell(pipeline: Callable[..., None], error: str, kind: type[ShallowsightError]) -> None:
    what = "no such thing" if kind is ConfigurationError else f"the pipeline failed outside of any cell: {error}"
    with pytest.raises(ShallowsightError, match=what) as found:
        pipeline(
            f"print('    Traceback (most recent call last):\\n    {error}\\n    RuntimeError: later'); sys.exit(1)"
        )
    assert type(found.value) is kind


def test_failure_without_a_word(pipeline: Callable[..., None]) -> None:
    with pytest.raises(ShallowsightError, match="no reason in the log"):
        pipeline("sys.exit(7)")


def test_failure_with_a_torn_ledger(pipeline: Callable[..., None]) -> None:
    torn = "(ROOT / 'ledger.jsonl').open('a').write('{\"event\": \"sta')\n"
    with pytest.raises(ShallowsightError, match="finetune 6 seed 1: late"):
        pipeline(torn + BOOM.format(error="ValueError('late')"))


def test_what_a_killed_run_left_is_swept_and_a_step_at_work_is_not(pipeline: Callable[..., None], store: Store) -> None:
    for name in ("run-1", "tmpofastep"):
        (store.root / "tmp" / name).mkdir(parents=True)
    pipeline("")
    assert [p.name for p in (store.root / "tmp").iterdir()] == ["tmpofastep"]
