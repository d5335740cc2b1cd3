"""A mirror's sets: whole, missing, cut, changed, of another revision, of other columns; in a folder and by limit."""

import json
from pathlib import Path

import pytest
from public_rows import write_set

from shallowsight.data.public import mirror
from shallowsight.data.public.choose import chosen_rows
from shallowsight.data.public.mirror import DATA, RECORD, NotRunnable, local_set, read_set
from shallowsight.errors import ConfigurationError
from shallowsight.store.digest import file_sha256
from shallowsight.study.public_benchmarks import PublicBenchmark, find_public


@pytest.fixture
def pope() -> PublicBenchmark:
    found = find_public("pope")
    assert found is not None
    return found


def test_a_whole_set(pope: PublicBenchmark, tmp_path: Path) -> None:
    folder = write_set(tmp_path, "pope")
    record = read_set(str(tmp_path), pope)
    assert (record.rows, record.split, record.revision) == (6, "test", "0" * 40)
    assert local_set(str(tmp_path), pope, record) == folder
    assert len(record.digest) == 16


def test_what_is_not_whole_is_not_run(pope: PublicBenchmark, tmp_path: Path) -> None:
    mend = f"`shallowsight benchmarks fetch pope --to {tmp_path}` brings it"
    with pytest.raises(NotRunnable, match="has no set pope that is whole") as none:
        read_set(str(tmp_path), pope)
    assert str(none.value).endswith(mend)
    folder = write_set(tmp_path, "pope")
    record = (folder / RECORD).read_text()
    first = folder / DATA / "test-00000-of-00002.parquet"
    whole = first.read_bytes()
    first.write_bytes(whole[:-10])
    with pytest.raises(NotRunnable, match=r"the set is cut: .*00000-of-00002.parquet has \d+ bytes instead of \d+"):
        read_set(str(tmp_path), pope)
    first.unlink()
    with pytest.raises(NotRunnable, match=r"00000-of-00002\.parquet is missing"):
        read_set(str(tmp_path), pope)
    first.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(NotRunnable, match="is not the file that was fetched"):
        local_set(str(tmp_path), pope, read_set(str(tmp_path), pope))
    (folder / RECORD).write_text(record[:30])
    with pytest.raises(NotRunnable, match=r"benchmark.json is damaged"):
        read_set(str(tmp_path), pope)


def test_a_file_is_read_once_for_its_sum_until_it_changes(
    pope: PublicBenchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_set(tmp_path, "pope")
    read: list[Path] = []

    def counting(path: Path) -> str:
        read.append(path)
        return file_sha256(path)

    monkeypatch.setattr(mirror, "file_sha256", counting)
    record = read_set(str(tmp_path), pope)
    for _ in range(3):
        local_set(str(tmp_path), pope, record)
    assert len(read) == len(record.files)
    (file, *_) = folder.rglob("*.parquet")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(NotRunnable, match="not the file that was fetched"):
        local_set(str(tmp_path), pope, record)


def test_another_revision_or_other_columns(pope: PublicBenchmark, tmp_path: Path) -> None:
    write_set(tmp_path, "pope", {"columns": ["question", "image"]})
    with pytest.raises(NotRunnable, match="no column question_id, answer, category; they have question, image"):
        read_set(str(tmp_path), pope)
    assert pope.source is not None
    pinned = pope.model_copy(update={"source": pope.source.model_copy(update={"revision": "a" * 40})})
    with pytest.raises(NotRunnable, match=f"the set is of revision {'0' * 40}, asked is {'a' * 40}"):
        read_set(str(tmp_path), pinned)


def test_no_mirror_is_a_wrong_setting(pope: PublicBenchmark, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"data.benchmarks: there is no folder .*none; `shallowsight benchm"):
        read_set(str(tmp_path / "none"), pope)


def test_the_digest_is_of_rows_and_not_of_a_place(pope: PublicBenchmark, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_set(tmp_path / name, "pope")
    one, two = (read_set(str(tmp_path / name), pope) for name in ("one", "two"))
    assert one.digest == two.digest
    record = tmp_path / "two" / "pope" / RECORD
    record.write_text(json.dumps(json.loads(record.read_text()) | {"revision": "1" * 40}))
    assert read_set(str(tmp_path / "two"), pope).digest != one.digest


@pytest.mark.parametrize("most", range(1, 13))
def test_chosen_rows_are_whole_groups(most: int) -> None:
    groups = ["a", "b", "a", "c", "b", "c", "d", "d", "e", "e"]
    rows = chosen_rows(groups, most)
    assert len(rows) == (2 if most == 1 else min(10, most - most % 2))
    chosen = [groups[row] for row in rows]
    assert all(chosen.count(group) == 2 for group in chosen) and rows == sorted(rows)
