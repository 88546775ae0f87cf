"""Identity of pod templates: when two are the same, and what they are called."""

import hashlib
import json

from headgate.api.fields import Manifest
from headgate.api.names import POD_TEMPLATE_HASH, RESTARTED_AT

# The alphabet of Kubernetes' own safe names: no vowels, so that no word appears by chance.
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def identity_of(template: Manifest) -> str:
    """A hash of the template without its pod-template-hash: equal where the Deployment controller says equal."""
    return _digest(_without(template, "labels", POD_TEMPLATE_HASH))


def intent_of(template: Manifest) -> str:
    """As `identity_of`, blind to the restart annotation as well: a restart is no new version."""
    return _digest(_without(_without(template, "labels", POD_TEMPLATE_HASH), "annotations", RESTARTED_AT))


def revision_of(identity: str, release: str) -> str:
    """The pod-template-hash of the candidate made from a template: ten safe characters."""
    number = int(hashlib.sha256(f"{release}/{identity}".encode()).hexdigest(), 16)
    letters = []
    for _ in range(10):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)


def images_of(template: Manifest) -> str:
    """The containers' images without registry and path: `shop:1.4.0, proxy:2`."""
    containers = (template.get("spec") or {}).get("containers") or []
    return ", ".join(str(container.get("image", "")).rsplit("/", 1)[-1] for container in containers)


def _digest(value: Manifest) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:20]


def _without(template: Manifest, field: str, key: str) -> Manifest:
    """The template without one label or annotation, and without the field when nothing else was in it."""
    metadata = dict(template.get("metadata") or {})
    metadata.pop("creationTimestamp", None)
    rest = {name: value for name, value in (metadata.pop(field, None) or {}).items() if name != key}
    if rest:
        metadata[field] = rest
    return {**template, "metadata": metadata}
