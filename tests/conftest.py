"""What all tests share: how random they are, and one event loop for each asynchronous test and none outside of them."""

import asyncio

from hypothesis import settings

# A change is judged by the same cases as the one before it; `make explore` looks for new ones, of which each that fails
# becomes a test of its own.
settings.register_profile("same", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("same")

# The plugin of looptime asks for the current event loop before each test, synchronous ones too. Asyncio would make one
# for the first that asks; nobody would close it, and its ResourceWarning would fail whichever test runs as it is freed.
asyncio.set_event_loop(None)
