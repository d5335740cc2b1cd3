"""Cache, key, waits, pace and cost of a judge, each by itself."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shallowsight.errors import ConfigurationError
from shallowsight.evaluate.judge.cache import Cache, key_of
from shallowsight.evaluate.judge.faults import Stopped
from shallowsight.evaluate.judge.judge import Asking
from shallowsight.evaluate.judge.key import KEY, KEY_FILE, read_key
from shallowsight.evaluate.judge.patience import Pace, asked_wait
from shallowsight.evaluate.judge.prompts import request
from shallowsight.evaluate.judge.questions import Choice, Free
from shallowsight.evaluate.judge.spending import Spending, Tokens, most_tokens
from shallowsight.study.judge import Judge

HTTPS = "https://judge.example/v1"


def test_a_cache_keeps_what_it_is_given(tmp_path: Path) -> None:
    cache = Cache.open(tmp_path / "new" / "judge.jsonl")
    cache.add("a", "B")
    cache.add("b", None)
    cache.add("a", "C")
    assert Cache.open(cache.path).replies == cache.replies == {"a": "B", "b": None}


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_cut_last_line_is_left_out_and_the_next_one_is_whole(cut: int, tmp_path: Path) -> None:
    cache = Cache.open(tmp_path / "judge.jsonl")
    cache.add("a", "B")
    cache.add("b", "C")
    cache.path.write_bytes(cache.path.read_bytes()[:-cut])
    reopened = Cache.open(cache.path)
    kept = {"a": "B"} if cut > 1 else {"a": "B", "b": "C"}
    assert reopened.replies == kept
    reopened.add("c", "A")
    assert Cache.open(cache.path).replies == kept | {"c": "A"}


def test_lines_of_another_form_do_not_count(tmp_path: Path) -> None:
    lines = [
        "",
        "x",
        "[]",
        "1",
        "{}",
        '{"key": 1, "reply": "B"}',
        '{"key": "a"}',
        '{"key": "a", "reply": 1}',
        "[" * 9999,
    ]
    lines += ['{"key": "a", "reply": "B"}']
    path = tmp_path / "judge.jsonl"
    path.write_bytes("\n".join(lines).encode() + b"\n\xff\xfe\n")
    assert Cache.open(path).replies == {"a": "B"}


def test_a_reply_is_on_disk_when_add_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    cache = Cache.open(tmp_path / "judge.jsonl")
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(cache.path.read_bytes()))
    cache.add("a", "B")
    assert synced == [b'{"key": "a", "reply": "B"}\n']


ADD_MANY = """
import sys
from pathlib import Path
from shallowsight.evaluate.judge.cache import Cache

cache = Cache.open(Path(sys.argv[1]))
for number in range(50):
    cache.add(f"{sys.argv[2]}{number}", "B")
