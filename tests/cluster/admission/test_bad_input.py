"""Bad specs: each is refused at `kubectl apply` with a sentence, and offline commands say the same about it."""

from dataclasses import dataclass, field

import pytest

from headgate.api.problems import spec_problems
from tests.cluster.admission.kubectl import Kubectl, Manifest, release

TARGET = {"kind": "Deployment", "name": "shop"}

NO_DURATION = "not a duration: write it like 90s, 5m or 1h30m"
NO_LATENCY = "not a time of a request: write it like 300ms or 2s"
NO_PERCENT = "not a percentage: write a whole number from 0 to 100 or a string like 0.5%"
NO_NAME = "not a name: use lower-case letters, digits, - and ., with a letter or digit first and last"
NO_SERVICE = (
    "not the name of a Service that can be released: use lower-case letters, digits and -, a letter first, and at most"
    " 56 characters, since the candidate's Service is called <service>-canary"
)
NO_WEIGHT = "not a weight: write a whole number from 0 to 100, or Auto"
BETWEEN_AUTO = "between belongs to setWeight: Auto"
ONE_OF_TWO = "a step has exactly one of setWeight and pause"
OPEN_SHARE = "must be more than 0% and less than 100%: only a bound in between can be tested"
CONFIDENCE = "must be from 50% to 99.9999%: with 100% nothing could ever be proven, with less than 50% a coin would do"
INTERVAL = "the time between two checks must be from 2s to 10m"


@dataclass(frozen=True)
class Bad:
    """A bad spec, the field that is named, and what is said; `offline` where pydantic's words differ."""

    case: str
    spec: Manifest = field(repr=False)
    at: str
    sentence: str
    offline: str = ""


def _of(**fields: object) -> Manifest:
    return {"targetRef": TARGET, **fields}


def _target(**fields: object) -> Manifest:
    return {"targetRef": {**TARGET, **fields}}


def _step(**fields: object) -> Manifest:
    return _of(steps=[fields])


def _analysis(**fields: object) -> Manifest:
    return _of(analysis=fields)


def _query(**fields: object) -> Manifest:
    return _analysis(queries=[{"name": "load", "query": "up", "max": 1, **fields}])


