"""What is Headgate's to delete and to overwrite, on a real API server: what it made, and nothing for its labels."""

import pytest

from tests.cluster.admission.kubectl import Kubectl, dry_run_is_held
from tests.cluster.shell.conftest import Bench, Manifest
from tests.cluster.shell.operator_process import until

pytestmark = pytest.mark.cluster

KINDS = ("deployment", "service", "ingress", "replicaset")


def labelled(manifest: Manifest) -> Manifest:
    metadata = {**manifest["metadata"], "labels": {"headgate.dev/release": "shop"}}
    return {**manifest, "metadata": metadata}


def uids(bench: Bench) -> dict[tuple[str, str], str]:
    found = [(kind, item) for kind in KINDS for item in bench.cluster.items(kind, bench.namespace)]
    return {(kind, item["metadata"]["name"]): item["metadata"]["uid"] for kind, item in found}


def test_objects_that_the_user_labels_with_a_release_are_left_alone(bench: Bench) -> None:
    """As `commonLabels` of kustomize do it to everything, the pods' template and with it each ReplicaSet included."""
    deployment, service = bench.workload()
    deployment["spec"]["template"]["metadata"]["labels"]["headgate.dev/release"] = "shop"
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    rules = [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
    ingress: Manifest = {
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": service["metadata"],
        "spec": {"rules": rules},
    }  # fmt: skip
    bench.apply(*map(labelled, (deployment, service, ingress, *bench.workload("cart"))))
    until("the ReplicaSets are there", lambda: len(bench.cluster.items("replicaset", bench.namespace)) == 2)
    before = uids(bench)

    bench.operator().leads()
    bench.apply(bench.release(traffic={"ingress": "shop"}))
    until("the release was looked at", bench.phase)
    bench.cluster.kubectl("annotate", "crel", "shop", "headgate.dev/action=approve", "-n", bench.namespace)
    until("and looked at again", lambda: bench.status().get("action"))

    assert uids(bench) == before


def test_an_orphaning_deletion_in_mid_release_leaves_nothing_behind(bench: Bench) -> None:
    """It takes the owner from what was made for the release, so that it must be known by who applied it."""
    deployment, service = bench.workload()
    deployment["spec"]["replicas"] = 1
    bench.apply(deployment, service, bench.release(analysis={"enabled": False}))
    bench.operator().leads()
    until("the release was looked at", bench.phase)
    until("the first version rolls out", lambda: bench.cluster.items("replicaset", bench.namespace))
    # An API server that a test before this one has started again knows our kinds only after half a minute.
    kubectl = Kubectl(bench.cluster.lab.environment(), bench.namespace)
    until("the policies act", lambda: dry_run_is_held(kubectl), 60)
    before = {name for kind, name in uids(bench) if kind != "deployment"}
    image = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}}
    kubectl.patch("deployment", "shop", image)
    until("there is a candidate", lambda: ("service", "shop-canary") in uids(bench))

    bench.cluster.kubectl("delete", "crel", "shop", "-n", bench.namespace, "--cascade=orphan", "--timeout=60s")

    assert {name for kind, name in uids(bench) if kind != "deployment"} == before
