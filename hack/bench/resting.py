"""Releases by the hundred that never move: real objects, and pods that no kubelet runs.

Such a pod is left unscheduled, and its status is written by the benchmark: ReplicaSet, Deployment and EndpointSlice
follow as if it ran.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.api import Api
from headgate.api.fields import Manifest
from headgate.api.names import API_VERSION, KIND
from lab.progress import LabError, say

_TOGETHER = 50
_NOBODY = "nobody"
_PATIENCE = 300.0
_GROUP = f"/apis/{API_VERSION}"


def add(api: Api, count: int) -> None:
    """Add so many, and return when Headgate has seen that each of them is at rest."""
    names = [(f"rest-{number // _TOGETHER}", f"rest-{number}") for number in range(count)]
    for namespace in sorted({namespace for namespace, _ in names}):
        api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    api.each("objects of releases at rest", names, lambda place: _create(api, *place))
    _until(f"{count:,} pods are there", lambda: len(_pods(api)), count)
    api.each("pods made ready", list(enumerate(_pods(api))), lambda item: _make_ready(api, *item))
    _until(f"{count:,} are at rest", lambda: _at_rest(api), count)


def _create(api: Api, namespace: str, name: str) -> None:
    """A Service, a Deployment of one pod that nobody schedules, and their release."""
    labels, metadata = {"app": name}, {"name": name}
    pod = {"schedulerName": _NOBODY, "containers": [{"name": "main", "image": "localhost/none:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    made = [
        ("v1", "Service", {"selector": labels, "ports": [{"port": 80}]}),
        ("apps/v1", "Deployment", {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}),
        (API_VERSION, KIND, {"targetRef": {"kind": "Deployment", "name": name}}),
    ]
    for version, kind, spec in made:
        root = "/apis" if "/" in version else "/api"
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        api.create(f"{root}/{version}/namespaces/{namespace}/{kind.lower()}s", manifest)


def _pods(api: Api) -> list[Manifest]:
    """The pods of all of them."""
    found = api.get("/api/v1/pods?fieldSelector=spec.nodeName=")["items"]
    return [pod for pod in found if pod["spec"]["schedulerName"] == _NOBODY]


def _make_ready(api: Api, number: int, pod: Manifest) -> None:
    """Say what a kubelet would say about a pod that runs, at an address of its own."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    address = f"10.245.{number // 250}.{number % 250 + 1}"
    ready = [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in ("Ready", "ContainersReady")]
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "conditions": ready}
    place = pod["metadata"]
    api.patch(f"/api/v1/namespaces/{place['namespace']}/pods/{place['name']}/status", {"status": status})


def _at_rest(api: Api) -> int:
    releases = api.get(f"{_GROUP}/canaryreleases")["items"]
    return sum(
        item["metadata"]["name"].startswith("rest-") and (item.get("status") or {}).get("phase") == "Idle"
        for item in releases
    )


def _until(what: str, count: Callable[[], int], wanted: int) -> None:
    """Return when there are as many as wanted. LabError after five minutes."""
    deadline = time.monotonic() + _PATIENCE
    while (found := count()) < wanted:
        if time.monotonic() > deadline:
            raise LabError(f"after {_PATIENCE:.0f} s not so: {what}; there are {found:,}")
        say(f"until {what}: {found:,}")
        time.sleep(5)
