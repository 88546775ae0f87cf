"""The spec of a CanaryRelease: what is released, where its traffic flows, which steps the release takes.

Every field's docstring is its description in the CRD and in the reference; "Default: ..." is added where the code has
one. Rules that one schema can say stand beside the field they concern, as CEL for the API server and as Python for
offline commands; what needs a look into the cluster is checked in `headgate.release.checks`.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from headgate.api.fields import DURATION_PATTERN, NO_WEIGHT, Duration, LatencyBound, Model, Percent, parse_weight
from headgate.api.rules import Rule, Ruled, lasting, matching, sharing

_OBJECT_PATTERN = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_OBJECT_NAME = matching(
    _OBJECT_PATTERN,
    "not a name: use lower-case letters, digits, - and ., with a letter or digit first and last",
)
_SERVICE_PATTERN = "^[a-z]([-a-z0-9]{0,54}[a-z0-9])?$"
_SERVICE_NAME = matching(
    _SERVICE_PATTERN,
    "not the name of a Service that can be released: use lower-case letters, digits and -, a letter first, and at most"
    " 56 characters, since the candidate's Service is called <service>-canary",
)
_METRIC_NAME = matching("^[a-zA-Z_:][a-zA-Z0-9_:]*$", "not a metric name: use letters, digits, _ and :")
_LABEL_PATTERN = "^[a-zA-Z_][a-zA-Z0-9_]*$"
_LABEL_NAME = matching(_LABEL_PATTERN, "not a label name: use letters, digits and _")
_SELECTOR_LABELS = Rule(
    f"self.all(label, label.matches('{_LABEL_PATTERN}') && !(label in ['le', '__name__']))",
    "not a label to choose by: use letters, digits and _, a letter or _ first, and neither le nor __name__",
    lambda labels: all(re.fullmatch(_LABEL_PATTERN, label) and label not in {"le", "__name__"} for label in labels),
)

Name = Annotated[str, Field(max_length=253), _OBJECT_NAME]
ServiceName = Annotated[str, Field(max_length=63), _SERVICE_NAME]
MetricName = Annotated[str, Field(max_length=200), _METRIC_NAME]
LabelName = Annotated[str, Field(max_length=100), _LABEL_NAME]
LabelValue = Annotated[str, Field(max_length=200)]
LabelValues = Annotated[tuple[LabelValue, ...], Field(min_length=1, max_length=20)]
Mesh = Literal["Istio", "Linkerd"]
EntryKind = Literal["Ingress", "HTTPRoute"]
Weight = Annotated[int, Field(ge=0, le=100, strict=True)]
StepWeight = Annotated[
    int | Literal["Auto"],
    BeforeValidator(parse_weight),
    WithJsonSchema(
        {
            "x-kubernetes-int-or-string": True,
            "maxLength": 8,
            "x-kubernetes-validations": [
                {"rule": "type(self) == int ? self >= 0 && self <= 100 : self == 'Auto'", "message": NO_WEIGHT},
            ],
        }
    ),
]
Share = Annotated[
    Percent,
    sharing("0.0001%", "99.9999%", "must be more than 0% and less than 100%: only a bound in between can be tested"),
]
Switch = Annotated[bool, Field(strict=True)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]

_PLACEHOLDERS = ("$(candidate)", "$(stable)", "$(namespace)", "$(service)")
_REMOVAL = ".replace('{}', '')"


class TargetRef(Ruled):
    """The workload whose pod template is released."""

    rules: ClassVar = (
        Rule(
            "!has(self.apiVersion) || self.apiVersion == 'apps/v1'",
            "only a Deployment can be released in place: set apiVersion to apps/v1",
            lambda ref: ref.api_version == "apps/v1",
        ),
        Rule(
            "self.kind == 'Deployment'",
            "only a Deployment can be released in place: set kind to Deployment",
            lambda ref: ref.kind == "Deployment",
        ),
    )

    api_version: Annotated[str, Field(max_length=64)] = "apps/v1"
    """API version of the target; only apps/v1."""
    kind: Annotated[str, Field(max_length=64)]
    """Kind of the target; only Deployment."""
    name: Annotated[str, Field(max_length=200), _OBJECT_NAME]
    """Name of the target, in the release's own namespace."""


class EntryRef(Model):
    """The object of the user's by which requests get from the proxy to the Service, in the release's namespace."""

    kind: EntryKind
    """What it is."""
    name: Annotated[str, Field(max_length=253)]
    """Its name."""


