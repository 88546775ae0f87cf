"""The command line, and files to call it with."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.unit.cli.command_line import Said, carry_out, write_release

Write = Callable[..., Path]
Call = Callable[..., Said]


@pytest.fixture
def release(tmp_path: Path) -> Write:
    """Writes a file with a release."""
    return partial(write_release, tmp_path)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Carries out a command and tells what it said."""
    return partial(carry_out, capsys)
