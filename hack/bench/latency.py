"""How long Headgate takes by itself, from the moments at which the API server answered. Pure."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bench.audit import Request
from demo.shop import Shop
from headgate.routing.naming import candidate_service

_ACCOUNTS = "system:serviceaccount:"
_NODES = "system:node:"


class FirstWeight(NamedTuple):
    """The way of one release to its first weight, in seconds since the epoch."""

    changed: float
    """The Deployment has a new template."""
    created: float
    """The candidate's ReplicaSet is there."""
    ready: float
    """The last pod that the first weight needs is ready, by its kubelet's word."""
    weighed: float
    """The route has the first weight."""

    @property
    def own(self) -> float:
        """Seconds beyond those that the pods took: before they could be made, and after they were ready."""
        return (self.created - self.changed) + (self.weighed - self.ready)


def first_weight(requests: Sequence[Request], shop: Shop, operator: str, since: float) -> FirstWeight | None:
    """The first weight of the shop's release that began after `since`; None where there was none."""
    later = [
        item for item in requests if item.received >= since and item.namespace == shop.namespace and item.succeeded
    ]
    changed = next((item for item in later if _changes_template(item, shop)), None)
    made = next((item for item in later if _by(item, operator, "replicasets") and _made_by(item, shop.name)), None)
    weighed = next((item for item in later if _of_route(item, operator, shop) and item.verb != "delete"), None)
    if changed is None or made is None or weighed is None:
        return None
    ready = [item.answered for item in later if _says_ready(item, made.name) and item.answered < weighed.answered]
    return FirstWeight(changed.answered, made.answered, max(ready), weighed.answered) if ready else None


def time_back(
    requests: Iterable[Request], shop: Shop, operator: str, read: Iterable[float], since: float
) -> float | None:
    """Seconds from Prometheus' answer that held the verdict to weight 0 in the route; None where it never came to that.

    `read` are the moments of these answers: the last one before weight 0 counts, so the judging is included. Weight 0
    is the deletion of the candidate's Ingress.
    """
    back = next(
        (
            item
            for item in requests
            if item.received >= since and _of_route(item, operator, shop) and item.verb == "delete"
        ),
        None,
    )
    if back is None or not back.succeeded:
        return None
    before = [moment for moment in read if moment < back.received]
    return back.answered - max(before) if before else None


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that is not below this share of the values; NaN where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def _changes_template(request: Request, shop: Shop) -> bool:
    """Whether a person or a pipeline wrote the Deployment; controllers and Headgate are service accounts."""
    return (
        request.resource == "deployments"
        and request.name == shop.name
        and request.verb in {"patch", "update"}
        and not request.user.startswith(_ACCOUNTS)
    )


def _by(request: Request, user: str, resource: str) -> bool:
    return request.user == user and request.resource == resource and request.writes


def _made_by(request: Request, owner: str) -> bool:
    """Whether the object's name is `<owner>-<hash>`."""
    return request.name.rpartition("-")[0] == owner


def _of_route(request: Request, operator: str, shop: Shop) -> bool:
    return (
        _by(request, operator, "ingresses")
        and request.namespace == shop.namespace
        and request.name == candidate_service(shop.name)
    )


def _says_ready(request: Request, replica_set: str) -> bool:
    if request.resource != "pods/status" or not request.user.startswith(_NODES):
        return False
    conditions = (request.body.get("status") or {}).get("conditions") or ()
    return _made_by(request, replica_set) and any(
        item.get("type") == "Ready" and item.get("status") == "True" for item in conditions
    )
