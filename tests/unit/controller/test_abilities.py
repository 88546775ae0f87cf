"""What an operator is configured for, and what it says to a release that asks for more."""

import pytest

from headgate.api.fields import Manifest
from headgate.cluster.resources import HTTP_ROUTES, INGRESSES
from headgate.controller.abilities import checked, entries_of, router_for
from headgate.controller.config import OperatorConfig
from headgate.routing.http_route import HttpRouteRouter
from headgate.routing.ingress import IngressRouter
from headgate.routing.selector import SelectorRouter
from tests.unit.cluster.manifests import release

FULL = OperatorConfig.model_validate(
    {
        "ingress": {"implementation": "IngressNginx"},
        "gateway": {"implementation": "Contour"},
        "prometheus": {"default": {"url": "http://prometheus"}},
    }
)
BARE = OperatorConfig()


@pytest.mark.parametrize(
    ("traffic", "config", "router"),
    [
        ({"ingress": "shop"}, FULL, IngressRouter("IngressNginx")),
        ({"httpRoute": "shop"}, FULL, HttpRouteRouter("Contour")),
        ({}, FULL, SelectorRouter()),
        ({"ingress": "shop"}, BARE, SelectorRouter()),
        ({"httpRoute": "shop"}, BARE, SelectorRouter()),
    ],
)
def test_the_router_follows_the_spec_and_the_configuration(
    traffic: Manifest, config: OperatorConfig, router: object
) -> None:
    assert router_for(release(traffic=traffic).spec, config) == router


def test_a_spec_that_cannot_be_read_has_the_service_as_router() -> None:
    assert router_for(None, FULL) == SelectorRouter()


def test_a_release_that_finds_all_it_asks_for_has_no_problem() -> None:
    asked = release(traffic={"ingress": "shop"})
    assert checked(asked, FULL) == asked


def test_only_what_releases_may_use_is_watched() -> None:
    assert entries_of(FULL) == (INGRESSES, HTTP_ROUTES)
    assert entries_of(BARE) == ()


@pytest.mark.parametrize(
    ("field", "objects", "section"), [("ingress", "Ingresses", "ingress"), ("httpRoute", "HTTPRoutes", "gateway")]
)
def test_a_way_in_that_is_not_served_is_a_problem(field: str, objects: str, section: str) -> None:
    assert checked(release(traffic={field: "shop"}), BARE).problem == (
        f"spec.traffic.{field} is set, but this operator does not serve {objects}:"
        f" set {section}.implementation in its configuration, or remove the field"
    )


def test_a_prometheus_that_the_configuration_does_not_have_is_a_problem() -> None:
    assert checked(release(spec={"analysis": {"prometheus": "global"}}), FULL).problem == (
        "spec.analysis.prometheus is global, but the operator's configuration has default:"
        " add it there, or set spec.analysis.enabled to false"
    )


def test_without_analysis_no_prometheus_is_needed() -> None:
    assert checked(release(spec={"analysis": {"enabled": False}}), BARE).problem == ""


def test_a_problem_that_is_there_already_is_kept() -> None:
    unread = release(status={"phase": "Unheard"}, traffic={"ingress": "shop"})
    assert checked(unread, BARE).problem == unread.problem
