"""`kubectl headgate`: found by kubectl as its plugin, and reading the cluster with the caller's own rights."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.shell.conftest import Bench

pytestmark = pytest.mark.cluster

TRAFFIC = ("--rps", "200", "--errors", "0.5%", "--releases", "10")


def kubectl(bench: Bench, *arguments: str, user: str = "admin") -> "subprocess.CompletedProcess[str]":
    """What a person gets who has installed the package beside kubectl."""
    lab = bench.cluster.lab
    environment = lab.environment()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    environment["KUBECONFIG"] = str(lab.kubeconfig_of(user))
    return subprocess.run(
        [lab.program("kubectl"), *arguments], env=environment, capture_output=True, text=True, check=False
    )


def ingress(bench: Bench) -> dict[str, Any]:
    backend = {"service": {"name": "shop", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": bench.namespace},
        "spec": {"rules": [{"http": {"paths": paths}}]},
    }


def test_a_release_in_a_file_is_planned(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(yaml.safe_dump(bench.release()))

    found = kubectl(bench, "headgate", "plan", "-f", str(path), *TRAFFIC)

    assert (found.returncode, found.stderr) == (0, "")
    assert found.stdout.startswith(f"{bench.namespace}/shop: 200 requests a second, 0.50% fail")
    assert "The release is feasible." in found.stdout


def test_a_release_in_the_cluster_is_planned_by_its_name(bench: Bench) -> None:
    steps = [{"setWeight": 20, "hold": {"max": "15m"}}]
    bench.apply(*bench.workload(), ingress(bench), bench.release(traffic={"ingress": "shop"}, steps=steps))

    found = kubectl(bench, "headgate", "plan", "shop", "-n", bench.namespace, *TRAFFIC, "-o", "json")

    told = json.loads(found.stdout)
    assert (found.returncode, told["release"]) == (0, f"{bench.namespace}/shop")
    assert [step["weight"] for step in told["good"]["steps"]] == [20, 100]


def test_a_name_that_is_not_there_is_said(bench: Bench) -> None:
    found = kubectl(bench, "headgate", "plan", "cart", "-n", bench.namespace, *TRAFFIC)

    assert found.returncode == 2
    assert found.stderr == (
        f"headgate: there is no CanaryRelease cart in namespace {bench.namespace}: give its namespace with -n\n"
    )


def test_who_may_not_read_a_release_is_told_so(bench: Bench) -> None:
    found = kubectl(bench, "headgate", "plan", "shop", "-n", bench.namespace, *TRAFFIC, user="alice")

    assert found.returncode == 2
    assert found.stderr == (
        f"headgate: you may not read CanaryRelease shop in namespace {bench.namespace}:"
        " give it by -f FILE, or ask for that right\n"
    )
