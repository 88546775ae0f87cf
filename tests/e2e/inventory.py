"""All objects of a namespace, of every kind there is, and what changed between two looks at them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.cluster.admission.kubectl import Kubectl
from tests.e2e.manifests import Manifest

# What any write, pod or controller changes by its mere being, and which says nothing about what an object is.
_NOISE = frozenset(
    {"status", "resourceVersion", "uid", "creationTimestamp", "generation", "generateName", "endpoints", "subsets"}
    | {"endpoints.kubernetes.io/last-change-trigger-time"}
)
_RECORDS = frozenset({"events", "events.events.k8s.io"})
_FROM_TEMPLATE = frozenset({"ReplicaSet", "Pod"})

Inventory = dict[str, list[Manifest]]
"""Objects by their kind and name; those made from a pod template by kind and version, since their names are random."""


def everything(kubectl: Kubectl) -> Inventory:
    """All objects in the namespace but the records of events; pods that are on their way out do not count."""
    served = kubectl("api-resources", "--verbs=list", "--namespaced", "--output=name").output.split()
    kinds = ",".join(kind for kind in served if kind not in _RECORDS)
    found = kubectl("get", kinds, "-o", "json", "--show-managed-fields").object["items"]
    inventory: Inventory = {}
    for item in found:
        if "deletionTimestamp" not in item["metadata"]:
            inventory.setdefault(_key(item), []).append(item)
    return inventory


def counts(inventory: Inventory) -> Counter[str]:
    """How many objects there are of each name."""
    return Counter({key: len(items) for key, items in inventory.items()})


def changes(before: Inventory, after: Inventory) -> set[str]:
    """The fields that differ, as `Deployment/shop metadata.annotations.x`; objects that came or went as `+` and `-`.

    Of managedFields, the managers count. Status, and what every write changes, is left out.
    """
    found = {f"- {key}" for key in before.keys() - after.keys()} | {f"+ {key}" for key in after.keys() - before.keys()}
    for key in before.keys() & after.keys():
        old, new = _fields(before[key]), _fields(after[key])
        found |= {f"{key} {path}" for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    return found


def fields_of(inventory: Inventory, key: str) -> set[str]:
    """The names of the fields that the objects of a key have."""
    return set(_fields(inventory[key]))


def _key(item: Manifest) -> str:
    kind, metadata = item["kind"], item["metadata"]
    if kind in _FROM_TEMPLATE:
        pod = item["spec"]["template"]["spec"] if kind == "ReplicaSet" else item["spec"]
        version = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "VERSION")
        return f"{kind} of {version}"
    if kind == "EndpointSlice":
        return f"{kind} of {metadata['labels']['kubernetes.io/service-name']}"
    return f"{kind}/{metadata['name']}"


def _fields(items: list[Manifest]) -> dict[str, list[Any]]:
    """The values of all fields by their paths."""
    found: dict[str, list[Any]] = {}
    for item in items:
        for path, value in _flat(item, ""):
            found.setdefault(path, []).append(value)
    return {path: sorted(values, key=str) for path, values in found.items()}


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if path == "metadata.managedFields":
        yield path, sorted({entry["manager"] for entry in value})
    elif isinstance(value, dict) and value:
        for name, part in value.items():
            if name not in _NOISE:
                yield from _flat(part, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for index, part in enumerate(value):
            yield from _flat(part, f"{path}[{index}]")
    else:
        yield path, value
