"""Names of benchmarks, and what is said to a wrong one."""

import pytest

from shallowsight.study.benchmarks import BENCHMARKS, DEMO_BENCHMARKS, find_benchmark


@pytest.mark.parametrize("name", BENCHMARKS)
def test_finds_every_known_one(name: str) -> None:
    assert find_benchmark(name).name == name


def test_own_asks_everything_and_is_not_in_the_demo() -> None:
    assert find_benchmark("own").question_kind is None
    assert set(BENCHMARKS) - set(DEMO_BENCHMARKS) == {"own"}


def test_own_kind() -> None:
    found = find_benchmark("own:counting")
    assert (found.name, found.category, found.question_kind, found.chance) == ("own:counting", *["counting"] * 2, None)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("scenes_ocrr", "no benchmark 'scenes_ocrr', did you mean 'scenes_ocr'? choose from", id="typo"),
        pytest.param("qqq", "no benchmark 'qqq'; choose from scenes_category, ", id="nothing near"),
        pytest.param("own:", "no benchmark 'own:'", id="no kind"),
        pytest.param("", "no benchmark ''; choose from", id="empty"),
    ],
)
def test_refuses(name: str, message: str) -> None:
    with pytest.raises(ValueError) as refused:
        find_benchmark(name)
    assert message in str(refused.value)
    assert str(refused.value).endswith("own:KIND, lmms:TASK")


def test_chance_is_a_probability() -> None:
    assert all(b.chance is None or 0 < b.chance < 1 for b in BENCHMARKS.values())
