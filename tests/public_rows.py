"""Made-up rows of public benchmarks in the schema of the real ones, as sets of a mirror."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Features, Image, List, Value
from PIL import Image as Pictures

from shallowsight.data.public.mirror import DATA, RECORD, FileSum, SetRecord
from shallowsight.store.digest import file_sha256
from shallowsight.study.public_benchmarks import find_public

TEXT, NUMBER = Value("string"), Value("int64")
Rows = tuple[list[dict[str, Any]], dict[str, Any]]  # rows, and their features without the picture


def picture(seed: int) -> Pictures.Image:
    return Pictures.fromarray(np.random.default_rng(seed).integers(0, 255, (28, 42, 3), dtype=np.uint8))


def mme() -> Rows:
    kinds = ("existence", "count", "OCR", "code_reasoning")
    rows = [
        {
            "question_id": f"{kind}/{n}.png",
            "question": f"Is it {n}{yes}? Please answer yes or no.",
            "answer": yes,
            "category": kind,
        }
        for kind in kinds
        for n in range(2)
        for yes in ("Yes", "No")
    ]
    return rows, dict.fromkeys(("question_id", "question", "answer", "category"), TEXT)


def mmbench() -> Rows:
    options = ("a cat", "two dogs", "the moon")
    rows = []
    for question in range(4):
        for turn in range(3):
            turned = [*options[turn:], *options[:turn]]
            texts = dict(zip("ABCD", [*turned, "nan"], strict=True))
            answer = "ABC"[turned.index(options[question % 3])]
            rows.append(
                {
                    "index": question + turn * 1_000_000,
                    "question": f"What is in picture {question}?",
                    "hint": "nan",
                    "answer": answer,
                }
                | texts
                | {
                    "category": "object_localization",
                    "L2-category": ("coarse_perception", "logic_reasoning")[question % 2],
                    "source": "made up",
                    "split": "dev",
                }
            )
    columns = ("question", "hint", "A", "B", "C", "D", "answer", "category", "L2-category", "source", "split")
    return rows, {"index": NUMBER} | dict.fromkeys(columns, TEXT)


def mmbench_test() -> Rows:
    """Without answers, and with what spreadsheets take for something else."""
    rows, features = mmbench()
    unknown = {"answer": "nan", "split": "test", "B": "=1+1"}
    return [row | unknown for row in rows], features


def seedbench() -> Rows:
    rows = [
        {
            "question": f"What is {n}?",
            "choice_a": "a cat",
            "choice_b": "a dog",
            "choice_c": "the moon",
            "choice_d": "nothing",
            "answer": "ABCD"[n % 4],
            "question_id": str(n),
            "question_type_id": 1 + n % 9,
            "data_type": "image",
        }
        for n in range(8)
    ]
    texts = ("question", "choice_a", "choice_b", "choice_c", "choice_d", "answer", "question_id", "data_type")
    return rows, dict.fromkeys(texts, TEXT) | {"question_type_id": NUMBER}


def gqa() -> Rows:
    rows = [
        {"id": str(n), "imageId": f"n{n // 2}", "question": f"What colour is {n}?", "answer": ("red", "blue")[n % 2]}
        for n in range(6)
    ]
    return rows, dict.fromkeys(("id", "imageId", "question", "answer"), TEXT)


def textvqa() -> Rows:
    rows = [
        {"question_id": n, "question": f"what does sign {n} SAY?", "answers": ["stop"] * (n + 2) + ["halt"] * (8 - n)}
        for n in range(4)
    ]
    return rows, {"question_id": Value("int32"), "question": TEXT, "answers": List(TEXT)}


def textvqa_test() -> Rows:
    rows, features = textvqa()
    return [row | {"answers": [""] * 10} for row in rows], features


def ocrbench() -> Rows:
    kinds = ("Regular Text Recognition", "Doc-oriented VQA", "Handwritten Mathematical Expression Recognition")
    sets = ("IIIT5K", "docVQA", "HME100k")
    rows = [
        {
            "dataset": sets[n % 3],
            "question": f"What is written in {n}?",
            "question_type": kinds[n % 3],
            "answer": [f"WORD {n}"],
        }
        for n in range(6)
    ]
    return rows, {"answer": List(TEXT)} | dict.fromkeys(("dataset", "question", "question_type"), TEXT)


def cv_bench() -> Rows:
    kinds = (("Count", "ADE20K"), ("Relation", "COCO"), ("Count", "COCO"), ("Depth", "Omni3D"), ("Distance", "Omni3D"))
    rows = [
        {
            "idx": n,
            "prompt": f"How many {n}? Select from the following choices.\n(A) 1\n(B) 2",
            "choices": ["1", "2"],
            "answer": ("(A)", "(B)")[n % 2],
            "type": "3D" if kinds[n % 5][1] == "Omni3D" else "2D",
            "task": kinds[n % 5][0],
            "source": kinds[n % 5][1],
        }
        for n in range(10)
    ]
    return rows, {"idx": NUMBER, "choices": List(TEXT)} | dict.fromkeys(
        ("prompt", "answer", "type", "task", "source"), TEXT
    )


def pope() -> Rows:
    rows = [
        {
            "question_id": str(n),
            "question": f"Is there a thing {n} in the image?",
            "answer": ("yes", "no")[n % 2],
            "category": ("random", "popular", "adversarial")[n % 3],
        }
        for n in range(6)
    ]
    return rows, dict.fromkeys(("question_id", "question", "answer", "category"), TEXT)


def refcoco() -> Rows:
    rows = [
        {"question_id": str(n), "answer": [f"thing {n}", f"the {n}"], "bbox": [4.2, 2.8, 21.0, 14.0]} for n in range(3)
    ]
    return rows, {"question_id": TEXT, "answer": List(TEXT), "bbox": List(Value("float32"))}


def refcoco_caption() -> Rows:
    return refcoco()


def realworldqa() -> Rows:
    rows = [
        {"question": "Which way?\nA. Left\nB. Right\nPlease answer directly with only the letter.", "answer": "B"},
        {"question": "How many cars? Please answer with one word.", "answer": "3"},
        {"question": "Up or down? Please answer with one word.", "answer": "Downhill"},
    ]
    return rows, dict.fromkeys(("question", "answer"), TEXT)


def mmvet() -> Rows:
    rows = [
        {"question_id": f"v1_{n}", "question": f"What is x of {n}?", "answer": "-1<AND>-5", "capability": "ocr,math"}
        for n in range(3)
    ]
    return rows, dict.fromkeys(("question_id", "question", "answer", "capability"), TEXT)


def mmvp() -> Rows:
    rows = [
        {
            "Index": n + 1,
            "Question": "Is it open?",
            "Options": "(a) Open (b) Closed",
            "Correct Answer": ("(a)", "(b)")[n % 2],
        }
        for n in range(6)
    ]
    return rows, {"Index": NUMBER} | dict.fromkeys(("Question", "Options", "Correct Answer"), TEXT)


SCORED = (mme, mmbench, seedbench, gqa, textvqa, ocrbench, cv_bench, pope, refcoco, realworldqa, mmvet, mmvp)
MAKERS = {make.__name__: make for make in (*SCORED, refcoco_caption, mmbench_test, textvqa_test)}
FOR_SERVERS = ("mmbench_test", "textvqa_test")  # which only a server can score


def write_set(mirror: Path, name: str, changes: Mapping[str, Any] | None = None) -> Path:
    """One set in a mirror; `changes` replaces keys of its record. Rows that are asked together show one picture."""
    benchmark = find_public(name)
    assert benchmark is not None and benchmark.source is not None
    rows, features = MAKERS[name]()
    many = name == "seedbench"  # whose pictures are lists
    pictures = [picture(n // 2) for n in range(len(rows))]
    shown = [row | {"image": [image] if many else image} for row, image in zip(rows, pictures, strict=True)]
    table = Dataset.from_list(shown, features=Features(features | {"image": List(Image()) if many else Image()}))
    folder = mirror / benchmark.folder
    (folder / DATA).mkdir(parents=True)
    half = (len(rows) + 1) // 2
    for number, part in enumerate((table.select(range(half)), table.select(range(half, len(rows))))):
        part.to_parquet(str(folder / DATA / f"{benchmark.source.split}-{number:05d}-of-00002.parquet"))
    record = SetRecord(
        name=name,
        repository=benchmark.source.repository,
        config=benchmark.source.config,
        split=benchmark.source.split,
        revision="0" * 40,
        rows=len(rows),
        columns=tuple(table.column_names),
        files={
            path.relative_to(folder).as_posix(): FileSum(size=path.stat().st_size, sha256=file_sha256(path))
            for path in sorted((folder / DATA).iterdir())
        },
    )
    (folder / RECORD).write_text(json.dumps(record.model_dump(mode="json") | dict(changes or {})))
    return folder
