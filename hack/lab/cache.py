"""Things built once and kept by a hash of what they were made from."""

import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.layout import cache_folder
from lab.progress import say

_KEPT = 3


def content_key(*parts: str | Path) -> str:
    """16 hex digits that change with any string, or any name or byte under any path, in parts."""
    digest = hashlib.sha256()
    for part in parts:
        for piece in [part.encode()] if isinstance(part, str) else _pieces(part):
            digest.update(len(piece).to_bytes(8, "big") + piece)
    return digest.hexdigest()[:16]


def _pieces(path: Path) -> Iterator[bytes]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    for file in files:
        if "__pycache__" not in file.parts:
            yield str(file.relative_to(path.parent)).encode()
            yield file.read_bytes()


@contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the machine-wide lock of this name; say so when another process has it."""
    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that works on {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def is_built(kind: str, name: str, key: str) -> bool:
    """Whether built() would find it."""
    return _target(kind, name, key).exists()


def built(kind: str, name: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder of (kind, name, key), made by make(empty folder) unless it is there.

    make works on a folder of its own that is renamed at the end: a folder under its final name is complete. The
    newest three of a name are kept.
    """
    target = _target(kind, name, key)
    if not target.exists():
        with lock(f"{kind}-{name}"):
            if not target.exists():
                _make(target, make)
                _forget_old(target.parent, name)
    os.utime(target)
    return target


def _target(kind: str, name: str, key: str) -> Path:
    return cache_folder() / kind / f"{name}-{key}"


def _make(target: Path, make: Callable[[Path], None]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=target.parent))
    try:
        scratch.chmod(0o755)
        make(scratch)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _forget_old(shelf: Path, name: str) -> None:
    mine = [folder for folder in shelf.iterdir() if folder.name.rpartition("-")[0] == name]
    for folder in sorted(mine, key=lambda folder: folder.stat().st_mtime, reverse=True)[_KEPT:]:
        shutil.rmtree(folder)
