"""Statements that are put together once, and carried out with other values each time."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.sql import Query

from notifications.delivery import notify
from notifications.models import Inbox, Job, Mute, Notification, clock
from notifications.models.prepared import Prepared, updating

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(monkeypatch):
    """How many statements were put together."""
    put_together, real = [], Query.get_compiler

    def get_compiler(self, *args, **kwargs):
        put_together.append(self)
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Query, "get_compiler", get_compiler)
    return put_together


def test_it_is_put_together_once(bo, chi, made):
    inboxes = [Inbox.objects.of(user) for user in (bo, chi)]
    find = Prepared(Inbox, lambda user: Inbox.objects.filter(user=user).values_list("pk").query)
    made.clear()
    assert [find(user.pk) for user in (bo, chi)] == [[(inbox.pk,)] for inbox in inboxes]
    assert len(made) == 1


def test_texts_times_and_nulls_find_what_they_mean(bo):
    inbox = Inbox.objects.of(bo)
    Mute.put(inbox, "category", "billing", until=clock.now() + timedelta(hours=1))
    ask = Prepared(
        Mute, lambda name, moment: Mute.objects.filter(name=name, until__gt=moment).values_list("inbox").query
    )
    assert ask("billing", clock.now()) == [(inbox.pk,)]
    assert ask("billing", clock.now() + timedelta(hours=2)) == ask("general", clock.now()) == []


def test_an_update_says_how_many_there_were(bo):
    notify(bo, title="Lunch", key="lunch")
    rename = Prepared(Notification, lambda title, key: updating(Notification.objects.filter(key=key), title=title))
    assert (rename("Dinner", "lunch"), rename("Dinner", "breakfast")) == (1, 0)
    assert Notification.objects.get(key="lunch").title == "Dinner"


def test_a_uuid_is_one_on_every_database(bo):
    find = Prepared(Job, lambda pk: Job.objects.filter(pk=pk).values_list("title").query)
    job = Job.objects.create(
        inbox=Inbox.objects.of(bo), title="Export", task="export", queued_at=clock.now(), changed_at=clock.now()
    )
    assert (find(job.pk), find(UUID(int=7))) == ([("Export",)], [])
