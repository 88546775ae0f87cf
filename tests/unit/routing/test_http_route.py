"""Weights by a second HTTPRoute, which wins over the user's by one header more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.api.fields import Manifest
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.http_rules import ports_of
from headgate.routing.meter import Meter
from headgate.routing.proxies import GATEWAYS, Gateway
from headgate.routing.route import Route
from tests.routes import accepted
from tests.unit.routing.shop_route import shop_route

_ROUTER = HttpRouteRouter()
PARENT = {"name": "web", "namespace": "gateways"}
EVERY_REQUEST = {"type": "RegularExpression", "name": "X-Forwarded-Proto", "value": ".+"}


def backend(name: str, **fields: Any) -> Manifest:
    return {"group": "", "kind": "Service", "name": name, "port": 80, "weight": 1, **fields}


def path(value: str, **match: Any) -> Manifest:
    return {"path": {"type": "PathPrefix", "value": value}, **match}


def http_route(*rules: Manifest) -> Manifest:
    spec = {"parentRefs": [PARENT], "hostnames": ["shop.test"], "rules": list(rules)}
    return {"kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": spec, "status": accepted(PARENT, 1)}


SHOP: Manifest = {"matches": [path("/")], "backendRefs": [backend("shop")]}


def route(weight: int = 0, *rules: Manifest, **changes: Any) -> Route:
    """The route of release shop at a weight, through an HTTPRoute of these rules."""
    return shop_route(weight, **{"entry": http_route(*(rules or (SHOP,))), **changes})


def rendered(weight: int, *rules: Manifest, router: HttpRouteRouter = _ROUTER) -> Manifest:
    (made,) = router.render(route(weight, *rules))
    return dict(made)


def live(weight: int, *rules: Manifest, **status: Any) -> Manifest:
    """Our route as the API server has it, in its second generation."""
    made = rendered(weight, *rules)
    return {**made, "metadata": {**made["metadata"], "generation": 2}, "status": accepted(PARENT, 2), **status}


class TestRender:
    def test_weight_0_is_no_object(self) -> None:
        assert _ROUTER.render(route(0)) == []

    def test_the_second_route_takes_each_request_of_the_first_and_splits_it(self) -> None:
        made = rendered(25)
        assert made["metadata"]["name"] == "shop-canary"
        assert made["metadata"]["ownerReferences"][0]["uid"] == "u1"
        assert (made["spec"]["parentRefs"], made["spec"]["hostnames"]) == ([PARENT], ["shop.test"])
        assert made["spec"]["rules"] == [
            {
                "matches": [path("/", headers=[EVERY_REQUEST])],
                "backendRefs": [backend("shop", weight=75), backend("shop-canary", weight=25)],
            }
        ]

    def test_a_rule_without_matches_takes_everything(self) -> None:
        made = rendered(25, {"backendRefs": [backend("shop")]})
        assert made["spec"]["rules"][0]["matches"] == [path("/", headers=[EVERY_REQUEST])]

    def test_the_users_own_split_between_services_is_kept(self) -> None:
        made = rendered(50, {"matches": [path("/")], "backendRefs": [backend("shop", weight=3), backend("old")]})
        weights = {one["name"]: one["weight"] for one in made["spec"]["rules"][0]["backendRefs"]}
        assert weights == {"shop": 150, "shop-canary": 150, "old": 100}

    def test_filters_and_timeouts_are_copied(self) -> None:
        rewrite = {"type": "URLRewrite", "urlRewrite": {"hostname": "inner.test"}}
        made = rendered(50, {**SHOP, "filters": [rewrite], "timeouts": {"request": "2s"}})
        assert made["spec"]["rules"][0]["filters"] == [rewrite]
        assert made["spec"]["rules"][0]["timeouts"] == {"request": "2s"}

    def test_rules_for_the_same_path_are_copied_whatever_they_lead_to(self) -> None:
        """They would else lose to the copy of the Service's own rule."""
        beta = {"type": "Exact", "name": "X-Beta", "value": "yes"}
        other = {"matches": [path("/", headers=[beta]), path("/beta")], "backendRefs": [backend("beta")]}
        made = rendered(50, SHOP, other)
        copy = made["spec"]["rules"][1]
        assert copy["matches"] == [path("/", headers=[beta, EVERY_REQUEST])]
        assert copy["backendRefs"] == [backend("beta", weight=100)]

    def test_rules_for_other_paths_are_the_users_alone(self) -> None:
        made = rendered(50, SHOP, {"matches": [path("/static")], "backendRefs": [backend("files")]})
        assert len(made["spec"]["rules"]) == 1

    @pytest.mark.parametrize("fields", [{"namespace": "other"}, {"kind": "ServiceImport", "group": "x.io"}])
    def test_a_namesake_is_not_the_service(self, fields: Manifest) -> None:
        assert _ROUTER.render(route(50, {"matches": [path("/")], "backendRefs": [backend("shop", **fields)]})) == []


