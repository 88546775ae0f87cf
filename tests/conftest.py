"""One event loop for each asynchronous test, and none outside of them."""

import asyncio

# The plugin of looptime asks for the current event loop before each test, synchronous ones too. Without this line asyncio
# makes one for the first that asks; nobody closes it, and its ResourceWarning fails the test that runs as it is freed.
asyncio.set_event_loop(None)
