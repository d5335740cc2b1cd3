"""Answers that are kept: read again, whatever a crash left, and never for other weights, prompts or pictures."""

import random
from pathlib import Path

from shallowsight.evaluate.answer_log import AnswerLog, answers_of
from shallowsight.store.digest import file_sha256
from shallowsight.store.lines import Lines
from shallowsight.store.record import CellRecord, Output


def log_in(path: Path) -> AnswerLog:
    return AnswerLog(Lines(path))


def test_answers_are_there_again(tmp_path: Path) -> None:
    log = log_in(tmp_path / "new" / "a.jsonl")
    log.add({"k1": "a cat\nand more", "k2": ""})
    log.add({"k3": "Käfer"})
    again = log_in(tmp_path / "new" / "a.jsonl")
    assert [again.get(key) for key in ("k1", "k2", "k3", "k4")] == ["a cat\nand more", "", "Käfer", None]


def test_a_cut_or_changed_line_is_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    log_in(path).add({"k1": "one", "k2": "two", "k3": "three"})
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"two", b"owt") + lines[2][:-9])
    log = log_in(path)
    assert [log.get(key) for key in ("k1", "k2", "k3")] == ["one", None, None]
    log.add({"k3": "three"})
    assert log_in(path).get("k3") == "three", "the cut line does not swallow the next one"


def test_every_cut_leaves_whole_answers(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    log_in(path).add({f"k{n}": f"answer {n}" for n in range(5)})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        found = log_in(path)
        assert all(found.get(f"k{n}") in {None, f"answer {n}"} for n in range(5))


def weights(checkpoint: Path) -> str:
    """What the record of a cell says of its files."""
    files = [path for path in checkpoint.rglob("*") if path.is_file()]
    outputs = {str(f.relative_to(checkpoint)): Output(sha256=file_sha256(f), size=f.stat().st_size) for f in files}
    record = CellRecord(digest="", step="", setting=None, seed=None, parents={}, outputs=outputs, seconds=0, machine={})
    return record.content


def test_no_stale_answer_in_a_thousand_changes(tmp_path: Path) -> None:
    """Every change of a byte of the weights, or of anything that is named beside them, is another model."""
    checkpoint = tmp_path / "checkpoint"
    (checkpoint / "language").mkdir(parents=True)
    files = [checkpoint / "connector.safetensors", checkpoint / "language" / "model.safetensors"]
    draw = random.Random(0)
    for file in files:
        file.write_bytes(draw.randbytes(400))

    def log_of(also: object) -> AnswerLog:
        return log_in(tmp_path / answers_of(weights(checkpoint), also))

    also = ["cell", "tower", {"torch": "2.13.0"}]
    log_of(also).add({"key": "old"})
    for _ in range(1000):
        file = draw.choice(files)
        before = file.read_bytes()
        changed = bytearray(before)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        file.write_bytes(changed)
        assert log_of(also).get("key") is None
        file.write_bytes(before)
    for other in (["other", *also[1:]], [also[0], "t", also[2]], [*also[:2], {"torch": "2.13.1"}]):
        assert log_of(other).get("key") is None
    assert log_of(also).get("key") == "old"
