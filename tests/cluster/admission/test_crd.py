"""The CRD on a real API server: what it accepts, keeps and shows."""

import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import event, example, given, settings
from hypothesis import strategies as some

from headgate.api.problems import spec_problems
from headgate.api.spec import Spec
from headgate.api.status import Status
from lab.handle import Lab
from tests.cluster.admission.kubectl import Kubectl, Manifest, release

pytestmark = pytest.mark.cluster

FULL: Manifest = {
    "traffic": {"service": "shop-web", "ingress": "shop", "settle": "3s"},
    "strategy": "Canary",
    "steps": [
        {"pause": {}},
        {"setWeight": 5, "hold": {"min": "1m", "max": "10m", "advance": "WhenNotBad"}},
        {"pause": {"duration": "1h30m"}},
        {"setWeight": 100},
    ],
    "analysis": {
        "enabled": True,
        "errors": {"max": "0.5%"},
        "latency": {"below": "2s500ms", "objective": "99.5%"},
        "queries": [{"name": "Queue length", "query": 'max(queue{pod=~".*-$(candidate)-.*"})', "max": 0.9, "min": 0.0}],
        "confidence": "99.9%",
        "onInconclusive": "Advance",
        "interval": "30s",
        "prometheus": "team-a",
        "application": {
            "requests": "app:requests_total",
            "codeLabel": "status",
            "durations": "app:seconds",
            "podLabel": "kubernetes_pod",
            "namespaceLabel": "kubernetes_namespace",
            "failures": ["error", "timeout"],
            "grpcLabel": "grpc_code",
            "unit": "ms",
            "labels": {"side": "server", "_tier": ""},
            "without": {"path": ["/healthz", "/readyz"]},
        },
    },
    "onFailure": "Hold",
    "bake": "10m",
    "capacity": {"headroom": "20%", "readyWithin": "15m"},
    "suspend": True,
}

VERSION = {"revision": "5d8f7c9b6c", "image": "shop:1.4.0", "template": "f00"}
MOVING: Manifest = {
    "observedGeneration": 1,
    "phase": "Progressing",
    "message": "25 % to shop:1.5.0 (step 2 of 4)",
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "Progressing",
            "message": "step 2 of 4",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-31T12:00:00.123456Z",
        },
    ],
    "step": {"index": 2, "of": 4, "name": "weight 25", "startedAt": "2026-01-31T12:00:00.000000Z"},
    "weights": {"stable": 75, "candidate": 25},
    "stable": VERSION,
    "candidate": {**VERSION, "revision": "6f9c", "image": "shop:1.5.0"},
    "evidence": [
        {
            "objective": "errors",
            "verdict": "NotEnough",
            "requests": 480,
            "bad": 12,
            "stableRate": "0.34%",
            "candidateRate": "2.5%",
            "difference": "0.8% to 4.1%",
            "eValue": "7.4 : 1",
            "needed": "100 : 1",
            "requestsNeeded": 1200,
            "message": "candidate 12 of 480, stable 31 of 9,120",
        },
    ],
    "summary": {"step": "2/4 weight 25", "weight": "75/25", "verdict": "NotEnough, ~1,200 requests"},
    "held": {"deployment": True, "service": "shop", "podTemplateHash": "5d8f7c9b6c", "behavior": "{}"},
}


def with_status(kubectl: Kubectl, status: Manifest) -> Manifest:
    """The release `shop` with this status, as it was stored."""
    kubectl("apply", manifest=release())
    return kubectl.patch("crel", "shop", {"status": status}, "--subresource=status")


def test_the_crd_is_established_and_structural(admin: Kubectl) -> None:
    conditions = admin.get("crd", "canaryreleases.headgate.dev")["status"]["conditions"]

    true = {condition["type"] for condition in conditions if condition["status"] == "True"}
    assert true == {"NamesAccepted", "Established"}


def test_the_smallest_release_of_the_design_is_accepted(kubectl: Kubectl) -> None:
    manifest = """
        apiVersion: headgate.dev/v1alpha1
        kind: CanaryRelease
        metadata: {name: shop}
        spec:
          targetRef: {kind: Deployment, name: shop}
          traffic: {ingress: shop}
    """

    kubectl("apply", manifest=yaml.safe_load(manifest))


def test_every_field_of_a_spec_is_kept_and_read_back(kubectl: Kubectl) -> None:
    """Nothing is pruned, nothing defaulted, and the models write what they read."""
    wanted = release(**FULL)["spec"]

    stored = kubectl("create", "-o", "json", "--validate=strict", manifest=release(**FULL)).object["spec"]

    assert stored == wanted
    assert Spec.model_validate(stored).manifest() == {
        **wanted,
        "targetRef": {**wanted["targetRef"], "apiVersion": "apps/v1"},
    }


def test_every_field_of_a_status_is_kept_and_read_back(kubectl: Kubectl) -> None:
    status = Status.model_validate(MOVING)

    stored = with_status(kubectl, status.manifest())["status"]

    assert stored == status.manifest()
    assert Status.model_validate(stored) == status


