"""`make demo` does what it shows, and `make demo-down` leaves nothing: on a lab of its own, from nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import record
from demo.record import Outcome
from lab.layout import HACK, state_folder

pytestmark = pytest.mark.e2e

NAME = "demo-test"


def demo(folder: Path, verb: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(HACK / "demo"), "--name", NAME, "--folder", str(folder), verb]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the demo keeps its record; what it made is removed, whatever becomes of the test."""
    yield tmp_path / "demo"
    demo(tmp_path / "demo", "down")


@pytest.mark.long
def test_the_demo_promotes_the_good_version_and_takes_the_bad_one_back(folder: Path) -> None:
    run = demo(folder, "up")

    assert run.returncode == 0, run.stderr
    *_, outcome = record.read(folder / "record.jsonl")
    assert isinstance(outcome, Outcome)
    assert (outcome.lost, outcome.problems) == (0, [])
    assert [release["outcome"] for release in outcome.releases] == ["Promoted", "RolledBack"]

    assert demo(folder, "down").returncode == 0
    assert not state_folder(NAME).exists()
    assert not folder.exists()
