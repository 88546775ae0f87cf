"""What is true in the cluster now, as far as a decision needs it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from headgate.analysis.dispersion import Baseline
from headgate.analysis.intervals import Interval
from headgate.api.fields import Manifest
from headgate.release.decision import Fact
from headgate.routing.route import Router
from headgate.routing.service import Service
from headgate.workloads.autoscaler import Autoscaler
from headgate.workloads.deployment import Deployment
from headgate.workloads.replica_set import ReplicaSet


@dataclass(frozen=True)
class Unknown:
    """A fact that was not looked up: ask for it with `Decision.look`."""


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Metrics:
    """What Prometheus says about a release since its candidate first got traffic."""

    intervals: tuple[Interval, ...] = ()
    queries: Mapping[str, float | None] = field(default_factory=dict)
    """Value of each query of the spec; None where it gave no number."""
    problem: str = ""
    """Why there are no fresh samples, in one sentence; empty when there are."""
    since: float | None = None
    """Since when that has been so."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Why one objective or query can't be judged, by its name; the others can."""
    baseline: Baseline = field(default_factory=Baseline)
    """What stable did in the hour before."""


@dataclass(frozen=True)
class Observation:
    """The surroundings of one release.

    Absent objects are None; facts that cost a request are UNKNOWN until a decision asks for them.
    """

    router: Router
    target: Deployment | None = None
    service: Service | None = None
    entry: Manifest | None = None
    """The user's Ingress or HTTPRoute."""
    candidate: ReplicaSet | None = None
    """The ReplicaSet made for this release."""
    ours: tuple[Manifest, ...] = ()
    """Live Services and route objects made for this release."""
    endpoints: frozenset[str] = frozenset()
    """Names of the ready pods that the candidate's Service leads to."""
    rivals: tuple[str, ...] = ()
    """Older releases in the namespace with the same target or the same Service."""
    replica_sets: tuple[ReplicaSet, ...] | Unknown = UNKNOWN
    stable_endpoints: frozenset[str] | Unknown = UNKNOWN
    """Names of the ready pods that the user's Service leads to."""
    autoscaler: Autoscaler | Literal["none"] | Unknown = UNKNOWN
    metrics: Metrics = Metrics()
    policies: bool = True
    """Whether the admission policies hold what Headgate needs held; without them the target rests paused."""

    def missing(self, *facts: Fact) -> frozenset[Fact]:
        """Those of the facts that nobody has looked up."""
        return frozenset(fact for fact in facts if isinstance(getattr(self, fact), Unknown))
