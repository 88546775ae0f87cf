"""What the tests of the analysis share."""

import random

import pytest


@pytest.fixture
def rng() -> random.Random:
    """The same numbers in every run."""
    return random.Random(20260101)