class Traffic(Ruled):
    """Where the clients of the target come in."""

    rules: ClassVar = (
        Rule(
            "!has(self.ingress) || !has(self.httpRoute)",
            "requests come in by an ingress or by an httpRoute: name one of them",
            lambda traffic: traffic.ingress is None or traffic.http_route is None,
        ),
    )

    service: ServiceName | None = None
    """The Service that the clients use. Default: the target's name."""
    ingress: Name | None = None
    """The Ingress that leads to the Service. Without it the Service alone carries the traffic: a canary then gets its
    share by its number of pods, and a full switch moves the Service's selector."""
    http_route: Name | None = None
    """The HTTPRoute of the Gateway API that leads to the Service, where that is not an Ingress."""
    settle: Annotated[Duration, lasting("0s", "10m", "settle must not be longer than 10m")] | None = None
    """How long a new weight needs to reach every instance of the proxy. Default: by router and proxy, 5s to 20s."""

    @property
    def entry(self) -> EntryRef | None:
        """The object that leads to the Service; None where clients use the Service alone."""
        if self.http_route is not None:
            return EntryRef(kind="HTTPRoute", name=self.http_route)
        return None if self.ingress is None else EntryRef(kind="Ingress", name=self.ingress)


class Hold(Ruled):
    """How long a step stays at its weight."""

    rules: ClassVar = (
        Rule(
            "!has(self.min) || !has(self.max) || [self.min, self.max].exists(d, d == '' ||"
            f" !d.matches('{DURATION_PATTERN}')) || duration(self.min) <= duration(self.max)",
            "min must not be longer than max",
            lambda hold: hold.min is None or hold.max is None or hold.min <= hold.max,
        ),
    )

    min: Duration | None = None
    """The step lasts at least this long. Default: 0s."""
    max: Duration | None = None
    """When this has passed, onInconclusive decides. Default: 10m, and never less than min."""
    advance: Literal["WhenSafe", "WhenNotBad"] = "WhenSafe"
    """WhenSafe goes on as soon as the candidate is proven safe; WhenNotBad goes on when min has passed, at least three
    checks were counted and nothing speaks against it."""


class Pause(Model):
    """A stop."""

    duration: Duration | None = None
    """How long to wait. Without it the release waits until a person approves."""


class Bounds(Ruled):
    """Between which weights one that is Auto grows."""

    rules: ClassVar = (
        Rule(
            "(has(self.min) ? self.min : 1) <= (has(self.max) ? self.max : 50)",
            "min must not be above max",
            lambda bounds: bounds.min <= bounds.max,
        ),
    )

    min: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    """The weight it begins with, or what the candidate has already if that is more."""
    max: Annotated[int, Field(ge=1, le=100, strict=True)] = 50
    """The weight it ends with."""


class Step(Ruled):
    """One step: a weight with its hold, or a pause."""

    rules: ClassVar = (
        Rule(
            "has(self.setWeight) != has(self.pause)",
            "a step has exactly one of setWeight and pause",
            lambda step: (step.set_weight is None) != (step.pause is None),
        ),
        Rule(
            "!has(self.hold) || !has(self.pause)",
            "hold belongs to a setWeight step: a pause has a duration of its own",
            lambda step: step.hold is None or step.pause is None,
        ),
        Rule(
            "!has(self.between) || has(self.setWeight) && string(self.setWeight) == 'Auto'",
            "between belongs to setWeight: Auto",
            lambda step: step.between is None or step.set_weight == "Auto",
        ),
    )

    set_weight: StepWeight | None = None
    """The candidate's share of the traffic, from 0 to 100 percent. Auto grows it while the evidence is good: it doubles
    once the odds are 3 : 1 that the candidate is fine, or hold.max has passed and nothing speaks against it."""
    between: Bounds | None = None
    """Between which weights Auto grows. The last one is held as any weight is."""
    hold: Hold | None = None
    """How long the weight is held and when to go on."""
    pause: Pause | None = None
    """Wait for a time or for an approval."""


class Errors(Model):
    """The objective for failed requests (answered 5xx)."""

    max: Share
    """The highest share of requests that may fail."""


