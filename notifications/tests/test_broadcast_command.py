"""manage.py broadcast, as an operator types it."""

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from notifications.models import Broadcast, Inbox, Presence

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("broadcast", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_it_says_something_to_everyone_and_how_many_that_are(bo, chi):
    Presence.renew([Inbox.objects.of(bo).pk])
    said = run("Maintenance", "--body", "At **ten**", "--url", "/status/", "--level", "warning", "--placement", "both")
    one = Broadcast.objects.get()
    assert said == f"It reaches 2 people, 1 of them online: /broadcasts/{one.pk}/\n"
    assert (one.title, one.body, one.url, one.level, one.placement) == (
        "Maintenance",
        "At **ten**",
        "/status/",
        "warning",
        "both",
    )
    assert (one.state, one.audience, one.is_dismissible, one.asks_acknowledgement) == (
        "published",
        "everyone",
        True,
        False,
    )


def test_groups_and_people_may_be_named_several_times(bo, chi, dana):
    bo.groups.add(Group.objects.create(name="crew"))
    chi.groups.add(Group.objects.create(name="office staff"))
    assert "It reaches 2 people" in run("Hi", "--audience", "group:crew", "--audience", "group:office staff")
    assert "It reaches 1 person," in run("Hi", "--audience", "user:dana")


def test_author_acknowledgement_and_what_cannot_be_dismissed(ada):
    run("Rules", "--author", "ada", "--acknowledge", "--not-dismissible")
    one = Broadcast.objects.get()
    assert (one.author, one.asks_acknowledgement, one.is_dismissible) == (ada, True, False)


def test_a_start_is_meant_in_the_zone_of_the_site(settings, bo):
    settings.TIME_ZONE = "Europe/Berlin"
    said = run("Later", "--starts", "2099-07-01T10:00", "--ends", "2099-07-01T12:00+01:00")
    one = Broadcast.objects.get()
    assert one.starts_at == datetime(2099, 7, 1, 8, tzinfo=UTC)
    assert one.ends_at == datetime(2099, 7, 1, 11, tzinfo=UTC)
    assert said.startswith("It will reach 1 person, 0 of them online from 2099-07-01 10:00 CEST on: /broadcasts/")


def test_a_dry_run_counts_and_writes_nothing(bo, chi):
    assert run("Hi", "--dry-run") == "It would reach 2 people, 0 of them online.\n"
    assert not Broadcast.objects.exists()


def test_the_same_key_again_says_nothing_a_second_time(bo):
    assert run("Lunch", "--key", "lunch") == run("Lunch", "--key", "lunch")
    assert Broadcast.objects.count() == 1
    with pytest.raises(CommandError, match=r"'lunch' already names a broadcast with title Lunch; .*title Dinner"):
        run("Dinner", "--key", "lunch")


@pytest.mark.parametrize(("verb", "state"), [("--end", "ended"), ("--withdraw", "withdrawn")])
def test_it_is_ended_or_taken_back(ada, bo, verb, state):
    run("Lunch")
    one = Broadcast.objects.get()
    said = run(verb, str(one.pk), "--author", "ada")
    assert said == f"Broadcast {one.pk} is {state}: /broadcasts/{one.pk}/\n"
    assert Inbox.objects.of(bo).announcements == []
    assert one.events.first().by_name == "Ada Okafor"


def test_taken_back_before_its_start_it_is_cancelled(db):
    run("Later", "--starts", "2099-07-01T10:00")
    one = Broadcast.objects.get()
    assert run("--withdraw", str(one.pk)) == f"Broadcast {one.pk} is a draft: /broadcasts/{one.pk}/\n"
    assert Broadcast.objects.get().state == "draft"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Give either a title, or --end ID, or --withdraw ID"),
        (["Hi", "--end", "1"], "Give either a title"),
        (["--end", "1", "--withdraw", "1"], "Give either a title"),
        (["--end", "99"], "There is no broadcast 99"),
        (["  "], "TITLE: Give it a title"),
        (["x" * 201], "TITLE: .*at most 200 characters"),
        (["Hi", "--level", "loud"], "--level: Choose one of: info, success, warning, error"),
        (["Hi", "--placement", "top"], "--placement: Choose one of: inbox, banner, both"),
        (["Hi", "--url", "ftp://x"], "--url: .*http"),
        (["Hi", "--audience", "world"], "--audience: Address everyone, staff, groups or users.*got world"),
        (["Hi", "--audience", "staff", "--audience", "user:bo"], "--audience: .*got staff, user:bo"),
        (["Hi", "--audience", "group:ghosts"], "--audience: There is no group 'ghosts'"),
        (["Hi", "--audience", "user:ghost"], "--audience: There is no active account of this name: ghost"),
        (["Hi", "--author", "ghost"], "There is no user 'ghost'"),
        (["Hi", "--starts", "soon"], r"--starts takes a date and a time such as 2026-11-22T10:00 .*; got 'soon'"),
        (["Hi", "--ends", "2020-01-01T10:00"], "--ends: This end is in the past"),
        (["Hi", "--ends", "9999-12-31T23:59-12:00"], "--ends: This is too far away"),
        (["Hi", "--starts", "0001-01-01T00:00"], "--starts: This is too far away"),
        (["Hi", "--key", "a b"], "--key: "),
        (["Hi", "--level", "loud", "--dry-run"], "--level: "),
    ],
)
def test_a_mistake_is_one_line_that_says_what_was_expected(bo, arguments, said):
    with pytest.raises(CommandError, match=said) as refusal:
        run(*arguments)
    assert "\n" not in str(refusal.value)
    assert not Broadcast.objects.exists()


def test_a_time_that_the_clocks_skip_is_refused(settings, db):
    settings.TIME_ZONE = "Europe/Berlin"
    with pytest.raises(CommandError, match="in Europe/Berlin there is no 2099-03-29T02:30"):
        run("Hi", "--starts", "2099-03-29T02:30")


def test_what_is_over_cannot_be_ended(bo):
    run("Lunch")
    pk = str(Broadcast.objects.get().pk)
    run("--withdraw", pk)
    with pytest.raises(CommandError, match="A broadcast that is withdrawn cannot be ended"):
        run("--end", pk)
