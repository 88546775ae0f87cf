"""The words that scenarios are told in: a shop in its own namespace, its customers, what is seen of a release."""

import itertools
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from lab.handle import Lab
from tests.cluster.admission.kubectl import Kubectl, dry_run_is_held, paused
from tests.e2e import manifests
from tests.e2e.manifests import NAME, Manifest
from tests.e2e.traffic import SLACK, Totals, Traffic
from tests.e2e.watching import Sighting, Watch
from tests.routes import weight_in

CANARY = f"{NAME}-canary"
PATIENCE = 90.0
PIN = "pod-template-hash"
Entry = Literal["ingress", "httpRoute", "service"]
_ENDS = frozenset({"Succeeded", "RolledBack"})


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect."""

    def redirect_request(self, *_: object) -> None:
        return None


# The environment's proxies do not lead to the lab.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())


@dataclass(repr=False)
class Shop:
    """A Deployment, a Service, a way in and a CanaryRelease, all called `shop`, alone in their namespace."""

    lab: Lab
    kubectl: Kubectl
    folder: Path
    operator_log: Callable[[], str]
    """What the operator that serves the namespace has logged about it."""
    policies: bool = True
    """Whether the admission policies act in the namespace."""
    tool: tuple[str, ...] = ("--server-side", "--force-conflicts", "--field-manager=shop")
    """How manifests are applied: the options of `kubectl apply`."""
    customers: list[Traffic] = field(default_factory=list)
    changed_at: int = 0
    """The resourceVersion of the last change or of the last status that was waited for: what is newer is news."""
    _watches: dict[str, Watch] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.kubectl.namespace

    @property
    def host(self) -> str:
        return f"{self.namespace}.test"

    # Given

    def opens(self, version: str = "v1", *, replicas: int = 2, entry: Entry = "ingress", **spec: Any) -> None:
        """The shop serves a version, and its release is at rest."""
        self.serves(version, replicas=replicas, entry=entry)
        named: Manifest = {} if entry == "service" else {entry: NAME}
        self.has_release(**{"traffic": {**named, "settle": manifests.SETTLE}, **spec})

    def serves(self, version: str, *, replicas: int = 2, entry: Entry = "ingress") -> None:
        """The shop serves a version; there is no release."""
        self.closes_down("--cascade=foreground")
        ways = {"ingress": manifests.ingress, "httpRoute": manifests.http_route}
        made = [ways[entry](self.host)] if entry in ways else []
        self.apply(manifests.deployment(version, replicas), manifests.service(), *made)
        self.rolls_out()
        served = self._is_reached if entry == "service" else self._is_served
        self.kubectl.until("the proxy leads to the shop", served)

    def has_release(self, **spec: Any) -> None:
        """A CanaryRelease watches over the Deployment, and has seen what serves."""
        for watch in (self.releases, self.ingresses, self.http_routes, self.services):
            watch.objects()
        self.changes(manifests.release(**spec))
        self.reaches("Idle")
        if self.policies:
            self.kubectl.until("a changed template is held", lambda: dry_run_is_held(self.kubectl))

    @contextmanager
    def under_load(self, *, failing: Iterable[str] = (), address: str = "", **shape: Any) -> Iterator[Traffic]:
        """More than a hundred customers a second, or what `shape` says, through the proxy or to a ClusterIP.

        At the end not one request may be lost, and no version but the `failing` ones may have answered with an error.
        """
        log = self.folder / f"lost-{len(self.customers)}.log"
        if address:
            traffic = Traffic.to_service(self.lab, address, log, **shape)
        else:
            traffic = Traffic.through_proxy(self.lab, self.host, log, **shape)
        self.customers.append(traffic)
        traffic.until("the first answers are in", lambda totals: bool(totals.answers))
        yield traffic
        totals = traffic.stop()
        print(f"{self.namespace}: {describe(totals, traffic.rate)}")
        assert totals.lost == 0, traffic.losses()
        assert totals.failed() <= set(failing), describe(totals, traffic.rate)
        enough = traffic.rate * SLACK * traffic.seconds
        assert totals.sent >= enough, f"{totals.sent} requests in {traffic.seconds:.0f} s are no load"

    # When

    def apply(self, *made: Manifest) -> list[Manifest]:
        """Manifests are applied by the shop's tool; returns the objects as they are then."""
        answer = self.kubectl("apply", *self.tool, "-o", "json", manifest=list(made)).object
        items: list[Manifest] = answer["items"] if answer["kind"] == "List" else [answer]
        return items

    def changes(self, *made: Manifest) -> None:
        """Manifests are applied; what comes after is waited for."""
        self._note(*self.apply(*made))

    def ships(self, version: str, *, replicas: int = 2, **behaviour: str) -> None:
        """A version goes into git and is applied."""
        self.changes(manifests.deployment(version, replicas, **behaviour))

    def asks(self, action: str, by: Kubectl | None = None) -> None:
        """Someone, or the administrator, asks for an action."""
        annotate = ["annotate", "crel", NAME, f"headgate.dev/action={action}", "-o", "json"]
        self._note((by or self.kubectl)(*annotate).object)

    def misbehaves(self, version: str, **behaviour: str) -> None:
        """The pods of a version that run begin to behave otherwise: error, path, latency, slow, slow-latency."""
        for pod in self.pods(version):
            place = f"/api/v1/namespaces/{self.namespace}/pods/{pod}:8080/proxy/fault?{urlencode(behaviour)}"
            self.kubectl("create", "--raw", place, manifest=[])

    def edits_release(self, **spec: Any) -> None:
        """The spec of the release changes."""
        self._note(self.kubectl.patch("crel", NAME, {"spec": spec}))

    def deletes_release(self) -> None:
        """The CanaryRelease is deleted; returns when it is gone."""
        self.kubectl("delete", "crel", NAME, "--timeout=90s")

    def _note(self, *changed: Manifest) -> None:
        self.changed_at = max(int(item["metadata"]["resourceVersion"]) for item in changed)

    # Then

    def reaches(self, phase: str, *, within: float = PATIENCE, **like: Any) -> Manifest:
        """The first status since the last change that has this phase and is `like` that; waits for it.

        `like` may name weight (of the candidate), step (its index), reason (of the conditions), stage and image (of the
        candidate).
        """

        def ended_otherwise(status: Manifest) -> bool:
            return phase in _ENDS and status.get("phase") in _ENDS - {phase}

        def holds(one: Sighting) -> bool:
            status = one.object.get("status") or {}
            return ended_otherwise(status) or (status.get("phase") == phase and like.items() <= facts(status).items())

        found = self.releases.first(holds, after=self.changed_at, within=within)
        wanted = f"{phase} {like or ''}"
        assert found is not None, f"after {within:.0f} s not {wanted}:\n{self.summary()}"
        assert not ended_otherwise(found.object["status"]), f"ended otherwise than {wanted}:\n{self.summary()}"
        self.changed_at = found.version
        status: Manifest = found.object["status"]
        return status

    def rolls_out(self) -> None:
        """Returns when the Deployment has rolled out by itself, and its old pods are gone."""
        self.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")

    @property
    def releases(self) -> Watch:
        """All versions of the CanaryRelease, from the first call on."""
        return self.watch("headgate.dev/v1alpha1", "canaryreleases")

    @property
    def ingresses(self) -> Watch:
        return self.watch("networking.k8s.io/v1", "ingresses")

    @property
    def http_routes(self) -> Watch:
        return self.watch("gateway.networking.k8s.io/v1", "httproutes")

    @property
    def services(self) -> Watch:
        return self.watch("v1", "services")

    def watch(self, group_version: str, plural: str) -> Watch:
        """All versions of the objects of a kind, from the first call on."""
        if plural not in self._watches:
            root = "/apis" if "/" in group_version else "/api"
            self._watches[plural] = Watch(self.lab, f"{root}/{group_version}/namespaces/{self.namespace}/{plural}")
        return self._watches[plural]

    def weights(self) -> list[int]:
        """The candidate's weights, one after the other, as its own route had them; 0 when that was deleted."""
        return _steady(
            0 if one.type == "DELETED" else weight_in(one.object)
            for routes in (self.ingresses, self.http_routes)
            for one in routes.sightings
            if one.object["metadata"]["name"] == CANARY
        )

    def pins(self) -> list[str]:
        """What the user's Service led to, one after the other: the image of the pinned version, or `any`."""
        images = self._images()
        selectors = (one["spec"]["selector"] for one in self.services.objects(NAME))
        return _steady(images.get(selector[PIN], selector[PIN]) if PIN in selector else "any" for selector in selectors)

    def _images(self) -> dict[str, str]:
        """The images of all versions that a status has named, by their pod-template-hashes."""
        statuses = [release.get("status") or {} for release in self.releases.objects()]
        versions = [status[arm] for status in statuses for arm in ("stable", "candidate") if status.get(arm)]
        return {version["revision"]: version["image"].rpartition(":")[2] for version in versions}

    def release(self) -> Manifest:
        """The CanaryRelease as it is now."""
        return self.kubectl.get("crel", NAME)

    def pods(self, version: str) -> set[str]:
        """The names of a version's pods that are not on their way out."""
        found = self.kubectl("get", "pods", "-o", "json").object["items"]
        image = f"{manifests.REPOSITORY}:{version}"
        return {
            pod["metadata"]["name"]
            for pod in found
            if "deletionTimestamp" not in pod["metadata"] and pod["spec"]["containers"][0]["image"] == image
        }

    def is_held(self) -> bool:
        """Whether the Deployment is paused."""
        return paused(self.kubectl.get("deployment", NAME))

    def address(self) -> str:
        """The ClusterIP of the user's Service."""
        address: str = self.kubectl.get("service", NAME)["spec"]["clusterIP"]
        return address

    def events(self) -> list[Manifest]:
        """The events about the release, oldest first."""
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        found: list[Manifest] = self.kubectl("get", "--raw", path).object["items"]
        return sorted(
            (item for item in found if item["regarding"]["kind"] == "CanaryRelease"), key=lambda item: item["eventTime"]
        )

    def event_reasons(self) -> list[str]:
        """The reasons of these events; one that came n times stands n times."""
        return [one["reason"] for one in self.events() for _ in range((one.get("series") or {}).get("count", 1))]

    def tells(self, *reasons: str) -> None:
        """The events about the release come to have these reasons and no other: they are written after the status."""
        deadline = time.monotonic() + PATIENCE
        while self.event_reasons() != list(reasons) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert self.event_reasons() == list(reasons)

    def leftovers(self) -> list[str]:
        """What is there of Headgate beside the release: its objects, a pin, its name in the users' managedFields."""
        kinds = "deployments,replicasets,pods,services,ingresses,httproutes,endpointslices"
        found = self.kubectl("get", kinds, "-l", "headgate.dev/release", "-o", "name").output.split()
        users = ["get", "deployments,services,ingresses,httproutes,hpa", "-o", "json", "--show-managed-fields"]
        for item in self.kubectl(*users).object["items"]:
            title = f"{item['kind']}/{item['metadata']['name']}"
            found += [f"{title}: pinned"] if PIN in (item["spec"].get("selector") or {}) else []
            managers = {entry["manager"] for entry in item["metadata"]["managedFields"]}
            found += [f"{title}: managed by headgate"] if "headgate" in managers else []
        return found

    # for people

    def summary(self) -> str:
        """The status in a few lines."""
        status = self.release().get("status") or {}
        return f"{status.get('phase')}: {status.get('message')}\n{status.get('summary')} {facts(status)}"

    def told(self) -> str:
        """Everything a person needs who was not there."""
        parts = [
            ("statuses", "\n".join(self._story())),
            ("events", self._shown("get", "events", "--sort-by=.metadata.creationTimestamp")),
            (
                "objects",
                self._shown(
                    "get", "deploy,rs,pods,svc,ingress,httproute,endpointslices", "-o", "wide", "--show-labels"
                ),
            ),
            ("release", self._shown("get", "crel", NAME, "-o", "yaml")),
            ("operator", self.operator_log()),
            *((f"load {number}", traffic.losses()) for number, traffic in enumerate(self.customers)),
        ]
        return "\n".join(f"--- {title}\n{text}" for title, text in parts)

    def _story(self) -> Iterator[str]:
        """One line for each change of phase, step, weight or stage."""
        last: tuple[Any, ...] = ()
        for one in self.releases.sightings:
            status = one.object.get("status") or {}
            now = (status.get("phase"), *facts(status).values())
            if now != last:
                yield f"{time.strftime('%H:%M:%S', time.gmtime(one.at))} {now} {status.get('message')}"
            last = now

    def _shown(self, *arguments: str) -> str:
        answer = self.kubectl.tried(*arguments)
        return answer.output + answer.error

    def close(self) -> None:
        """End what still runs."""
        for traffic in self.customers:
            traffic.stop()
        for watch in self._watches.values():
            watch.close()

    def closes_down(self, *options: str) -> None:
        """Nothing is left in the namespace; `options` are for `kubectl delete`."""
        self.kubectl("delete", "crel", "--all", "--timeout=60s")
        self.kubectl("delete", "deployments,replicasets,services,ingresses,httproutes,hpa,events", "--all", *options)

    def _is_reached(self) -> bool:
        """Whether kube-proxy leads to the shop, whose pods have been ready for a moment."""
        log = self.folder / "first.log"
        return Traffic.to_service(self.lab, self.address(), log, length="100ms").ended().lost == 0

    def _is_served(self) -> bool:
        _, headers = self.answer()
        return headers["X-Version"] is not None

    def answer(self, **headers: str) -> tuple[int, Message]:
        """Status and headers of one answer through the proxy."""
        request = urllib.request.Request(f"{self.lab.proxy_url}/", headers={"Host": self.host, **headers})  # noqa: S310
        try:
            with _DIRECT.open(request, timeout=5) as answer:
                return answer.status, answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers


def describe(totals: Totals, rate: float) -> str:
    """`3,600 requests at 120/s, 0 lost: v1 200 3,000, v2 200 590, v2 500 10`."""
    answers = ", ".join(f"{version} {status} {count:,}" for (version, status), count in sorted(totals.answers.items()))
    return f"{totals.sent:,} requests at {rate:g}/s, {totals.lost} lost: {answers}"


def facts(status: Manifest) -> dict[str, Any]:
    """What `reaches` can ask for, beside the phase."""
    conditions = status.get("conditions") or [{}]
    return {
        "weight": (status.get("weights") or {}).get("candidate"),
        "step": (status.get("step") or {}).get("index"),
        "reason": conditions[0].get("reason"),
        "stage": (status.get("progress") or {}).get("stage"),
        "image": (status.get("candidate") or {}).get("image"),
    }


def _steady(values: Iterable[Any]) -> list[Any]:
    """The values without repetitions."""
    return [value for value, _ in itertools.groupby(values)]
