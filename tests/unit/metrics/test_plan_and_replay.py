"""`plan` and `replay` on a real Prometheus that has the past of several services."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.api.fields import format_moment
from headgate.cli.metering import meterings
from headgate.cli.subject import subject_from_file
from headgate.metrics.endpoint import Endpoint
from headgate.metrics.history import read_history
from headgate.metrics.prometheus import Prometheus
from tests.unit.cli.command_line import Said, carry_out, write_release
from tests.unit.metrics.past import CANDIDATE, HOUR, START, TRAEFIK, Changing, Counted

INCIDENT = (3 * HOUR, 3 * HOUR + 120, 0.06)
BAD_AT, GOOD_AT = 4 * HOUR, 5 * HOUR
QUICK = [{"setWeight": weight, "hold": {"min": "1m", "max": "10m"}} for weight in (10, 50)]


def weights(*begins: float) -> tuple[tuple[float, float, float], ...]:
    """The candidate's share of the traffic in releases that begin then: 10 percent, then 50."""
    return tuple(
        span for at in begins for span in ((at, at + 240, 0.1), (at + 240, at + 480, 0.5))
    )  # fmt: skip


def shop() -> str:
    """Sixty requests a second, an incident of all at three hours, a bad release at four and a good one at five."""
    share = Changing(0.0, weights(BAD_AT, GOOD_AT))
    labels = {"service": "prod-shop-shop-80@kubernetesingressnginx"}
    failing = Changing(0.005, (INCIDENT, (BAD_AT, BAD_AT + 480, 0.04)))
    stable = Counted(labels, lambda at: 60 * (1 - share(at)), Changing(0.005, (INCIDENT,)))
    return stable.text() + Counted(CANDIDATE, lambda at: 60 * share(at), failing, seed=2).text()


def others() -> str:
    """A busy service with a histogram, one that was asleep at first, one behind ingress-nginx, one of three pods,
    and the same with a pod that goes lame.
    """
    timed = Counted({"service": "prod-timed-shop-80@kubernetesingressnginx"}, Changing(200), slow=Changing(0.002))
    waking = Counted({"service": "prod-waking-shop-80@kubernetesingressnginx"}, Changing(40, ((0, 3 * HOUR, 2),)))
    nginx = Counted({"ingress": "nginx", "namespace": "prod", "canary": ""}, Changing(50), name=NGINX)
    pods = [
        Counted({"pod": f"shop-6f9c8d7b5-{name}", "namespace": "prod"}, Changing(30), burst=8.0, seed=seed, name=OWN)
        for seed, name in enumerate(("aaaaa", "bbbbb", "ccccc"))
    ]
    lame = [
        replace(pod, name=LAME, errors=Changing(0.005, ((3 * HOUR, 3.5 * HOUR, 0.2 if pod is pods[0] else 0.005),)))
        for pod in pods
    ]
    return (
        timed.text()
        + waking.text()
        + nginx.text().replace("code=", "status=")
        + "".join(one.text() for one in [*pods, *lame])
    )


NGINX, OWN, LAME = "nginx_ingress_controller_requests", "http_requests_total", "lame_requests_total"


@pytest.fixture(scope="module")
def url(run_prometheus: Callable[..., str]) -> str:
    return run_prometheus(shop() + others())


Call = Callable[..., Said]


