"""The hub's end of the bus, ending."""

import asyncio

from channels.layers import InMemoryChannelLayer

from notifications.live.bus import Bus


class SwallowingLayer(InMemoryChannelLayer):
    """A client that takes the first cancellation for a failure to connect, as redis-py may."""

    def __init__(self) -> None:
        super().__init__()
        self.connecting = asyncio.Event()

    async def new_channel(self, prefix: str = "hub") -> str:
        self.connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return await super().new_channel(prefix)


async def test_a_bus_ends_although_its_client_swallows_the_first_cancellation(monkeypatch):
    layer = SwallowingLayer()
    monkeypatch.setattr("notifications.live.bus.get_channel_layer", lambda: layer)
    bus = Bus(
        lambda revisions: None,
        lambda inbox_id, ended: None,
        lambda group: None,
        lambda revision: None,
        lambda *job: None,
        lambda *thread: None,
    )
    bus.start()
    await layer.connecting.wait()
    async with asyncio.timeout(15):
        await bus.stop()