class Latency(Model):
    """The objective for slow requests."""

    below: Annotated[
        LatencyBound,
        Rule("self != '' && !self.matches('^(0+s)?(0+ms)?$')", "must be more than 0ms", lambda bound: bound > 0),
    ]
    """A request that takes longer is slow. Must be one of the histogram's bucket bounds."""
    objective: Share = 0.99
    """The share of requests that must not be slow."""


def _without_placeholders(query: str) -> str:
    for placeholder in _PLACEHOLDERS:
        query = query.replace(placeholder, "")
    return query


class Query(Ruled):
    """Any PromQL expression with a bound; it must give one number."""

    rules: ClassVar = (
        Rule(
            "has(self.max) || has(self.min)",
            "a query needs a bound: set max or min",
            lambda query: query.max is not None or query.min is not None,
        ),
        Rule(
            "!has(self.max) || !has(self.min) || self.min <= self.max",
            "min must not be above max: no number would be good",
            lambda query: query.max is None or query.min is None or query.min <= query.max,
        ),
    )

    name: Annotated[
        str,
        Field(max_length=63),
        matching(
            "^[a-zA-Z0-9]([-_a-zA-Z0-9 ]*[a-zA-Z0-9])?$",
            "not a query's name: use letters, digits, spaces, - and _, with a letter or digit first and last",
        ),
    ]
    """What the number is called in status and events."""
    query: Annotated[
        str,
        Field(min_length=1, max_length=4096),
        Rule(
            f"!self{''.join(_REMOVAL.format(placeholder) for placeholder in _PLACEHOLDERS)}.contains('$(')",
            f"unknown placeholder: there are {', '.join(_PLACEHOLDERS)}",
            lambda query: "$(" not in _without_placeholders(query),
        ),
    ]
    """The PromQL expression. $(candidate), $(stable), $(namespace) and $(service) are replaced by the pod template
    hashes of the two versions, the namespace and the Service."""
    max: Number | None = None
    """The candidate is bad while the number is above this."""
    min: Number | None = None
    """The candidate is bad while the number is below this."""


class ApplicationMetrics(Model):
    """Counters that the application itself exports, told apart by pod."""

    requests: MetricName = "http_requests_total"
    """Counter of requests. A series without a status is not counted."""
    code_label: LabelName = "code"
    """Label with the status: HTTP's, unless failures says otherwise."""
    failures: Annotated[tuple[LabelValue, ...], Field(max_length=20)] = ()
    """Values of codeLabel that mean a failed request. Default: 500 to 599."""
    grpc_label: LabelName | None = None
    """Label with the gRPC code, by number or name: those that stand for a 5xx are failures, too."""
    durations: MetricName = "http_request_duration_seconds"
    """Histogram of durations, without _bucket."""
    unit: Literal["s", "ms"] = "s"
    """Unit of the histogram's bounds."""
    pod_label: LabelName = "pod"
    """Label with the pod's name."""
    namespace_label: LabelName = "namespace"
    """Label with the namespace."""
    labels: Annotated[dict[str, LabelValue], Field(max_length=10), _SELECTOR_LABELS] = Field(default_factory=dict)
    """Further labels that the counter's and the histogram's series must have, with their values."""
    without: Annotated[dict[str, LabelValues], Field(max_length=10), _SELECTOR_LABELS] = Field(default_factory=dict)
    """Series that are not counted, as those of probes: labels with values that leave a series out."""


