"""What the analysis of layers costs: `python -m benchmarks.similarity [FOLDER]`. A few minutes.

Memory: hidden states are made up batch by batch and given to all measures, for two numbers of pictures, each in a
process of its own, and to the plain way, which keeps all states. Time: CPU time of measures against that of the tower's
forward pass over the same pictures, in one process and one thread, so that other programs disturb both alike.

FOLDER may hold the package torch-cka (`pip install --no-deps --target FOLDER torch-cka tqdm`), to compare with.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

if TYPE_CHECKING:
    from torch import Tensor

    from shallowsight.model.encode import PictureEncoder

COUNTS = (500, 50_000)
PLAIN = (500, 2_000)  # pictures whose states are all kept
LAYERS, PATCHES, WIDTH, BATCH = 12, 16, 192, 16
TIMED, SIDE = 64, 224  # pictures that the tower looks at, and their pixels


def states(number: int) -> "list[Tensor]":
    """K of [B, N, D]; of each batch other ones, without the time that random numbers take."""
    import torch

    generator = torch.Generator().manual_seed(number % 50)
    common = torch.randn(BATCH, PATCHES, WIDTH, generator=generator)
    other = torch.randn(BATCH, PATCHES, WIDTH, generator=generator)
    scale = 1 + (number % 997) / 997
    return [scale * common + 0.3 * k * other for k in range(LAYERS)]


def resident() -> float:
    """MB, now."""
    return float(psutil.Process().memory_info().rss / 2**20)


def stream(count: int) -> dict[str, float]:
    """Resident memory before, at the end and at its peak, in MB."""
    import torch

    from shallowsight.analysis.measures.classes import MEASURES
    from shallowsight.analysis.measures.kinds import KINDS
    from shallowsight.analysis.measures.measure import Batch

    torch.set_num_threads(1)
    measures = [MEASURES[kind.name]() for kind in KINDS if not kind.attentions]
    before = resident()
    for number in range(count // BATCH):
        made = states(number)
        batch = Batch(made, [layer[:, 0] for layer in made])
        for measure in measures:
            measure.add(batch)
    held = resident()
    for measure in measures:
        measure.found()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"before": before, "held": held, "peak": peak}


def keep(count: int) -> dict[str, float]:
    """The plain way: all states, then every pair of layers at once."""
    import torch

    torch.set_num_threads(1)
    before = resident()
    kept: list[list[Tensor]] = [[] for _ in range(LAYERS)]
    for number in range(count // BATCH):
        for layer, state in zip(kept, states(number), strict=True):
            layer.append(state)
    held = resident()
    plain(torch.stack([torch.cat(layer) for layer in kept]))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"before": before, "held": held, "peak": peak}


def plain(whole_KBND: "Tensor") -> None:
    """Cosine and CKA by their formulas, one pair of layers at a time."""
    import torch

    means = whole_KBND.double().mean(dim=2)
    grams = [(one - one.mean(dim=0)) @ (one - one.mean(dim=0)).T for one in means]
    for i in range(len(whole_KBND)):
        for j in range(i, len(whole_KBND)):
            torch.nn.functional.cosine_similarity(whole_KBND[i], whole_KBND[j], dim=-1).mean()
            (grams[i] * grams[j]).sum() / (grams[i].norm() * grams[j].norm())


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process, of the second of two runs."""
    work()
    started = time.process_time()
    work()
    return time.process_time() - started


def costs(folder: Path | None) -> dict[str, float]:
    """CPU seconds for TIMED pictures."""
    import torch

    from shallowsight.analysis.measures.classes import MEASURES
    from shallowsight.analysis.measures.kinds import KINDS
    from shallowsight.analysis.measures.measure import batch_of
    from shallowsight.model.encode import PictureEncoder
    from shallowsight.model.tower.families import describe
    from shallowsight.study.experiment import EMBEDDED_TOWER, Vision

    torch.set_num_threads(1)
    facts = describe(EMBEDDED_TOWER)
    encoder = PictureEncoder(Vision(image_size=SIDE), facts, facts.depth, "stretch")
    pixels = torch.from_numpy(np.random.default_rng(0).normal(size=(TIMED, 3, SIDE, SIDE)).astype(np.float32))
    batches = pixels.split(BATCH)
    found = {"forward": cpu(lambda: [encoder.hidden_states(each) for each in batches])}
    seen = [encoder.hidden_states(each)[1:] for each in batches]

    def measure(names: set[str]) -> None:
        made = [MEASURES[kind.name]() for kind in KINDS if kind.name in names]
        for each in seen:
            batch = batch_of(encoder.tower, each)
            for one in made:
                one.add(batch)
        for one in made:
            one.found()

    found["cosine_patch + cka_pooled"] = cpu(lambda: measure({"cosine_patch", "cka_pooled"}))
    for kind in KINDS:
        if not kind.attentions:
            found[kind.name] = cpu(lambda name=kind.name: measure({name}))
    whole = torch.stack([torch.cat([encoder.tower.patches(each[k]) for each in seen]) for k in range(facts.depth)])
    found["all in memory, pair by pair: cosine + CKA"] = cpu(lambda: plain(whole))
    if folder is not None:
        sys.path.append(str(folder))
        # It looks at every picture twice, and at sixteen at once, so that its own forward passes cannot be taken off.
        found["torch-cka: CKA of patches, two forward passes included"] = packaged(encoder, batches)
    return found


def packaged(encoder: "PictureEncoder", batches: "Sequence[Tensor]") -> float:
    import torch
    from torch_cka import CKA

    tower = encoder.tower.encoder
    names = [name for name, module in tower.named_modules() if module in set(encoder.tower.blocks)]
    cka = CKA(tower, tower, "tower", "the same", names, names)
    data = torch.utils.data.DataLoader([(picture,) for each in batches for picture in each], BATCH)
    with torch.inference_mode():
        return cpu(lambda: cka.compare(data, data))


def apart(what: str, argument: str) -> dict[str, float]:
    """Runs one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.similarity", what, argument]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(folder: str) -> None:
    print(f"{'resident memory, MB':44}{'pictures':>10}{'before':>9}{'held':>9}{'peak':>9}")
    for what, title, counts in (("stream", "all measures, streamed", COUNTS), ("keep", "all states kept", PLAIN)):
        for count in counts:
            found = apart(what, str(count))
            print(f"{title:44}{count:>10,}" + "".join(f"{found[key]:9.0f}" for key in ("before", "held", "peak")))
    found = apart("costs", folder)
    forward = found.pop("forward")
    print(f"\nCPU seconds for {TIMED} pictures of {SIDE} pixels, DINOv2-small, one thread; share of the forward pass")
    print(f"{'forward pass':60}{forward:8.2f}")
    for name, seconds in found.items():
        print(f"{name:60}{seconds:8.2f}{100 * seconds / forward:8.1f} %")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        kind, argument = sys.argv[1:]
        if kind == "costs":
            print(json.dumps(costs(Path(argument) if argument else None)))
        else:
            print(json.dumps((stream if kind == "stream" else keep)(int(argument))))
    else:
        main(sys.argv[1] if len(sys.argv) == 2 else "")
