"""Probes of a tower's layers without a study: the questions are the columns of a table of labels."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shallowsight.analysis.probes.probing import probe
from shallowsight.analysis.probes.questions import Asked
from shallowsight.analysis.probes.size import BATCH, fitting, updates_for
from shallowsight.analysis.probes.task import Labelled, TooFew, task_of
from shallowsight.cost.probing import fit_seconds
from shallowsight.data.pictures.folder import PictureFolder
from shallowsight.data.pictures.labels import Labels, parted
from shallowsight.model.encode import Encoder, PictureEncoder, encode_layers
from shallowsight.observe.progress import Counted
from shallowsight.study.benchmarks import Benchmark
from shallowsight.study.resolved import TowerFacts

if TYPE_CHECKING:
    from PIL import Image

_AT_ONCE = 16  # pictures that are read at once


class LabelledProbes:
    """Probes of every layer for every column; what fits is chosen when this is made."""

    def __init__(self, encoder: PictureEncoder, facts: TowerFacts, folder: PictureFolder, labels: Labels) -> None:
        self._encoder, self._facts, self._folder = encoder, facts, folder
        vision = encoder.vision
        self._tokens = facts.tokens(vision.image_size, vision.pool, vision.features)
        readable = _readable(folder, labels.pictures)
        train, test = fitting(*parted(readable), facts, self._tokens)
        self.pictures = len(train) + len(test)
        self.questions: list[Asked] = []
        self.skipped: dict[str, str] = {}  # column -> why it cannot be probed
        for name, found in labels.columns.items():
            asked = Asked(Benchmark(name, name, None, None), _asked(found, train), _asked(found, test), boxes=False)
            try:
                task_of(name, asked.train, asked.test)
                self.questions.append(asked)
            except TooFew as reason:
                self.skipped[name] = str(reason)

    def seconds(self, each: float) -> float:
        """About how long `found` takes, where the tower takes so many seconds for a picture."""
        looks = sum(updates_for(len(asked.train)) * BATCH for asked in self.questions)
        return each * self.pictures + fit_seconds(looks, self._tokens, self._facts).high

    def found(self, work: Path, counted: Counted) -> dict[str, Any]:
        """What probes.json of a study holds, for the columns; the features lie in `work` for the time of it.

        Raises:
            ShallowsightError: the hidden states are not finite.
        """
        with tempfile.TemporaryDirectory(prefix=".features-", dir=work) as features:

            def encode(pictures: Sequence[str]) -> Mapping[int, Path]:
                folders = {layer: Path(features, str(layer)) for layer in range(1, self._facts.depth + 1)}
                for each in folders.values():
                    each.mkdir()
                encoder = Encoder(self._encoder, _Shown(self._folder))
                on_progress = counted("encoding labelled pictures")
                encode_layers(encoder, pictures, folders, self._tokens, self._facts.width_of, on_progress)
                return folders

            found = probe(self._facts, self._tokens, self.questions, encode, counted("probing layers"))
        return found | {"skipped": self.skipped}


class _Shown:
    """The pictures of a folder by name, for `Encoder`."""

    def __init__(self, folder: PictureFolder) -> None:
        self._folder = folder

    def image(self, key: str) -> "Image.Image":
        return self._folder.read([key])[key]


def _readable(folder: PictureFolder, names: Sequence[str]) -> list[str]:
    """Those that decode: the folder's list has all with a good header."""
    batches = (names[first : first + _AT_ONCE] for first in range(0, len(names), _AT_ONCE))
    return [name for batch in batches for name in folder.read(batch)]


def _asked(labels: Mapping[str, str], pictures: Sequence[str]) -> tuple[Labelled, ...]:
    return tuple(Labelled(picture, "", (labels[picture],)) for picture in pictures if picture in labels)
