"""One event loop for each asynchronous test, and none outside of them."""

import asyncio

# The plugin of looptime asks for the current event loop before each test, synchronous ones too. Asyncio would make one
# for the first that asks; nobody would close it, and its ResourceWarning would fail whichever test runs as it is freed.
asyncio.set_event_loop(None)
