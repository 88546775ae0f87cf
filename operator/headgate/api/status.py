"""The status of a CanaryRelease: the contract with people and GitOps tools, and all the memory Headgate has."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer

from headgate.api.fields import Model, Moment
from headgate.api.spec import EntryRef, Weight

Phase = Literal["Idle", "Progressing", "Paused", "Promoting", "RollingBack", "Succeeded", "RolledBack", "Stalled"]
Outcome = Literal["Promoted", "RolledBack", "Reverted", "Superseded", "Deleted"]


def _clipped(longest: int) -> PlainSerializer:
    """Cuts what is written: a message that got too long must not make the API server refuse the whole status."""
    return PlainSerializer(lambda text: text if len(text) <= longest else f"{text[: longest - 3]}...")


Text = Annotated[str, Field(max_length=1024), _clipped(1024)]
Word = Annotated[str, Field(max_length=253), _clipped(253)]
Images = Annotated[str, Field(max_length=512), _clipped(512)]
Person = Annotated[str, Field(max_length=512), _clipped(512)]
Figure = Annotated[str, Field(max_length=64), _clipped(64)]


class Condition(Model):
    """A condition in the form all of Kubernetes uses."""

    type: Word
    """Ready, Reconciling or Stalled."""
    status: Literal["True", "False", "Unknown"]
    """Whether it is so."""
    reason: Word
    """Why, in one word."""
    message: Text = ""
    """Why, in one sentence."""
    observed_generation: int = 0
    """The generation of the spec that it speaks about."""
    last_transition_time: Moment
    """Since when its status is what it is."""


class StepStatus(Model):
    """Where in its steps a release is."""

    index: int
    """The step, counted from 1; 0 before the first."""
    of: int
    """How many steps there are."""
    name: Word
    """What the step does, such as `weight 25`."""
    started_at: Moment | None = None
    """When the step's clock started: its route was accepted and settled."""


class Weights(Model):
    """The share of the traffic of each version, in percent."""

    stable: Weight = 100
    """Share of the version that served before."""
    candidate: Weight = 0
    """Share of the version being released."""


class Version(Model):
    """One version of the target."""

    revision: Word
    """The pod-template-hash of its pods."""
    image: Images = ""
    """Its images without their registries."""
    template: Word = ""
    """Identity of its pod template."""
    intent: Word = ""
    """The same, blind to restarts."""


class Evidence(Model):
    """What one objective shows so far."""

    objective: Word
    """errors, latency, or a query's name."""
    verdict: Literal["Bad", "Unknown", "Safe", "NotEnough"]
    """What the objective says of the candidate; Unknown when there are no fresh numbers."""
    requests: int = 0
    """Requests the candidate answered and that were counted."""
    bad: int = 0
    """How many of these were bad."""
    stable_rate: Figure | None = None
    """Share of stable's requests that were bad."""
    candidate_rate: Figure | None = None
    """Share of the candidate's requests that were bad."""
    difference: Figure | None = None
    """95 % interval of the candidate's share minus stable's."""
    e_value: Figure | None = None
    """Evidence that the candidate is bad, as odds; it is bad at `needed`."""
    needed: Figure | None = None
    """The odds at which the verdict is Bad."""
    requests_needed: int | None = None
    """About how many more requests a verdict of Safe takes."""
    message: Text = ""
    """The evidence in one sentence."""


class Record(Model):
    """A release that has ended."""

    revision: Word
    """The pod-template-hash of its candidate."""
    image: Images = ""
    """Its images without their registries."""
    outcome: Outcome
    """How it ended."""
    message: Text = ""
    """Why, in one sentence."""
    started_at: Moment
    """When it began."""
    finished_at: Moment
    """When it ended."""


class Action(Model):
    """The last action that was asked for, and its answer."""

    name: Word
    """approve, promote, abort, retry, pause or resume."""
    by: Person = ""
    """Who asked, as far as the cluster can tell."""
    answer: Text = ""
    """What was done, or why not."""
    at: Moment
    """When it was answered."""


