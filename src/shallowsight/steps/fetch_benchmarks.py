"""Bring public benchmarks from the hub to a mirror."""

from collections.abc import Iterator, Sequence

from shallowsight.errors import ConfigurationError
from shallowsight.study.public_benchmarks import find_public, public_benchmarks

ALL = "all"


def fetch_benchmarks(names: Sequence[str], place: str, revision: str | None) -> Iterator[str]:
    """Fetch one benchmark after the other; yields a line about each when it is whole.

    Raises:
        ConfigurationError: a name is no public benchmark, the hub does not have it, or the mirror cannot be written.
        ShallowsightError: the hub does not answer, or the disk is full.
    """
    wanted = list(public_benchmarks()) if list(names) == [ALL] else list(dict.fromkeys(names))
    if revision is not None and len(wanted) != 1:
        raise ConfigurationError("--revision is a commit of one repository; name one benchmark with it")
    if unknown := [name for name in wanted if find_public(name) is None]:
        raise ConfigurationError(
            f"no public benchmark {', '.join(map(repr, unknown))}; choose from {', '.join(public_benchmarks())}, "
            f"lmms:TASK, or {ALL}"
        )
    for name in wanted:
        yield _fetch(name, place, revision)


def _fetch(name: str, place: str, revision: str | None) -> str:
    from shallowsight.data.public.fetch import fetch_set
    from shallowsight.data.public.mirror import NotRunnable
    from shallowsight.evaluate.public.tasks import source_of

    benchmark = find_public(name)
    assert benchmark is not None
    try:
        record = fetch_set(benchmark, source_of(benchmark), place, revision)
    except NotRunnable as reason:
        raise ConfigurationError(f"{name}: {reason}") from None
    size = sum(each.size for each in record.files.values())
    return f"{name}: {record.rows:,} rows, {size / 1e6:,.1f} MB, {record.repository} at {record.revision}"
