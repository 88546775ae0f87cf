"""One look at one release: what was asked, what is known, what is seen, and what time it is."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from headgate.analysis.verdict import Judgement, judge
from headgate.api.names import API_VERSION, KIND
from headgate.api.ownership import owned_metadata
from headgate.api.release import Release
from headgate.api.spec import Spec
from headgate.api.status import Phase, Progress, Status, Version
from headgate.api.steps import PlannedStep, steps_of
from headgate.release.conditions import conditions_of
from headgate.release.decision import Ref
from headgate.release.observation import Observation
from headgate.release.stage import SWITCHED, Stage
from headgate.routing.naming import candidate_service
from headgate.routing.route import Backend, Route
from headgate.workloads.candidate import candidate_name
from headgate.workloads.deployment import Deployment
from headgate.workloads.endpoints import ready_of


@dataclass(frozen=True)
class Tick:
    """All that a decision depends on. `status` runs ahead of `release.status` while a decision is being made."""

    release: Release
    status: Status
    seen: Observation
    now: float

    @property
    def spec(self) -> Spec:
        assert self.release.spec is not None  # noqa: S101 (checked before any stage runs)
        return self.release.spec

    @property
    def progress(self) -> Progress:
        assert self.status.progress is not None  # noqa: S101 (only a release that moves has stages)
        return self.status.progress

    @property
    def target(self) -> Deployment:
        assert self.seen.target is not None  # noqa: S101 (checked before any stage runs)
        return self.seen.target

    @property
    def stable(self) -> Version:
        assert self.status.stable is not None  # noqa: S101 (a release begins with both versions known)
        return self.status.stable

    @property
    def candidate(self) -> Version:
        assert self.status.candidate is not None  # noqa: S101 (as `stable`)
        return self.status.candidate

    @cached_property
    def steps(self) -> tuple[PlannedStep, ...]:
        return steps_of(self.spec)

    @property
    def service(self) -> str:
        """The user's Service: of the running release, or as the spec names it."""
        return self.status.progress.service if self.status.progress else self.release.service

    @property
    def uprooted(self) -> bool:
        """Whether stable is gone for good, with the Deployment that the release began with."""
        target, began_with = self.seen.target, self.progress.target
        return target is None or began_with not in (None, target.uid)

    @property
    def candidate_set(self) -> str:
        """The name of the candidate's ReplicaSet."""
        return candidate_name(self.spec.target_ref.name, self.candidate.revision)

    @cached_property
    def ready(self) -> int:
        """The candidate's ready endpoints."""
        return ready_of(self.seen.endpoints, self.candidate_set)

    @property
    def settle(self) -> float:
        """Seconds until every instance of the proxy follows a write."""
        asked = self.spec.traffic.settle
        return self.seen.router.settle if asked is None else asked

    @cached_property
    def pending(self) -> str:
        """Why a proxy does not follow the route yet, where its status tells; empty where all do."""
        seen = self.seen.router.observe(self.route(self.progress.weight), self.seen.ours)
        return seen.reason if seen.state == "pending" else ""

    @cached_property
    def judgement(self) -> Judgement:
        """What the samples since the release began say; without analysis nothing speaks against the candidate."""
        if not self.spec.analysis.enabled:
            return Judgement("Safe", "analysis is switched off", "off", ())
        metrics = self.seen.metrics
        return judge(
            metrics.intervals,
            self.spec.analysis,
            step=self.status.step.index if self.status.step else 0,
            weight=self.progress.weight,
            queries=metrics.queries,
            problem=metrics.problem,
            problems=metrics.problems,
            baseline=metrics.baseline,
        )

    def route(self, weight: int, pinned: Literal["stable", "candidate"] | None = None) -> Route:
        """The route that gives the candidate a weight; `pinned` by default as the stage asks."""
        pinned = pinned or ("candidate" if self.progress.stage in SWITCHED else "stable")
        return Route(
            namespace=self.release.namespace,
            release=self.release.name,
            uid=self.release.uid,
            target=self.spec.target_ref.name,
            service=self.service,
            stable=Backend(self.service, self.stable.revision, 100 - weight),
            candidate=Backend(candidate_service(self.service), self.candidate.revision, weight),
            entry=self.seen.entry,
            pinned="neither" if pinned == "stable" and self.uprooted else pinned,
        )

    def metadata(self, name: str) -> dict[str, Any]:
        """The metadata of an object made for this release."""
        return owned_metadata(name, self.release.namespace, self.release.name, self.release.uid)

    def ref(self, kind: str, name: str) -> Ref:
        """An object in the release's namespace."""
        return Ref(_API_VERSIONS[kind], kind, self.release.namespace, name)

    @property
    def this(self) -> Ref:
        """The CanaryRelease itself."""
        return self.ref(KIND, self.release.name)

    def at(self, status: Status) -> "Tick":
        """The same look with another status."""
        return replace(self, status=status)

    def say(self, phase: Phase, reason: str, message: str, **changes: Any) -> Status:  # noqa: ANN401 (field values)
        """The status with a phase, its conditions and a sentence."""
        conditions = conditions_of(
            self.status.conditions, phase, reason, message, generation=self.release.generation, now=self.now
        )
        return self.status.told(phase=phase, message=message, conditions=conditions, **changes)

    def with_evidence(self) -> Status:
        """The status with what the samples say, once the candidate has had traffic."""
        if not self.progress.marks:
            return self.status
        summary = self.status.summary.model_copy(update={"verdict": self.judgement.summary})
        return self.status.told(evidence=self.judgement.evidence, summary=summary)

    def moved(self, stage: Stage, **changes: Any) -> Progress:  # noqa: ANN401 (field values)
        """The progress at a new stage, beginning now."""
        return self.begun(stage=stage, **changes)

    def begun(self, **changes: Any) -> Progress:  # noqa: ANN401 (field values)
        """The progress whose time begins now, also that in which its pods must be ready."""
        return self.progress.model_copy(update={"since": self.now, "ready_since": None, **changes})


_API_VERSIONS = {
    KIND: API_VERSION,
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Service": "v1",
    "Ingress": "networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
}
