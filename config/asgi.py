"""The way in: pages for Django, the socket for `notifications.live`, which signs its visitors in itself."""

import os
import warnings

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

pages = get_asgi_application()  # first: it loads the models that the imports below need

from notifications.live.connections import set_limits  # noqa: E402
from notifications.live.routing import application as live  # noqa: E402

set_limits()
# WhiteNoise hands over files; they are small, and Django reads them whole, in a thread.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")
application = ProtocolTypeRouter({"http": pages, "websocket": live})
