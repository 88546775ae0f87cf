"""The pods that a Service really leads to."""

from headgate.api.fields import Manifest
from headgate.workloads.endpoints import read_endpoint_slice, ready_of, ready_pods


def endpoint(pod: str, *, ready: bool | None = True) -> Manifest:
    return {"addresses": ["10.0.0.1"], "targetRef": {"name": pod}, "conditions": {"ready": ready}}


def slices(*endpoints: Manifest, name: str = "shop-1") -> Manifest:
    labels = {"kubernetes.io/service-name": "shop"}
    return {"metadata": {"name": name, "namespace": "prod", "labels": labels}, "endpoints": list(endpoints)}


def test_unready_pods_are_left_out_and_unknown_ones_count() -> None:
    """The API says of an absent `ready`: interpret it as true."""
    read = read_endpoint_slice(slices(endpoint("a"), endpoint("b", ready=False), endpoint("c", ready=None)))
    assert read.ready == {"a", "c"}


def test_a_pod_in_two_slices_counts_once() -> None:
    both = [read_endpoint_slice(slices(endpoint("a"), name=name)) for name in ("ipv4", "ipv6")]
    assert ready_pods(both, "shop") == {"a"}
    assert ready_pods(both, "other") == frozenset()


def test_pods_are_told_apart_by_their_replica_sets_name() -> None:
    pods = ["shop-aaa-x7k2p", "shop-aaa-b2c3d", "shop-aaab-x7k2p"]
    assert ready_of(pods, "shop-aaa") == 2


def test_a_long_name_is_cut_as_kubernetes_cuts_it() -> None:
    name = "s" * 60
    assert ready_of([f"{name[:58]}x7k2p"], name) == 1


def test_an_empty_slice_has_no_pods() -> None:
    assert read_endpoint_slice({"metadata": {"name": "a", "namespace": "prod"}, "endpoints": None}).ready == frozenset()
