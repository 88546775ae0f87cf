"""Which ReplicaSet serves, and which one would be taken instead of the candidate."""

from headgate.workloads.replica_set import ReplicaSet, read_replica_set, serving_among, twins_among


def owned(
    name: str, *, replicas: int, ordinal: int, identity: str = "t1", owner: str = "d1", ready: int | None = None
) -> ReplicaSet:
    return ReplicaSet(
        namespace="prod",
        name=name,
        uid=name,
        owner=owner,
        revision=name,
        identity=identity,
        intent=identity,
        images="shop:1",
        replicas=replicas,
        ready=replicas if ready is None else ready,
        ordinal=ordinal,
    )


def test_the_newest_with_pods_serves() -> None:
    sets = [owned("a", replicas=0, ordinal=3), owned("b", replicas=2, ordinal=2), owned("c", replicas=2, ordinal=1)]
    assert serving_among(sets, "d1") == sets[1]


def test_a_broken_rollout_does_not_serve_beside_ready_pods() -> None:
    old, broken = owned("old", replicas=3, ordinal=1), owned("broken", replicas=1, ordinal=2, ready=0)
    assert serving_among([old, broken], "d1") == old


def test_of_two_with_ready_pods_the_known_one_serves() -> None:
    sets = [owned("a", replicas=2, ordinal=1), owned("b", replicas=2, ordinal=2)]
    assert serving_among(sets, "d1", known="a") == sets[0]


def test_without_pods_the_newest_would_serve() -> None:
    sets = [owned("a", replicas=0, ordinal=1), owned("b", replicas=0, ordinal=2)]
    assert serving_among(sets, "d1") == sets[1]


def test_what_others_own_does_not_serve() -> None:
    assert serving_among([owned("a", replicas=2, ordinal=1, owner="someone")], "d1") is None


def test_twins_have_the_template_and_belong_to_the_deployment() -> None:
    empty, busy = owned("empty", replicas=0, ordinal=1), owned("busy", replicas=1, ordinal=2)
    other = owned("other", replicas=0, ordinal=3, identity="t2")
    foreign = owned("foreign", replicas=0, ordinal=0, owner="someone")
    assert twins_among([empty, busy, other, foreign], "d1", "t1") == (empty, busy)


def test_a_revision_that_is_no_number_counts_as_none() -> None:
    annotations = {"deployment.kubernetes.io/revision": "first"}
    manifest = {"metadata": {"name": "a", "namespace": "prod", "annotations": annotations}, "spec": {}}
    assert read_replica_set(manifest).ordinal == 0
