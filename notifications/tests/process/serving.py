"""Settings of a server on the test database and bus, whose deadlines are those of `asgi.py` beside it."""

from notifications.tests.browser.settings import *  # noqa: F403

ASGI_APPLICATION = "notifications.tests.process.asgi.application"
MAX_SOCKETS = 40