def test_a_status_with_too_long_words_is_cut_not_refused(kubectl: Kubectl) -> None:
    """Given a message of 5,000 characters, the write that says so must not fail for it."""
    status = Status.model_validate(MOVING).told(message="x" * 5000, rejected="y" * 300)

    stored = with_status(kubectl, status.manifest())["status"]

    assert stored["message"] == "x" * 1021 + "..."
    assert len(stored["rejected"]) == 253


def test_kubectl_get_shows_what_people_need(kubectl: Kubectl) -> None:
    with_status(kubectl, MOVING)

    header, row = kubectl("get", "crel").output.splitlines()
    assert header.split() == ["NAME", "PHASE", "STEP", "WEIGHT", "VERDICT", "STABLE", "CANDIDATE", "AGE"]
    assert row.split()[:-1] == [
        *("shop", "Progressing", "2/4", "weight", "25", "75/25", "NotEnough,", "~1,200", "requests"),
        *("shop:1.4.0", "shop:1.5.0"),
    ]
    wide = kubectl("get", "crel", "-o", "wide").output
    assert wide.splitlines()[0].split()[-1] == "MESSAGE"
    assert MOVING["message"] in wide


def test_a_release_is_listed_by_category_and_not_among_all(kubectl: Kubectl) -> None:
    """`kubectl delete all --all` takes workloads away; it must not take the guard of a workload with it."""
    kubectl("apply", manifest=release())

    assert "canaryrelease.headgate.dev/shop" in kubectl("get", "headgate", "-o", "name").output
    assert kubectl("get", "all", "-o", "name").output == ""


def test_kubectl_explain_tells_the_defaults(admin: Kubectl) -> None:
    explained = " ".join(admin("explain", "crel.spec.analysis", "--recursive=false").output.split())

    assert "Time between two checks. Default: 15s." in explained
    assert "Default: 99%." in explained


def test_the_target_of_a_release_cannot_change(kubectl: Kubectl) -> None:
    kubectl("apply", manifest=release())

    renamed = {**release(), "spec": {"targetRef": {"kind": "Deployment", "name": "cart"}}}
    refused = kubectl.tried("apply", manifest=renamed)

    assert "the target of a release can't change: make a new CanaryRelease for the other Deployment" in refused.error


def test_conditions_of_two_writers_merge_by_type(kubectl: Kubectl) -> None:
    """Server-side apply of one condition leaves another manager's condition alone."""
    with_status(kubectl, MOVING)
    other = {**MOVING["conditions"][0], "type": "Audited", "status": "True"}
    manifest = {**release(), "status": {"conditions": [other]}}
    del manifest["spec"]

    kubectl("apply", "--server-side", "--subresource=status", "--field-manager=auditor", manifest=manifest)

    assert [item["type"] for item in kubectl.get("crel", "shop")["status"]["conditions"]] == ["Ready", "Audited"]