class TestObserve:
    @given(weight=st.integers(1, 100))
    def test_what_was_rendered_and_accepted_is_in_force(self, weight: int) -> None:
        seen = _ROUTER.observe(route(weight), [live(weight)])
        assert (seen.weight, seen.state) == (weight, "accepted")

    @given(wanted=st.integers(1, 100), found=st.integers(1, 100))
    def test_another_weight_is_seen_as_drift(self, wanted: int, found: int) -> None:
        seen = _ROUTER.observe(route(wanted), [live(found)])
        assert seen.weight == found
        assert (seen.state == "accepted") == (wanted == found)

    def test_a_change_of_the_users_rules_is_drift(self) -> None:
        seen = _ROUTER.observe(route(50, SHOP, {**SHOP, "matches": [path("/new")]}), [live(50)])
        assert (seen.state, seen.reason) == ("drifted", "spec.rules is not as Headgate wrote it")

    def test_a_missing_route_is_seen(self) -> None:
        assert _ROUTER.observe(route(50), []).state == "missing"
        assert _ROUTER.observe(route(0), []).state == "accepted"
        assert _ROUTER.observe(route(0), [live(50)]).state == "drifted"

    @pytest.mark.parametrize(
        ("status", "reason"),
        [
            ({}, "it has not looked at it yet"),
            (accepted(PARENT, 1), "it has not looked at it yet"),
            (accepted(PARENT, 2, Accepted="False"), "Because: so"),
            (accepted(PARENT, 2, ResolvedRefs="False"), "Because: so"),
        ],
        ids=["silent", "late", "refused", "without its backend"],
    )
    def test_until_who_accepts_the_users_route_accepts_it_too_it_is_pending(
        self, status: Manifest, reason: str
    ) -> None:
        seen = _ROUTER.observe(route(50), [live(50, status=status)])
        assert (seen.state, seen.reason) == ("pending", f"gateway web has not accepted httproute shop-canary: {reason}")


class TestProblems:
    def test_a_plain_route_has_none(self) -> None:
        assert _ROUTER.problems(route(0)) == []

    @pytest.mark.parametrize(
        ("rule", "sentence"),
        [
            (
                {"matches": [path("/")], "backendRefs": [backend("cart")]},
                "httproute web has no backendRef to service shop:"
                " add one, or set traffic.service to the service it leads to",
            ),
            (
                {**SHOP, "backendRefs": [backend("shop"), *(backend(f"other-{number}") for number in range(15))]},
                "rule 1 of httproute web has 16 backends: leave room for the candidate's",
            ),
            (
                {**SHOP, "backendRefs": [backend("shop", weight=10_001)]},
                "rule 1 of httproute web has a weight above 10000, which cannot be divided: give it smaller ones",
            ),
            (
                {**SHOP, "matches": [path("/", headers=[{"name": "x-forwarded-proto", "value": "https"}])]},
                "rule 1 of httproute web matches X-Forwarded-Proto or 16 headers:"
                " the candidate's route needs to match it, too",
            ),
        ],
        ids=["elsewhere", "full", "heavy", "its own header"],
    )
    def test_a_route_that_cannot_be_split_is_refused(self, rule: Manifest, sentence: str) -> None:
        assert _ROUTER.problems(route(0, rule)) == [sentence]

    def test_a_route_within_a_mesh_is_refused(self) -> None:
        """There nobody gives a request the header by which the second route would take precedence."""
        entry = http_route(SHOP)
        entry["spec"]["parentRefs"] = [{"kind": "Service", "group": "", "name": "shop"}]
        assert _ROUTER.problems(route(0, entry=entry)) == [
            "httproute web has a service as its parent: only a gateway's requests can be split"
        ]

    def test_a_route_that_no_gateway_serves_is_refused(self) -> None:
        entry = {**http_route(SHOP), "status": accepted(PARENT, 1, Accepted="False")}
        assert _ROUTER.problems(route(0, entry=entry)) == [
            "no gateway has accepted httproute web: see its status.parents for the reason"
        ]


