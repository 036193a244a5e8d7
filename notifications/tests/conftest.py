from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from notifications.live import hub
from notifications.models import Broadcast, Content, Inbox, clock


@pytest.fixture
async def live(transactional_db: None) -> AsyncIterator[None]:
    """Sockets can be opened; the hub that they share ends with the test."""
    yield
    await hub.drain()


@pytest.fixture
def inbox(bo: Any) -> Inbox:
    """Bo's inbox."""
    return Inbox.objects.of(bo)


@pytest.fixture
def draft(ada: Any) -> Broadcast:
    """A broadcast that Ada has not published yet."""
    return Broadcast.draft(Content(title="Lunch", body="Soup."), ada)


@pytest.fixture
def running(draft: Broadcast, ada: Any) -> Broadcast:
    """The same, published."""
    draft.publish(ada)
    return draft


class Hands:
    """Of a clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment

    def after(self, **span: float) -> datetime:
        """The time that it will be then."""
        return self.moment + timedelta(**span)


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    hands = Hands()
    monkeypatch.setattr(clock, "now", hands)
    return hands
