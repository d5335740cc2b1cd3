"""Cron expressions as Kubeflow Pipelines reads them: six fields, seconds first, no extensions."""

import re

from shallowsight.errors import MissingPackage

_FIELDS = ("second", "minute", "hour", "day of month", "month", "day of week")
_NAMES = {
    "month": ("", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "day of week": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
_PART = re.compile(r"(?:[*?]|(?P<low>[0-9]+|[a-z]+)(?:-(?P<high>[0-9]+|[a-z]+))?)(?:/[1-9][0-9]*)?")


def six_fields(text: str) -> str:
    """The expression with a field for seconds: `0 2 * * 1` becomes `0 0 2 * * 1`, Mondays at two.

    Kubeflow Pipelines would take five fields too, and read the first one as seconds.

    Raises:
        ValueError: there are not five or six fields, the server would refuse a field, or the time never comes.
        MissingPackage: croniter is not installed.
    """
    try:
        from croniter import CroniterBadDateError, croniter
    except ImportError:
        raise MissingPackage("croniter", extra="pipelines") from None
    fields = text.split()
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise ValueError(
            f"cron {text!r} has {len(fields)} fields; write five (minute hour day month weekday), or six with the "
            "second before them"
        )
    for name, field in zip(_FIELDS, fields, strict=True):
        for part in field.split(","):
            _require_plain(text, name, part)
    expression = " ".join(fields)
    try:
        croniter(expression, second_at_beginning=True).get_next()
    except CroniterBadDateError:
        raise ValueError(f"cron {text!r}: there is no such day, so it would never run") from None
    except ValueError as error:
        raise ValueError(f"cron {text!r}: {error} (weekdays are 0 to 6, Sunday is 0)") from None
    return expression


def _require_plain(text: str, name: str, part: str) -> None:
    # croniter accepts more than the server's parser: L, #, @daily, and ranges that wrap around.
    found = _PART.fullmatch(part.lower())
    ends = [_number(name, end) for end in found.groups() if end is not None] if found else [None]
    numbers = [end for end in ends if end is not None]
    if numbers != ends:
        raise ValueError(f"cron {text!r}: {part!r} is no {name}; write *, 5, 1-5, */10, and commas between several")
    if numbers != sorted(numbers):
        raise ValueError(f"cron {text!r}: the {name} {part!r} ends before it begins; write two parts with a comma")


def _number(name: str, end: str) -> int | None:
    if end.isdecimal():
        return int(end)
    names = _NAMES.get(name, ())
    return names.index(end) if end in names else None
