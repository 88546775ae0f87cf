"""One tick: what it asks, writes, remembers and arranges. Real client and projection, API server in memory."""

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from headgate.api.release import Release
from headgate.api.status import Status, StepStatus, Summary, Weights
from headgate.cluster.act import Actor
from headgate.cluster.client import Patience
from headgate.cluster.observe import Observer
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import ENTRIES
from headgate.controller.checks import Checks
from headgate.controller.loop import Brain, Loop
from headgate.controller.probes import LONGEST_STALL
from headgate.controller.telemetry import Telemetry
from headgate.release.decision import Decision, Delete, Event, Patch, Ref
from headgate.release.observation import Metrics, Observation, Unknown
from headgate.routing.selector import SelectorRouter
from tests.unit.cluster.manifests import canary_release, deployment, service
from tests.unit.cluster.memory_api import Answer, MemoryApi, MemoryClient, Request, refusal

pytestmark = pytest.mark.looptime

SHOP = Key("prod", "shop")
RELEASE = "/apis/headgate.dev/v1alpha1/namespaces/prod/canaryreleases/shop"
DEPLOYMENT = Ref("apps/v1", "Deployment", "prod", "shop")
PAUSE = Patch(DEPLOYMENT, "merge", {"spec": {"paused": True}})
STATUS_WRITE = "PATCH canaryreleases/shop/status"
ROUTER = SelectorRouter()
EPOCH = 1_700_000_000.0
STEPPING = Status(
    phase="Progressing",
    message="5 % to shop:2",
    step=StepStatus(index=1, of=4, name="weight 5"),
    weights=Weights(stable=95, candidate=5),
    summary=Summary(step="1/4 weight 5", weight="95/5", verdict="NotEnough, ~1,200 requests"),
)


@dataclass(frozen=True)
class Watch:
    key: Key = SHOP
    prometheus: str = "default"
    interval: float = 15.0


@dataclass
class Prometheus:
    found: Metrics = field(default_factory=lambda: Metrics(queries={"saturation": 0.5}))
    hangs: float = 0.0
    forgotten: list[tuple[str, str]] = field(default_factory=list)

    async def read(self, watches: Sequence[Watch], _: float) -> dict[tuple[str, str], Metrics]:
        await asyncio.sleep(self.hangs)
        return {watch.key: self.found for watch in watches}

    def forget(self, key: tuple[str, str]) -> None:
        self.forgotten.append(key)


