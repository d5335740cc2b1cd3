"""The content of schedules.yaml as values."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from shallowsight.cluster.schedules.cron import six_fields
from shallowsight.cluster.submission.store_url import bucket_url
from shallowsight.errors import ConfigurationError
from shallowsight.study.fields import Count, Names, Positive
from shallowsight.study.value_faults import says
from shallowsight.study.yaml_lines import Document, read_document

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def _short_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(
            f"{text!r}: a name has at most 40 lower-case letters, digits and hyphens, no hyphen at either end"
        )
    return text


ShortName = Annotated[str, AfterValidator(_short_name)]
BucketUrl = Annotated[str, AfterValidator(bucket_url)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Defaults(_Part):
    """The values for entries that do not give their own."""

    store: BucketUrl | None = None  # the store of an entry is the prefix NAME below this URL
    gpus: Count = 0
    step_gpus: Count | None = None
    pipeline: str | None = None


class Schedule(_Part):
    """One entry: when, and which study or experiment with which values."""

    name: ShortName
    cron: Annotated[str, AfterValidator(six_fields)]  # in the installation's time zone, which is UTC by default
    study: str | None = None
    experiment: str | None = None
    pipeline: str | None = None
    settings: Names = ()  # layer settings that replace those of the study
    values: dict[str, Any] = Field(default={}, alias="set")
    store: BucketUrl | None = None
    gpus: Count | None = None
    step_gpus: Count | None = None
    parallelism: Positive | None = None  # settings trained at the same time; None: the number that was compiled in
    enabled: bool = True
    max_concurrency: Annotated[int, Field(ge=1, le=10)] = 1  # of the same schedule; 1 to 10 are the server's limits
    catchup: bool = False  # also start the runs that were missed while the schedule was disabled

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if (self.study is None) == (self.experiment is None):
            raise ValueError("name either a study or an experiment")
        if self.settings and self.study is None:
            raise ValueError("only a study has settings; for an experiment write set: {vision.layers: ...}")
        if self.settings and "settings" in self.values:
            raise ValueError("the settings are given twice: as settings, and below set")
        return self


class Schedules(_Part):
    """A whole file. Recurring runs of files with another `name` are not changed."""

    version: Literal[1]
    name: ShortName = "default"
    host: str | None = None
    namespace: str | None = None
    kfp_experiment: str = "shallowsight"  # Kubeflow's name for a folder of runs in its web pages
    service_account: str | None = None  # of the pods
    defaults: Defaults = Defaults()
    schedules: tuple[Schedule, ...]

    def store_of(self, schedule: Schedule) -> str:
        """Raises ConfigurationError when neither the entry nor the defaults name one."""
        if schedule.store is not None:
            return schedule.store
        if self.defaults.store is None:
            raise ConfigurationError(f"schedule {schedule.name}: write store: s3://bucket/prefix, or defaults.store")
        return f"{self.defaults.store}/{schedule.name}"

    def gpus_of(self, schedule: Schedule) -> int:
        return self.defaults.gpus if schedule.gpus is None else schedule.gpus

    def step_gpus_of(self, schedule: Schedule) -> int | None:
        return self.defaults.step_gpus if schedule.step_gpus is None else schedule.step_gpus

    def pipeline_of(self, schedule: Schedule) -> str:
        """The pipeline of an entry: an experiment, with one setting, has a different pipeline than a study."""
        own = "retrain" if schedule.study is not None else "train_and_evaluate"
        return schedule.pipeline or self.defaults.pipeline or own


def read_schedules(path: Path) -> Schedules:
    """Read a file; raises ConfigurationError, with the line, for every wrong key or value."""
    document = read_document(path)
    try:
        found = Schedules.model_validate(document.value)
    except ValidationError as error:
        faults = sorted(error.errors(), key=lambda fault: document.line_of(fault["loc"]))
        raise ConfigurationError("; ".join(_fault(document, fault) for fault in faults)) from None
    found = found.model_copy(update={"schedules": tuple(_beside(path, each) for each in found.schedules)})
    _refuse_twice(document, "name", [schedule.name for schedule in found.schedules])
    # A store holds one study: two studies in one store would overwrite each other's plan and report.
    _refuse_twice(document, "store", [found.store_of(schedule) for schedule in found.schedules])
    return found


def _beside(path: Path, schedule: Schedule) -> Schedule:
    """Make the relative path of a study's file relative to the file that names it."""
    named = {key: getattr(schedule, key) for key in ("study", "experiment")}
    files = {key: str(path.parent / name) for key, name in named.items() if name and name.endswith((".yaml", ".yml"))}
    return schedule.model_copy(update=files)


def _fault(document: Document, fault: ErrorDetails) -> str:
    place = ".".join(str(step) for step in fault["loc"]) or "the file"
    allowed = _no_such_key(fault) if fault["type"] == "extra_forbidden" else says(fault)
    # A message of this package shows the value itself, unless the value may contain a secret.
    own = fault["type"] in {"value_error", "extra_forbidden"} or isinstance(fault["input"], dict | list)
    found = "" if own else f" (found {fault['input']!r})"
    return f"{document.where(fault['loc'])}: {place}: {allowed}{found}"


def _no_such_key(fault: ErrorDetails) -> str:
    *above, key = fault["loc"]
    if key == "timezone":
        return "no such key: the installation has one time zone for all (cronScheduleTimezone); write cron in that zone"
    part: type[BaseModel] = (Schedules, Defaults, Schedule)[len(above)]
    keys = [field.alias or name for name, field in part.model_fields.items()]
    near = difflib.get_close_matches(str(key), keys, n=1)
    return f"no such key; did you mean {near[0]!r}?" if near else f"no such key; the keys are {', '.join(keys)}"


def _refuse_twice(document: Document, what: str, values: list[str]) -> None:
    first: dict[str, int] = {}
    for number, value in enumerate(values):
        if value in first:
            lines = [document.line_of(("schedules", n, what)) for n in (first[value], number)]
            raise ConfigurationError(
                f"{document.name}: two schedules have the {what} {value!r} (lines {lines[0]} and {lines[1]}); "
                "give each its own"
            )
        first[value] = number
