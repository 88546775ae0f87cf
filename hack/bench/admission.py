"""What the hold policy costs: the time of a write to a Deployment by the CanaryReleases in its namespace.

    python3 hack/bench/admission.py [--releases 0 1 100 500]

Starts an API server of its own, installs the chart, and prints a Markdown table of dry-run patches of a pod template.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:1] = [str(ROOT / "hack"), str(ROOT / "operator")]

from bench.api import Api  # noqa: E402 (the path must be set first)
from lab import handle  # noqa: E402

PATCHES = 50


def main() -> None:
    """Print one row for each number of releases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, nargs="+", default=[0, 1, 100, 500])
    counts = parser.parse_args().releases
    lab = handle.up("bench-admission", "--only", "api")
    try:
        _install(lab)
        print("| releases in the namespace | median, ms | slowest, ms |\n|---|---|---|")
        for count in counts:
            times = sorted(_measure(lab, count))
            print(f"| {count} | {statistics.median(times):.1f} | {times[-1]:.1f} |", flush=True)
    finally:
        handle.down("bench-admission")


def _install(lab: handle.Lab) -> None:
    chart = ["helm", "install", "headgate", str(ROOT / "charts" / "headgate"), "--namespace=headgate-system"]
    _run(lab, *chart, "--create-namespace", "--set=replicas=0", check=True)
    probe = ["kubectl", "create", "--dry-run=server", "--filename=-"]
    _await(lambda: _run(lab, *probe, stdin=json.dumps(_release("probe"))).returncode == 0)


def _run(lab: handle.Lab, *command: str, stdin: str = "", check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=stdin, env=lab.environment(), capture_output=True, text=True, check=check)


def _measure(lab: handle.Lab, count: int) -> Iterator[float]:
    """Milliseconds of each patch in a namespace with so many releases, the Deployment's own among them."""
    namespace = f"with-{count}"
    lab.kubectl("create", "namespace", namespace)
    lab.kubectl("create", "deployment", "shop-0", "--image=shop:1", "--replicas=0", f"--namespace={namespace}")
    if count:
        releases = "\n---\n".join(json.dumps(_release(f"shop-{number}")) for number in range(count))
        lab.kubectl("create", f"--namespace={namespace}", "--filename=-", stdin=releases)
    api, path = Api(lab), f"/apis/apps/v1/namespaces/{namespace}/deployments/shop-0?dryRun=All"

    def paused(number: int) -> bool:
        change = {"spec": {"template": {"metadata": {"labels": {"number": str(number)}}}}}
        return bool(api.patch(path, change)["spec"].get("paused"))

    _await(lambda: paused(0) == (count > 0))
    for number in range(PATCHES):
        start = time.perf_counter()
        paused(number)
        yield 1000 * (time.perf_counter() - start)


def _release(name: str) -> dict[str, Any]:
    spec = {"targetRef": {"kind": "Deployment", "name": name}}
    return {"apiVersion": "headgate.dev/v1alpha1", "kind": "CanaryRelease", "metadata": {"name": name}, "spec": spec}


def _await(holds: Callable[[], bool]) -> None:
    """Wait until a policy or the CRD acts. Raises TimeoutError after a minute."""
    deadline = time.monotonic() + 60
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("the policies of the chart do not act")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
