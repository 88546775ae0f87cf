"""A release in a file, and a command as a person calls it."""

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

    @property
    def text(self) -> str:
        """Standard output, whatever its lines were broken at."""
        return " ".join(self.out.split())


def write_release(folder: Path, *others: dict[str, Any], name: str = "shop", **spec: Any) -> Path:
    """A file with a release of the Deployment `shop`, behind the Ingress `shop` unless `traffic` is given."""
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": name, "namespace": "prod"},
        "spec": {"targetRef": {"kind": "Deployment", "name": "shop"}, "traffic": {"ingress": "shop"}, **spec},
    }
    path = folder / "release.yaml"
    path.write_text(yaml.safe_dump_all([manifest, *others]))
    return path


def carry_out(capsys: pytest.CaptureFixture[str], *arguments: object) -> Said:
    """What a command says and its exit status."""
    try:
        status = main([str(one) for one in arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    return Said(status, *capsys.readouterr())