def _traefik(owner: str, service: str) -> dict[str, str]:
    name = f"httproute-prod-{owner}-gw-gateways-web-ep-web-0-0f3a-svc-prod-{service}-0"
    return {"service": f"{name}@kubernetesgateway", "code": "200"}


def _envoy(cluster: str) -> dict[str, str]:
    return {"envoy_cluster_name": cluster, "envoy_response_code": "200"}


def _istio(service: str) -> dict[str, str]:
    return {
        "reporter": "source",
        "destination_service_name": service,
        "destination_service_namespace": "prod",
        "response_code": "200",
    }


SERIES: dict[Gateway, tuple[list[dict[str, str]], dict[str, str], list[dict[str, str]]]] = {
    "Traefik": (
        [_traefik("web", "shop"), _traefik("shop-canary", "shop")],
        _traefik("shop-canary", "shop-canary"),
        [_traefik("cart", "shop"), _traefik("web", "cart")],
    ),
    "Contour": ([_envoy("prod_shop_80")], _envoy("prod_shop-canary_80"), [_envoy("prod_shop_8080")]),
    "EnvoyGateway": (
        [_envoy("httproute/prod/web/rule/0"), _envoy("httproute/prod/shop-canary/rule/0/backend/0")],
        _envoy("httproute/prod/shop-canary/rule/0/backend/1"),
        [_envoy("httproute/prod/web/rule/1"), _envoy("httproute/prod/cart-canary/rule/0/backend/1")],
    ),
    "Istio": ([_istio("shop")], _istio("shop-canary"), [{**_istio("shop"), "reporter": "destination"}]),
}


class TestMeters:
    """By the series as each project's code and documentation name them; those of Traefik and Envoy run in tests."""

    @pytest.mark.parametrize("gateway", GATEWAYS)
    def test_each_version_is_counted_by_its_own_series(self, gateway: Gateway) -> None:
        stable, candidate = HttpRouteRouter(gateway).meters(route(10))
        stables, other, foreign = SERIES[gateway]

        def selected(meter: Meter) -> list[dict[str, str]]:
            return [labels for labels in (*stables, other, *foreign) if meter.selects(labels)]

        assert selected(stable) == stables
        assert selected(candidate) == [other]
        assert {meter.counts(labels) for meter in (stable, candidate) for labels in selected(meter)} == {"served"}

    def test_envoy_gateway_needs_a_filter_to_count_a_backend_by_itself(self) -> None:
        mine = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["X-Mine"]}}
        rule = {"matches": [path("/")], "backendRefs": [backend("shop"), backend("old", filters=[mine])]}
        made = rendered(50, rule, router=HttpRouteRouter("EnvoyGateway"))
        filters = {one["name"]: one["filters"] for one in made["spec"]["rules"][0]["backendRefs"]}
        assert filters["old"] == [mine]
        assert filters["shop"][0]["requestHeaderModifier"]["set"] == [{"name": "X-Headgate-Service", "value": "shop"}]
        assert filters["shop-canary"][0]["requestHeaderModifier"]["set"][0]["value"] == "shop-canary"

    def test_the_ports_are_those_of_the_service(self) -> None:
        rule = {"matches": [path("/")], "backendRefs": [backend("shop", port=8080), backend("old", port=9090)]}
        assert ports_of(route(0, SHOP, rule)) == ["80", "8080"]
