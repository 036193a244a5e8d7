"""The rival: Channels as its tutorial has it. One consumer per socket in its user's group, JSON, ten lines of script.

It keeps no state, catches nothing up and shows one line of text: about the least that can be done on this stack.
Served by Daphne: `daphne -p PORT benchmarks._tutorial:application`.
"""

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path

PAGE = """<!doctype html>
<title>Tutorial</title>
<ol id="feed"></ol>
<script>
  const socket = new WebSocket(`ws://${location.host}/ws/`);
  socket.onopen = () => document.documentElement.dataset.live = "on";
  socket.onmessage = event => {
    const { key, text } = JSON.parse(event.data);
    const row = document.createElement("li");
    row.id = `notification-${key}`;
    row.textContent = text;
    document.getElementById("feed").prepend(row);
  };
</script>
"""


class Notifications(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        self.group = f"tutorial.{self.scope['user'].pk}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notify(self, event: dict[str, str]) -> None:
        await self.send_json({"key": event["key"], "text": event["text"]})


async def page(scope, receive, send):  # type: ignore[no-untyped-def]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": PAGE.encode()})


get_asgi_application()  # sets Django up
application = ProtocolTypeRouter(
    {"http": page, "websocket": AuthMiddlewareStack(URLRouter([path("ws/", Notifications.as_asgi())]))}
)
