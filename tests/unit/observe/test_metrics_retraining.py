"""How a retraining compares, as Prometheus is shown it."""

from urllib.request import urlopen

import pytest
from ports import free_port

from shallowsight.observe.metrics import retraining
from shallowsight.observe.metrics.exposition import Endpoint
from shallowsight.observe.metrics.retraining import show_retraining


def test_it_is_served_while_it_lingers_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    port, pages = free_port(), list[str]()

    def instead(seconds: float) -> None:
        assert seconds == 45
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            pages.append(answer.read().decode())

    monkeypatch.setattr(retraining, "linger", instead)
    show_retraining("a study", {"worse": 2, "not_distinguishable": 40}, Endpoint("127.0.0.1", port, 45))
    assert 'shallowsight_retraining_comparisons{study="a study",verdict="worse"} 2.0' in pages[0]
    assert 'verdict="not_distinguishable"} 40.0' in pages[0]
    with pytest.raises(OSError):
        urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10)


def test_without_an_endpoint_nothing_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "linger", lambda seconds: pytest.fail("nobody scrapes"))
    show_retraining("a study", {"worse": 2}, None)