"""


def test_processes_share_a_cache(tmp_path: Path) -> None:
    path = tmp_path / "judge.jsonl"
    processes = [subprocess.Popen([sys.executable, "-c", ADD_MANY, str(path), name]) for name in "xyz"]
    assert [each.wait() for each in processes] == [0, 0, 0]
    assert len(path.read_text().splitlines()) == len(Cache.open(path).replies) == 150


def test_a_cache_that_cannot_be_used_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    judge = Judge(ask=True, price_input=0, price_output=0)
    with pytest.raises(ConfigurationError, match=r"the judge's cache .*: Is a directory; name a file"):
        Asking.prepared(judge, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"Not a directory|File exists"):
        Asking.prepared(judge, tmp_path / "file" / "judge.jsonl")


def test_a_full_disk_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache.open(tmp_path / "judge.jsonl")
    full = Cache(Path("/dev/full"), cache.replies)
    full.add("a", "B")
    assert full.replies == {"a": "B"}
    assert "cannot be written" in caplog.text and "the next run asks again" in caplog.text


CHOICE = Choice("Q?", {"A": "x", "B": "y"}, "z")


def test_what_changes_the_key_of_a_decision() -> None:
    base = key_of(request(CHOICE, Judge()))
    assert len(base) == 64 and base == key_of(request(Choice("Q?", {"A": "x", "B": "y"}, "z"), Judge()))
    for question in (
        Choice("R?", CHOICE.options, "z"), Choice("Q?", {"A": "x", "B": "w"}, "z"), Choice("Q?", {"A": "x"}, "z"),
        Choice("Q?", {"B": "y", "A": "x"}, "z"), Choice("Q?", CHOICE.options, "Z"), Free("Q?", "x", "z"),
    ):  # fmt: skip
        assert key_of(request(question, Judge())) != base
    assert key_of(request(CHOICE, Judge(model="other"))) != base
    assert key_of(request(CHOICE, Judge(thinking="not_said"))) != base
    paid = Judge(url=HTTPS, most_cost=3, price_input=1, price_output=1, requests_per_minute=3)
    assert key_of(request(CHOICE, paid)) == base, "where it is asked, and for how much, changes no reply"


def test_no_key() -> None:
    assert read_key(HTTPS, {}) is read_key(HTTPS, {KEY: ""}) is read_key(HTTPS, {KEY: " ", KEY_FILE: ""}) is None


def test_a_key_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(" sk-1\n")
    for variables in ({KEY: " sk-1 "}, {KEY_FILE: str(tmp_path / "key")}):
        found = read_key(HTTPS, variables)
        assert found is not None and found.get_secret_value() == "sk-1" and "sk-1" not in f"{found} {found!r}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://localhost/v1", "http://[::1]:80", HTTPS])
def test_where_a_key_may_go(url: str) -> None:
    assert read_key(url, {KEY: "sk-1"}) is not None


@pytest.mark.parametrize("url", ["http://judge.example", "http://10.0.0.1:8000/v1", "http://localhost.example"])
def test_a_key_never_travels_unencrypted(url: str) -> None:
    assert read_key(url, {}) is None, "a server without a key"
    with pytest.raises(ConfigurationError, match="sent unencrypted; use https") as refused:
        read_key(url, {KEY: "sk-1"})
    assert "sk-1" not in str(refused.value)


@pytest.mark.parametrize("key", ["sk 1", "sk-\n1", "sk-\u00e9", "sk-\x00", "sk-1\r\nX: y"])
def test_a_key_that_no_header_can_have(key: str) -> None:
    with pytest.raises(ConfigurationError, match="spaces or characters that no key has") as refused:
        read_key(HTTPS, {KEY: key})
    assert key not in str(refused.value)


def test_files_that_have_no_key(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 5_000)
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name, reason in [
        ("empty", "is empty"), ("large", "too large"), ("bytes", "no text"), ("gone", "No such file"),
        (".", "directory"),
    ]:  # fmt: skip
        with pytest.raises(ConfigurationError, match=reason):
            read_key(HTTPS, {KEY_FILE: str(tmp_path / name)})
    with pytest.raises(ConfigurationError, match=r"both .* are set; keep one"):
        read_key(HTTPS, {KEY: "sk-1", KEY_FILE: str(tmp_path / "empty")})


NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("3", 3.0), ("0", 0.0), ("1.5", 1.5), (" 7 ", 7.0), ("-1", None), ("nan", None), ("inf", None),
        ("soon", None), ("", None), ("Thu, 01 Jan 2026 00:00:09 GMT", 9.0), ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 00:00:09 -0000", 9.0), ("Thu, 99 Foo 2026 00:00:09 GMT", None), ("1e999", None),
    ],
)  # fmt: skip
def test_what_a_server_asks_to_wait(header: str | None, seconds: float | None) -> None:
    assert asked_wait(header, NOW) == seconds


def test_the_pace_is_even() -> None:
    pace = Pace(per_minute=30)  # every two seconds
    assert [pace.pause(now) for now in (100.0, 100.0, 101.0, 110.0, 110.5)] == [0.0, 2.0, 3.0, 0.0, 1.5]


def test_costs() -> None:
    spending = Spending(Judge(price_input=0.5, price_output=2, most_cost=1.0))
    spending.add(Tokens(1_000_000, 100_000))
    assert spending.money == pytest.approx(0.7, rel=1e-12)  # 0.5 + 0.2
    spending.require(Tokens(500_000, 0))
    with pytest.raises(Stopped, match=r"the judge may cost no more: 0.7 of judge.most_cost=1"):
        spending.require(Tokens(700_000, 0))


@pytest.mark.parametrize("text", ["", "x" * 1000, "\u00e9" * 1000, "\u732b" * 1000, "\U0001f408" * 1000, "\n" * 100])
def test_a_request_has_no_more_tokens_than_bytes(text: str) -> None:
    body = request(Choice(text, {"A": text}, text), Judge())
    sent = sum(len(message["content"].encode()) for message in body["messages"])
    most = most_tokens(json.loads(json.dumps(body)))
    assert sent < most.sent <= sent * 2 + 200 and most.written == 8
