"""The site as it is served, with deadlines that tests can wait for."""

from config.asgi import application
from notifications.live import connections, consumers, hub, outlet

consumers.RESUME_SECONDS = 4.0
hub.WAITING_LIMIT = 20
outlet.UNACKNOWLEDGED_SECONDS = 1.0
connections.HEAD_SECONDS = 4.0
connections.BODY_SECONDS = 4.0
connections.WAITING_LIMIT = 100
connections.ASK_SECONDS = 1.0
connections.PING_SECONDS = 2.0
connections.GONE_SECONDS = 8.0

__all__ = ["application"]
