"""Weights by a second Ingress in the ingress-nginx dialect."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.fields import Manifest
from headgate.routing.ingress import IngressRouter
from headgate.routing.ingress_paths import Path, class_of, paths_of
from headgate.routing.route import Backend, Route
from tests.unit.routing.shop_route import shop_route

_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"
_ROUTER = IngressRouter()


SHOP: Manifest = {"service": {"name": "shop", "port": {"number": 80}}}
OTHER: Manifest = {"service": {"name": "other", "port": {"name": "http"}}}


def ingress(*backends: Manifest, **annotations: str) -> Manifest:
    """A user's Ingress with one rule and a path for each backend."""
    paths = [{"path": f"/{index}", "pathType": "Prefix", "backend": backend} for index, backend in enumerate(backends)]
    return {
        "kind": "Ingress",
        "metadata": {"name": "shop", "annotations": annotations},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.test", "http": {"paths": paths}}]},
    }


def _two_paths() -> Manifest:
    entry = ingress(SHOP)
    path = {"path": "/api", "pathType": "Exact", "backend": {"service": {"name": "shop", "port": {"name": "http"}}}}
    entry["spec"]["rules"].append({"http": {"paths": [path]}})
    return entry


ENTRY = _two_paths()


def route(weight: int = 0, **changes: object) -> Route:
    """The route of release shop at a weight, through an Ingress of two paths."""
    return shop_route(weight, **{"entry": ENTRY, **changes})


class TestEntry:
    def test_only_paths_to_the_service_are_taken(self) -> None:
        assert paths_of(route(entry=ingress(OTHER, SHOP))) == (Path("shop.test", "/1", "Prefix", 80),)

    def test_a_rule_without_paths_and_a_resource_backend_lead_nowhere(self) -> None:
        manifest = ingress({"resource": {"kind": "Bucket", "name": "static"}})
        manifest["spec"]["rules"].append({"host": "empty.test"})
        assert paths_of(route(entry=manifest)) == ()

    def test_the_old_class_annotation_is_read(self) -> None:
        manifest = ingress(SHOP, **{"kubernetes.io/ingress.class": "nginx"})
        del manifest["spec"]["ingressClassName"]
        assert class_of(manifest) == "nginx"


class TestRender:
    def test_weight_0_is_no_object(self) -> None:
        assert _ROUTER.render(route(0)) == []

    def test_the_second_ingress_repeats_each_path_with_the_candidates_service(self) -> None:
        (made,) = _ROUTER.render(route(25))
        backends = [rule["http"]["paths"][0]["backend"]["service"] for rule in made["spec"]["rules"]]
        assert made["metadata"]["name"] == "shop-canary"
        assert made["metadata"]["annotations"] == {"nginx.ingress.kubernetes.io/canary": "true", _WEIGHT: "25"}
        assert made["metadata"]["ownerReferences"][0]["uid"] == "u1"
        assert made["spec"]["ingressClassName"] == "nginx"
        assert backends == [
            {"name": "shop-canary", "port": {"number": 80}},
            {"name": "shop-canary", "port": {"name": "http"}},
        ]
        assert [rule.get("host") for rule in made["spec"]["rules"]] == ["shop.test", None]

    @given(weight=st.integers(1, 100))
    def test_what_was_rendered_is_seen_as_accepted(self, weight: int) -> None:
        seen = _ROUTER.observe(route(weight), _ROUTER.render(route(weight)))
        assert (seen.weight, seen.state) == (weight, "accepted")

    @given(wanted=st.integers(1, 100), found=st.integers(0, 100))
    def test_another_weight_is_seen_as_drift(self, wanted: int, found: int) -> None:
        live = _ROUTER.render(route(wanted))
        live[0]["metadata"]["annotations"][_WEIGHT] = str(found)
        seen = _ROUTER.observe(route(wanted), live)
        assert seen.weight == found
        assert (seen.state == "accepted") == (wanted == found)

    def test_a_parked_canary_is_no_canary(self) -> None:
        live = _ROUTER.render(route(50))
        live[0]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary"] = "false"
        assert _ROUTER.observe(route(50), live).weight == 0

    def test_a_missing_ingress_is_seen(self) -> None:
        assert _ROUTER.observe(route(50), []).state == "missing"
        assert _ROUTER.observe(route(0), []).state == "accepted"
        assert _ROUTER.observe(route(0), _ROUTER.render(route(50))).state == "drifted"


