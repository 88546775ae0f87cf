"""The route that the tests of all routers begin with."""

from dataclasses import replace

from headgate.routing.route import Backend, Route


def shop_route(weight: int = 0, **changes: object) -> Route:
    """The route of release shop in namespace prod, at a weight."""
    whole = Route(
        namespace="prod",
        release="shop",
        uid="u1",
        target="shop",
        service="shop",
        stable=Backend("shop", "aaa", 100 - weight),
        candidate=Backend("shop-canary", "bbb", weight),
    )
    return replace(whole, **changes)  # type: ignore[arg-type]
