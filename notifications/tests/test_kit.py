"""The test kit: what it tells developers about their own code."""

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import TestCase

from notifications.delivery import anotify, notify
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


class OrderTest(TestCase):
    """Somebody's own test, as the guide shows it."""

    def test_an_order_tells_its_customer(self):
        eve = get_user_model().objects.create_user("eve")
        with capture_notifications() as sent:
            notify(eve, title="Your order is on its way")
        assert [one.title for one in sent.to(eve)] == ["Your order is on its way"]


@pytest.mark.usefixtures("live")
@pytest.mark.django_db(transaction=True)
async def test_a_page_shows_what_arrives_as_its_description_says(bo):
    async with LivePage(bo) as page:
        await anotify(bo, title="Lunch is ready")
        await page.until(lambda: "Lunch is ready" in page.text("#feed"))


@pytest.mark.django_db(transaction=True)
async def test_a_page_that_is_not_connected_stays_as_it_was_loaded(bo):
    page = await LivePage(bo).load()
    before = page.shown()
    await anotify(bo, title="Lunch is ready")
    assert page.shown() == before
    assert (await page.load()).shown() != before