def _distinct(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(listed) == len(set(listed))


class Analysis(Ruled):
    """How the candidate is judged."""

    rules: ClassVar = (
        Rule(
            "!has(self.queries) || self.queries.all(q, self.queries.exists_one(p, p.name == q.name))",
            "two queries have the same name: give each its own",
            lambda analysis: _distinct(query.name for query in analysis.queries),
        ),
        Rule(
            "!has(self.mesh) || !has(self.application)",
            "mesh and application both say where requests are counted: set one of them",
            lambda analysis: analysis.mesh is None or analysis.application is None,
        ),
    )

    enabled: Switch = True
    """Without analysis only times, approvals and readiness move the release."""
    errors: Errors | None = None
    """Absolute objective for failed requests, beside the comparison with stable."""
    latency: Latency | None = None
    """Objective for slow requests."""
    queries: Annotated[tuple[Query, ...], Field(max_length=20)] = ()
    """Further PromQL expressions with a bound."""
    confidence: Annotated[
        Percent,
        sharing(
            "50%",
            "99.9999%",
            "must be from 50% to 99.9999%: with 100% nothing could ever be proven, with less than 50% a coin would do",
        ),
    ] = 0.99
    """At least this share of good releases is never rolled back."""
    on_inconclusive: Literal["Hold", "Advance", "Rollback"] = "Hold"
    """What happens when a step's max has passed and the candidate is neither bad nor proven safe."""
    interval: Annotated[Duration, lasting("2s", "10m", "the time between two checks must be from 2s to 10m")] = 15.0
    """Time between two checks."""
    prometheus: Annotated[str, Field(max_length=63), _OBJECT_NAME] = "default"
    """Name of a Prometheus in the operator's configuration."""
    application: ApplicationMetrics | None = None
    """Judge by the application's own counters instead of the proxy's."""
    mesh: Mesh | None = None
    """Judge by the counters of the mesh's proxy beside each pod instead."""


class Capacity(Model):
    """How many pods the candidate gets."""

    headroom: Percent = 0.0
    """Extra pods, as a share of those that the weight asks for."""
    ready_within: Annotated[Duration, lasting("1s", "24h", "readyWithin must be from 1s to 24h")] = 600.0
    """The candidate's pods must be ready within this time."""


def _ends_at(step: Step) -> int | None:
    """The weight that a step ends with; None for a pause."""
    return (step.between or Bounds()).max if step.set_weight == "Auto" else step.set_weight


def _rising(steps: Iterable[Step]) -> bool:
    weights = [weight for step in steps if (weight := _ends_at(step)) is not None]
    return all(before <= after for before, after in pairwise(weights))


class Spec(Ruled):
    """What is released, where its traffic flows and which steps the release takes."""

    rules: ClassVar = (
        Rule(
            "self.targetRef.name == oldSelf.targetRef.name",
            "the target of a release can't change: make a new CanaryRelease for the other Deployment",
        ),
        Rule(
            "self.?traffic.?service.hasValue() ||"
            f" self.targetRef.name.matches('{_SERVICE_PATTERN}') || !self.targetRef.name.matches('{_OBJECT_PATTERN}')",
            "the target's name is too long or too unusual for a Service: set traffic.service",
            lambda spec: spec.traffic.service is not None or _SERVICE_NAME.holds(spec.target_ref.name),
        ),
        Rule(
            "!has(self.steps) || self.steps.filter(s, has(s.setWeight)).map(s, type(s.setWeight) == int"
            " ? int(s.setWeight) : has(s.between) && has(s.between.max) ? s.between.max : 50).isSorted()",
            "weights must not fall from step to step: to take traffic back, set annotation headgate.dev/action: abort",
            lambda spec: _rising(spec.steps or ()),
        ),
        Rule(
            "!has(self.strategy) || self.strategy != 'BlueGreen' || !has(self.steps)"
            " || self.steps.all(s, !has(s.setWeight) || string(s.setWeight) in ['0', '100'])",
            "strategy BlueGreen switches all traffic at once: use setWeight 100, or strategy Canary",
            lambda spec: (
                spec.strategy != "BlueGreen" or all(step.set_weight in {None, 0, 100} for step in spec.steps or ())
            ),
        ),
    )

    target_ref: TargetRef
    """The Deployment whose pod template is released."""
    traffic: Traffic = Traffic()
    """Where its clients come in."""
    strategy: Literal["Canary", "BlueGreen"] = "Canary"
    """Canary moves traffic in shares, BlueGreen all at once; picks the steps when steps is absent."""
    steps: (
        Annotated[
            tuple[Step, ...],
            Field(max_length=50),
            Rule("self.size() > 0", "an empty list of steps does nothing: leave steps out for the defaults", bool),
        ]
        | None
    ) = None
    """The program of the release. Default: a weight that grows from 5 to 50 percent, or one switch."""
    analysis: Analysis = Analysis()
    """How the candidate is judged."""
    on_failure: Literal["Rollback", "Hold"] = "Rollback"
    """Rollback removes a failed candidate; Hold takes its traffic away but keeps its pods for a look."""
    bake: Duration | None = None
    """How long the old pods stay warm after the candidate has all traffic. Default: 30s."""
    capacity: Capacity = Capacity()
    """How many pods the candidate gets and how soon they must be ready."""
    suspend: Switch = False
    """Start no release, and freeze one that runs. A new pod template still does not roll out by itself."""
