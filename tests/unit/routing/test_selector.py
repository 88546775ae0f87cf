"""Traffic by the Service alone: shares of pods, and the selector as a switch."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.routing.route import Backend, Route
from headgate.routing.selector import SelectorRouter

_ROUTER = SelectorRouter()
_ROUTE = Route("prod", "shop", "u1", "shop", "shop", Backend("shop", "aaa"), Backend("shop-canary", "bbb"))


def at(weight: int) -> Route:
    return replace(_ROUTE, candidate=Backend("shop-canary", "bbb", weight))


def test_the_pin_is_the_switch() -> None:
    """Pinned to stable at 0, to the candidate at 100 or once switched, and free in between."""
    assert _ROUTER.pin(at(0)) == "aaa"
    assert _ROUTER.pin(at(30)) is None
    assert _ROUTER.pin(at(100)) == "bbb"
    assert _ROUTER.pin(replace(at(0), pinned="candidate")) == "bbb"


@given(weight=st.integers(1, 99), stable=st.integers(1, 200))
def test_whole_pods_give_the_nearest_share_they_can(weight: int, stable: int) -> None:
    pods = _ROUTER.size(weight, stable)
    off = abs(100 * pods / (pods + stable) - weight)
    for other in (pods - 1, pods + 1):
        if other >= 1:
            exact = weight * stable / (100 - weight)
            assert abs(pods - exact) <= abs(other - exact), f"{other} pods are nearer than {pods} ({off:.1f} % off)"


@pytest.mark.parametrize(
    ("weight", "stable", "share"),
    [(0, 4, 0), (5, 4, 20), (25, 4, 20), (50, 4, 50), (50, 3, 50), (5, 19, 5), (100, 4, 100)],
)
def test_the_share_is_what_whole_pods_really_give(weight: int, stable: int, share: int) -> None:
    assert SelectorRouter().share(weight, stable) == share


def test_series_are_told_apart_by_pod_name() -> None:
    stable, candidate = _ROUTER.meters(at(30))
    labels = {"namespace": "prod", "pod": "shop-bbb-x7k2p"}
    assert all(matcher.accepts(labels) for matcher in candidate.matchers)
    assert not all(matcher.accepts(labels) for matcher in stable.matchers)
