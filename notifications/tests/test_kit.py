"""The test kit: what it tells developers about their own code."""

import pytest
from django.db import transaction

from notifications.delivery import notify
from notifications.live import origin
from notifications.testing import LivePage, capture_notifications


def test_what_was_sent_inside_of_the_block_is_there_afterwards_without_a_commit(db, bo, chi):
    notify(bo, title="Before")
    with capture_notifications() as sent:
        notify(chi, title="First")
        notify(bo, title="Second")
    notify(bo, title="After")
    assert [notification.title for notification in sent] == ["First", "Second"]
    assert [notification.title for notification in sent.to(bo)] == ["Second"]


def test_what_was_rolled_back_was_not_sent(db, bo):
    with capture_notifications() as sent, pytest.raises(RuntimeError), transaction.atomic():
        notify(bo, title="Never was")
        raise RuntimeError
    assert sent == []


@pytest.mark.django_db(transaction=True)
async def test_a_page_whose_socket_is_refused_says_so(bo, monkeypatch):
    monkeypatch.setattr(origin, "is_allowed", lambda scope: False)
    with pytest.raises(AssertionError, match="refused"):
        async with LivePage(bo):
            pytest.fail("The socket is open.")
