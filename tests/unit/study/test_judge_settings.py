"""The settings of a judge: what is refused, and that no key can be one of them."""

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.study.experiments import EXPERIMENTS, STUDIES
from shallowsight.study.judge import Judge
from shallowsight.study.overrides import load_study

ON = ("judge.ask=true", "judge.price_input=0.3", "judge.price_output=1.2")


def judge(*words: str) -> Judge:
    return load_study("demo", words, lambda _: 12).base.judge


def test_it_is_off_by_default_everywhere() -> None:
    assert not [name for name, study in STUDIES.items() if study.base.judge.ask]
    assert not [name for name, experiment in EXPERIMENTS.items() if experiment.judge.ask]


def test_on() -> None:
    found = judge(*ON, "judge.most_cost=3", "judge.url=http://127.0.0.1:8000/v1", "judge.model=qwen")
    assert found.ask and (found.most_cost, found.url, found.model) == (3.0, "http://127.0.0.1:8000/v1", "qwen")
    assert found.money(1_000_000, 500_000) == pytest.approx(0.9, rel=1e-12)


def test_a_judge_has_prices() -> None:
    with pytest.raises(ConfigurationError, match="what a million tokens cost there"):
        judge("judge.ask=true")
    with pytest.raises(ConfigurationError, match="what a million tokens cost there"):
        judge("judge.ask=true", "judge.price_input=0")


@pytest.mark.parametrize(
    "word",
    ["judge.most_cost=-1", "judge.most_cost=.inf", "judge.price_input=-1", "judge.requests_per_minute=0",
     "judge.thinking=enabled", "judge.model=' '", "judge.ask=maybe"],
)  # fmt: skip
def test_values_that_do_not_fit(word: str) -> None:
    with pytest.raises(ConfigurationError, match="judge"):
        judge(word)


@pytest.mark.parametrize(
    "url",
    ["", "api.deepseek.com", "ftp://x", "file:///etc/passwd", "https://", "https://user:hidden@x", "https://hidden@x",
     "https://x?key=hidden", "https://x#hidden", "https://x:0", "https://x:99999", "https://x y", "https://\u00e9.example",
     "https://[::1", "https://x/\tv1"],
)  # fmt: skip
def test_urls_that_are_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"judge\.url: write https://host") as refused:
        load_study("demo", [f"judge.url='{url}'"], lambda _: 12)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("word", ["judge.key=sk-hidden", "judge.api_key=sk-hidden", "judge={key: sk-hidden}"])
def test_a_key_is_no_setting(word: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown key") as refused:
        judge(word)
    assert "sk-hidden" not in str(refused.value)