def mostly(good: list[Any], bad: list[Any]) -> some.SearchStrategy[Any]:
    """Values of which nine in ten are good: a whole spec must often be."""
    return some.sampled_from([*good * (-(-9 * len(bad) // len(good))), *bad])


def maybe(**fields: some.SearchStrategy[Any]) -> some.SearchStrategy[Manifest]:
    """An object with some of the fields."""
    return some.fixed_dictionaries({}, optional=fields)


def durations(*good: str) -> some.SearchStrategy[Any]:
    """Durations that a field takes, and others."""
    return mostly(
        list(good), ["", "s", "5", "1d", "1m1h", "-1s", "1.5m", "1000h", "5 m", "10ms", "2s\n", 5, "0s", "1s", "999h"]
    )


PERCENTAGES = mostly(
    [1, 60, 99, "0.5%", "50%", "50", "99.9999%", "07"],
    [0, 100, 101, -1, "", "%", "0.0001%", "49.9999%", "100.0%", "5%%", " 5%", "+5%", "0.00001%", "1e1", "nan", "007"],
)
NAMES = mostly(["shop", "a", "s" * 56, "a-1"], ["1shop", "a.b", "-a", "a-", "Shop", "", "s" * 57, "s" * 254, "s_p"])
WEIGHTS = mostly([0, 5, 25, 100], [-1, 101, "5", 2.5, True])
BOUNDS = mostly([-1, 0, 0.5, 1e300], ["1", True])
HOLDS = maybe(
    min=durations("0s", "1m", "90s"),
    max=durations("2m", "1h30m", "999h"),
    advance=mostly(["WhenSafe", "WhenNotBad"], ["Never"]),
)
WEIGHT_STEPS = some.fixed_dictionaries({"setWeight": WEIGHTS}, optional={"hold": HOLDS})
PAUSE_STEPS = some.fixed_dictionaries({"pause": maybe(duration=durations("10m", "0s"))})
STEPS = some.lists(
    some.one_of(WEIGHT_STEPS, WEIGHT_STEPS, PAUSE_STEPS, maybe(setWeight=WEIGHTS, hold=HOLDS, pause=some.just({}))),
    max_size=4,
)
QUERIES = some.fixed_dictionaries(
    {
        "name": mostly(["load", "Queue length", "x"], ["-", "", "x" * 64]),
        "query": mostly(["up", "$(candidate)$(stable)", "$$(service)"], ["", "$(pod)", "$($(stable)"]),
    },
    optional={"max": BOUNDS, "min": BOUNDS},
)
LATENCIES = some.fixed_dictionaries(
    {"below": mostly(["300ms", "2s", "1s5ms"], ["0s0ms", "0ms", "5m", "", 3])}, optional={"objective": PERCENTAGES}
)
CHOICES = mostly(["side", "_a", "A1", "l" * 200], ["1a", "", "le", "__name__", "a-b", "a\n"])
APPLICATIONS = maybe(
    requests=mostly(["a:b_1"], ["1a", ""]),
    podLabel=mostly(["pod"], ["a:b", ""]),
    unit=mostly(["s", "ms"], ["us"]),
    labels=some.dictionaries(CHOICES, mostly(["", "a"], ["x" * 201, 1]), max_size=11),
    without=some.dictionaries(CHOICES, mostly([["a", "b"], [""]], [[], "a"]), max_size=3),
)
ANALYSES = maybe(
    enabled=mostly([True, False], ["true", 1]),
    errors=some.fixed_dictionaries({"max": PERCENTAGES}),
    latency=LATENCIES,
    queries=some.lists(QUERIES, max_size=2),
    confidence=PERCENTAGES,
    onInconclusive=mostly(["Hold", "Advance", "Rollback"], ["hold"]),
    interval=durations("2s", "15s", "10m"),
    prometheus=NAMES,
    application=APPLICATIONS,
    mesh=mostly(["Istio", "Linkerd"], ["Consul"]),
)
TARGETS = some.fixed_dictionaries(
    {"kind": mostly(["Deployment"], ["StatefulSet", ""]), "name": NAMES},
    optional={"apiVersion": mostly(["apps/v1"], ["v1"])},
)
SPECS = some.fixed_dictionaries(
    {"targetRef": TARGETS},
    optional={
        "traffic": maybe(service=NAMES, ingress=NAMES, settle=durations("0s", "3s", "10m")),
        "strategy": mostly(["Canary", "BlueGreen"], ["Other"]),
        "steps": some.one_of(STEPS, STEPS.map(lambda steps: sorted(steps, key=lambda s: str(s.get("setWeight"))))),
        "analysis": ANALYSES,
        "onFailure": mostly(["Rollback", "Hold"], [""]),
        "bake": durations("10m"),
        "capacity": maybe(headroom=PERCENTAGES, readyWithin=durations("1s", "24h")),
        "suspend": mostly([True, False], ["yes"]),
    },
)


LARGEST = {
    **release(**FULL)["spec"],
    "steps": [{"setWeight": number, "hold": {"min": "1h1m1s", "max": "999h59999m59s"}} for number in range(50)],
    "analysis": {
        "queries": [
            {"name": f"{number:02}".ljust(63, "x"), "query": "$(candidate)" * 341, "max": 1} for number in range(20)
        ],
        "application": {
            "labels": {f"{number}".rjust(5000, "x"): "y" * 200 for number in range(10)},
            "without": {f"{number}".rjust(5000, "x"): ["y" * 200] * 20 for number in range(10)},
        },
    },
}
"""As large as the bounds allow: the rules must stay within the API server's cost limits."""


class Server:
    """The API server without kubectl: a dry run costs milliseconds."""

    def __init__(self, lab: Lab) -> None:
        kubeconfig = yaml.safe_load(Path(lab.kubeconfig).read_text())
        self._url = kubeconfig["clusters"][0]["cluster"]["server"]
        self._token = kubeconfig["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context()
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    def refusal(self, spec: Manifest) -> str:
        """What the API server has against the spec; empty when it would take it."""
        path = "/apis/headgate.dev/v1alpha1/namespaces/default/canaryreleases?dryRun=All&fieldValidation=Strict"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        body = json.dumps({**release(), "spec": spec}).encode()
        request = urllib.request.Request(self._url + path, body, headers)  # noqa: S310 (the lab's own address)
        try:
            urllib.request.urlopen(request, context=self._tls).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            return str(json.load(error)["message"])
        return ""


@pytest.fixture(scope="module")
def server(admin: Kubectl, lab: Lab) -> Server:  # noqa: ARG001 (the CRD must be there)
    """The API server with the CRD."""
    return Server(lab)


@settings(max_examples=500)
@given(spec=SPECS)
@example(spec={"targetRef": {"kind": "Deployment", "name": "shop"}, **FULL})
@example(spec=LARGEST)
def test_pydantic_and_the_api_server_agree_on_every_spec(server: Server, spec: Manifest) -> None:
    """A spec is refused by both or by none, so that offline commands tell the truth."""
    refused, problems = server.refusal(spec), spec_problems(spec)

    event("refused" if refused else "accepted")
    assert bool(refused) == bool(problems), f"the API server says {refused or 'yes'!r}, pydantic {problems or 'yes'!r}"
