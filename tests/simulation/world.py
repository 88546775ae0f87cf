"""A cluster, its traffic and its operator on a virtual clock, with the invariants watched at every write."""

import copy
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headgate.api.names import (
    ACTION_ANNOTATION,
    ACTOR_ANNOTATION,
    FIELD_MANAGER,
    KIND,
    POD_TEMPLATE_HASH,
    RELEASE_LABEL,
)
from headgate.api.release import Release, read_release
from headgate.api.status import Held, Status
from headgate.release.decision import Action, Apply, Delete, Patch
from headgate.release.observation import Observation
from headgate.workloads.endpoints import ready_of
from headgate.workloads.template import intent_of
from tests.routes import weight_in
from tests.simulation import manifests
from tests.simulation.api_server import ApiServer
from tests.simulation.controllers import Controllers, Pod
from tests.simulation.gateway import Gateway
from tests.simulation.operator import Operator
from tests.simulation.proxy import SCRAPE, Proxy

START = 1_700_000_000.123
_PATIENCE = 10


@dataclass
class World:
    """Everything at one virtual moment. `objections` collects broken invariants as sentences."""

    api: ApiServer = field(default_factory=ApiServer)
    policies: bool = True
    now: float = START
    objections: list[str] = field(default_factory=list)
    policies_from: float = 0.0
    """Until then the policies let everything pass: an API server has just started, and does not know their kind."""
    must_leave: bool = False
    """A verdict of Bad or an abort was seen: the next write must take the candidate's traffic away."""

    def __post_init__(self) -> None:
        self.controllers = Controllers(self.api)
        self.gateway = Gateway(self.api)
        self.proxy = Proxy(self.api, self.controllers)
        self.operator = Operator(self.api, self.controllers, self.proxy, policies=self.policies, on_call=self._watch)
        self.api.admit = self._admit
        self.lasting: Counter[str] = Counter()

    # what people do

    def user_applies(self, manifest: dict[str, Any]) -> None:
        """A forced server-side apply of a manifest, as GitOps tools do."""
        self.api.apply(manifest, "user")

    def user_releases(self, image: str, **annotations: str) -> None:
        """A change of the image in the Deployment's template."""
        self.api.merge("Deployment", "shop", {"spec": {"template": manifests.template(image, **annotations)}}, "user")

    def user_asks(self, action: str, by: str | None = "jane") -> None:
        """An action by annotation; where there are no policies, nobody is told who asked."""
        annotations = {ACTION_ANNOTATION: action, ACTOR_ANNOTATION: by}
        self.api.merge(KIND, "shop", {"metadata": {"annotations": annotations}}, "user")

    def user_edits(self, **spec: Any) -> None:
        """A change of the release's own spec."""
        self.api.merge(KIND, "shop", {"spec": spec}, "user")

    def without_policies(self) -> None:
        """The admission policies are uninstalled."""
        self.policies = self.operator.policies = False

    def restarts_api_server(self) -> None:
        """For half a minute the policies do not act."""
        self.policies_from = self.now + 30.0

    def scale(self, replicas: int) -> None:
        """Another size of the Deployment, by a person or an autoscaler."""
        self.api.merge("Deployment", "shop", {"spec": {"replicas": replicas}}, "autoscaler")

    # the passing of time

    def advance(self, seconds: float) -> "World":
        """Lets time pass, a second at a time, and everyone act in it."""
        for _ in range(int(seconds)):
            self.now += 1.0
            self.controllers.run(self.now)
            self.operator.run(self.now)
            self.controllers.run(self.now)
            self.gateway.run(self.now)
            self.proxy.see(self.now)
            self._look()
            if self.api.get("Deployment", "shop") is not None:
                self.proxy.send(self.now)
            if (self.now - START) % SCRAPE == 0:
                self.proxy.scrape(self.now)
        return self

    def until(self, *phases: str, within: float = 3600.0) -> "World":
        """Lets time pass until the release is in one of the phases."""
        deadline = self.now + within
        while self.release.status.phase not in phases:
            assert self.now < deadline, f"not in {phases} after {within:.0f} s: {self.told()}"
            self.advance(1)
        return self

    # what is to be seen

    @property
    def release(self) -> Release:
        manifest = self.api.get(KIND, "shop")
        assert manifest is not None, "the CanaryRelease is gone"
        return read_release(manifest)

    @property
    def status(self) -> Status:
        """The status as the operator knows it now, which may be ahead of what it wrote."""
        return self.operator.status or self.release.status

    def told(self) -> str:
        """The state in words, for a failing test."""
        status = self.status
        events = "\n  ".join(f"{event.reason}: {event.note}" for event in self.operator.events)
        return (
            f"\n{status.phase}: {status.message}\nstep {status.summary.step}, weight {status.summary.weight}, verdict"
            f" {status.summary.verdict}, stage {status.progress.stage if status.progress else '-'}\nevents:\n  {events}"
        )

    def snapshot(self) -> dict[tuple[str, str], Any]:
        """Every object but the release itself, without what any write changes; pods are the ReplicaSets' business."""
        kept = {}
        for (kind, name), item in self.api.objects.items():
            if kind != KIND:
                stripped = copy.deepcopy(item)
                for noise in ("resourceVersion", "generation", "managedFields", "uid"):
                    stripped["metadata"].pop(noise, None)
                stripped.pop("status", None)
                kept[kind, name] = stripped
        return kept

    @property
    def weight(self) -> int:
        return self.proxy.weight()

    @property
    def event_reasons(self) -> list[str]:
        return [event.reason for event in self.operator.events]

    # the admission policies of the chart

    def _admit(self, old: dict[str, Any] | None, new: dict[str, Any], writer: str) -> None:
        manifest = self.api.get(KIND, "shop")
        if not self.policies or self.now < self.policies_from or writer == FIELD_MANAGER or manifest is None:
            return
        held = read_release(manifest).status.held
        if new["kind"] == "Deployment" and old is not None and self._holds(old, new, held):
            new["spec"]["paused"] = True
        if new["kind"] == "Service" and held.service == new["metadata"]["name"]:
            pin = old["spec"]["selector"].get(POD_TEMPLATE_HASH) if old else held.pod_template_hash
            if pin:
                new["spec"]["selector"][POD_TEMPLATE_HASH] = pin

    def _holds(self, old: dict[str, Any], new: dict[str, Any], held: Held) -> bool:
        """As charts/headgate/templates/admission-hold.yaml has it."""
        status = old.get("status") or {}
        waiting = status.get("replicas", 0) > 0 and status.get("updatedReplicas", 0) == 0
        changed = intent_of(old["spec"]["template"]) != intent_of(new["spec"]["template"])
        return changed or (old["spec"].get("paused", False) and (held.deployment or waiting))

    # the invariants of the design, while time passes

    def _look(self) -> None:
        """What may last for a moment, while the operator restarts, and no longer."""
        wrongs = {
            "1: the candidate's route leads to no pod that is ready": self.weight > 0 and not self._behind_candidate(),
            "3: the service leads to a candidate that was refused": self._serves_refused(),
        }
        for wrong, holds in wrongs.items():
            self.lasting[wrong] = self.lasting[wrong] + 1 if holds else 0
            if self.lasting[wrong] == _PATIENCE:
                self.objections.append(f"{wrong} for {_PATIENCE} s")

    def _behind_candidate(self) -> list[Pod]:
        service = self.api.get("Service", "shop-canary")
        return self.controllers.ready(service["spec"]["selector"], self.now) if service else []

    def _serves_refused(self) -> bool:
        """Whether a candidate that was found bad is served beside a stable that could be."""
        service, deployment = self.api.get("Service", "shop"), self.api.get("Deployment", "shop")
        status = self.status if self.api.get(KIND, "shop") else Status()
        progress, candidate = status.progress, status.candidate
        if not (service and deployment and progress and candidate) or progress.outcome != "RolledBack":
            return False
        behind = self.controllers.ready(service["spec"]["selector"], self.now)
        refused = any(pod.labels[POD_TEMPLATE_HASH] == candidate.revision for pod in behind)
        return refused and deployment["metadata"]["uid"] == progress.target

    # the invariants of the design, at each write

    def _watch(self, action: Action | Status, release: Release, seen: Observation, _now: float) -> None:
        if isinstance(action, Apply) and action.manifest["kind"] in {"Ingress", "HTTPRoute"}:
            self._weight_written(weight_in(action.manifest), release, seen)
        if isinstance(action, Patch) and action.ref.kind == "Service" and action.form == "merge":
            self._pin_written(action.body["spec"]["selector"][POD_TEMPLATE_HASH])
        if isinstance(action, Delete) and action.ref.kind == "ReplicaSet" and release.status.progress:
            self._removed(action.ref.name)

    def _weight_written(self, weight: int, release: Release, seen: Observation) -> None:
        assert seen.candidate is not None
        ready, replicas = ready_of(seen.endpoints, seen.candidate.name), seen.target.replicas if seen.target else 0
        if not 0 < weight <= 100:
            self.objections.append(f"1: weight {weight} was written")
        if weight > self.weight:
            if ready < -(-weight * replicas // 100):
                self.objections.append(f"2: weight rose to {weight} with {ready} endpoints of {replicas} pods")
            skips = release.status.progress is not None and release.status.progress.skip
            if any(item.verdict == "Bad" for item in release.status.evidence) and not skips:
                self.objections.append(f"2: weight rose to {weight} while the verdict was Bad")

    def _pin_written(self, revision: str | None) -> None:
        """A pin never takes traffic from pods that serve to where there are none, while there shall be any."""
        service, deployment = self.api.get("Service", "shop"), self.api.get("Deployment", "shop")
        if deployment is None or deployment["spec"]["replicas"] == 0:
            return
        selector = {"app": "shop", **({POD_TEMPLATE_HASH: revision} if revision else {})}
        serves = service is not None and self.controllers.ready(service["spec"]["selector"], self.now)
        if serves and not self.controllers.ready(selector, self.now):
            self.objections.append(f"1: the service was pinned to {revision}, which has no ready pod")

    def _removed(self, name: str) -> None:
        """Invariant 4: nothing leads to a candidate that goes, and what was open has drained."""
        ours = self.api.get("ReplicaSet", name)
        if ours is None or RELEASE_LABEL not in (ours["metadata"].get("labels") or {}):
            return
        service = self.api.get("Service", "shop")
        pin = service["spec"]["selector"].get(POD_TEMPLATE_HASH) if service else None
        if self.weight or pin == ours["metadata"]["labels"][POD_TEMPLATE_HASH]:
            self.objections.append(f"4: the candidate was removed at weight {self.weight}, pin {pin}")


def resting(image: str = "shop:1", *, policies: bool = True, replicas: int = 4, **spec: Any) -> World:
    """A world at rest: the application serves, the release is known, nothing moves."""
    world = World(policies=policies)
    ways_in = (manifests.ingress(), manifests.http_route())
    for manifest in (manifests.deployment(image, replicas), manifests.service(), *ways_in):
        world.user_applies(manifest)
    world.gateway.run(world.now - world.gateway.lag)
    world.gateway.run(world.now)
    world.controllers.run(world.now)
    world.now += 10
    world.controllers.run(world.now)
    world.user_applies(manifests.release(**spec))
    world.advance(10)
    return world
