"""What the surroundings of a release must be: each problem is one sentence that says what to change."""

from collections.abc import Iterator

from headgate.release.observation import Observation, Unknown
from headgate.release.tick import Tick
from headgate.routing.application import LONGEST_TARGET, counters_of
from headgate.routing.naming import candidate_service
from headgate.routing.route import Backend, Route
from headgate.workloads.deployment import Deployment

_LONGEST_NAME = 63


def problem_of(tick: Tick) -> str:
    """The first reason why this release cannot run as its surroundings are; empty when it can."""
    return next(_problems(tick), "")


def _problems(tick: Tick) -> Iterator[str]:
    release, seen = tick.release, tick.seen
    if release.problem:
        yield release.problem
        return
    if len(release.name) > _LONGEST_NAME:
        yield f"the name {release.name} is too long for a label: {_LONGEST_NAME} characters is the most"
    name = tick.spec.target_ref.name
    if seen.target is None:
        yield f"deployment {name} not found in namespace {release.namespace}: create it, or correct spec.targetRef.name"
        return
    yield from _target_problems(seen.target, seen)
    yield from _meter_problems(tick, seen.target)
    yield from _service_problems(tick, seen.target)
    yield from _entry_problems(tick)


def _target_problems(target: Deployment, seen: Observation) -> Iterator[str]:
    if seen.rivals:
        yield f"deployment {target.name} or its service belongs to canaryrelease {seen.rivals[0]}: delete one of them"
    if target.recreate:
        yield (
            f"deployment {target.name} has strategy Recreate, so two versions may not run side by side:"
            f" set spec.strategy.type to RollingUpdate"
        )
    if not isinstance(seen.replica_sets, Unknown):
        foreign = next((item for item in seen.replica_sets if item.release and item.owner != target.uid), None)
        if foreign is not None and foreign != seen.candidate:
            yield (
                f"deployment {target.name} selects pods of canaryrelease {foreign.release}'s candidate:"
                f" give the two deployments different labels"
            )


def _meter_problems(tick: Tick, target: Deployment) -> Iterator[str]:
    by_pods = tick.seen.router.by_pods or counters_of(tick.spec.analysis) is not None
    if tick.spec.analysis.enabled and by_pods and len(target.name) > LONGEST_TARGET:
        yield (
            f"the name of deployment {target.name} has more than {LONGEST_TARGET} characters, so the names of its pods"
            f" don't tell two versions apart: judge by an ingress's counters, or set spec.analysis.enabled to false"
        )


def _service_problems(tick: Tick, target: Deployment) -> Iterator[str]:
    name, service = tick.service, tick.seen.service
    if service is None:
        yield f"service {name} not found in namespace {target.namespace}: create it, or set spec.traffic.service"
        return
    if service.external or not service.selector:
        yield f"service {name} has no selector: it must select the pods of deployment {target.name}"
        return
    if not service.ports:
        yield f"service {name} has no ports: add the port its clients use"
    if service.release:
        yield f"service {name} is the candidate's service of canaryrelease {service.release}: name the user's service"
    labels = (target.template.get("metadata") or {}).get("labels") or {}
    missing = next((f"{key}={value}" for key, value in service.selector if labels.get(key) != value), None)
    if missing:
        yield f"service {name} selects {missing}, which the pods of deployment {target.name} do not carry"
    pin, ours = service.pin, _pins_of(tick)
    if pin is not None and pin not in ours:
        yield f"service {name} selects pod-template-hash={pin} itself: remove it, Headgate sets it during a release"


def _pins_of(tick: Tick) -> set[str]:
    """The pod-template-hashes that a pin of ours can have been set to."""
    status = tick.status
    known = {record.revision for record in status.history}
    known |= {version.revision for version in (status.stable, status.candidate) if version}
    return known | ({status.held.pod_template_hash} if status.held.pod_template_hash else set())


def _entry_problems(tick: Tick) -> Iterator[str]:
    release, entry = tick.release, tick.spec.traffic.entry
    if entry is not None and tick.seen.entry is None:
        yield (
            f"{entry.kind.lower()} {entry.name} not found in namespace {release.namespace}:"
            f" create it or correct spec.traffic.{tick.seen.router.name}"
        )
        return
    yield from tick.seen.router.problems(
        Route(
            namespace=release.namespace,
            release=release.name,
            uid=release.uid,
            target=tick.spec.target_ref.name,
            service=tick.service,
            stable=Backend(tick.service, ""),
            candidate=Backend(candidate_service(tick.service), ""),
            entry=tick.seen.entry,
        )
    )