@pytest.fixture
def call(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Carries out a command on a release, the whole past but its first hour given."""

    def carried_out(command: str, *options: object, **spec: Any) -> Said:
        path = write_release(tmp_path, **{"steps": QUICK, **spec})
        times = {"plan": ("--lookback", "5h", "--releases", 20), "replay": ("--start", moment(1.2 * HOUR))}[command]
        return carry_out(capsys, command, "-f", path, "--prometheus", url, *times, "--end", moment(6 * HOUR), *options)

    return carried_out


def moment(at: float) -> str:
    return format_moment(START + at)


class TestPlan:
    def test_it_reads_the_services_traffic(self, call: Call) -> None:
        found = call("plan", traffic={"ingress": "timed"})

        print(found.out)
        assert (found.status, found.err) == (0, "")
        assert found.out.startswith("prod/shop: 200 requests a second, 0.50% fail")
        assert "5h up to 2023-11-15T04:13 in http://127.0.0.1:" in found.out
        assert "(Traefik)" in found.out

    def test_slowness_is_read_where_it_is_asked_for(self, call: Call) -> None:
        analysis = {"latency": {"below": "300ms"}}

        told = json.loads(call("plan", "-o", "json", traffic={"ingress": "timed"}, analysis=analysis).out)

        assert told["traffic"]["slow"] == pytest.approx(0.002, rel=0.05)
        assert told["traffic"]["requestsPerSecond"] == pytest.approx(200, rel=0.01)
        assert {one["kind"] for one in told["bad"]} == {"errors", "slow"}

    def test_the_quietest_hour_is_told(self, call: Call) -> None:
        found = call("plan", traffic={"ingress": "waking"})

        assert "note: from 2.0 to 40 requests a second by hour; in the quietest hour the proof of step 1" in found.text

    def test_bursts_of_errors_are_measured_between_pods(self, call: Call) -> None:
        told = json.loads(call("plan", "-o", "json", traffic={"service": "shop"}).out)

        assert told["traffic"]["errorDispersion"] == pytest.approx(8, rel=0.3)
        assert told["traffic"]["requestsPerSecond"] == pytest.approx(90, rel=0.02)

    def test_ingress_nginx_is_found_by_itself(self, call: Call) -> None:
        assert "(IngressNginx)" in call("plan", traffic={"ingress": "nginx"}).out

    def test_a_bound_that_no_bucket_has_is_explained(self, call: Call) -> None:
        found = call("plan", traffic={"ingress": "timed"}, analysis={"latency": {"below": "250ms"}})

        assert (found.status, found.out) == (2, "")
        assert "has no bucket at 250ms: set spec.analysis.latency.below to one of its bounds (300ms)" in found.err


class TestReplay:
    def test_releases_of_nothing_new_are_hardly_ever_rolled_back(self, call: Call) -> None:
        """The incident of all at three hours included: only a release that has all traffic by then can't tell it."""
        found = call("replay", "-o", "json")

        told = json.loads(found.out)["nothingNew"]
        print(f"{told['falseRollbacks']} of {told['finished']} rolled back: {told['incidents']}")
        assert found.status == 0
        assert told["releases"] == 100
        assert told["finished"] >= 90
        assert told["falseRollbacks"] <= 3
        assert told["interval95"][0] <= told["allowed"] == pytest.approx(0.01)

    def test_recorded_releases_are_judged_check_by_check(self, call: Call) -> None:
        found = call("replay", "--releases", 10)

        print(found.out)
        assert "Recorded release of 2023-11-15 02:13:05 UTC: would have been rolled back after" in found.text
        assert "Recorded release of 2023-11-15 03:13:05 UTC: would not have been rolled back" in found.text
        assert "times the tolerated rate" in found.text

    def test_what_a_bad_release_exposed_is_counted(self, call: Call) -> None:
        bad, good = json.loads(call("replay", "-o", "json", "--releases", 10).out)["recorded"]

        assert bad["rolledBackAt"] < moment(BAD_AT + 240)
        assert 0 < bad["requestsExposed"] < 240 * 6
        assert good["rolledBackAt"] is None
        assert good["requestsExposed"] == pytest.approx(240 * 6 + 240 * 30, rel=0.1)
        assert [check["title"] for check in good["checks"]][:: len(good["checks"]) - 1] == ["weight 10", "weight 50"]

    def test_false_rollbacks_are_told_with_when_and_why(self, call: Call) -> None:
        """One of three pods fails for half an hour: a release that has it as its candidate takes the blame."""
        spec = {"traffic": {"service": "shop"}, "analysis": {"application": {"requests": LAME}}}

        found = call("replay", **spec)
        told = json.loads(call("replay", "-o", "json", **spec).out)["nothingNew"]

        print(found.out)
        assert found.status == 1
        assert told["falseRollbacks"] >= 2
        assert "allowed are 1 %: surely more than that" in found.text
        assert [moment(3 * HOUR) < one["start"] < moment(3.5 * HOUR) for one in told["incidents"]] == [True]
        assert "times the tolerated rate" in told["incidents"][0]["reason"]

    def test_it_draws_the_history_and_the_evidence(self, call: Call, tmp_path: Path) -> None:
        call("replay", "--releases", 10, "--picture", tmp_path / "replay.svg")

        drawn = (tmp_path / "replay.svg").read_text()
        assert drawn.count("Recorded release of") == 2
        assert "rolled back at 100 : 1" in drawn
        assert drawn.count("<rect") == 10

    def test_pods_are_split_whole(self, call: Call) -> None:
        found = call("replay", "--releases", 10, traffic={"service": "shop"})

        assert "note: the pretended candidate was a random part of 3 pods, chosen anew each time" in found.text
        assert "no recorded release of this service was found in that time" in found.text

    def test_a_time_without_samples_is_said(self, call: Call) -> None:
        found = call("replay", "--start", moment(-10 * HOUR), "--end", moment(-8 * HOUR))

        assert found.status == 2
        assert "in that time: check namespace, traffic and target of the release, and that the proxy" in found.err


@pytest.mark.parametrize("command", ["plan", "replay"])
def test_a_service_that_prometheus_does_not_know_is_said_with_what_was_looked_for(command: str, call: Call) -> None:
    found = call(command, traffic={"ingress": "nowhere"})

    assert (found.status, found.out) == (2, "")
    assert f'has no {TRAEFIK}{{service=~"(prod-nowhere-shop-[a-z0-9]+)@kubernetesingressnginx"}}' in found.err
    assert "and no nginx_ingress_controller_requests{" in found.err
    assert found.err.count("\n") == 1


def test_a_long_history_is_read_in_parts_without_losing_or_doubling_a_sample(url: str, tmp_path: Path) -> None:
    subject = subject_from_file(str(write_release(tmp_path)), None)
    metering, prometheus = next(meterings(subject, "Traefik")), Prometheus("test", Endpoint(url=url))

    told = list[tuple[int, int]]()
    history = read_history(
        prometheus, metering.watch(subject, START), START, START + 6 * HOUR, lambda *done: told.append(done)
    )
    prometheus.close()

    assert told == [(1, 3), (2, 3), (3, 3)]
    served = next(one for one in history.series if (one.arm, one.kind) == ("stable", "served"))
    assert [at for at, _ in served.samples] == [START + 15 * number for number in range(6 * 240)]
    assert set(history.groups) == {""}
