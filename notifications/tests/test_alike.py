"""Arrivals that look alike are told once, and each page gets what it would have got by itself."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db.models import BigIntegerField, CharField, DateTimeField, ForeignKey, IntegerField, JSONField, TextField

from notifications.delivery import notify_many
from notifications.live import frames
from notifications.live.frames import frame_for, frames_for
from notifications.live.positions import Position
from notifications.models import Inbox, Noticeboard, Notification

pytestmark = pytest.mark.django_db(transaction=True)

ITSELF = {"id", "inbox_id", "words"}
COLUMNS = [field.attname for field in Notification._meta.concrete_fields if field.attname not in ITSELF]
LONG_AGO = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PAGES = {
    "the inbox": {"view": "feed:all"},
    "the unread": {"view": "feed:unread"},
    "no list": {"view": "none"},
    "in a storm": {"view": "feed:all", "toasted": 2},
    "in Arabic": {"view": "feed:all", "language": "ar", "zone": "Asia/Amman"},
    "further down": {"view": "feed:all", "bottom": 17},
    "of a category": {"view": "feed:category:general"},
    "with an open bell": {"view": "feed:all", "is_bell_open": True},
}


def position(**page):
    board = Noticeboard.current().revision
    told = {"since": 0, "board": board, "language": "en", "zone": "UTC", "title": "Inbox", "may_toast": True}
    return Position(**{**told, **page})


def rows_of(inbox):
    """What has arrived in it, long enough ago that the words for it do not change while we look."""
    rows = list(Notification.objects.with_faces().filter(inbox=inbox).order_by("arrival"))
    for number, row in enumerate(rows):
        row.arrival, row.events = int(LONG_AGO.timestamp()) * 1_000_000 + number + 10 * inbox.pk, []
    return rows


@pytest.fixture
def alike(bo, chi):
    """The inboxes of two readers to whom the same was written, twice."""
    for title in ("Lunch is <ready>", "It is getting cold"):
        notify_many([bo, chi], title=title, body="In the kitchen", verb="", actor=bo)
    return [Inbox.objects.of(user) for user in (bo, chi)]


def by_itself(monkeypatch, *told):
    with monkeypatch.context() as alone:
        alone.setattr(frames, "looks_of", lambda *_: None)
        return frame_for(*told, {})


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("count", [1, 2])
def test_who_comes_second_gets_the_same_as_by_itself(alike, monkeypatch, kind, count):
    made = {}
    for inbox in alike:
        rows = rows_of(inbox)[:count]
        told = inbox, position(**PAGES[kind]), rows
        assert frame_for(*told, made) == by_itself(monkeypatch, *told)


def other_value(column, bo):
    """Of the column's kind, and not what stands there."""
    field = next(field for field in Notification._meta.concrete_fields if field.attname == column)
    if column in {"category", "level"}:
        return {"category": "comments", "level": "error"}[column]
    values = {
        DateTimeField: LONG_AGO - timedelta(days=1),
        BigIntegerField: 5,
        IntegerField: 2,
        ForeignKey: None,
        JSONField: ["Ana", "Bo"] if column == "people" else {"item": "Soup"},
        TextField: "Other words",
        CharField: "other-words",
    }
    return next(value for kind, value in values.items() if isinstance(field, kind))


@pytest.mark.parametrize("column", COLUMNS)
def test_a_difference_in_any_column_is_seen(alike, bo, monkeypatch, column):
    made = {}
    first, second = alike
    frame_for(first, position(view="feed:all"), rows_of(first), made)
    rows = rows_of(second)
    setattr(rows[-1], column, other_value(column, bo))
    told = second, position(view="feed:all"), rows
    assert frame_for(*told, made) == by_itself(monkeypatch, *told)


def test_another_face_is_seen(alike, monkeypatch):
    made = {}
    first, second = alike
    frame_for(first, position(view="feed:all"), rows_of(first), made)
    rows = rows_of(second)
    monkeypatch.setattr(get_user_model(), "avatar_url", "/media/another.jpg")
    told = second, position(view="feed:all"), rows
    assert "another.jpg" in frame_for(*told, made).html
    assert frame_for(*told, made) == by_itself(monkeypatch, *told)


def test_it_is_told_once_for_a_hundred_readers(django_user_model, monkeypatch):
    readers = django_user_model.objects.bulk_create(django_user_model(username=f"r{n}") for n in range(100))
    notify_many(readers, title="Lunch is ready")
    tells, real = [], frames.tell
    monkeypatch.setattr(frames, "tell", lambda *told: tells.append(told) or real(*told))
    at = position(view="feed:all")
    found = frames_for({inbox.pk: {at} for inbox in Inbox.objects.all()})
    assert len(tells) == 1
    rows = dict(Notification.objects.values_list("inbox", "key"))
    for inbox_id, made in found.items():
        assert f'id="notification-{rows[inbox_id]}"' in made[at].html
        assert f'id="toast-{rows[inbox_id]}"' in made[at].html
