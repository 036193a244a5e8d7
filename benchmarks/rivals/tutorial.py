"""The rival: Channels as its tutorial has it. One consumer per socket in a group, JSON, ten lines of script.

It keeps no state, catches nothing up and renders nothing: about the least that can be done on this stack.
Served by Daphne: `daphne -p PORT benchmarks.rivals.tutorial:application`.
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
    const { key, html } = JSON.parse(event.data);
    const row = document.createElement("li");
    row.id = `notification-${key}`;
    row.innerHTML = html;
    document.getElementById("feed").prepend(row);
  };
</script>
"""


class Notifications(AsyncJsonWebsocketConsumer):
    async def connect(self) -> None:
        if self.scope["user"].is_anonymous:
            await self.close()
            return
        self.group = self.scope["url_route"]["kwargs"].get("group") or f"user.{self.scope['user'].pk}"
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "group"):
            await self.channel_layer.group_discard(self.group, self.channel_name)

    async def notify(self, event: dict[str, str]) -> None:
        await self.send_json({"key": event["key"], "html": event["html"]})


async def page(scope, receive, send):  # type: ignore[no-untyped-def]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]})
    await send({"type": "http.response.body", "body": PAGE.encode()})


get_asgi_application()  # sets Django up
consumer = Notifications.as_asgi()
routes = URLRouter([path("ws/", consumer), path("ws/<group>/", consumer)])
application = ProtocolTypeRouter({"http": page, "websocket": AuthMiddlewareStack(routes)})
