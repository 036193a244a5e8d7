"""The test kit, for everybody's tests: what was sent, and what a reader's page shows of it live.

``LivePage`` needs ``html5lib`` and Channels' ``WebsocketCommunicator`` (which needs ``daphne``).
"""

from .capture import capture_notifications
from .page import LivePage

__all__ = ["LivePage", "capture_notifications"]
