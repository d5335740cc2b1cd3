"""What is shown of a training whose processes failed."""

from shallowsight.train.launch import _LAST_LINES, _last_words

TORCHRUN = """W1121 23:09:58.183000 20620 torch/distributed/elastic/multiprocessing/api.py:1028] Sending
E1121 23:09:58.185000 20620 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1) local_rank: 0
Traceback (most recent call last):
============================================================
shallowsight.train FAILED
  exitcode  : 1 (pid: 20630)
============================================================
"""


def test_the_reason_comes_before_torchruns_report() -> None:
    said = [f"line {n}" for n in range(30)]
    assert _last_words([*said, *TORCHRUN.splitlines()]).splitlines() == said[-_LAST_LINES:]


def test_torchruns_report_is_shown_when_there_is_nothing_else() -> None:
    assert "shallowsight.train FAILED" in _last_words(TORCHRUN.splitlines())


def test_without_a_report() -> None:
    assert _last_words(["killed"]) == "killed"
