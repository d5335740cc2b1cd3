"""easy-VQA, a small public visual question answering set by other authors, from its PyPI wheel.

64 x 64 pictures of one coloured shape, and questions about shape and colour (https://github.com/vzhou842/easy-VQA).
"""

import json
import logging
import shutil
from collections import defaultdict
from pathlib import Path
from random import Random

from shallowsight.data.built_in.facts import SPLITS, Split
from shallowsight.data.built_in.wording import llava_record
from shallowsight.errors import ConfigurationError
from shallowsight.store.wheels import Wheel, locate, locate_checked

log = logging.getLogger(__name__)

WHEEL = Wheel(distribution="easy-vqa", package="easy_vqa", version="1.0")
QUESTIONS_SHA256: dict[Split, str] = {
    "train": "bb67697636aed0e65631d4266824aebeae5c833b0f37ed781e20752e85617ec5",
    "test": "0d4630a51bafec65343e2f6af9cdd20cf8eae214344ef57636202eec409553f7",
}
MOST_QUESTIONS = 4  # of each image, which has 2 to 21, most of them with the answer yes or no
TASK = "easy_vqa"


def export_easy_vqa(out: Path, train: int, test: int) -> None:
    """Write `train` and `test` pictures of easy-VQA's own splits (4,000 and 1,000) and their LLaVA records.

    Files: `out/images/{train,test}/<number>.png`, with the package's bytes and numbers, and `out/{train,test}.json`,
    by number, with at most MOST_QUESTIONS questions for each picture. Pictures and questions are chosen at random, but
    always in the same way, and a larger choice contains a smaller one. Existing files of these names are overwritten.

    Raises ConfigurationError for counts the set does not have or unknown files, MissingPackage, OSError (disk full).
    """
    asked = {split: _questions(split) for split in SPLITS}
    wanted: dict[Split, int] = {"train": train, "test": test}
    for split in SPLITS:
        if not 0 <= wanted[split] <= len(asked[split]):
            raise ConfigurationError(
                f"cannot export {wanted[split]} {split} pictures of easy-VQA; it has {len(asked[split])}"
            )
    for split in SPLITS:
        source, target = locate(WHEEL, f"data/{split}/images"), out / "images" / split
        target.mkdir(parents=True, exist_ok=True)
        records = []
        for number in _chosen(split, list(asked[split]), wanted[split]):
            shutil.copyfile(source / f"{number}.png", target / f"{number}.png")
            pairs = asked[split][number]
            kept = Random(f"easy-vqa questions {split} {number}").sample(pairs, min(MOST_QUESTIONS, len(pairs)))
            turns = [(TASK, question, answer) for question, answer in kept]
            records.append(llava_record(f"easy-vqa-{split}-{number}", f"{split}/{number}.png", turns))
        (out / f"{split}.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    log.info("exported %d training and %d test pictures of easy-VQA to %s", train, test, out)


def _questions(split: Split) -> dict[int, list[tuple[str, str]]]:
    """Picture number -> its (question, answer) pairs, in the order of the package's file."""
    path = locate_checked(WHEEL, f"data/{split}/questions.json", QUESTIONS_SHA256[split])
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for question, answer, number in json.loads(path.read_text(encoding="utf-8")):
        found[number].append((question, answer))
    return dict(found)


def _chosen(split: Split, numbers: list[int], count: int) -> list[int]:
    """The first `count` numbers of one fixed random order, sorted."""
    order = sorted(numbers)
    Random(f"easy-vqa pictures {split}").shuffle(order)
    return sorted(order[:count])
