"""The way in: pages for Django, the socket for `notifications.live`, which signs its visitors in itself."""

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()  # first: it loads the models that the imports below need

from config.closing import allow_close_codes  # noqa: E402
from notifications.live.routing import application as live  # noqa: E402

allow_close_codes()
application = ProtocolTypeRouter({"http": pages, "websocket": live})
