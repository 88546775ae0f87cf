"""What the shell relies on in a real API server; the one in memory (tests/unit/cluster) claims the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from headgate.api.fields import Manifest
from headgate.api.names import RELEASE_LABEL
from headgate.api.release import read_release
from headgate.api.status import Status
from headgate.cluster.act import Actor, StaleError
from headgate.cluster.client import ApiError, KubeClient, connect, ref_of
from headgate.cluster.events import Recorder
from headgate.cluster.policies import find_policies
from headgate.cluster.projection import Projection
from headgate.cluster.resources import SERVICES
from headgate.release.decision import Event, Ref
from headgate.release.reasons import Reason
from tests.cluster.shell.conftest import Bench

pytestmark = pytest.mark.cluster


@dataclass
class Scene:
    """The administrator's client in a fresh namespace."""

    bench: Bench
    client: KubeClient

    def service(self, name: str = "shop-canary", selector: str = "ours", **metadata: object) -> Manifest:
        return {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": self.bench.namespace, **metadata},
            "spec": {"selector": {"app": selector}, "ports": [{"port": 80, "protocol": "TCP"}]},
        }

    async def release(self) -> Manifest:
        return await self.client.create(self.bench.release())

    async def refusal(self, request: object) -> ApiError:
        with pytest.raises(ApiError) as caught:
            await request  # type: ignore[misc]
        return caught.value


@pytest.fixture
async def scene(bench: Bench) -> AsyncIterator[Scene]:
    api = await connect(str(bench.cluster.lab.kubeconfig))
    yield Scene(bench, KubeClient(api))
    await api.close()


async def test_a_status_is_replaced_whole_and_an_old_version_is_a_conflict(scene: Scene) -> None:
    release = await scene.release()
    projection = Projection(lambda _: None)
    actor = Actor(scene.client, projection, lambda *_: None)
    first, version = read_release(release), release["metadata"]["resourceVersion"]
    await actor.write_status(first, Status(phase="Idle", rejected="abc", message="one"), version)
    second = await scene.client.get(ref_of(release))
    assert second["status"]["rejected"] == "abc"
    with pytest.raises(StaleError):
        await actor.write_status(first, Status(phase="Succeeded"), version)
    await actor.write_status(first, Status(phase="Succeeded", message="two"), second["metadata"]["resourceVersion"])
    third = await scene.client.get(ref_of(release))
    assert (third["status"]["phase"], third["status"]["message"]) == ("Succeeded", "two")
    assert "rejected" not in third["status"]
    assert third["spec"] == release["spec"]


async def test_the_status_of_a_release_that_is_gone_is_404(scene: Scene) -> None:
    release = scene.bench.release()
    release["status"] = {"phase": "Idle"}
    refused = await scene.refusal(scene.client.apply(release, subresource="status"))
    assert (refused.status, refused.reason) == (404, "NotFound")


async def test_a_namesake_is_a_conflict_without_force_and_our_own_object_is_none(scene: Scene) -> None:
    scene.bench.apply(scene.service("theirs", "theirs"))
    refused = await scene.refusal(scene.client.apply(scene.service("theirs"), force=False))
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert 'conflict with "kubectl"' in refused.message
    await scene.client.apply(scene.service("ours"), force=False)
    await scene.client.apply(scene.service("ours", "changed"), force=False)
    scene.bench.apply(scene.service("ours", "edited by hand"[:6]))
    back = await scene.client.apply(scene.service("ours", "changed"))
    assert back["spec"]["selector"] == {"app": "changed"}


async def test_a_patch_that_does_not_fit_is_told_apart_from_one_that_makes_the_object_invalid(scene: Scene) -> None:
    service = await scene.client.create(scene.service())
    ref = ref_of(service)
    test = {"op": "test", "path": "/metadata/uid", "value": "another"}
    for patch in ([test], [{"op": "remove", "path": "/metadata/ownerReferences"}]):
        assert (await scene.refusal(scene.client.json_patch(ref, patch))).reason == "PatchFailed"
    invalid = [{"op": "replace", "path": "/spec/ports/0/port", "value": 99999}]
    assert (await scene.refusal(scene.client.json_patch(ref, invalid))).reason == "Invalid"
    fits = [
        {**test, "value": service["metadata"]["uid"]},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
    ]
    assert (await scene.client.json_patch(ref, fits))["metadata"]["labels"] == {"a": "b"}


