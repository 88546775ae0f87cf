"""An operator that is killed, at any moment, changes no outcome; where a standby waits, it takes over."""

import os
import random
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.manifests import HALF_WAY, NAME, STEPS, Manifest
from tests.e2e.suite import Install
from tests.e2e.watching import Sighting, Watch

pytestmark = pytest.mark.e2e

# How many times the operator is killed in each stage; Adopt may have become Tidy, or be over, when the signal arrives.
KILLS = {"Step": 14, "Fill": 1, "Switch": 1, "Bake": 3, "Adopt": 1}
TAKEOVER = 15.0
# So long a stage lasts at least: longer than a new operator needs to be killed in it.
UNHURRIED = {"ingress": NAME, "settle": "5s"}


@pytest.mark.long
def test_an_operator_killed_at_20_moments_finishes_its_release(install: Install, tmp_path: Path) -> None:
    """The operator is a process here: a pod that dies so often is restarted ever more slowly."""
    shop, headgate = install(replicas=0)
    moments = random.Random(20)
    with headgate.operator(tmp_path) as operator:
        operator.leads()
        shop.opens("v1", steps=[*STEPS, {"pause": {}}], bake="40s")
        operator.signal(signal.SIGKILL)

    killed: list[str] = []
    with shop.under_load():
        shop.ships("v2")
        for stage in (stage for stage, times in KILLS.items() for _ in range(times)):
            headgate.forget_leader()
            with headgate.operator(tmp_path) as operator:
                operator.leads()
                if stage == "Fill":
                    shop.reaches("Paused")
                    shop.asks("approve")
                if stage == "Adopt":
                    shop.edits_release(bake="1s")
                assert shop.releases.first(partial(_is_in, stage), after=0, within=60), f"never in {stage}"
                time.sleep(moments.uniform(0, 0.3 if stage == "Adopt" else 1))
                killed.append(_stage_of(shop.release()))
                operator.signal(signal.SIGKILL)
        left_at = shop.release()["status"]["phase"]
        headgate.forget_leader()
        with headgate.operator(tmp_path) as operator:
            shop.operator_log = operator.log
            shop.reaches("Succeeded")
            # An event follows the status that it tells of: one who died in between has left none.
            if left_at != "Succeeded":
                shop.kubectl.until("the end is told", lambda: "Promoted" in shop.event_reasons())
    assert Counter("Adopt" if stage in {"Tidy", "none"} else stage for stage in killed) == KILLS
    assert shop.weights() == [20, 50, 100, 0]
    assert shop.pins() == ["any", "v1", "v2", "any"]
    promoted = shop.event_reasons().count("Promoted")
    assert promoted == 1 or (promoted, left_at) == (0, "Succeeded")
    assert "TrafficDrift" not in shop.event_reasons()
    assert shop.leftovers() == []


def _stage_of(release: Manifest) -> str:
    """The stage of a release that moves, else `none`."""
    stage: str = ((release.get("status") or {}).get("progress") or {"stage": "none"})["stage"]
    return stage


def _is_in(stage: str, one: Sighting) -> bool:
    return _stage_of(one.object) == stage


def test_the_standby_takes_over_in_mid_release(install: Install) -> None:
    shop, headgate = install(replicas=2)
    leases = Watch(shop.lab, f"/apis/coordination.k8s.io/v1/namespaces/{headgate.namespace}/leases")
    shop.opens("v1", steps=HALF_WAY)
    with shop.under_load():
        shop.ships("v2")
        shop.reaches("Progressing", weight=50)
        leader = holder_in(headgate.kubectl.get("lease", "headgate"))
        kill_pod_process(leader)
        killed_at = time.time()
        taken = leases.first(lambda one: holder_in(one.object) not in {"", leader}, after=0, within=60)
        assert taken is not None
        print(f"the standby led {taken.at - killed_at:.1f} s after the leader was killed")
        assert taken.at - killed_at <= TAKEOVER
        assert pod_of(holder_in(taken.object)) != pod_of(leader)
        shop.reaches("Paused")
        shop.asks("approve")
        shop.reaches("Succeeded")
    leases.close()
    assert shop.weights() == [50, 100, 0]
    shop.kubectl.until("the end is told", lambda: "Promoted" in shop.event_reasons())
    assert shop.event_reasons().count("Promoted") == 1


def holder_in(lease: Manifest) -> str:
    """The identity of the leader; empty when there is none."""
    identity: str = lease["spec"].get("holderIdentity", "")
    return identity


def pod_of(identity: str) -> str:
    return identity.rpartition("_")[0]


def kill_pod_process(identity: str) -> None:
    """SIGKILL to the operator in a pod: deleting the pod would let it end in good order."""
    mark = f"POD_NAME={pod_of(identity)}".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            found = mark in environment.read_bytes().split(b"\0")
        except OSError:  # it ended while we looked
            continue
        if found:
            os.kill(int(environment.parent.name), signal.SIGKILL)
            return
    raise AssertionError(f"no process of pod {pod_of(identity)} on this machine")
