"""Which series a command looks for, as far as the file tells."""

from pathlib import Path
from typing import Any

import pytest

from headgate.cli.metering import Metering, meterings
from headgate.cli.subject import subject_from_file
from tests.unit.cli.conftest import Write


def of(path: Path, proxy: str | None = None) -> list[Metering]:
    return list(meterings(subject_from_file(str(path), None), proxy))


def test_behind_an_ingress_each_proxy_is_looked_for(release: Write) -> None:
    assert [one.name for one in of(release())] == ["Traefik", "IngressNginx", "Higress"]
    assert [one.name for one in of(release(), "IngressNginx")] == ["IngressNginx"]


def test_behind_a_gateway_each_implementation_is_looked_for(release: Write) -> None:
    path = release(traffic={"httpRoute": "shop"})
    assert [one.name for one in of(path)] == ["Traefik", "Contour", "EnvoyGateway", "Istio"]

    (contour,) = of(path, "Contour")
    assert contour.stable.selects({"envoy_cluster_name": "prod_shop_8080"})
    assert not contour.stable.selects({"envoy_cluster_name": "prod_shop-canary_8080"})
    assert contour.candidate.selects({"envoy_cluster_name": "prod_shop-canary_8080"})


def test_with_the_http_route_its_port_alone_counts(release: Write) -> None:
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": "prod"},
        "spec": {"rules": [{"backendRefs": [{"name": "shop", "port": 80}]}]},
    }
    (contour,) = of(release(route, traffic={"httpRoute": "shop"}), "Contour")
    assert contour.stable.selects({"envoy_cluster_name": "prod_shop_80"})
    assert not contour.stable.selects({"envoy_cluster_name": "prod_shop_8080"})


def test_without_an_ingress_the_application_counts_and_tells_pods(release: Write) -> None:
    (found,) = of(release(traffic={"service": "shop"}))

    assert (found.name, found.pods) == ("the application", True)


def test_the_applications_own_counters_may_be_asked_for(release: Write) -> None:
    (found,) = of(release(analysis={"application": {"requests": "shop_requests_total"}}))

    assert found.past.requests == "shop_requests_total"


def test_a_meshs_counters_are_looked_for_by_its_name(release: Write) -> None:
    (found,) = of(release(analysis={"mesh": "Istio"}))

    assert (found.name, found.past.requests, found.pods) == ("Istio", "istio_requests_total", True)


LABELS = {"service": "prod-shop-shop-80@kubernetesingressnginx"}
CANARY = {"service": "prod-shop-shop-80-canary@kubernetesingressnginx"}


def test_without_the_ingress_any_port_will_do(release: Write) -> None:
    traefik = of(release())[0]

    assert traefik.stable.selects(LABELS)
    assert not traefik.stable.selects(CANARY)
    assert traefik.candidate.selects(CANARY)
    assert traefik.stable.selects({"service": "prod-shop-shop-http@kubernetesingressnginx"})
    assert not traefik.stable.selects({"service": "prod-shop-cart-80@kubernetesingressnginx"})


def test_with_the_ingress_its_port_alone_counts(release: Write) -> None:
    traefik = of(release(_ingress(8080)))[0]

    assert traefik.stable.selects({"service": "prod-shop-shop-8080@kubernetesingressnginx"})
    assert not traefik.stable.selects(LABELS)


def _ingress(port: int) -> dict[str, Any]:
    backend = {"service": {"name": "shop", "port": {"number": port}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": "prod"},
        "spec": {"rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]},
    }


def test_ingress_nginx_tells_the_versions_apart_by_its_canary_label(release: Write) -> None:
    nginx = of(release(), "IngressNginx")[0]
    labels = {"ingress": "shop", "namespace": "prod"}

    assert nginx.stable.selects({**labels, "canary": ""})
    assert not nginx.stable.selects({**labels, "canary": "prod-shop-canary-80"})
    assert nginx.candidate.selects({**labels, "canary": "prod-shop-canary-80"})


def test_higress_has_a_cluster_for_each_service_and_port(release: Write) -> None:
    higress = of(release(), "Higress")[0]

    assert higress.stable.selects({"cluster_name": "outbound|80||shop.prod.svc.cluster.local"})
    assert not higress.stable.selects({"cluster_name": "outbound|80||shop-canary.prod.svc.cluster.local"})
    assert higress.candidate.selects({"cluster_name": "outbound|8080||shop-canary.prod.svc.cluster.local"})


@pytest.mark.parametrize(("pod", "mine"), [
    ("shop-6f9c8d7b5-x2x4z", True), ("shop-7d4b5c6f8-abcde", True), ("shop-api-6f9c8d7b5-x2x4z", False),
])  # fmt: skip
def test_in_the_past_any_revision_may_have_been_stable(pod: str, mine: bool, release: Write) -> None:
    (found,) = of(release(traffic={"service": "shop"}))

    assert found.past.selects({"pod": pod, "namespace": "prod"}) is mine
    assert not found.past.selects({"pod": pod, "namespace": "test"})
