"""How long work tells how far it is."""

from collections.abc import Callable

Said = Callable[[int, int], None]
"""Told how much is done, of how much."""


def unheard(_done: int, _total: int) -> None:
    """For those who need not know."""
