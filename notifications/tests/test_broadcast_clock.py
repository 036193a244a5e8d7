"""A clock that jumps back takes nothing away from what readers do with a broadcast."""

import pytest

from notifications.broadcasting import broadcast
from notifications.models import Board, Inbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_banner_can_be_dismissed_after_the_clock_jumped_back(bo, hands):
    one = broadcast("Hi", placement="both")
    hands.move(hours=-1)
    Inbox.objects.of(bo).dismiss(one.row_key)
    inbox = Inbox.objects.of(bo)
    assert (inbox.banners, inbox.unseen_total) == ([], 0)


def test_an_acknowledgement_counts_after_the_clock_jumped_back(bo, hands):
    one = broadcast("Hi", placement="both", asks_acknowledgement=True)
    hands.move(hours=-1)
    Inbox.objects.of(bo).acknowledge(one.row_key)
    assert one.lacking_acknowledgement().count() == 0


def test_it_can_be_seen_after_the_clock_jumped_back(bo, hands):
    broadcast("Hi")
    hands.move(hours=-1)
    inbox = Inbox.objects.of(bo)
    inbox.mark_seen(upto=inbox.revision, board=Board.load().revision)
    assert Inbox.objects.of(bo).unseen_total == 0
