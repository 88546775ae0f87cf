"""What is asked of Prometheus, and when."""

import pytest

from headgate.api.fields import Manifest
from headgate.api.release import Release
from headgate.controller.metering import watch_of
from headgate.metrics.watch import Watch
from headgate.release.observation import Observation
from headgate.release.stage import Stage
from headgate.routing.ingress import IngressRouter
from headgate.routing.selector import SelectorRouter
from tests.unit.cluster.manifests import ingress, release

MARKS = [
    {"at": 1000.0, "until": 1000.0, "weight": 5, "step": 1},
    {"at": 1060.0, "until": 1060.0, "weight": 25, "step": 2},
]
SEEN = Observation(SelectorRouter())


def moving(stage: str = Stage.STEP, *, spec: Manifest | None = None, marks: list[Manifest] = MARKS) -> Release:
    progress = {"stage": stage, "since": 1060.0, "startedAt": 1010.0, "service": "shop", "weight": 25, "marks": marks}
    versions = {"stable": {"revision": "aaaa"}, "candidate": {"revision": "bbbb"}}
    moving = release(spec=spec, traffic={"ingress": "shop"}, status={"progress": progress, **versions})
    assert moving.status.progress, moving.problem
    return moving


def watch(release: Release, seen: Observation = SEEN) -> Watch:
    found = watch_of(release, seen)
    assert found is not None
    return found


def test_both_versions_since_the_first_traffic() -> None:
    found = watch(moving(), Observation(IngressRouter(), entry=ingress()))
    assert (found.key, found.prometheus, found.interval) == (("prod", "shop"), "default", 15.0)
    assert found.since == 1000.0
    assert [mark.weight for mark in found.marks] == [5, 25]
    assert found.stable.matchers[0].value == "(prod-shop-shop-80)@kubernetesingressnginx"
    assert found.candidate.matchers[0].value == "(prod-shop-shop-80)-canary@kubernetesingressnginx"


def test_bounds_and_queries_of_the_spec() -> None:
    analysis = {
        "prometheus": "global",
        "interval": "30s",
        "latency": {"below": "300ms"},
        "queries": [{"name": "cpu", "query": "a$(candidate) b$(stable) c$(namespace) d$(service)", "max": 1}],
    }
    found = watch(moving(spec={"analysis": analysis}))
    assert (found.prometheus, found.interval, found.latency) == ("global", 30.0, 0.3)
    assert found.queries == (("cpu", "abbbb baaaa cprod dshop"),)


def test_the_counters_of_a_mesh_by_pod_whatever_splits_the_traffic() -> None:
    for router in (IngressRouter(), SelectorRouter()):
        found = watch(moving(spec={"analysis": {"mesh": "Linkerd"}}), Observation(router))
        assert found.stable.selects({"pod": "shop-aaaa-x2x4z", "namespace": "prod", "direction": "inbound"})
        assert found.candidate.selects({"pod": "shop-bbbb-x2x4z", "namespace": "prod", "direction": "inbound"})
        assert not found.stable.selects({"pod": "shop-aaaa-x2x4z", "namespace": "prod", "direction": "outbound"})


def test_the_applications_own_counters_where_the_spec_asks_for_them() -> None:
    application = {"analysis": {"application": {"requests": "app_requests"}}}
    found = watch(moving(spec=application), Observation(IngressRouter()))
    assert (found.stable.requests, found.candidate.requests) == ("app_requests", "app_requests")


@pytest.mark.parametrize("stage", [Stage.RETURN, Stage.REMOVE, Stage.ADOPT, Stage.TIDY])
def test_nothing_is_read_once_the_release_is_decided(stage: Stage) -> None:
    assert watch_of(moving(stage), SEEN) is None


def test_nothing_is_read_before_the_candidate_got_traffic() -> None:
    assert watch_of(moving(marks=[]), SEEN) is None


def test_nothing_is_read_at_rest_or_without_analysis_or_of_a_spec_that_cannot_be_read() -> None:
    assert watch_of(release(), SEEN) is None
    assert watch_of(moving(spec={"analysis": {"enabled": False}}), SEEN) is None
    assert watch_of(moving(spec={"steps": "none"}), SEEN) is None
