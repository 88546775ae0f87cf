"""The spec of a CanaryRelease: what is released, where its traffic flows, which steps the release takes.

Every field's docstring is its description in the CRD and in the reference. Rules that one schema can say are CEL rules
beside the field they concern; what needs a look into the cluster is checked in `headgate.release.checks`.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from headgate.api.fields import Duration, LatencyBound, Model, Percent

Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
ServiceName = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$")]
Weight = Annotated[int, Field(ge=0, le=100)]


def ruled(*rules: tuple[str, str]) -> ConfigDict:
    """The model configuration that carries CEL rules, as (rule, message) pairs, into the CRD."""
    validations: list[Any] = [{"rule": rule, "message": message} for rule, message in rules]
    return ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        json_schema_extra={"x-kubernetes-validations": validations},
    )


class TargetRef(Model):
    """The workload whose pod template is released."""

    model_config = ruled(
        ("self.apiVersion == 'apps/v1'", "apiVersion must be apps/v1"),
        ("self.kind == 'Deployment'", "only a Deployment can be released in place: set kind to Deployment"),
    )

    api_version: Annotated[str, Field(max_length=64)] = "apps/v1"
    """API version of the target; only apps/v1."""
    kind: Annotated[str, Field(max_length=64)]
    """Kind of the target; only Deployment."""
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    """Name of the target, in the release's own namespace."""


class Traffic(Model):
    """Where the clients of the target come in."""

    service: ServiceName | None = None
    """The Service that the clients use. Default: the target's name."""
    ingress: Name | None = None
    """The Ingress that leads to the Service. Without it the Service alone carries the traffic: a canary then gets its
    share by its number of pods, and a full switch moves the Service's selector."""
    settle: Duration | None = None
    """How long a new weight needs to reach every instance of the proxy. Default: by router and proxy, 5s to 10s."""


class Hold(Model):
    """How long a step stays at its weight."""

    model_config = ruled(
        (
            "!has(self.min) || !has(self.max) || duration(self.min) <= duration(self.max)",
            "min must not be longer than max",
        ),
    )

    min: Duration | None = None
    """The step lasts at least this long. Default: 0s."""
    max: Duration | None = None
    """When this has passed, onInconclusive decides. Default: 10m, and never less than min."""
    advance: Literal["WhenSafe", "WhenNotBad"] = "WhenSafe"
    """WhenSafe goes on as soon as the candidate is proven safe; WhenNotBad goes on when min has passed and nothing
    speaks against it."""


class Pause(Model):
    """A stop."""

    duration: Duration | None = None
    """How long to wait. Without it the release waits until a person approves."""


class Step(Model):
    """One step: a weight with its hold, or a pause."""

    model_config = ruled(
        ("has(self.setWeight) != has(self.pause)", "a step has exactly one of setWeight and pause"),
        ("!has(self.hold) || has(self.setWeight)", "hold belongs to a setWeight step"),
    )

    set_weight: Weight | None = None
    """The share of the traffic, in percent, that the candidate gets."""
    hold: Hold | None = None
    """How long the weight is held and when to go on."""
    pause: Pause | None = None
    """Wait for a time or for an approval."""


class Errors(Model):
    """The objective for failed requests (answered 5xx)."""

    max: Percent
    """The highest share of requests that may fail."""


class Latency(Model):
    """The objective for slow requests."""

    below: LatencyBound
    """A request that takes longer is slow. Must be one of the histogram's bucket bounds."""
    objective: Percent = 0.99
    """The share of requests that must not be slow. Default: 99%."""


class Query(Model):
    """Any PromQL expression with a bound; it must give one number."""

    model_config = ruled(("has(self.max) || has(self.min)", "a query needs a bound: set max or min"))

    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9]([-_a-zA-Z0-9 ]*[a-zA-Z0-9])?$")]
    """What the number is called in status and events."""
    query: Annotated[str, Field(min_length=1, max_length=4096)]
    """The PromQL expression. $(candidate), $(stable), $(namespace) and $(service) are replaced by the pod template
    hashes of the two versions, the namespace and the Service."""
    max: float | None = None
    """The candidate is bad while the number is above this."""
    min: float | None = None
    """The candidate is bad while the number is below this."""


class ApplicationMetrics(Model):
    """Counters that the application itself exports, told apart by pod."""

    requests: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")] = (
        "http_requests_total"
    )
    """Counter of requests."""
    code_label: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = "code"
    """Label with the HTTP status."""
    durations: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$")] = (
        "http_request_duration_seconds"
    )
    """Histogram of durations in seconds, without _bucket."""
    pod_label: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = "pod"
    """Label with the pod's name."""
    namespace_label: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")] = (
        "namespace"
    )
    """Label with the namespace."""


class Analysis(Model):
    """How the candidate is judged."""

    model_config = ruled(
        (
            "!has(self.queries) || self.queries.all(q, self.queries.exists_one(p, p.name == q.name))",
            "two queries have the same name",
        ),
    )

    enabled: bool = True
    """Without analysis only times, approvals and readiness move the release."""
    errors: Errors | None = None
    """Absolute objective for failed requests, beside the comparison with stable."""
    latency: Latency | None = None
    """Objective for slow requests."""
    queries: Annotated[tuple[Query, ...], Field(max_length=20)] = ()
    """Further PromQL expressions with a bound."""
    confidence: Percent = 0.99
    """At least this share of good releases is never rolled back. Default: 99%."""
    on_inconclusive: Literal["Hold", "Advance", "Rollback"] = "Hold"
    """What happens when a step's max has passed and the candidate is neither bad nor proven safe."""
    interval: Duration = 15.0
    """Time between two checks. Default: 15s."""
    prometheus: Annotated[str, Field(min_length=1, max_length=63)] = "default"
    """Name of a Prometheus in the operator's configuration."""
    application: ApplicationMetrics | None = None
    """Judge by the application's own counters instead of the proxy's."""


class Capacity(Model):
    """How many pods the candidate gets."""

    headroom: Percent = 0.0
    """Extra pods, as a share of those that the weight asks for."""
    ready_within: Duration = 600.0
    """The candidate's pods must be ready within this time. Default: 10m."""


class Spec(Model):
    """What is released, where its traffic flows and which steps the release takes."""

    model_config = ruled(
        (
            "!has(self.steps) || self.steps.filter(s, has(s.setWeight)).map(s, s.setWeight).isSorted()",
            "weights must not fall from step to step: to take traffic back, set annotation headgate.dev/action: abort",
        ),
        (
            "!has(self.strategy) || self.strategy != 'BlueGreen'"
            " || self.?steps.orValue([]).all(s, s.?setWeight.orValue(0) in [0, 100])",
            "strategy BlueGreen switches all traffic at once: use setWeight 100, or strategy Canary",
        ),
    )

    target_ref: TargetRef
    traffic: Traffic = Traffic()
    strategy: Literal["Canary", "BlueGreen"] = "Canary"
    """Canary moves traffic in shares, BlueGreen all at once; picks the steps when steps is absent."""
    steps: Annotated[tuple[Step, ...], Field(max_length=50)] | None = None
    """The program of the release. Default: 5, 25 and 50 percent with holds of 1 to 10 minutes, or one switch."""
    analysis: Analysis = Analysis()
    on_failure: Literal["Rollback", "Hold"] = "Rollback"
    """Rollback removes a failed candidate; Hold takes its traffic away but keeps its pods for a look."""
    bake: Duration | None = None
    """How long the old pods stay warm after the candidate has all traffic. Default: 30s."""
    capacity: Capacity = Capacity()
    suspend: bool = False
    """Start no release, and freeze one that runs."""
