"""The controllers of Kubernetes that a release lives with: Deployments, ReplicaSets, pods and their endpoints."""

import copy
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from headgate.api.names import POD_TEMPLATE_HASH
from tests.simulation.api_server import ApiServer
from tests.simulation.deployments import Sync, new_among

Manifest = dict[str, Any]
_MOST_SYNCS = 20


@dataclass
class Pod:
    """A pod: ready from `ready_at` on, terminating since `leaving`."""

    name: str
    owner: str
    labels: dict[str, str]
    image: str
    ready_at: float
    leaving: float | None = None


@dataclass
class Controllers:
    """Deployment and ReplicaSet controllers and a kubelet, all without delay but for the pods' start."""

    api: ApiServer
    startup: float = 2.0
    grace: float = 5.0
    never_ready: set[str] = field(default_factory=set)
    """Images whose pods do not become ready."""
    pods: dict[str, Pod] = field(default_factory=dict)
    serial: int = 0
    signs: tuple[object, ...] = ()

    def run(self, now: float) -> None:
        """Lets every controller do what it would do by `now`."""
        self.pods = {name: pod for name, pod in self.pods.items() if not self._gone(pod, now)}
        while (signs := self._signs(now)) != self.signs:
            self.signs = signs
            self._collect_garbage()
            for deployment in list(self.api.every("Deployment")):
                self._deployment(deployment, now)
            for replica_set in list(self.api.every("ReplicaSet")):
                self._replica_set(replica_set, now)
            names = {item["metadata"]["name"] for item in self.api.every("ReplicaSet")}
            for pod in self.pods.values():
                if pod.owner not in names and pod.leaving is None:
                    pod.leaving = now

    def _signs(self, now: float) -> tuple[object, ...]:
        """What a controller can have work from."""
        return self.api.version, {(pod.name, pod.ready_at <= now, pod.leaving) for pod in self.pods.values()}

    def ready(self, selector: dict[str, str], now: float) -> list[Pod]:
        """The pods that a Service with this selector leads to."""
        return [
            pod
            for pod in self.pods.values()
            if pod.leaving is None
            and pod.ready_at <= now
            and all(pod.labels.get(key) == value for key, value in selector.items())
        ]

    def _gone(self, pod: Pod, now: float) -> bool:
        return pod.leaving is not None and now >= pod.leaving + self.grace

    def _owned(self, deployment: Manifest) -> list[Manifest]:
        uid = deployment["metadata"]["uid"]
        return [item for item in self.api.every("ReplicaSet") if _owner(item) == uid]

    def _collect_garbage(self) -> None:
        """What belongs to an object that is gone goes too."""
        living = {item["metadata"]["uid"] for item in self.api.objects.values()}
        for (kind, name), item in list(self.api.objects.items()):
            if _owner(item) not in {"", *living}:
                self.api.delete(kind, name)

    def _deployment(self, deployment: Manifest, now: float) -> None:
        self._claim(deployment)
        for _ in range(_MOST_SYNCS):
            sync = Sync(
                deployment,
                self._owned(deployment),
                available=lambda item: len(self._available_of(item, now)),
                create=partial(self._create, deployment),
            )
            before = copy.deepcopy(sync.owned)
            if not sync.run():
                break
            for old, item in zip(before, sync.owned, strict=True):
                self.api.changed(old, item)
        self._report(deployment, now)

    def _claim(self, deployment: Manifest) -> None:
        for item in self.api.every("ReplicaSet"):
            labels = item["metadata"].get("labels") or {}
            matches = deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
            if matches and not _owner(item):
                item["metadata"]["ownerReferences"] = [{"uid": deployment["metadata"]["uid"], "controller": True}]
                self.api.touch(item)

    def _create(self, deployment: Manifest, size: int, annotations: dict[str, str]) -> None:
        self.serial += 1
        template, revision = copy.deepcopy(deployment["spec"]["template"]), f"rs{self.serial}"
        template["metadata"]["labels"][POD_TEMPLATE_HASH] = revision
        manifest = {
            "kind": "ReplicaSet",
            "metadata": {
                "name": f"{deployment['metadata']['name']}-{revision}",
                "namespace": deployment["metadata"]["namespace"],
                "labels": dict(template["metadata"]["labels"]),
                "annotations": annotations,
                "ownerReferences": [{"uid": deployment["metadata"]["uid"], "controller": True}],
            },
            "spec": {"replicas": size, "template": template},
        }
        self.api.apply(manifest, "deployment-controller")

    def _report(self, deployment: Manifest, now: float) -> None:
        owned = self._owned(deployment)
        sizes = {item["metadata"]["name"]: len(self._pods_of(item)) for item in owned}
        new = new_among(owned, deployment)
        self.api.write_status(
            deployment,
            {
                "observedGeneration": deployment["metadata"]["generation"],
                "replicas": sum(sizes.values()),
                "updatedReplicas": sizes[new["metadata"]["name"]] if new else 0,
                "availableReplicas": sum(len(self._available_of(item, now)) for item in owned),
            },
        )

    def _replica_set(self, replica_set: Manifest, now: float) -> None:
        pods, wanted = self._pods_of(replica_set), replica_set["spec"]["replicas"]
        template = replica_set["spec"]["template"]
        image = template["spec"]["containers"][0]["image"]
        for _ in range(wanted - len(pods)):
            self.serial += 1
            name = f"{replica_set['metadata']['name']}-{self.serial:05d}"
            ready_at = float("inf") if image in self.never_ready else now + self.startup
            labels = template["metadata"]["labels"]
            self.pods[name] = Pod(name, replica_set["metadata"]["name"], labels, image, ready_at)
        for pod in sorted(pods, key=lambda pod: pod.ready_at)[wanted:]:
            pod.leaving = now
        self.api.write_status(replica_set, {"readyReplicas": len(self._available_of(replica_set, now))})

    def _pods_of(self, replica_set: Manifest) -> list[Pod]:
        name = replica_set["metadata"]["name"]
        return [pod for pod in self.pods.values() if pod.owner == name and pod.leaving is None]

    def _available_of(self, replica_set: Manifest, now: float) -> list[Pod]:
        return [pod for pod in self._pods_of(replica_set) if pod.ready_at <= now]


def _owner(item: Manifest) -> str:
    owners = item["metadata"].get("ownerReferences") or [{"uid": ""}]
    return str(owners[0]["uid"])
