"""Undo: an act is taken back, and nothing but that act."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from notifications.delivery import notify, retract
from notifications.models import Inbox, Notification, TooLate, Undo, clock
from notifications.models.undo import UNDO_SECONDS
from notifications.testing.dom import Document
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
UNDO = reverse("notifications:undo")
HTMX = {"HX-Request": "true"}
LATER = timedelta(hours=1)


@pytest.fixture
def inbox(bo):
    """Rows in every state that a row can be in."""
    inbox = Inbox.objects.of(bo)
    for key in ("unread", "read", "snoozed", "read-snoozed", "archived", "saved", "other"):
        notify(bo, title=key, key=key)
    inbox.mark_read("read", "read-snoozed")
    inbox.snooze("snoozed", until=clock.now() + LATER)
    inbox.snooze("read-snoozed", until=clock.now() + 2 * LATER)
    inbox.mark_saved("saved")
    inbox.archive("archived")
    return inbox


def states(inbox) -> dict[str, dict[str, object]]:
    """All that there is to know of every row, but for the revision of its last change."""
    return {row.pop("key"): {**row, "revision": None} for row in inbox.notifications.order_by("pk").values()}


def is_right(inbox) -> bool:
    assert kept(inbox) == recount(inbox)
    return True


NEAR = ["unread", "read", "snoozed", "read-snoozed", "archived", "saved"]
ACTS = {
    "archive": lambda inbox: inbox.archive(*NEAR),
    "mark_read": lambda inbox: inbox.mark_read(*NEAR),
    "mark_all_read": lambda inbox: inbox.mark_all_read(upto=inbox.revision),
    "archive_all": lambda inbox: inbox.archive_all(upto=inbox.revision),
    "snooze": lambda inbox: inbox.snooze(*NEAR, until=clock.now() + 3 * LATER),
    "snooze some until the same time": lambda inbox: inbox.snooze(*NEAR, until=until_of(inbox, "snoozed")),
}
every_act = pytest.mark.parametrize("name", ACTS)


def until_of(inbox, key):
    return inbox.notifications.get(key=key).snoozed_until


@every_act
def test_every_row_is_as_it_was_and_so_are_the_numbers(inbox, name):
    before, numbers = states(inbox), kept(inbox)
    undo = ACTS[name](inbox)
    assert states(inbox) != before
    assert inbox.undo(undo) == undo.count
    assert states(inbox) == before
    assert kept(inbox) == numbers
    assert is_right(inbox)


@every_act
def test_it_survives_its_journey_through_a_page(inbox, name):
    before = states(inbox)
    inbox.undo(Undo.from_signed(ACTS[name](inbox).sign()))
    assert states(inbox) == before


@every_act
def test_doing_it_twice_changes_nothing_more(inbox, name):
    undo = ACTS[name](inbox)
    inbox.undo(undo)
    before, revision = states(inbox), inbox.revision
    assert inbox.undo(undo) == 0
    assert (states(inbox), inbox.revision) == (before, revision)


@every_act
def test_a_page_is_told_of_it(inbox, name):
    undo = ACTS[name](inbox)
    revision = inbox.revision
    inbox.undo(undo)
    assert inbox.notifications.changed_since(revision).count() == undo.count


def test_what_somebody_has_changed_in_this_since_is_left_alone(inbox):
    undo = inbox.archive("unread", "read", "saved")
    inbox.unarchive("unread")
    inbox.archive("unread")
    inbox.unarchive("read")
    assert inbox.undo(undo) == 1
    archived = set(inbox.notifications.archived().values_list("key", flat=True))
    assert archived == {"unread", "archived"}
    assert is_right(inbox)


def test_what_was_snoozed_once_more_since_keeps_its_new_time(inbox):
    undo = inbox.snooze("unread", "snoozed", until=clock.now() + 3 * LATER)
    later = clock.now() + 4 * LATER
    inbox.snooze("snoozed", until=later)
    assert inbox.undo(undo) == 1
    assert until_of(inbox, "snoozed") == later
    assert until_of(inbox, "unread") is None
    assert is_right(inbox)


def test_what_was_changed_in_another_way_since_keeps_that(inbox):
    undo = inbox.archive("unread")
    inbox.mark_saved("unread")
    inbox.mark_read("unread")
    inbox.undo(undo)
    row = inbox.notifications.get(key="unread")
    assert (row.archived_at, bool(row.saved_at), bool(row.read_at)) == (None, True, True)
    assert is_right(inbox)


@pytest.mark.parametrize("name", ["mark_all_read", "archive_all"])
def test_what_came_later_is_not_touched(bo, inbox, name):
    undo = ACTS[name](inbox)
    notify(bo, title="Later", key="later")
    inbox.archive("later") if name == "archive_all" else inbox.mark_read("later")
    before = states(inbox)["later"]
    inbox.undo(undo)
    assert states(inbox)["later"] == before
    assert is_right(inbox)


def test_what_was_taken_back_since_does_not_come_back(bo, inbox):
    undo = inbox.archive("unread")
    retract(bo, "unread")
    inbox.undo(undo)
    assert not inbox.notifications.listed().filter(key="unread").exists()
    assert is_right(inbox)


def test_what_has_come_back_from_its_snooze_since_stays_where_it_is(inbox, monkeypatch):
    undo = inbox.snooze("unread", until=clock.now() + LATER)
    moment = clock.now() + 2 * LATER
    monkeypatch.setattr(clock, "now", lambda: moment)
    inbox.bring_back_due()
    before = states(inbox)
    assert inbox.undo(undo) == 0
    assert states(inbox) == before


def test_a_group_that_grew_in_the_meantime_stays_one_row(bo, inbox):
    notify(bo, title="One", key="one", group_key="g")
    undo = inbox.archive("one")
    notify(bo, title="Two", key="two", group_key="g")
    inbox.undo(undo)
    assert list(inbox.notifications.listed().filter(group_key="g").values_list("key", flat=True)) == ["two"]
    assert is_right(inbox)


def test_many_are_taken_back_as_one(bo, inbox):
    for n in range(60):
        notify(bo, title=str(n))
    before = states(inbox)
    undo = inbox.archive_all(upto=kept(inbox) and inbox.revision)
    assert len(undo.sign()) < 1_000
    inbox.undo(undo)
    assert states(inbox) == before


# At the door.


@pytest.fixture
def reader(bo, inbox, client):
    client.force_login(bo)
    return client


def offer(html: str) -> str:
    """What the undo button in this page or answer would send."""
    return re.search(r'name="undo" value="([^"]+)"', html)[1]


def refused(reader, inbox, text) -> bool:
    before = states(inbox)
    answer = reader.post(UNDO, {"undo": text}, headers=HTMX).content.decode()
    assert "It is too late to undo that. Nothing was changed." in answer
    assert 'hx-target="#alerts"' in answer
    assert states(inbox) == before
    return True


def test_one_that_is_too_old_is_refused(reader, inbox, time_machine):
    time_machine.move_to(datetime(2026, 11, 20, 9, tzinfo=UTC), tick=False)
    text = inbox.archive("unread").sign()
    time_machine.shift(UNDO_SECONDS + 1)
    assert refused(reader, inbox, text)


def test_one_that_is_just_young_enough_is_not(reader, inbox, time_machine):
    time_machine.move_to(datetime(2026, 11, 20, 9, tzinfo=UTC), tick=False)
    text = inbox.archive("unread").sign()
    time_machine.shift(UNDO_SECONDS - 1)
    reader.post(UNDO, {"undo": text})
    assert not inbox.notifications.archived().filter(key="unread").exists()


@pytest.mark.parametrize(
    "tamper", [lambda text: text[:-1], lambda text: "x" + text, lambda text: "", lambda text: "é\x00"]
)
def test_one_that_was_tampered_with_is_refused(reader, inbox, tamper):
    assert refused(reader, inbox, tamper(inbox.archive("unread").sign()))


def test_none_at_all_is_refused(reader, inbox):
    assert "too late" in reader.post(UNDO, headers=HTMX).content.decode()


@pytest.mark.parametrize(
    "said", [{}, [], "x", 7, {"at": "soon"}, {"at": None}, {"at": "2026-11-20T09:00:00+00:00", "a": 1}]
)
def test_what_is_signed_but_says_something_else_is_refused(said):
    with pytest.raises(TooLate):
        Undo.from_signed(signing.dumps(said, salt="notifications.undo", compress=True))


def test_a_text_that_was_signed_for_something_else_is_refused(reader, inbox):
    assert refused(reader, inbox, signing.dumps({"inbox_id": inbox.pk}, salt="other"))


def test_another_readers_is_a_404_and_changes_nothing(reader, inbox, chi):
    text = inbox.archive("unread").sign()
    before = states(inbox)
    stranger = Client()
    stranger.force_login(chi)
    assert stranger.post(UNDO, {"undo": text}).status_code == 404
    assert states(inbox) == before


def test_it_refuses_get_and_who_is_not_signed_in(reader, inbox):
    text = inbox.archive("unread").sign()
    before = states(inbox)
    assert reader.get(UNDO, {"undo": text}).status_code == 405
    assert Client().post(UNDO, {"undo": text}).url.startswith("/accounts/login/")
    assert states(inbox) == before


# What the page is told.

OFFERING = {
    "/inbox/unread/archive/": "1 archived.",
    "/inbox/selected/archive/": "2 archived.",
    "/inbox/selected/read/": "1 marked as read.",
    "/inbox/all/read/": "3 marked as read.",
    "/inbox/all/archive/": "4 archived.",
    "/inbox/unread/snooze/": "1 snoozed until ",
    "/inbox/selected/snooze/": "2 snoozed until ",
}


def form_of(inbox) -> dict[str, object]:
    inbox.refresh_from_db()
    return {"since": inbox.revision, "key": ["unread", "read"], "until": "tomorrow"}


@pytest.mark.parametrize("path", OFFERING)
def test_with_a_socket_the_answer_is_the_offer_and_nothing_else(reader, inbox, path):
    before = states(inbox)
    answer = reader.post(path, {**form_of(inbox), "live": "on"}, headers=HTMX).content.decode()
    assert re.fullmatch(r'<hx-partial hx-target="#undo" hx-swap="innerHTML">(?s:.*)</hx-partial>', answer)
    assert OFFERING[path] in answer
    assert "<li" not in answer
    answer = reader.post(UNDO, {"undo": offer(answer), "live": "on"}, headers=HTMX).content.decode()
    assert "Undone." in answer
    assert states(inbox) == before


@pytest.mark.parametrize("path", OFFERING)
def test_without_a_socket_the_offer_comes_with_the_change(reader, inbox, path):
    page = Document(reader.get(INBOX).content.decode())
    answer = reader.post(path, {**page.inputs("#resume"), **form_of(inbox)}, headers=HTMX).content.decode()
    page.apply(answer)
    assert OFFERING[path] in page.text("#undo")
    assert page.shown() == Document(reader.get(INBOX).content.decode()).shown()


@pytest.mark.parametrize("path", OFFERING)
def test_without_javascript_it_is_a_message_with_a_button_that_works(reader, inbox, path):
    before = states(inbox)
    html = reader.post(path, form_of(inbox), follow=True).content.decode()
    page = Document(html)
    [button] = [one for one in page.root.iter("button") if one.get("name") == "undo"]
    assert OFFERING[path] in html
    assert (button.get("form"), button.get("formaction")) == ("act", UNDO)
    html = reader.post(UNDO, {"undo": button.get("value")}, follow=True).content.decode()
    assert "Undone." in html
    assert states(inbox) == before


def test_a_message_shows_no_markup_of_others(bo, reader):
    notify(bo, title="<b>x</b>", key="markup", group_key="<i>")
    html = reader.post("/inbox/markup/mute/", {"mute": "conversation:always"}, follow=True).content.decode()
    assert "<b>x</b>" not in html
    assert escape("<b>x</b>") in html


@pytest.mark.parametrize("path", ["/inbox/archived/archive/", "/inbox/selected/archive/"])
def test_an_act_that_changed_nothing_offers_nothing(reader, inbox, path):
    answer = reader.post(path, {"key": "archived", "live": "on"}, headers=HTMX)
    assert (answer.status_code, answer.content) == (204, b"")


def test_the_selection_may_name_what_is_not_there_or_somebody_elses(bo, chi, reader, inbox):
    notify(chi, title="Chi's", key="chis")
    reader.post("/inbox/selected/archive/", {"key": ["chis", "none", "", "é", "x" * 1_000, "unread"]})
    assert not Notification.objects.get(key="chis").archived_at
    assert inbox.notifications.get(key="unread").archived_at