class Summary(Model):
    """Ready-made words for `kubectl get`."""

    step: Word = ""
    """The step, such as `2/4 weight 25`."""
    weight: Word = ""
    """The shares of stable and candidate, such as `75/25`."""
    verdict: Word = ""
    """What the evidence says, such as `NotEnough, ~1,200 requests`."""


class Held(Model):
    """What Headgate holds in the user's objects while a release moves; the admission policies read it."""

    deployment: bool = False
    """The Deployment stays paused, whoever writes it."""
    service: Word | None = None
    """The Service whose selector is pinned."""
    pod_template_hash: Word | None = None
    """The hash that selector is pinned to."""
    autoscaler: Word | None = None
    """The HorizontalPodAutoscaler that must not scale down."""
    behavior: Annotated[str, Field(max_length=8192)] | None = None
    """Its own spec.behavior, as JSON, to be given back."""


class Mark(Model):
    """A moment at which the traffic changed: samples on both sides are never mixed."""

    at: Moment
    """When the traffic was changed."""
    until: Moment
    """When every proxy followed: what was counted in between is dropped."""
    weight: Weight
    """The candidate's share from then on."""
    step: int = 0
    """The step it belongs to."""


class Progress(Model):
    """The state machine's own memory of a release that moves."""

    stage: Word
    """What is being done now."""
    since: Moment
    """When that began."""
    started_at: Moment
    """When the release began."""
    service: Word
    """The user's Service, as the spec named it when the release began."""
    entry: EntryRef | None = None
    """The user's object that leads to the Service, likewise."""
    target: Word | None = None
    """The uid of the Deployment that it began with."""
    weight: Weight = 0
    """The candidate's share that the route was last told to give."""
    routed_at: Moment | None = None
    """When the route last changed."""
    in_force: bool = False
    """The weight was seen in the route's objects."""
    ready_since: Moment | None = None
    """Since when the candidate has had the endpoints its next weight needs."""
    marks: Annotated[tuple[Mark, ...], Field(max_length=200)] = ()
    """The moments at which the traffic changed, oldest first."""
    approved_by: Person | None = None
    """Who approved the pause that is being waited in."""
    frozen: bool = False
    """A person paused the release."""
    skip: bool = False
    """A person asked to promote without the remaining steps."""
    adopted: bool = False
    """The Deployment controller has taken the candidate's ReplicaSet."""
    outcome: Outcome | None = None
    """How the release will end, once that is decided."""
    reason: Text = ""
    """Why."""


class Status(Model):
    """What is known about a release."""

    observed_generation: int = 0
    """The generation of the spec that this status speaks about."""
    phase: Phase = "Idle"
    """What is going on."""
    message: Text = ""
    """One sentence with the numbers and the next thing to do."""
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    """Ready, Reconciling and Stalled, as kstatus and Argo CD read them."""
    step: StepStatus | None = None
    """The step of a release that moves."""
    weights: Weights = Weights()
    """Where the traffic goes."""
    stable: Version | None = None
    """The version that serves."""
    candidate: Version | None = None
    """The version being released, or the last one that was refused."""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=24)] = ()
    """What each objective shows."""
    history: Annotated[tuple[Record, ...], Field(max_length=10)] = ()
    """The last ten releases, newest first."""
    action: Action | None = None
    """The last action that was asked for."""
    summary: Summary = Summary()
    """The words of the columns of `kubectl get`."""
    held: Held = Held()
    """What is held in objects of the user."""
    progress: Progress | None = None
    """The state machine's memory; absent while no release moves."""
    rejected: Word | None = None
    """Identity of the pod template that was rolled back; the Deployment stays paused while it holds it."""

    def told(self, **changes: Any) -> "Status":  # noqa: ANN401 (field values)
        """This status with some fields changed."""
        return self.model_copy(update=changes)
