"""What is built once stays whole: by key, under two builds at once, after a build that failed."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lab import cache


@pytest.fixture(autouse=True)
def cache_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "headgate"


def test_two_that_want_the_same_build_it_once() -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "program").write_text("whole")

    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda _: cache.built("binaries", "tool", "k1", make), range(8)))

    assert len(made) == 1
    assert {(folder / "program").read_text() for folder in folders} == {"whole"}


def test_a_build_that_fails_leaves_nothing_that_looks_built(cache_home: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "program").write_text("half")
        raise RuntimeError("compiler")

    with pytest.raises(RuntimeError, match="compiler"):
        cache.built("binaries", "tool", "k1", fail)

    assert not cache.is_built("binaries", "tool", "k1")
    assert list((cache_home / "binaries").iterdir()) == []


def test_the_newest_three_of_a_name_are_kept() -> None:
    for index in range(5):
        folder = cache.built("images", "operator", f"k{index}", lambda _: None)
        os.utime(folder, (index, index))
    cache.built("images", "operator-base", "k0", lambda _: None)

    cache.built("images", "operator", "k5", lambda _: None)

    assert [cache.is_built("images", "operator", f"k{index}") for index in range(6)] == [False] * 3 + [True] * 3
    assert cache.is_built("images", "operator-base", "k0")


def test_the_key_changes_with_a_byte_a_name_and_a_boundary(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_text("1")
    keys = [cache.content_key(tree), cache.content_key("ab", "c"), cache.content_key("a", "bc")]
    (tree / "a").write_text("2")
    keys.append(cache.content_key(tree))
    (tree / "a").rename(tree / "b")
    keys.append(cache.content_key(tree))

    assert len(set(keys)) == len(keys)
