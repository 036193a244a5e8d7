from collections.abc import AsyncIterator
from typing import Any

import pytest

from notifications.live import hub
from notifications.models import Inbox


@pytest.fixture
async def live(transactional_db: None) -> AsyncIterator[None]:
    """Sockets can be opened; the hub that they share ends with the test."""
    yield
    await hub.drain()


@pytest.fixture
def inbox(bo: Any) -> Inbox:
    """Bo's inbox."""
    return Inbox.objects.of(bo)
