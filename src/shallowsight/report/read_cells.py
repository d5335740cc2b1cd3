"""The finished cells of a study folder; a missing or damaged one becomes a gap with a reason."""

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from shallowsight.data.learning import LEARNING, Learning
from shallowsight.data.shortened import SHORTENED, Shortened
from shallowsight.errors import CorruptOutput
from shallowsight.report.probe_scores import Probes, read_probes
from shallowsight.report.read_analysis import read_analysis
from shallowsight.report.values import Analysis, Cell, Member, Sample, Submission, Texts, Trial
from shallowsight.study.early_stop import SCREEN, Screened

log = logging.getLogger(__name__)

PROBES = "probes.json"
STEPS = ("prepare", "encode", "pretrain", "finetune", "screen", "evaluate", "judge")  # in the order in which they run
READ_TEXTS = ("pretrain", "finetune", "evaluate")


class CellReader:
    """The cells and the ledger of one folder."""

    def __init__(self, folder: Path) -> None:
        self.cells = folder / "cells"
        self.problems: list[str] = []
        self.events = {str(e["cell"]): e for e in _lines(folder / "ledger.jsonl") if "cell" in e}  # the last one wins
        self.known: dict[str, Cell | None] = {}

    def cell(self, digest: str | None) -> Cell | None:
        """The finished cell, or None."""
        if not digest or not digest.replace("-", "").isalnum():  # checked, because the digest becomes a path
            return None
        if digest not in self.known:
            self.known[digest] = self._read_cell(digest)
        return self.known[digest]

    def _read_cell(self, digest: str) -> Cell | None:
        try:
            found = json.loads((self.cells / digest / "cell.json").read_text())
            return Cell(
                digest=digest,
                step=str(found["step"]),
                setting=found.get("setting"),
                seed=found.get("seed"),
                seconds=float(found.get("seconds") or 0),
                machine=found.get("machine") or {},
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.problems.append(f"cell {digest[:12]}: cell.json cannot be read ({error!r}); counted as not run")
            return None

    def output(self, digest: str, name: str) -> bytes:
        """The bytes of one output, checked against cell.json."""
        content = (self.cells / digest / name).read_bytes()
        recorded = json.loads((self.cells / digest / "cell.json").read_text()).get("outputs", {}).get(name)
        if recorded and recorded["sha256"] != hashlib.sha256(content).hexdigest():
            raise CorruptOutput(f"{name} of cell {digest[:12]} does not have the sha256 that its cell.json recorded")
        return content

    def optional(self, digest: str | None, name: str) -> Mapping[str, Any]:
        """A JSON output of a cell, or an empty mapping."""
        if digest is None or self.cell(digest) is None:
            return {}
        try:
            return dict(json.loads(self.output(digest, name)))
        except (OSError, ValueError, TypeError, CorruptOutput) as error:
            self.problems.append(f"{name} of cell {digest[:12]} cannot be used: {error}")
            return {}

    def member(self, entry: Mapping[str, Any], shared: Mapping[str, Any]) -> Member:
        encode = shared.get("encode") or {}
        encoded = [encode[key] for key in dict.fromkeys(map(str, entry["layers"])) if key in encode]
        missing = [digest for digest in encoded if self.cell(digest) is None]
        first = {"prepare": shared.get("prepare"), "encode": next(iter(missing + encoded), None)}
        return Member(
            setting=str(entry["setting"]),
            layers=tuple(int(i) for i in entry["layers"]),
            fusion=str(entry.get("fusion", "single")),
            connector=entry.get("connector"),
            image_tokens=entry.get("image_tokens"),
            operations=entry.get("operations"),
            roles=tuple(str(r) for r in entry.get("roles", ())),
            trials=tuple(
                self.with_learning(self.trial(int(e["seed"]), first, e.get("cells") or {}))
                for e in entry.get("experiments", ())
            ),
            part=int(entry.get("part", 1)),
            shorter={
                int(part): tuple(self.trial(int(seed), {}, own) for seed, own in cells.items())
                for part, cells in (entry.get("shorter") or {}).items()
            },
        )

    def trial(self, seed: int, first: Mapping[str, str | None], own: Mapping[str, str | None]) -> Trial:
        digests = {step: d for step, d in {**first, **own}.items() if d}
        judged = self.cell(digests.get("judge")) is not None
        if self.cell(digest := digests.get("judge" if judged else "evaluate")) is not None and digest is not None:
            try:
                scores = json.loads(self.output(digest, "scores.json"))
                benchmarks = tuple(map(_benchmark, scores["benchmarks"]))
                not_run = {str(name): str(why) for name, why in scores.get("not_run", {}).items()}
                samples = tuple(_sample(json.loads(x)) for x in self.output(digest, "samples.jsonl").splitlines() if x)
                return Trial(
                    seed=seed,
                    digests=digests,
                    state="done",
                    benchmarks=benchmarks,
                    samples=samples,
                    not_run=not_run,
                    submissions=self.submissions(digests.get("evaluate", ""), scores),
                    final=digest,
                )
            except (OSError, ValueError, KeyError, TypeError, CorruptOutput) as error:
                return Trial(seed=seed, digests=digests, state="failed at evaluate", error=f"unusable output: {error}")
        if (found := self.screened(digests.get("screen"))) is not None and found.stopped:
            state = f"stopped after {found.after} of the questions"
            return Trial(seed=seed, digests=digests, state=state, screened=found)
        ordered = sorted(digests, key=lambda s: STEPS.index(s) if s in STEPS else len(STEPS))
        for state, event in (("failed", "failed"), ("unfinished", "started")):
            for step in ordered:
                last = self.events.get(digests[step], {})
                if self.cell(digests[step]) is None and last.get("event") == event:
                    reason = str(last.get("error") or "")
                    return Trial(seed=seed, digests=digests, state=f"{state} at {step}", error=reason)
        return Trial(seed=seed, digests=digests, state="not run")

    def submissions(self, digest: str, scores: Mapping[str, Any]) -> dict[str, Submission]:
        """The files for servers of an evaluate cell; a judge's scores name those of the evaluation that it judged."""
        found = {}
        for name, said in scores.get("submissions", {}).items():
            if said["file"] is None:
                found[str(name)] = Submission(to=str(said["to"]), why=str(said["why"]))
                continue
            try:
                content = self.output(digest, str(said["file"]))
            except (OSError, CorruptOutput) as error:
                self.problems.append(f"{said['file']} of cell {digest[:12]} cannot be used: {error}")
                continue
            found[str(name)] = Submission(
                to=str(said["to"]),
                file=str(said["file"]),
                answers=int(said["answers"]),
                refused=len(said["refused"]),
                content=content,
            )
        return found

    def screened(self, digest: str | None) -> Screened | None:
        """What was found before an evaluation was stopped, or went on; None where the study does not say."""
        if digest is None or self.cell(digest) is None:
            return None
        try:
            return Screened.model_validate_json(self.output(digest, SCREEN))
        except (OSError, ValueError, CorruptOutput) as error:
            self.problems.append(f"{SCREEN} of cell {digest[:12]} cannot be used: {error}")
            return None

    def with_learning(self, trial: Trial) -> Trial:
        """The trial with what its finetune cell says about held-out questions; older studies have no such file."""
        digest = trial.digests.get("finetune")
        if self.cell(digest) is None or digest is None or not (self.cells / digest / LEARNING).exists():
            return trial
        try:
            return replace(trial, learning=Learning.model_validate_json(self.output(digest, LEARNING)).points)
        except (OSError, ValueError, CorruptOutput) as error:
            self.problems.append(f"{LEARNING} of cell {digest[:12]} cannot be used: {error}")
            return trial

    def texts(self, members: Sequence[Member]) -> Iterator[Texts]:
        """The shortened texts from the first finished cell of each step that reads texts."""
        for step in READ_TEXTS:
            digests = (t.digests[step] for m in members for t in m.trials if step in t.digests)
            done = (d for d in digests if self.cell(d) and (self.cells / d / SHORTENED).exists())
            if (digest := next(done, None)) and (found := self.optional(digest, SHORTENED)):
                try:
                    yield Texts(step=step, cell=digest, found=Shortened(**found))
                except TypeError as error:
                    self.problems.append(f"{SHORTENED} of cell {digest[:12]} does not have the agreed form: {error}")

    def analysis(self, digest: str | None) -> Analysis | None:
        if not (found := self.optional(digest, "analysis.json")):
            return None
        try:
            return read_analysis(found)
        except (KeyError, TypeError, ValueError) as error:
            self.problems.append(f"analysis.json does not have the agreed form: {error!r}")
            return None

    def probes(self, digest: str | None) -> Probes | None:
        if not (found := self.optional(digest, PROBES)):
            return None
        try:
            return read_probes(found)
        except (KeyError, TypeError, ValueError) as error:
            self.problems.append(f"{PROBES} does not have the agreed form: {error!r}")
            return None

    def finished(self, plan: Mapping[str, Any]) -> Iterator[Cell]:
        """Every finished cell of the plan once, in the order of the plan."""
        shared = plan.get("shared") or {}
        digests = [shared.get("prepare"), plan.get("analysis"), *(shared.get("encode") or {}).values()]
        digests.append(plan.get("probes"))
        for entry in plan["members"]:
            for experiment in entry.get("experiments", ()):
                digests += (experiment.get("cells") or {}).values()
            for shorter in (entry.get("shorter") or {}).values():
                digests += [digest for cells in shorter.values() for digest in cells.values()]
        for digest in dict.fromkeys(digests):
            if (cell := self.cell(digest)) is not None:
                yield cell


def _benchmark(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "name": str(row["name"]), "value": float(row["value"]), "n": int(row["n"])}


def _sample(row: Mapping[str, Any]) -> Sample:
    correct = row["correct"]
    if not isinstance(correct, int | float) or not 0 <= correct <= 1:
        raise ValueError(f"`correct` is a number from 0 to 1, found {correct!r}")
    texts = {k: str(row[k]) for k in ("benchmark", "category", "id", "image_id", "question", "prediction", "target")}
    return Sample(
        **texts,
        correct=float(correct),
        subtask=None if row.get("subtask") is None else str(row["subtask"]),
        groups=tuple(map(str, row.get("groups", ()))),
        undecided=bool(row.get("undecided")),
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a file with one in each line; a line that a crash left incomplete is skipped."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        try:
            found = json.loads(line)
        except ValueError:
            log.warning("%s:%d is not JSON; skipped", path, number)
            continue
        if isinstance(found, dict):
            yield found
