"""The surroundings of a release as one value: from the projection, and by a request for what is looked up rarely."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Any

from headgate.api.fields import Manifest
from headgate.api.release import Release
from headgate.api.spec import Spec
from headgate.cluster.client import ApiError, KubeClient
from headgate.cluster.projection import Key, Projection
from headgate.cluster.resources import AUTOSCALERS, ENDPOINT_SLICES, ENTRIES, REPLICA_SETS, Resource
from headgate.release.decision import Fact
from headgate.release.observation import Observation
from headgate.routing.naming import candidate_service
from headgate.routing.route import Router
from headgate.workloads.autoscaler import autoscaler_among
from headgate.workloads.endpoints import read_endpoint_slice, ready_pods
from headgate.workloads.replica_set import ReplicaSet, read_replica_set


class Observer:
    """Looks at releases. `entries` are the kinds of ways in that are watched at all."""

    def __init__(
        self,
        client: KubeClient,
        projection: Projection,
        router_for: Callable[[Spec | None], Router],
        *,
        policies: Callable[[], bool],
        entries: Collection[Resource],
    ) -> None:
        self._client = client
        self._projection = projection
        self._router_for = router_for
        self._policies = policies
        self._unwatched = {resource.kind for resource in ENTRIES if resource not in entries}

    async def observe(self, release: Release) -> Observation:
        """What is around a release. Costs a request only for what it names and no list has told of."""
        key, spec, seen = Key(release.namespace, release.name), release.spec, self._projection
        if spec is None:
            return Observation(self._router_for(None), policies=self._policies())
        await self._learn(key)
        service, entry = release.entrances
        return Observation(
            router=self._router_for(spec),
            target=seen.deployment(release.namespace, spec.target_ref.name),
            service=seen.service(release.namespace, service),
            entry=seen.entry(release.namespace, entry),
            candidate=_candidate_of(release, seen.replica_sets(key)),
            ours=tuple(seen.manifests(key)),
            endpoints=ready_pods(seen.endpoint_slices(key), candidate_service(service)),
            rivals=tuple(seen.rivals(key)),
            policies=self._policies(),
        )

    async def look(self, release: Release, observation: Observation, facts: Iterable[Fact]) -> Observation:
        """The observation with some facts looked up, all at once."""
        wanted = tuple(facts)
        found = await asyncio.gather(*(self._look(release, observation, fact) for fact in wanted))
        changes: dict[str, Any] = dict(zip(wanted, found, strict=True))
        return replace(observation, **changes)

    async def _look(self, release: Release, observation: Observation, fact: Fact) -> Any:  # noqa: ANN401 (any fact)
        match fact:
            case "replica_sets":
                return await self._replica_sets(release, observation)
            case "stable_endpoints":
                return await self._ready_pods(release.namespace, release.entrances[0])
            case "autoscaler":
                manifests = await self._client.list_all(AUTOSCALERS, release.namespace)
                return autoscaler_among(manifests, observation.target.name if observation.target else "") or "none"

    async def _learn(self, key: Key) -> None:
        for ref in self._projection.unknown(key):
            if ref.kind in self._unwatched:
                continue
            try:
                self._projection.put(await self._client.get(ref))
            except ApiError as error:
                if error.status != 404:
                    raise
                self._projection.absent(ref)

    async def _replica_sets(self, release: Release, observation: Observation) -> tuple[ReplicaSet, ...]:
        if observation.target is None:
            return ()
        labels = selector_text(observation.target.selector)
        manifests = await self._client.list_all(REPLICA_SETS, release.namespace, labels=labels)
        return tuple(read_replica_set(manifest) for manifest in manifests)

    async def _ready_pods(self, namespace: str, service: str) -> frozenset[str]:
        labels = f"kubernetes.io/service-name={service}"
        manifests = await self._client.list_all(ENDPOINT_SLICES, namespace, labels=labels)
        return ready_pods((read_endpoint_slice(manifest) for manifest in manifests), service)


def selector_text(selector: Manifest) -> str:
    """A label selector in the form of a query parameter: `app=shop,tier in (web,edge),!canary`."""
    terms = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        match expression["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
    return ",".join(terms)


def _candidate_of(release: Release, replica_sets: list[ReplicaSet]) -> ReplicaSet | None:
    """The ReplicaSet of the release's candidate; one that was left behind where there is none."""
    wanted = release.status.candidate.revision if release.status.candidate else None
    return max(replica_sets, key=lambda item: (item.revision == wanted, item.name), default=None)