class Scene:
    """A loop whose decisions a test writes, and all it touches."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.decide: Callable[[Release, Observation], Decision] = lambda release, _: Decision(release.status)
        self.due: Callable[[Status, Status, float], float] = lambda old, new, _: -math.inf if old != new else math.inf
        self.watch: Watch | None = None
        self.prometheus = Prometheus()
        self.decided: list[tuple[Release, Observation]] = []
        self.arranged: list[float] = []
        self.woken: list[Key] = []
        self.ahead = 0.0
        self.events: list[Event] = []
        self.projection = Projection(self.woken.append)
        self.telemetry = Telemetry()
        self.checks: Checks[Watch] = Checks(self.prometheus, self.woken.append, self.now)
        client = MemoryClient(self.api)
        self.loop = Loop(
            Brain(self._decide, self._due, lambda *_: self.watch),
            projection=self.projection,
            check=lambda release: release,
            observer=Observer(
                client, self.projection, lambda _: SelectorRouter(), policies=lambda: True, entries=ENTRIES
            ),
            actor=Actor(client, self.projection, lambda _, event: self.events.append(event)),
            checks=self.checks,
            telemetry=self.telemetry,
            at=lambda _, moment: self.arranged.append(moment - self.now()),
            now=self.now,
        )
        for manifest in (canary_release(), deployment(), service()):
            self.projection.put(self.api.add(manifest))

    def now(self) -> float:
        return EPOCH + asyncio.get_running_loop().time() + self.ahead

    def _decide(self, release: Release, seen: Observation, _: float) -> Decision:
        self.decided.append((release, seen))
        return self.decide(release, seen)

    def _due(self, old: Status, new: Status, written: float) -> float:
        return self.due(old, new, written)

    async def tick(self) -> None:
        self.arranged.clear()
        await self.loop.tick(SHOP)

    def always(self, decision: Decision) -> None:
        self.decide = lambda *_: decision

    def stored_status(self) -> Status:
        return Status.model_validate(self.api.objects[RELEASE].get("status") or {})

    def conditions(self) -> dict[str, str]:
        return {item.type: item.message for item in self.stored_status().conditions if item.status == "True"}


@pytest.fixture
async def scene() -> Scene:
    return Scene()


def on(short: str, answer: Answer) -> Callable[[Request], Answer | None]:
    return lambda request: answer if request.short == short else None


async def test_at_rest_a_tick_costs_no_request_and_arranges_nothing(scene: Scene) -> None:
    await scene.tick()
    assert (scene.api.shorts, scene.arranged) == ([], [])


async def test_a_decision_is_carried_out_and_its_wake_up_arranged(scene: Scene) -> None:
    scene.always(Decision(STEPPING, actions=(PAUSE,), wake_at=scene.now() + 42))
    await scene.tick()
    assert scene.api.shorts == [STATUS_WRITE, "PATCH deployments/shop"]
    assert scene.stored_status() == STEPPING
    assert scene.arranged == [42.0]


async def test_a_decision_that_asks_for_more_is_made_again_with_the_facts(scene: Scene) -> None:
    def decide(release: Release, seen: Observation) -> Decision:
        if isinstance(seen.replica_sets, Unknown):
            return Decision(release.status, look=frozenset({"replica_sets"}))
        return Decision(STEPPING)

    scene.decide = decide
    await scene.tick()
    assert scene.api.shorts == ["GET replicasets", STATUS_WRITE]
    assert len(scene.decided) == 2


async def test_a_decision_that_never_has_enough_facts_is_an_error_that_status_tells(scene: Scene) -> None:
    scene.always(Decision(STEPPING, look=frozenset({"autoscaler"})))
    await scene.tick()
    assert len(scene.decided) == 5
    assert "still asks for autoscaler" in scene.conditions()["Stalled"]


async def test_again_means_at_once(scene: Scene) -> None:
    scene.always(Decision(STEPPING, again=True))
    await scene.tick()
    assert scene.arranged == [0.0]


async def test_asking_for_one_look_after_another_for_ever_is_slowed_down(scene: Scene) -> None:
    scene.always(Decision(STEPPING, again=True))
    for _ in range(51):
        await scene.tick()
    assert scene.arranged == [1.0]


async def test_an_object_that_was_not_as_expected_means_another_look(scene: Scene) -> None:
    scene.always(Decision(STEPPING, actions=(Patch(DEPLOYMENT, "json", [{"op": "test", "path": "/x", "value": 1}]),)))
    await scene.tick()
    assert scene.arranged == [0.0]


async def test_a_status_that_is_not_due_is_remembered_for_the_next_decision(scene: Scene) -> None:
    """Such as since when the endpoints have been ready: lost only in a restart."""
    scene.due = lambda *_: math.inf
    scene.always(Decision(STEPPING))
    await scene.tick()
    scene.decide = lambda release, _: Decision(release.status)
    await scene.tick()
    assert scene.decided[-1][0].status == STEPPING
    assert scene.api.shorts == []


async def test_a_status_that_is_not_due_yet_is_written_when_it_is(scene: Scene) -> None:
    """Else the last word of a release that comes to rest would never be written."""
    moment = scene.now() + 10
    scene.due = lambda *_: moment
    scene.always(Decision(STEPPING))
    await scene.tick()
    assert (scene.api.shorts, scene.arranged) == ([], [10.0])
    await asyncio.sleep(10)
    await scene.tick()
    assert scene.api.shorts == [STATUS_WRITE]


async def test_a_wall_clock_that_is_put_back_silences_no_status(scene: Scene) -> None:
    """Given it ran an hour ahead, then what is not worth a write at once is still written within a minute or two."""
    scene.always(Decision(STEPPING))
    scene.ahead = 3600.0
    await scene.tick()
    scene.ahead = 0.0
    scene.due = lambda _old, _new, written: written + 60
    scene.always(Decision(STEPPING.told(message="5 % to shop:2, again")))
    await scene.tick()
    assert scene.arranged == [60.0]


async def test_a_status_that_someone_else_wrote_counts_more_than_what_is_remembered(scene: Scene) -> None:
    scene.due = lambda *_: math.inf
    scene.always(Decision(STEPPING))
    await scene.tick()
    theirs = Status(phase="Paused", message="by another leader")
    scene.projection.see(scene.api.change(RELEASE, status=theirs.manifest()))
    await scene.tick()
    assert scene.decided[-1][0].status == theirs


async def test_a_status_decided_on_an_old_release_is_decided_again_soon(scene: Scene) -> None:
    scene.always(Decision(STEPPING))
    scene.api.change(RELEASE, spec={**scene.api.objects[RELEASE]["spec"], "suspend": True})
    await scene.tick()
    assert 0 < scene.arranged[0] <= 0.5
    await scene.tick()
    assert scene.decided[-1][0].spec is not None
    assert scene.decided[-1][0].spec.suspend
    assert scene.stored_status() == STEPPING


async def test_what_passes_is_tried_again_with_growing_pauses_and_not_told_at_once(scene: Scene) -> None:
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on("PATCH deployments/shop", refusal(503, "ServiceUnavailable", "etcd is away"))
    pauses = []
    for _ in range(4):
        await scene.tick()
        pauses += scene.arranged
    for number, pause in enumerate(pauses):
        assert 0.5 * 2**number * 0.5 <= pause <= 0.5 * 2**number
    assert scene.conditions() == {}


async def test_what_has_failed_for_long_is_told_and_never_slower_than_once_a_minute(scene: Scene) -> None:
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on("PATCH deployments/shop", refusal(503, "ServiceUnavailable", "etcd is away"))
    for _ in range(12):
        await scene.tick()
    assert scene.conditions() == {"Stalled": "patch Deployment prod/shop failed: etcd is away"}
    assert 30 <= scene.arranged[0] <= 60


async def test_taking_traffic_away_is_tried_again_within_five_seconds_for_ever(scene: Scene) -> None:
    """After a bad verdict nothing may wait a minute."""
    away = Delete(Ref("networking.k8s.io/v1", "Ingress", "prod", "shop-canary"))
    scene.always(Decision(STEPPING, first=(away,)))
    scene.api.fault = on("DELETE ingresses/shop-canary", refusal(500, "InternalError", "no"))
    for _ in range(12):
        await scene.tick()
    assert scene.arranged[0] <= 5


async def test_where_a_candidate_has_traffic_a_failed_look_is_tried_again_within_five_seconds(scene: Scene) -> None:
    """For what it would show is not known: it may be the look that takes the traffic away."""
    scene.projection.see(scene.api.change(RELEASE, status=STEPPING.manifest()))
    scene.always(Decision(STEPPING, look=frozenset({"stable_endpoints"})))
    scene.api.fault = on("GET endpointslices", refusal(500, "InternalError", "no"))
    for _ in range(12):
        await scene.tick()
    assert scene.arranged[0] <= 5


async def test_what_has_failed_for_days_is_still_tried_again(scene: Scene) -> None:
    """The pause grows by doubling: after a thousand failures that is no number any more."""
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on("PATCH deployments/shop", refusal(403, "Forbidden", "policy says no"))
    for _ in range(1100):
        await scene.tick()
    assert 30 <= scene.arranged[0] <= 60


async def test_a_look_whose_every_request_times_out_is_not_taken_for_a_stall(scene: Scene) -> None:
    """Given a webhook that hangs holds up all workers, then a restart by the liveness probe would only cost time."""
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on(STATUS_WRITE, refusal(503, "ServiceUnavailable", "no"))
    for _ in range(5):
        await scene.tick()
    scene.loop._actor._client._patience = Patience()  # noqa: SLF001 (as the operator has it)
    scene.api.latency = 3600
    began = asyncio.get_running_loop().time()
    await scene.tick()
    assert asyncio.get_running_loop().time() - began < LONGEST_STALL


async def test_a_missing_right_is_told_at_once_with_what_to_do(scene: Scene) -> None:
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    message = 'User "x" cannot patch resource "deployments" in API group "apps" in the namespace "prod"'
    scene.api.fault = on("PATCH deployments/shop", refusal(403, "Forbidden", message))
    await scene.tick()
    sentence = (
        "Headgate may not patch deployments.apps in namespace prod:"
        " give its ServiceAccount this right (Role or ClusterRole of the chart)"
    )
    assert scene.conditions() == {"Stalled": sentence}
    assert scene.stored_status().message == sentence
    assert scene.stored_status().phase == "Progressing"


async def test_a_trouble_that_lasts_is_written_once_and_goes_when_it_is_over(scene: Scene) -> None:
    """No flapping between what was decided and what went wrong."""
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on("PATCH deployments/shop", refusal(403, "Forbidden", "policy says no"))
    for _ in range(5):
        await scene.tick()
    assert scene.api.shorts.count(STATUS_WRITE) == 2
    scene.api.fault = lambda _: None
    await scene.tick()
    assert scene.arranged == [0.0]
    await scene.tick()
    assert scene.conditions() == {}
    assert scene.stored_status() == STEPPING


async def test_an_error_of_our_own_does_not_end_the_process(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> Decision:
        raise ZeroDivisionError("x")

    scene.decide = broken
    await scene.tick()
    assert scene.conditions()["Stalled"] == "internal error: ZeroDivisionError('x'): please report it"
    assert "Traceback" in caplog.text
    assert scene.arranged


async def test_a_process_that_leads_no_more_writes_nothing_and_arranges_nothing(scene: Scene) -> None:
    scene.always(Decision(STEPPING, wake_at=scene.now() + 1))
    scene.loop._actor._client._may_write = lambda: False  # noqa: SLF001 (as if the lease were lost just now)
    await scene.tick()
    assert (scene.api.shorts, scene.arranged) == ([], [])


async def test_a_release_that_is_gone_is_forgotten_everywhere(scene: Scene) -> None:
    scene.watch = Watch()
    await scene.tick()
    scene.projection.see(scene.api.change(RELEASE), gone=True)
    await scene.tick()
    assert scene.prometheus.forgotten == [SHOP]
    assert b'headgate_release_weight{name="shop"' not in await scene.telemetry.text()
    assert scene.arranged == []


async def test_the_metrics_of_a_moving_release_are_in_what_is_decided_on(scene: Scene) -> None:
    scene.watch = Watch()
    await scene.tick()
    assert scene.decided[0][1].metrics == scene.prometheus.found
    assert scene.woken[-1] == SHOP
    await scene.checks.close()


async def test_a_hanging_prometheus_does_not_hold_up_a_tick_for_long(scene: Scene) -> None:
    """An abort must go through whatever Prometheus does."""
    scene.watch, scene.prometheus.hangs = Watch(), 3600
    scene.always(Decision(STEPPING))
    await scene.tick()
    assert asyncio.get_running_loop().time() <= 3
    assert scene.decided[0][1].metrics.problem == "Prometheus default has not answered yet"
    assert scene.stored_status() == STEPPING
    await scene.checks.close()


async def test_a_release_that_ends_is_read_no_more(scene: Scene) -> None:
    scene.watch = Watch()
    await scene.tick()
    scene.watch = None
    await scene.tick()
    assert scene.prometheus.forgotten == [SHOP]
    assert scene.decided[-1][1].metrics == Metrics()


async def test_each_transition_is_one_log_line(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scene.always(Decision(STEPPING))
    await scene.tick()
    scene.always(Decision(STEPPING.told(message="5 % to shop:2, again")))
    await scene.tick()
    lines = [record for record in caplog.records if hasattr(record, "to")]
    assert len(lines) == 1
    fields = vars(lines[0])
    assert {key: fields[key] for key in ("release", "from", "to", "step", "weight", "verdict")} == {
        "release": "prod/shop",
        "from": "Idle",
        "to": "Progressing",
        "step": "1/4 weight 5",
        "weight": 5,
        "verdict": "NotEnough, ~1,200 requests",
    }
    assert lines[0].getMessage() == "5 % to shop:2"


async def test_a_transition_is_logged_once_even_if_a_write_after_its_status_fails(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    scene.always(Decision(STEPPING, actions=(PAUSE,)))
    scene.api.fault = on("PATCH deployments/shop", refusal(500, "InternalError", "no"))
    await scene.tick()
    await scene.tick()
    scene.api.fault = lambda _: None
    await scene.tick()
    assert [record.getMessage() for record in caplog.records if hasattr(record, "to")] == ["5 % to shop:2"]


async def test_a_status_is_due_by_when_one_was_last_written(scene: Scene) -> None:
    asked: list[float] = []

    def due(_old: Status, _new: Status, written: float) -> float:
        asked.append(scene.now() - written)
        return -math.inf

    scene.due = due
    scene.always(Decision(STEPPING))
    await scene.tick()
    await asyncio.sleep(30)
    await scene.tick()
    assert asked == [EPOCH, 30.0]
