"""A release in a file, and the command line as a person calls it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from headgate.api.names import API_VERSION, KIND
from headgate.cli.main import main


class Said(NamedTuple):
    """What a command answered."""

    status: int
    out: str
    err: str


Write = Callable[..., Path]
Call = Callable[..., Said]


@pytest.fixture
def release(tmp_path: Path) -> Write:
    """Writes a file with a release of the Deployment `shop` behind the Ingress `shop`."""

    def write(*others: dict[str, Any], name: str = "shop", **spec: Any) -> Path:
        manifest = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": name, "namespace": "prod"},
            "spec": {"targetRef": {"kind": "Deployment", "name": "shop"}, "traffic": {"ingress": "shop"}, **spec},
        }
        path = tmp_path / "release.yaml"
        path.write_text(yaml.safe_dump_all([manifest, *others]))
        return path

    return write


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Carries out a command and tells what it said."""

    def carry_out(*arguments: object) -> Said:
        try:
            status = main([str(one) for one in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        return Said(status, *capsys.readouterr())

    return carry_out
