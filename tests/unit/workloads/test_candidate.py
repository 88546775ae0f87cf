"""The candidate's ReplicaSet and Service, and how the Deployment comes to own its pods."""

from typing import Any

import pytest

from headgate.api.ownership import owned_metadata
from headgate.workloads.candidate import adoption_patch, replica_set, service
from headgate.workloads.deployment import Deployment, read_deployment
from headgate.workloads.replica_set import read_replica_set
from headgate.workloads.template import identity_of


def deployment(**spec: Any) -> Deployment:
    template = {"metadata": {"labels": {"app": "shop", "tier": "web"}}, "spec": {"containers": [{"image": "shop:2"}]}}
    return read_deployment(
        {
            "metadata": {"name": "shop", "namespace": "prod", "uid": "d1", "generation": 3},
            "spec": {"selector": {"matchLabels": {"app": "shop"}}, "template": template, "minReadySeconds": 4, **spec},
            "status": {"observedGeneration": 3},
        }
    )


def made(**spec: Any) -> dict[str, Any]:
    return replica_set(owned_metadata("shop-bbb", "prod", "shop", "u1"), deployment(**spec), "bbb", 2)


def test_its_pods_carry_what_the_deployments_pods_will_carry() -> None:
    manifest = made()
    assert manifest["spec"]["template"]["metadata"]["labels"] == {
        "app": "shop",
        "tier": "web",
        "pod-template-hash": "bbb",
    }
    assert manifest["spec"]["minReadySeconds"] == 4
    assert identity_of(manifest["spec"]["template"]) == deployment().identity


def test_its_selector_is_narrowed_by_the_hash_and_keeps_expressions() -> None:
    expressions = [{"key": "tier", "operator": "Exists"}]
    selector = made(selector={"matchLabels": {"app": "shop"}, "matchExpressions": expressions})["spec"]["selector"]
    assert selector == {"matchLabels": {"app": "shop", "pod-template-hash": "bbb"}, "matchExpressions": expressions}


def test_it_belongs_to_the_release_and_is_read_back_as_its_candidate() -> None:
    read = read_replica_set(made())
    assert (read.owner, read.release, read.revision, read.replicas) == ("u1", "shop", "bbb", 2)


def test_its_service_repeats_the_users_ports_without_what_the_cluster_chose() -> None:
    ports = ({"name": "http", "port": 80, "targetPort": "web", "nodePort": 31000, "protocol": "TCP"},)
    manifest = service(owned_metadata("shop-canary", "prod", "shop", "u1"), {"app": "shop"}, ports, "bbb")
    assert manifest["spec"]["ports"] == [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "web"}]
    assert manifest["spec"]["selector"] == {"app": "shop", "pod-template-hash": "bbb"}


@pytest.mark.parametrize(("surge", "most"), [(2, "6"), ("25%", "5"), ("30%", "6"), (None, "5")])
def test_adoption_tells_the_controller_that_the_set_is_saturated(surge: int | str | None, most: str) -> None:
    strategy = {"rollingUpdate": {} if surge is None else {"maxSurge": surge}}
    patch = adoption_patch("r1", deployment(replicas=4, strategy=strategy))
    assert patch == [
        {"op": "test", "path": "/metadata/uid", "value": "r1"},
        {"op": "remove", "path": "/metadata/ownerReferences"},
        {"op": "remove", "path": "/metadata/labels/headgate.dev~1release"},
        {
            "op": "add",
            "path": "/metadata/annotations",
            "value": {
                "deployment.kubernetes.io/desired-replicas": "4",
                "deployment.kubernetes.io/max-replicas": most,
            },
        },
        {"op": "replace", "path": "/spec/replicas", "value": 4},
    ]
