"""`plan` and `replay` as a person calls them, without a Prometheus."""

import json
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from headgate.cli.main import main
from tests.unit.analysis.releases import FIXED
from tests.unit.cli.conftest import Call, Write

BUSY = ("--rps", 200, "--errors", "0.5%", "--releases", 10)
QUIET = ("--rps", 2, "--errors", "0.5%", "--releases", 10)


class TestPlan:
    def test_a_feasible_release(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(), *BUSY)

        assert (found.status, found.err) == (0, "")
        assert found.out.startswith(
            "prod/shop: 200 requests a second, 0.50% fail\ngiven by hand; 10 simulated releases"
        )
        for words in ("A good version", "1 weight 5", "promotion", "x2 (1.0%)", "x5 (2.5%)", "x20 (10%)"):
            assert words in found.out
        assert "good versions: 100 % promoted; in all " in found.out
        assert "The release is feasible." in found.out

    def test_one_that_is_not_feasible_says_what_to_change(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(steps=FIXED), *QUIET)

        assert found.status == 1
        assert "good versions: 100 % wait for a person" in found.text
        assert "The release is not feasible as it is." in found.text
        assert "set hold.max to " in found.text

    def test_as_json_it_says_the_same(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(steps=FIXED), *QUIET, "-o", "json")

        told = json.loads(found.out)
        assert (found.status, told["feasible"]) == (1, False)
        assert told["good"]["endings"] == {"Waiting": 1.0}
        assert [one["weight"] for one in told["good"]["steps"]] == [5, 25, 50, 100]
        assert {(one["factor"], one["fromStep"]) for one in told["bad"]} == {
            (factor, step) for factor in (2.0, 5.0, 20.0) for step in (1, 2, 3)
        }
        assert told["advice"][0].startswith("step 1 (weight 5): ")

    def test_it_draws_how_soon_a_bad_version_is_found(self, release: Write, call: Call, tmp_path: Path) -> None:
        found = call("plan", "-f", release(), *BUSY, "--picture", tmp_path / "plan.svg")

        assert found.err == f"headgate: picture written to {tmp_path / 'plan.svg'}\n"
        drawn = ET.parse(tmp_path / "plan.svg").getroot()  # noqa: S314 (our own)
        words = {element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")}
        lines = list(drawn.iter("{http://www.w3.org/2000/svg}path"))
        assert {"prod/shop: how soon a bad version is found", "x5: 2.5% fail", "x20: 10% fail", "5 %"} <= words
        assert len(lines) == 3

    def test_slow_requests_are_foreseen_too(self, release: Write, call: Call) -> None:
        path = release(analysis={"latency": {"below": "300ms"}}, steps=[{"setWeight": 50}])

        found = call("plan", "-f", path, *BUSY, "--slow", "0.2%")

        assert "0.50% fail and 0.20% are slow" in found.out
        assert "A version that is slow more often" in found.out

    def test_what_the_numbers_leave_out_is_noted(self, release: Write, call: Call) -> None:
        path = release(
            traffic={"service": "shop"},
            steps=[{"pause": {}}, {"setWeight": 50}],
            analysis={"queries": [{"name": "saturation", "query": "x", "max": 1.0}]},
        )

        text = call("plan", "-f", path, *BUSY).text

        assert "note: without a proxy a weight is the nearest share that whole pods give" in text
        assert "note: queries are taken to stay within their bounds: saturation" in text
        assert "note: pauses that wait for a person take no time here" in text

    @pytest.mark.parametrize(("options", "words"), [
        ((), "say where the traffic is recorded with --prometheus URL, or give it with --rps and --errors"),
        (("--rps", 5, "--prometheus", "http://localhost:9"), "--rps and --prometheus exclude each other: give one"),
        (("--prometheus", "http://localhost:9", "--errors", "1%"), "--errors and --slow go with --rps"),
        (("--prometheus", "localhost:9"), "--prometheus: url must be like http://prometheus.monitoring:9090"),
        (("--prometheus", "http://localhost:9", "--header", "Scope"), "--header must be like X-Scope-OrgID=shop"),
        (("--prometheus", "http://localhost:9", "--end", "2099-01-01T00:00:00Z"), "lies in the future"),
        (("shop", "--rps", 5), "name the release by -f FILE, or by NAME for one in the cluster: one of the two"),
    ])  # fmt: skip
    def test_what_cannot_be_computed_is_said_in_one_sentence(
        self, options: tuple[object, ...], words: str, release: Write, call: Call
    ) -> None:
        found = call("plan", "-f", release(), *options)

        assert (found.status, found.out) == (2, "")
        assert found.err.startswith("headgate: ")
        assert found.err.count("\n") == 1
        assert words in found.err

    def test_a_latency_objective_asks_for_the_share_of_slow_requests(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(analysis={"latency": {"below": "300ms"}}), *BUSY)

        assert "say with --slow which share of requests is slow now" in found.err

    def test_a_release_that_judges_nothing_cannot_be_planned(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(analysis={"enabled": False}), *BUSY)

        assert "spec.analysis.enabled is false: the release judges nothing" in found.err

    def test_a_prometheus_that_is_not_there_is_said(self, release: Write, call: Call) -> None:
        found = call("plan", "-f", release(), "--prometheus", "http://127.0.0.1:9")

        assert found.status == 2
        assert "(http://127.0.0.1:9) refused the connection: is it running?" in found.err

    def test_a_picture_that_cannot_be_written_is_said(self, release: Write, call: Call, tmp_path: Path) -> None:
        found = call("plan", "-f", release(), *BUSY, "--picture", tmp_path / "nowhere" / "plan.svg")

        assert (found.status, found.err.count("can't be written: No such file or directory")) == (2, 1)


class TestReplay:
    @pytest.mark.parametrize(("options", "words"), [
        ((), "say where the history is recorded with --prometheus URL"),
        (("--prometheus", "http://localhost:9", "--start", "5m"), "--start must be at least 10m before --end"),
    ])  # fmt: skip
    def test_what_cannot_be_computed_is_said_in_one_sentence(
        self, options: tuple[object, ...], words: str, release: Write, call: Call
    ) -> None:
        found = call("replay", "-f", release(), *options)

        assert (found.status, found.err) == (2, f"headgate: {words}\n")


@pytest.mark.parametrize(("arguments", "words"), [
    (("plan", "--rps", "many"), "must be a number of requests a second, 0 or more"),
    (("plan", "--rps", -1), "must be a number of requests a second, 0 or more"),
    (("plan", "--errors", "much"), "percentage"),
    (("plan", "--lookback", "1m"), "must be at least 10m: less traffic tells no rate"),
    (("plan", "--releases", 5), "must be a whole number from 10 to 10000"),
    (("replay", "--start", "noon"), "'noon' is neither a moment like 2026-01-31T12:00:00Z nor a time like 24h"),
    (("replay", "--proxy", "HAProxy"), "invalid choice: 'HAProxy'"),
    ((), "the following arguments are required: COMMAND"),
])  # fmt: skip
def test_options_that_cannot_be_read_are_said(arguments: tuple[object, ...], words: str, call: Call) -> None:
    found = call(*arguments)

    assert found.status == 2
    assert words in found.err


def test_as_a_plugin_of_kubectl_it_is_called_so(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/kubectl-headgate"])

    assert call("plan", "--help").out.startswith("usage: kubectl headgate plan ")


def test_kubectl_finds_it_as_its_plugin() -> None:
    """`kubectl headgate` runs the program `kubectl-headgate`, which the package installs."""
    (plugin,) = entry_points(group="console_scripts", name="kubectl-headgate")

    assert plugin.load() is main
