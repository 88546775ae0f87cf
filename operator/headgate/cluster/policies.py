"""Whether the admission policies are there that hold Deployments and Services while a release moves."""

import logging

from headgate.cluster.client import ApiError, KubeClient
from headgate.cluster.resources import POLICY_BINDINGS

_log = logging.getLogger(__name__)
_LABEL = "app.kubernetes.io/name=headgate"
_NEEDED = ("-hold", "-pin")


async def find_policies(client: KubeClient) -> bool:
    """Whether both mutating policies are bound; False below Kubernetes 1.36, or without the right to look."""
    try:
        bindings = await client.list_all(POLICY_BINDINGS, labels=_LABEL)
    except ApiError as error:
        if error.status not in {403, 404}:
            raise
        _log.info("admission policies are taken as absent: %s", error)
        return False
    bound = [str(item["spec"].get("policyName")) for item in bindings]
    return all(any(name.endswith(ending) for name in bound) for ending in _NEEDED)