class TestProblems:
    @pytest.mark.parametrize(
        ("entry", "sentence"),
        [
            (ingress(OTHER), "ingress shop has no path to service shop"),
            (ingress(SHOP, **{"nginx.ingress.kubernetes.io/canary": "true"}), "ingress shop is itself a canary"),
        ],
    )
    def test_an_entry_that_cannot_be_split_is_refused(self, entry: Manifest, sentence: str) -> None:
        assert any(problem.startswith(sentence) for problem in _ROUTER.problems(route(0, entry=entry)))

    def test_a_name_without_room_for_the_candidates_is_refused(self) -> None:
        long = "s" * 57
        entry = ingress({"service": {"name": long, "port": {"number": 80}}})
        problems = _ROUTER.problems(route(0, service=long, candidate=Backend(f"{long}-canary", "bbb"), entry=entry))
        assert problems == [f"service name {long} is too long: 56 characters leave room for its canary"]

    def test_a_plain_entry_has_none(self) -> None:
        assert _ROUTER.problems(route(0)) == []


class TestMeters:
    def test_traefik_names_the_main_ingress_for_both_versions(self) -> None:
        """Series seen on Traefik 3.7.13: the candidate's bear the stable Service's name and a suffix."""
        stable, candidate = _ROUTER.meters(route(25))
        assert stable.matchers[0].accepts({"service": "prod-shop-shop-80@kubernetesingressnginx"})
        assert candidate.matchers[0].accepts({"service": "prod-shop-shop-http-canary@kubernetesingressnginx"})
        assert not stable.matchers[0].accepts({"service": "prod-shop-shop-80-canary@kubernetesingressnginx"})
        assert not stable.matchers[0].accepts({"service": "prod-shop-shop-8080@kubernetesingressnginx"})

    def test_ingress_nginx_tells_versions_apart_by_the_canary_label_alone(self) -> None:
        stable, candidate = IngressRouter("IngressNginx").meters(route(25))
        common = {"namespace": "prod", "ingress": "shop", "service": "shop"}
        for labels, meters in (
            ({**common, "canary": ""}, (True, False)),
            ({**common, "canary": "prod-shop-canary-80"}, (False, True)),
            ({**common, "namespace": "dev", "canary": ""}, (False, False)),
        ):
            accepted = tuple(all(item.accepts(labels) for item in meter.matchers) for meter in (stable, candidate))
            assert accepted == meters

    def test_higress_names_the_service_of_each_version_and_the_numbers_of_ports(self) -> None:
        """A path may lead to a port by name, which no cluster bears."""
        stable, candidate = IngressRouter("Higress").meters(route(25))
        for cluster, selected in (
            ("outbound|80||shop.prod.svc.cluster.local", (True, False)),
            ("outbound|9090||shop.prod.svc.cluster.local", (True, False)),
            ("outbound|http||shop.prod.svc.cluster.local", (False, False)),
            ("outbound|80||shop-canary.prod.svc.cluster.local", (False, True)),
            ("outbound|80||shop.prod.svc.cluster.local.internal", (False, False)),
            ("outbound|80||shop.dev.svc.cluster.local", (False, False)),
        ):
            labels = {"cluster_name": cluster, "response_code_class": "2xx"}
            assert (stable.selects(labels), candidate.selects(labels)) == selected, cluster


@given(weight=st.integers(0, 100), replicas=st.integers(1, 500))
def test_pods_for_a_weight_carry_no_more_than_stable_pods_do(weight: int, replicas: int) -> None:
    size = _ROUTER.size(weight, replicas)
    assert size * 100 >= weight * replicas > (size - 1) * 100 or weight == size == 0
