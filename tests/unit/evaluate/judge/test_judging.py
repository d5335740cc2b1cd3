"""The judge's step over an evaluation's rows: real requests to a server, scores written again."""

import json
from pathlib import Path
from typing import Any

import pytest
from judge_server import gives, says, serving
from test_judge_client import asking

from shallowsight.data.records import read_jsonl, write_jsonl
from shallowsight.evaluate.judging import judge, may_help, why_undecided

OPTIONS = {"A": "a cat", "B": "a dog", "C": "the moon"}


def row(number: int, benchmark: str, **changes: Any) -> dict[str, Any]:
    return {
        "benchmark": benchmark, "category": "general", "subtask": None, "groups": [], "id": str(number),
        "image_id": f"{number}.png", "question": "What?", "prediction": "p", "target": "B", "correct": 1.0, **changes,
    }  # fmt: skip


def undecided(number: int, benchmark: str, *answers: dict[str, Any]) -> dict[str, Any]:
    return row(number, benchmark, correct=0.0, undecided=True, to_judge=list(answers))


def choice(answer: str) -> dict[str, Any]:
    return {"question": "What is it?", "answer": answer, "target": "B", "options": OPTIONS}


FREE = {"question": "Why?", "answer": "of the rain", "target": "rain <AND> wind", "options": {}}


@pytest.fixture
def evaluated(tmp_path: Path) -> Path:
    folder = tmp_path / "evaluated"
    folder.mkdir()
    rows = [
        row(0, "pope"),
        row(1, "mmbench"),
        undecided(2, "mmbench", choice("something furry"), choice("it barks")),
        undecided(3, "mmbench", choice("it sings")),
        undecided(4, "mmvet", FREE),
    ]
    write_jsonl(rows, folder / "samples.jsonl")
    sizes = {name: [r for r in rows if r["benchmark"] == name] for name in ("pope", "mmbench", "mmvet")}
    scores = [
        {"name": name, "category": "general", "metric": "accuracy", "value": 0.5, "n": len(found),
         "standard_error": None, "chance": None, "official": {"x": 1.0}}
        for name, found in sizes.items()
    ]  # fmt: skip
    (folder / "scores.json").write_text(json.dumps({"setting": "8", "benchmarks": scores, "not_run": {}}))
    return folder


def judged(evaluated: Path, server: Any, out: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    out.mkdir(exist_ok=True)
    judge(evaluated, asking(server, out.parent), out)
    return list(read_jsonl(out / "samples.jsonl")), json.loads((out / "scores.json").read_text())


def test_what_the_judge_decides_is_in_rows_and_scores(evaluated: Path, tmp_path: Path) -> None:
    with serving(says("B"), says("B"), says("C"), says("0.5")) as server:
        rows, scores = judged(evaluated, server, tmp_path / "out")
        assert len(server.sent) == 4
        again = judged(evaluated, server, tmp_path / "again")
        assert len(server.sent) == 4 and again == (rows, scores), "replies are kept"
    assert [r["correct"] for r in rows] == [1.0, 1.0, 1.0, 0.0, 0.5]
    assert [r.get("decided_by") for r in rows] == [None, None, "judge", "judge", "judge"]
    assert not [r for r in rows if "undecided" in r or "to_judge" in r]
    found = {s["name"]: s for s in scores["benchmarks"]}
    assert found["mmbench"]["value"] == pytest.approx(2 / 3) and found["mmbench"]["bounds"] == pytest.approx(
        [2 / 3] * 2
    )
    assert found["mmvet"]["value"] == 0.5 and found["mmbench"]["official"] == {"x": 1.0}
    assert found["pope"]["value"] == 0.5, "of nothing undecided nothing changes"
    assert why_undecided(tmp_path / "out") == ""
    assert scores["judge"] == {"model": "deepseek-flash", "asked": 4, "undecided": 0, "ask_again": 0, "reasons": {}}


def test_a_judge_that_refuses_leaves_them_undecided(evaluated: Path, tmp_path: Path) -> None:
    with serving(gives(401)) as server:
        rows, scores = judged(evaluated, server, tmp_path / "out")
        assert len(server.sent) == 1, "with a key that is refused nothing more is asked"
    assert [bool(r.get("undecided")) for r in rows] == [False, False, True, True, True]
    assert all(r["undecided_because"] for r in rows[2:]) and scores["judge"]["undecided"] == 3
    assert may_help(tmp_path / "out"), "the key may be mended"
    said = why_undecided(tmp_path / "out")
    assert said.startswith("4 of 4 answers undecided: ") and "401" in said
    found = {s["name"]: s for s in scores["benchmarks"]}
    assert found["mmbench"]["bounds"] == pytest.approx([1 / 3, 1.0]) and found["mmvet"]["bounds"] == [0.0, 1.0]


def test_one_rotation_that_is_wrong_decides(evaluated: Path, tmp_path: Path) -> None:
    with serving(says("A"), gives(500)) as server:
        rows, _ = judged(evaluated, server, tmp_path / "out")
    assert rows[2]["correct"] == 0.0 and rows[2]["decided_by"] == "judge"
    assert rows[3]["undecided"] and "no reply" in rows[3]["undecided_because"]


def test_a_cost_that_is_reached_is_not_exceeded_by_asking_again(evaluated: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with serving(says("B")) as server:
        judge(evaluated, asking(server, tmp_path, most_cost=0.0), out)
        assert not server.sent
    rows = list(read_jsonl(out / "samples.jsonl"))
    assert all("may cost no more" in r["undecided_because"] for r in rows if r.get("undecided"))
    assert not may_help(out)