async def test_a_merge_patch_takes_away_one_key_and_leaves_the_others(scene: Scene) -> None:
    """The pin of a Service is set and taken away like this."""
    ref = ref_of(await scene.client.create(scene.service()))
    pinned = await scene.client.merge_patch(ref, {"spec": {"selector": {"pod-template-hash": "abc"}}})
    assert pinned["spec"]["selector"] == {"app": "ours", "pod-template-hash": "abc"}
    freed = await scene.client.merge_patch(ref, {"spec": {"selector": {"pod-template-hash": None}}})
    assert freed["spec"]["selector"] == {"app": "ours"}
    gone = Ref("v1", "Service", scene.bench.namespace, "gone")
    assert (await scene.refusal(scene.client.merge_patch(gone, {}))).status == 404


async def test_a_deletion_is_of_that_very_object_and_its_answer_says_whether_it_lingers(scene: Scene) -> None:
    service = await scene.client.create(scene.service())
    ref = ref_of(service)
    assert (await scene.refusal(scene.client.delete(ref, uid="another"))).status == 409
    answer = await scene.client.delete(ref, uid=service["metadata"]["uid"])
    assert not (answer.get("metadata") or {}).get("deletionTimestamp")
    assert (await scene.refusal(scene.client.get(ref))).status == 404
    assert (await scene.refusal(scene.client.delete(ref))).status == 404
    await scene.client.create(scene.service(finalizers=["example.com/wait"]))
    assert (await scene.client.delete(ref))["metadata"]["deletionTimestamp"]
    await scene.client.merge_patch(ref, {"metadata": {"finalizers": None}})


async def test_the_same_object_cannot_be_made_twice(scene: Scene) -> None:
    await scene.client.create(scene.service())
    assert (await scene.refusal(scene.client.create(scene.service()))).reason == "AlreadyExists"


async def test_lists_come_in_pages_and_by_label(scene: Scene) -> None:
    for number in range(3):
        await scene.client.create(scene.service(f"shop-{number}", labels={RELEASE_LABEL: f"r{number % 2}"}))
    paged = await scene.client.list_all(SERVICES, scene.bench.namespace, limit=1)
    assert [item["metadata"]["name"] for item in paged] == ["shop-0", "shop-1", "shop-2"]
    assert {(item["kind"], item["apiVersion"]) for item in paged} == {("Service", "v1")}
    labelled = await scene.client.list_all(SERVICES, scene.bench.namespace, labels=f"{RELEASE_LABEL}=r0")
    assert [item["metadata"]["name"] for item in labelled] == ["shop-0", "shop-2"]


async def test_a_missing_right_is_told_in_a_sentence(scene: Scene) -> None:
    api = await connect(str(scene.bench.cluster.lab.kubeconfig_of("alice")))
    refused = await scene.refusal(KubeClient(api).get(Ref("apps/v1", "Deployment", scene.bench.namespace, "shop")))
    await api.close()
    assert refused.message == (
        f"Headgate may not get deployments.apps in namespace {scene.bench.namespace}:"
        " give its ServiceAccount this right (Role or ClusterRole of the chart)"
    )


async def test_events_and_their_series_are_accepted_and_shown_by_kubectl(scene: Scene) -> None:
    release = read_release(await scene.release())
    recorder = Recorder(scene.client, "operator-1")
    sending = asyncio.create_task(recorder.serve())
    recorder.record(release, Event(Reason.BAD, "errors: candidate 12 of 480"))
    await recorder.flush(10)
    recorder.record(release, Event(Reason.BAD, "errors: candidate 12 of 480"))
    await recorder.flush(10)
    sending.cancel()
    listed = scene.bench.cluster.items("events", release.namespace)
    events = [item for item in listed if item["involvedObject"]["kind"] == "CanaryRelease"]
    assert [(item["reason"], item["type"], item["message"], item["series"]["count"]) for item in events] == [
        ("Bad", "Warning", "errors: candidate 12 of 480", 2)
    ]
    described = scene.bench.cluster.kubectl("describe", "canaryrelease", "shop", "-n", release.namespace)
    assert "errors: candidate 12 of 480" in described, json.dumps(events)


async def test_the_charts_policies_are_found_by_who_may_look(scene: Scene) -> None:
    assert await find_policies(scene.client) is True
    api = await connect(str(scene.bench.kubeconfig(scene.bench.cluster.token())))
    assert await find_policies(KubeClient(api)) is False
    await api.close()
