"""How many pods to ask for."""

import math


def with_headroom(pods: int, headroom: float) -> int:
    """The pods that are needed and a share of extra ones (0.2 for 20 %), rounded up."""
    return math.ceil(pods * (1 + headroom) - 1e-9)
