"""A key leads to its row, whatever the order; twice the same key is refused."""

import numpy as np
import pytest

from shallowsight.data import keys as module
from shallowsight.data.keys import KeyIndex, hash_keys

NAMES = ["files/b.png", "files/a.png", "b\u00e4r", "", "files/" + "long" * 100]


def test_each_key_has_its_row() -> None:
    index = KeyIndex(hash_keys(NAMES))
    assert [index.row(name) for name in NAMES] == [0, 1, 2, 3, 4] and len(index) == 5
    assert all(name in index for name in NAMES)


@pytest.mark.parametrize("key", ["gone", "files/a.pn", "Files/a.png", "files/a.png ", "\x00", "0"])
def test_an_unknown_key(key: str) -> None:
    index = KeyIndex(hash_keys(NAMES))
    assert key not in index
    with pytest.raises(KeyError) as refused:
        index.row(key)
    assert refused.value.args == (key,)


def test_a_key_beyond_every_hash_and_before_every_hash() -> None:
    """Where the search ends at the rim of the table."""
    for only in ("x", "y"):
        index = KeyIndex(hash_keys([only]))
        others = [str(n) for n in range(50)]
        assert not any(other in index for other in others) and only in index


def test_the_order_of_the_keys_is_the_order_of_the_rows() -> None:
    for names in (NAMES, NAMES[::-1], sorted(NAMES)):
        index = KeyIndex(hash_keys(names))
        assert {name: index.row(name) for name in NAMES} == {name: names.index(name) for name in NAMES}


def test_the_same_key_twice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^image 'b' is given twice$"):
        hash_keys(["a", "b", "c", "b", "a"])


def test_two_keys_of_one_hash_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else one picture would silently stand for the other."""
    monkeypatch.setattr(module, "hash_key", len)
    with pytest.raises(ValueError, match="two image names share a hash; rename one"):
        hash_keys(["aa", "b", "cc"])


def test_no_keys_at_all() -> None:
    index = KeyIndex(hash_keys([]))
    assert len(index) == 0 and "a" not in index
    with pytest.raises(KeyError):
        index.row("a")


def test_many_keys_take_little_memory() -> None:
    names = [f"files/{n:09d}.jpg" for n in np.random.default_rng(0).permutation(10_000)]
    hashes = hash_keys(names)
    assert hashes.nbytes == 8 * len(names)
    index = KeyIndex(hashes)
    assert [index.row(name) for name in names] == list(range(10_000))
    assert {type(held) for held in vars(index).values()} == {np.ndarray}, "texts are held"


def test_hashes_are_the_same_everywhere() -> None:
    """They are stored: another machine, byte order or version must find the same."""
    assert hash_keys(["files/a.png"]).tolist() == [0x4FBF2BDA96C8D88D]
