"""Bad surroundings: a release that can't run as things are says in one sentence what to change, and moves nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cluster.shell.conftest import Bench, Manifest
from tests.cluster.shell.operator_process import until

pytestmark = pytest.mark.cluster


@dataclass(frozen=True)
class Bad:
    """What is wrong around a release called `name`, and the sentence that its status says; `{ns}` is the namespace."""

    name: str
    given: Callable[[Bench, str], list[Manifest]]
    sentence: str


def workload(bench: Bench, name: str, **service: Any) -> list[Manifest]:
    """A Deployment and its Service, of whose spec some fields are others, or absent where None is given."""
    deployment, standing = bench.workload(name)
    spec = {key: value for key, value in {**standing["spec"], **service}.items() if value is not None}
    return [deployment, {**standing, "spec": spec}]


def around(**service: Any) -> Callable[[Bench, str], list[Manifest]]:
    """A release beside a Deployment and such a Service."""
    return lambda bench, name: [*workload(bench, name, **service), bench.release(name)]


def released(**spec: Any) -> Callable[[Bench, str], list[Manifest]]:
    """A release with such a spec, beside what it needs."""
    return lambda bench, name: [*workload(bench, name), bench.release(name, **spec)]


def recreated(bench: Bench, name: str) -> list[Manifest]:
    deployment, service = workload(bench, name)
    deployment["spec"]["strategy"] = {"type": "Recreate"}
    return [deployment, service, bench.release(name)]


def ingress(bench: Bench, name: str, leads_to: str, **annotations: str) -> list[Manifest]:
    """A release through an Ingress of its name."""
    backend = {"service": {"name": leads_to, "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    metadata = {"name": name, "namespace": bench.namespace, "annotations": annotations}
    entry = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}
    return [entry, *released(traffic={"ingress": name})(bench, name)]


def behind_a_canary(bench: Bench, name: str) -> list[Manifest]:
    canary = {"nginx.ingress.kubernetes.io/canary": "true", "nginx.ingress.kubernetes.io/canary-weight": "0"}
    return ingress(bench, name, name, **canary)


def rival(bench: Bench, name: str, target: str, service: str) -> Manifest:
    """A release of the same Deployment or Service as `first`'s."""
    made = bench.release(name, traffic={"service": service})
    made["spec"]["targetRef"]["name"] = target
    return made


def of_a_candidate(bench: Bench, name: str) -> list[Manifest]:
    """A release whose Service is one that was made for another release."""
    deployment, service = workload(bench, name)
    service["metadata"] = {**service["metadata"], "labels": {"headgate.dev/release": "first"}}
    return [deployment, service, bench.release(name)]


BAD = [
    Bad(
        "no-deployment",
        lambda bench, name: [bench.release(name)],
        "deployment no-deployment not found in namespace {ns}: create it, or correct spec.targetRef.name",
    ),
    Bad(
        "no-service",
        lambda bench, name: [bench.workload(name)[0], bench.release(name)],
        "service no-service not found in namespace {ns}: create it, or set spec.traffic.service",
    ),
    Bad(
        "other-service",
        released(traffic={"service": "elsewhere"}),
        "service elsewhere not found in namespace {ns}: create it, or set spec.traffic.service",
    ),
    Bad(
        "unselective",
        around(selector=None),
        "service unselective has no selector: it must select the pods of deployment unselective",
    ),
    Bad(
        "external",
        around(type="ExternalName", externalName="shop.example", selector=None),
        "service external has no selector: it must select the pods of deployment external",
    ),
    Bad(
        "portless",
        around(clusterIP="None", ports=None),
        "service portless has no ports: add the port its clients use",
    ),
    Bad(
        "mismatched",
        around(selector={"app": "mismatched", "tier": "web"}),
        "service mismatched selects tier=web, which the pods of deployment mismatched do not carry",
    ),
    Bad(
        "pinned",
        around(selector={"app": "pinned", "pod-template-hash": "5d8f"}),
        "service pinned selects pod-template-hash=5d8f itself: remove it, Headgate sets it during a release",
    ),
    Bad(
        "of-a-candidate",
        of_a_candidate,
        "service of-a-candidate is the candidate's service of canaryrelease first: name the user's service",
    ),
    Bad(
        "recreated",
        recreated,
        "deployment recreated has strategy Recreate, so two versions may not run side by side:"
        " set spec.strategy.type to RollingUpdate",
    ),
    Bad(
        "no-ingress",
        released(traffic={"ingress": "no-ingress"}),
        "ingress no-ingress not found in namespace {ns}: create it or correct spec.traffic.ingress",
    ),
    Bad(
        "astray",
        lambda bench, name: ingress(bench, name, "elsewhere"),
        "ingress astray has no path to service astray: add a rule with a path to it, or set traffic.service to the"
        " service it leads to",
    ),
    Bad(
        "canary-itself",
        behind_a_canary,
        "ingress canary-itself is itself a canary: set traffic.ingress to the main ingress",
    ),
    Bad(
        "same-deployment",
        lambda bench, name: [*workload(bench, name)[1:], rival(bench, name, "first", name)],
        "deployment first or its service belongs to canaryrelease first: delete one of them",
    ),
    Bad(
        "same-service",
        lambda bench, name: [*workload(bench, name)[:1], rival(bench, name, name, "first")],
        "deployment same-service or its service belongs to canaryrelease first: delete one of them",
    ),
    Bad(
        "other-prometheus",
        released(analysis={"prometheus": "elsewhere"}),
        "spec.analysis.prometheus is elsewhere, but the operator's configuration has default: add it there, or set"
        " spec.analysis.enabled to false",
    ),
]


def test_each_says_what_to_change_and_is_well_once_it_was_changed(bench: Bench) -> None:
    """Given one release in good order, and one for each mistake beside it."""
    bench.operator().leads()
    bench.apply(*bench.workload("first"), bench.release("first"))
    until("the good release rests", lambda: bench.phase("first") == "Idle")
    expected = {bad.name: bad.sentence.format(ns=bench.namespace) for bad in BAD}

    for bad in BAD:
        bench.apply(*bad.given(bench, bad.name))
    until("each has said something", lambda: all(bench.phase(name) == "Stalled" for name in expected))
    told = {name: bench.message(name) for name in expected}

    assert told == expected
    assert bench.phase("first") == "Idle"
    bench.apply(*bench.workload("no-deployment"))
    until("what was missing is there", lambda: bench.phase("no-deployment") == "Idle")
