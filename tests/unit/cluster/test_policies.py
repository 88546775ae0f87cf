"""Whether the admission policies are there, where the configuration leaves it open."""

import pytest

from headgate.cluster.client import ApiError
from headgate.cluster.policies import find_policies
from tests.unit.cluster.memory_api import Answer, MemoryApi, MemoryClient, refusal


def bindings(*policies: str) -> Answer:
    items = [{"metadata": {"name": name}, "spec": {"policyName": name}} for name in policies]
    return 200, {}, {"items": items, "metadata": {}}


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (bindings("headgate-hold", "headgate-pin", "headgate-actor"), True),
        (bindings("headgate-hold"), False),
        (bindings(), False),
        (refusal(404, "NotFound", "below Kubernetes 1.36"), False),
        (refusal(403, "Forbidden", "the chart says it by configuration, so the right is not given"), False),
    ],
)
async def test_both_mutating_policies_must_be_bound(answer: Answer, found: object) -> None:
    api = MemoryApi(fault=lambda _: answer)
    assert await find_policies(MemoryClient(api)) is found
    assert api.requests[0].query == {"labelSelector": "app.kubernetes.io/name=headgate"}


async def test_an_api_server_that_fails_is_no_answer() -> None:
    """Else a bad moment at the start would make the operator pause every Deployment at rest."""
    with pytest.raises(ApiError):
        await find_policies(MemoryClient(MemoryApi(fault=lambda _: refusal(500, "InternalError", "x"))))
