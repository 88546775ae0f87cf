"""Routes as the cluster has them, read and told by the tests themselves, not by the code that they test."""

from headgate.api.fields import Manifest

_WEIGHT = "nginx.ingress.kubernetes.io/canary-weight"


def weight_in(route: Manifest) -> int:
    """The share in percent that an Ingress or HTTPRoute of the candidate's own gives to Service `shop-canary`."""
    if route["kind"] == "Ingress":
        return int(route["metadata"]["annotations"][_WEIGHT])
    (backends,) = [rule["backendRefs"] for rule in route["spec"]["rules"] if "backendRefs" in rule]
    weights = {backend["name"]: int(backend["weight"]) for backend in backends}
    return 100 * weights["shop-canary"] // sum(weights.values())


def accepted(parent: Manifest, generation: int, **conditions: str) -> Manifest:
    """The status of an HTTPRoute of which a gateway has accepted a generation, but for what `conditions` say."""
    states = {"Accepted": "True", "ResolvedRefs": "True", **conditions}
    said = [
        {"type": kind, "status": state, "reason": "Because", "message": "so", "observedGeneration": generation}
        for kind, state in states.items()
    ]
    return {"parents": [{"controllerName": "example.org/gateway", "parentRef": parent, "conditions": said}]}
