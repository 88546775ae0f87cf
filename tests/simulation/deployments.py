"""The Deployment controller: which ReplicaSet is the new one, how a paused Deployment scales, how another rolls.

As in Kubernetes 1.36, pkg/controller/deployment: sync.go (scale), rolling.go, util/deployment_util.go. What it decides
by age goes by the order in which the ReplicaSets were made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from headgate.workloads.template import identity_of

Manifest = dict[str, Any]

_ORDINAL = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"


@dataclass
class Sync:
    """One look at a Deployment and the ReplicaSets that it owns, oldest first."""

    deployment: Manifest
    owned: list[Manifest]
    available: Callable[[Manifest], int]
    """How many pods of a ReplicaSet are available."""
    create: Callable[[int, dict[str, str]], None]
    """Makes the ReplicaSet of the present template with so many pods and these annotations."""

    def run(self) -> bool:
        """Does one thing that is to be done; whether there was one."""
        numbered = self.new is not None and self._number(self.new)
        if self.deployment["spec"].get("paused") or self._resized:
            return self._scale() or numbered
        return self._roll() or numbered

    @cached_property
    def new(self) -> Manifest | None:
        """The ReplicaSet of the present template."""
        return new_among(self.owned, self.deployment)

    @cached_property
    def _old(self) -> list[Manifest]:
        return [item for item in self.owned if item is not self.new]

    @property
    def _wanted(self) -> int:
        return int(self.deployment["spec"]["replicas"])

    @property
    def _surge(self) -> int:
        return int(self.deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"])

    @property
    def _unavailable(self) -> int:
        return int(self.deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"])

    @property
    def _sizes(self) -> dict[str, str]:
        return {_DESIRED: str(self._wanted), _MAXIMUM: str(self._wanted + self._surge)}

    @property
    def _resized(self) -> bool:
        """Whether the Deployment has another size than its ReplicaSets were told (isScalingEvent)."""
        told = [_annotations(item).get(_DESIRED) for item in self.owned if _size(item)]
        return any(size is not None and size != str(self._wanted) for size in told)

    def _number(self, new: Manifest) -> bool:
        """Gives the new ReplicaSet the highest revision."""
        ordinal = max([int(_annotations(item).get(_ORDINAL, 0)) for item in self._old], default=0) + 1
        if int(_annotations(new).get(_ORDINAL, 0)) >= ordinal:
            return False
        _annotations(new)[_ORDINAL] = str(ordinal)
        return True

    # a Deployment that is paused, or has another size

    def _scale(self) -> bool:
        active = [item for item in self.owned if _size(item)]
        if len(active) <= 1:
            one = next(iter(active or [item for item in (self.new, *reversed(self._old)) if item]), None)
            return one is not None and _size(one) != self._wanted and self._set(one, self._wanted)
        if self._saturated:
            return self._set_all([(item, 0) for item in self._old if _size(item)])
        return self._scale_in_proportion(active)

    @property
    def _saturated(self) -> bool:
        new = self.new
        if new is None or _annotations(new).get(_DESIRED) != str(self._wanted):
            return False
        return _size(new) == self._wanted == self.available(new)

    def _scale_in_proportion(self, active: list[Manifest]) -> bool:
        more = (self._wanted + self._surge if self._wanted else 0) - sum(map(_size, active))
        largest_first = sorted(active if more < 0 else reversed(active), key=lambda item: -_size(item))
        sizes, added = list(map(_size, largest_first)), 0
        for place, item in enumerate(largest_first):
            part = self._proportion(item, more - added) if more != added else 0
            sizes[place] += part
            added += part
        sizes[0] = max(0, sizes[0] + more - added)
        return self._set_all(list(zip(largest_first, sizes, strict=True)))

    def _proportion(self, item: Manifest, left: int) -> int:
        if self._wanted == 0:
            return max(-_size(item), left)
        before = int(_annotations(item).get(_MAXIMUM, 0)) or self.deployment.get("status", {}).get("replicas", 0)
        part = int(_size(item) * (self._wanted + self._surge) / before + 0.5) - _size(item) if before else 0
        return min(part, left) if left > 0 else max(part, left)

    # a Deployment that rolls

    def _roll(self) -> bool:
        new, room = self.new, self._wanted + self._surge - sum(map(_size, self.owned))
        if new is None:
            self.create(max(0, min(room, self._wanted)), self._sizes)
            return True
        grown = min(_size(new) + max(0, room), self._wanted)
        if _size(new) != grown:
            return self._set(new, grown)
        spare = sum(map(_size, self.owned)) - (self._wanted - self._unavailable) - (_size(new) - self.available(new))
        return spare > 0 and (self._drop_unhealthy(spare) | self._drop_old())

    def _drop_unhealthy(self, most: int) -> bool:
        dropped = 0
        for item in self._old:
            count = min(most - dropped, max(0, _size(item) - self.available(item)))
            dropped += count
            self._set(item, _size(item) - count)
        return dropped > 0

    def _drop_old(self) -> bool:
        most = sum(map(self.available, self.owned)) - (self._wanted - self._unavailable)
        dropped = 0
        for item in self._old:
            count = min(_size(item), max(0, most - dropped))
            dropped += count
            self._set(item, _size(item) - count)
        return dropped > 0

    def _set_all(self, sizes: list[tuple[Manifest, int]]) -> bool:
        changed = [self._set(item, size) for item, size in sizes]
        return any(changed)

    def _set(self, item: Manifest, size: int) -> bool:
        """Scales a ReplicaSet and tells it the Deployment's size; whether it did not have both."""
        before = _size(item), {key: _annotations(item).get(key) for key in self._sizes}
        item["spec"]["replicas"] = size
        _annotations(item).update(self._sizes)
        return before != (size, self._sizes)


def new_among(owned: list[Manifest], deployment: Manifest) -> Manifest | None:
    """The oldest of the ReplicaSets with the Deployment's template (FindNewReplicaSet)."""
    wanted = identity_of(deployment["spec"]["template"])
    return next((item for item in owned if identity_of(item["spec"]["template"]) == wanted), None)


def _size(item: Manifest) -> int:
    return int(item["spec"]["replicas"])


def _annotations(item: Manifest) -> dict[str, str]:
    annotations: dict[str, str] = item["metadata"].setdefault("annotations", {})
    return annotations
