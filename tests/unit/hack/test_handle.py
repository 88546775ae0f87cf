"""The handle of a lab says whether the lab is there, whatever files are."""

import json
from pathlib import Path

import pytest

from lab import handle
from lab.handle import Lab
from lab.progress import LabError


def saved(folder: Path, driver: str) -> None:
    """What a lab leaves in its folder when it is killed."""
    paths = {"folder": str(folder), "kubeconfig": str(folder / "admin"), "audit_log": None}
    urls = dict.fromkeys(("proxy_url", "proxy_api_url", "prometheus_url", "prometheus_url_in_cluster"))
    (folder / "lab.json").write_text(json.dumps({"name": "gone", "driver": driver, **paths, **urls}))


def test_a_lab_whose_processes_were_killed_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "state_folder", lambda _: tmp_path)
    saved(tmp_path, "processes")
    with pytest.raises(LabError, match="no lab gone: start it with `python3 hack/lab up --name gone`"):
        Lab.load("gone")


def test_a_lab_of_another_driver_is_asked_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "state_folder", lambda _: tmp_path)
    saved(tmp_path, "kind")
    assert Lab.load("gone").kubeconfig == tmp_path / "admin"