BAD = [
    Bad("no target", {}, "spec.targetRef", "Required value", "required value"),
    Bad("no kind", {"targetRef": {"name": "shop"}}, "spec.targetRef.kind", "Required value", "required value"),
    Bad(
        "StatefulSet", _target(kind="StatefulSet"), "spec.targetRef",
        "only a Deployment can be released in place: set kind to Deployment",
    ),
    Bad(
        "other apiVersion", _target(apiVersion="apps/v1beta1"), "spec.targetRef",
        "only a Deployment can be released in place: set apiVersion to apps/v1",
    ),
    Bad("upper-case target", _target(name="Shop"), "spec.targetRef.name", NO_NAME),
    Bad("empty target", _target(name=""), "spec.targetRef.name", NO_NAME),
    Bad(
        "target name of 201", _target(name="s" * 201), "spec.targetRef.name",
        "Too long: may not be more than 200 bytes", "too long: may not be more than 200 bytes",
    ),
    Bad(
        "target name too long for its Service", _target(name="s" * 57), "spec",
        "the target's name is too long or too unusual for a Service: set traffic.service",
    ),
    Bad("upper-case Service", _of(traffic={"service": "Shop"}), "spec.traffic.service", NO_SERVICE),
    Bad("Service name of 57", _of(traffic={"service": "s" * 57}), "spec.traffic.service", NO_SERVICE),
    Bad("Ingress with _", _of(traffic={"ingress": "my_shop"}), "spec.traffic.ingress", NO_NAME),
    Bad("HTTPRoute with _", _of(traffic={"httpRoute": "my_shop"}), "spec.traffic.httpRoute", NO_NAME),
    Bad(
        "Ingress and HTTPRoute", _of(traffic={"ingress": "shop", "httpRoute": "shop"}), "spec.traffic",
        "requests come in by an ingress or by an httpRoute: name one of them",
    ),
    Bad(
        "settle of an hour", _of(traffic={"settle": "1h"}), "spec.traffic.settle",
        "settle must not be longer than 10m",
    ),
    Bad(
        "unknown field", _of(stpes=[{"setWeight": 5}]), "spec.stpes",
        'unknown field "spec.stpes"', "unknown field",
    ),
    Bad(
        "unknown field of a step", _step(setWeight=5, hodl={"min": "1m"}), "spec.steps[0].hodl",
        'unknown field "spec.steps[0].hodl"', "unknown field",
    ),
    Bad(
        "other strategy", _of(strategy="Rolling"), "spec.strategy",
        'Unsupported value: "Rolling": supported values: "Canary", "BlueGreen"',
        "'Rolling' is not supported; supported values: 'Canary' or 'BlueGreen'",
    ),
    Bad(
        "no step in steps", _of(steps=[]), "spec.steps",
        "an empty list of steps does nothing: leave steps out for the defaults",
    ),
    Bad(
        "51 steps", _of(steps=[{"setWeight": 5}] * 51), "spec.steps",
        "Too many: 51: must have at most 50 items", "too many: must have at most 50 items",
    ),
    Bad("empty step", _step(), "spec.steps[0]", ONE_OF_TWO),
    Bad("weight and pause", _step(setWeight=5, pause={}), "spec.steps[0]", ONE_OF_TWO),
    Bad(
        "weights that fall", _of(steps=[{"setWeight": 50}, {"pause": {}}, {"setWeight": 5}]), "spec",
        "weights must not fall from step to step: to take traffic back, set annotation headgate.dev/action: abort",
    ),
    Bad("weight 101", _step(setWeight=101), "spec.steps[0].setWeight", NO_WEIGHT),
    Bad("weight -1", _step(setWeight=-1), "spec.steps[0].setWeight", NO_WEIGHT),
    Bad("weight as text", _step(setWeight="50"), "spec.steps[0].setWeight", NO_WEIGHT),
    Bad("other word as weight", _step(setWeight="auto"), "spec.steps[0].setWeight", NO_WEIGHT),
    Bad(
        "half a percent as weight", _step(setWeight=0.5), "spec.steps[0].setWeight",
        'must be of type integer,string: "number"', f"0.5 is {NO_WEIGHT}",
    ),
    Bad("bounds of a fixed weight", _step(setWeight=5, between={"max": 50}), "spec.steps[0]", BETWEEN_AUTO),
    Bad("bounds of a pause", _step(pause={}, between={"max": 50}), "spec.steps[0]", BETWEEN_AUTO),
    Bad(
        "bounds the wrong way", _step(setWeight="Auto", between={"min": 60}), "spec.steps[0].between",
        "min must not be above max",
    ),
    Bad(
        "weights that fall after Auto", _of(steps=[{"setWeight": "Auto"}, {"setWeight": 25}]), "spec",
        "weights must not fall from step to step: to take traffic back, set annotation headgate.dev/action: abort",
    ),
    Bad(
        "blue-green that grows", _of(strategy="BlueGreen", steps=[{"setWeight": "Auto"}]), "spec",
        "strategy BlueGreen switches all traffic at once: use setWeight 100, or strategy Canary",
    ),
    Bad(
        "blue-green by a quarter", _of(strategy="BlueGreen", steps=[{"setWeight": 25}]), "spec",
        "strategy BlueGreen switches all traffic at once: use setWeight 100, or strategy Canary",
    ),
    Bad(
        "min longer than max", _step(setWeight=5, hold={"min": "10m", "max": "300s"}), "spec.steps[0].hold",
        "min must not be longer than max",
    ),
    Bad(
        "hold at a pause", _step(pause={}, hold={"min": "1m"}), "spec.steps[0]",
        "hold belongs to a setWeight step: a pause has a duration of its own",
    ),
    Bad(
        "other advance", _step(setWeight=5, hold={"advance": "Always"}), "spec.steps[0].hold.advance",
        'Unsupported value: "Always": supported values: "WhenSafe", "WhenNotBad"',
        "'Always' is not supported; supported values: 'WhenSafe' or 'WhenNotBad'",
    ),
    Bad(
        "duration as number", _step(setWeight=5, hold={"min": 10}), "spec.steps[0].hold.min",
        'must be of type string: "integer"', f"10 is {NO_DURATION}",
    ),
    Bad("duration in words", _step(setWeight=5, hold={"max": "5 minutes"}), "spec.steps[0].hold.max", NO_DURATION),
    Bad("negative duration", _step(pause={"duration": "-1m"}), "spec.steps[0].pause.duration", NO_DURATION),
    Bad("duration in days", _step(pause={"duration": "1d"}), "spec.steps[0].pause.duration", NO_DURATION),
    Bad("duration with a fraction", _of(bake="1.5h"), "spec.bake", NO_DURATION),
    Bad("empty duration", _of(bake=""), "spec.bake", NO_DURATION),
    Bad("duration of years", _of(bake="10000h"), "spec.bake", NO_DURATION),
    Bad("errors of 101%", _analysis(errors={"max": "101%"}), "spec.analysis.errors.max", NO_PERCENT),
    Bad("errors of 101", _analysis(errors={"max": 101}), "spec.analysis.errors.max", NO_PERCENT),
    Bad("errors of abc", _analysis(errors={"max": "abc"}), "spec.analysis.errors.max", NO_PERCENT),
    Bad("errors of -1%", _analysis(errors={"max": "-1%"}), "spec.analysis.errors.max", NO_PERCENT),
    Bad(
        "errors as a fraction", _analysis(errors={"max": 0.5}), "spec.analysis.errors.max",
        'must be of type integer,string: "number"', f"0.5 is {NO_PERCENT}",
    ),
    Bad("errors of 0", _analysis(errors={"max": 0}), "spec.analysis.errors.max", OPEN_SHARE),
    Bad("errors of 100%", _analysis(errors={"max": "100%"}), "spec.analysis.errors.max", OPEN_SHARE),
    Bad("errors without max", _analysis(errors={}), "spec.analysis.errors.max", "Required value", "required value"),
    Bad("latency in seconds", _analysis(latency={"below": "0.3s"}), "spec.analysis.latency.below", NO_LATENCY),
    Bad(
        "latency as number", _analysis(latency={"below": 300}), "spec.analysis.latency.below",
        'must be of type string: "integer"', f"300 is {NO_LATENCY}",
    ),
    Bad(
        "latency of nothing", _analysis(latency={"below": "0ms"}), "spec.analysis.latency.below",
        "must be more than 0ms",
    ),
    Bad(
        "objective of 100%", _analysis(latency={"below": "300ms", "objective": "100%"}),
        "spec.analysis.latency.objective", OPEN_SHARE,
    ),
    Bad("confidence of 0", _analysis(confidence=0), "spec.analysis.confidence", CONFIDENCE),
    Bad("confidence of 100%", _analysis(confidence="100%"), "spec.analysis.confidence", CONFIDENCE),
    Bad("interval of 0s", _analysis(interval="0s"), "spec.analysis.interval", INTERVAL),
    Bad("interval of 1s", _analysis(interval="1s"), "spec.analysis.interval", INTERVAL),
    Bad("interval of 10h", _analysis(interval="10h"), "spec.analysis.interval", INTERVAL),
    Bad("empty Prometheus", _analysis(prometheus=""), "spec.analysis.prometheus", NO_NAME),
    Bad("Prometheus by URL", _analysis(prometheus="http://10.0.0.1:9090"), "spec.analysis.prometheus", NO_NAME),
    Bad(
        "other policy for no result", _analysis(onInconclusive="Maybe"), "spec.analysis.onInconclusive",
        'Unsupported value: "Maybe": supported values: "Hold", "Advance", "Rollback"',
        "'Maybe' is not supported; supported values: 'Hold', 'Advance' or 'Rollback'",
    ),
    Bad(
        "two queries of a name", _analysis(queries=[{"name": "load", "query": "up", "max": 1}] * 2), "spec.analysis",
        "two queries have the same name: give each its own",
    ),
    Bad(
        "query without a bound", _analysis(queries=[{"name": "load", "query": "up"}]), "spec.analysis.queries[0]",
        "a query needs a bound: set max or min",
    ),
    Bad(
        "query that nothing fits", _query(min=2), "spec.analysis.queries[0]",
        "min must not be above max: no number would be good",
    ),
    Bad(
        "query with an unknown placeholder", _query(query="up{pod=~'$(canary).*'}"), "spec.analysis.queries[0].query",
        "unknown placeholder: there are $(candidate), $(stable), $(namespace), $(service)",
    ),
    Bad(
        "query with a bound as text", _query(max="0.9"), "spec.analysis.queries[0].max",
        'must be of type number: "string"', "'0.9' must be of type number",
    ),
    Bad(
        "metric with -", _analysis(application={"requests": "http-requests"}), "spec.analysis.application.requests",
        "not a metric name: use letters, digits, _ and :",
    ),
    Bad(
        "label with -", _analysis(application={"podLabel": "pod-name"}), "spec.analysis.application.podLabel",
        "not a label name: use letters, digits and _",
    ),
    Bad(
        "label to choose by with -", _analysis(application={"labels": {"pod-name": "a"}}),
        "spec.analysis.application.labels",
        "not a label to choose by: use letters, digits and _, a letter or _ first, and neither le nor __name__",
    ),
    Bad(
        "bucket as a label to leave out", _analysis(application={"without": {"le": ["0.1"]}}),
        "spec.analysis.application.without",
        "not a label to choose by: use letters, digits and _, a letter or _ first, and neither le nor __name__",
    ),
    Bad(
        "other unit", _analysis(application={"unit": "us"}), "spec.analysis.application.unit",
        'Unsupported value: "us": supported values: "s", "ms"',
        "'us' is not supported; supported values: 's' or 'ms'",
    ),
    Bad(
        "a mesh and an application", _analysis(mesh="Istio", application={}), "spec.analysis",
        "mesh and application both say where requests are counted: set one of them",
    ),
    Bad("negative headroom", _of(capacity={"headroom": -5}), "spec.capacity.headroom", NO_PERCENT),
    Bad(
        "no time to get ready", _of(capacity={"readyWithin": "0s"}), "spec.capacity.readyWithin",
        "readyWithin must be from 1s to 24h",
    ),
    Bad(
        "other failure policy", _of(onFailure="Ignore"), "spec.onFailure",
        'Unsupported value: "Ignore": supported values: "Rollback", "Hold"',
        "'Ignore' is not supported; supported values: 'Rollback' or 'Hold'",
    ),
    Bad(
        "suspend as text", _of(suspend="yes"), "spec.suspend",
        'must be of type boolean: "string"', "'yes' must be of type boolean",
    ),
    Bad(
        "steps as text", _of(steps="5, 25"), "spec.steps",
        'must be of type array: "string"', "'5, 25' must be of type array",
    ),
]  # fmt: skip


def _apply(kubectl: Kubectl, spec: Manifest, name: str = "shop") -> str:
    """What a person reads who applies the spec."""
    answer = kubectl.tried("apply", "--dry-run=server", manifest={**release(name), "spec": spec})
    assert answer.code != 0, f"accepted: {spec}"
    return answer.error


@pytest.mark.cluster
@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.case)
def test_kubectl_apply_says_what_is_wrong(admin: Kubectl, bad: Bad) -> None:
    said = _apply(admin, bad.spec)

    assert bad.at in said
    assert bad.sentence in said


@pytest.mark.cluster
@pytest.mark.parametrize("bad", [bad for bad in BAD if not bad.offline], ids=lambda bad: bad.case)
def test_a_sentence_of_our_own_stands_alone(admin: Kubectl, bad: Bad) -> None:
    """One mistake, one sentence: no rule fails in the wake of another."""
    assert len(_apply(admin, bad.spec).strip().splitlines()) == 1


@pytest.mark.cluster
def test_a_release_whose_name_is_no_label_is_refused(admin: Kubectl) -> None:
    said = _apply(admin, {"targetRef": TARGET}, name="s" * 64)

    assert "the name of a CanaryRelease has at most 63 characters: it is a label of the objects made for it" in said


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.case)
def test_offline_commands_say_the_same(bad: Bad) -> None:
    (problem,) = spec_problems(bad.spec)

    where, _, sentence = problem.partition(": ")
    assert where == bad.at
    assert sentence.endswith(bad.offline or bad.sentence)


def test_a_spec_that_is_no_mapping_is_told_apart() -> None:
    (problem,) = spec_problems("targetRef: shop")

    assert problem == "spec: 'targetRef: shop' must be of type object"
