"""The pages: the inbox and its lists, one item, what a page without a socket asks for, and preferences."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from notifications.delivery import notify, retract
from notifications.lists import PAGE_LENGTH
from notifications.models import Broadcast, Content, Notification
from notifications.testing.dom import Document

pytestmark = pytest.mark.django_db(transaction=True)

INBOX = reverse("notifications:inbox")
CHANGES = reverse("notifications:changes")
PREFERENCES = reverse("notifications:preferences")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(bo, client):
    client.force_login(bo)
    return client


def page_of(client: Client, path: str = INBOX) -> Document:
    response = client.get(path)
    assert response.status_code == 200
    return Document(response.content.decode())


def keys(page: Document) -> list[str]:
    return [row.get("id", "").removeprefix("notification-") for row in page.rows()]


# The lists.


@pytest.fixture
def varied(bo, inbox):
    """Two unread ones, one of them in another category, a read and an archived one."""
    for key, category in (("old", "general"), ("read", "general"), ("people", "people"), ("new", "general")):
        notify(bo, title=key, key=key, category=category)
    inbox.archive("old")
    inbox.mark_read("read")
    return inbox


@pytest.mark.parametrize(
    ("view", "shown"),
    [
        ("all", ["new", "people", "read"]),
        ("unread", ["new", "people"]),
        ("archived", ["old"]),
        ("category:general", ["new", "read"]),
        ("category:people", ["people"]),
        ("category:security", []),
    ],
)
def test_each_list_shows_its_own_newest_first_and_its_number_is_right(reader, varied, view, shown):
    page = page_of(reader, f"{INBOX}?view={view}")
    assert keys(page) == shown
    assert page.text("#count-" + view.replace(":", "-")) == str(len(shown))


def test_the_inbox_opens_with_everything_that_is_not_archived(reader, varied):
    assert page_of(reader).shown()["feed"] == page_of(reader, f"{INBOX}?view=all").shown()["feed"]


@pytest.mark.parametrize("view", ["", "read", "category:", "category:cats", "general", "x:general", "all\x00"])
def test_an_unknown_list_is_a_404(reader, view):
    assert reader.get(INBOX, {"view": view}).status_code == 404


@pytest.mark.parametrize("before", ["", "x", "-1", "1.5", "1e9", "٣", "9" * 20])
def test_a_strange_place_in_a_list_is_a_404(reader, before):
    assert reader.get(INBOX, {"before": before}).status_code == 404


def test_leafing_through_shows_everything_exactly_once_and_in_order(bo, reader):
    wanted = [notify(bo, title=str(n), key=f"n{n}").key for n in range(2 * PAGE_LENGTH + 5)][::-1]
    page, seen = page_of(reader), []
    while True:
        seen += keys(page)
        links = [link.get("href") for link in page.by_id("older").iter("a")]
        if not links:
            break
        page = page_of(reader, links[0])
    assert seen == wanted


def test_leafing_with_htmx_adds_the_older_ones_below(bo, reader):
    wanted = [notify(bo, title=str(n), key=f"n{n}").key for n in range(2 * PAGE_LENGTH + 5)][::-1]
    page = page_of(reader)
    while links := [link.get("href") for link in page.by_id("older").iter("a")]:
        page.apply(reader.get(links[0], headers=HTMX).content.decode())
    assert keys(page) == wanted
    assert page.inputs("#resume")["bottom"].startswith("0@")


def test_a_list_of_one_full_page_has_nothing_older(bo, reader):
    for n in range(PAGE_LENGTH):
        notify(bo, title=str(n))
    page = page_of(reader)
    assert len(keys(page)) == PAGE_LENGTH
    assert not list(page.by_id("older").iter("a"))


def test_a_page_of_older_items_says_so_and_stands_outside_of_the_stream(bo, reader):
    notify(bo, title="One")
    page = page_of(reader, f"{INBOX}?before=99999999999999999")
    assert "You are looking at older items" in page.text("#main")
    assert page.inputs("#resume")["view"] == "none"


def test_days_are_those_of_the_readers_clock(bo, reader, time_machine):
    time_machine.move_to("2026-03-01T23:30:00Z")
    notify(bo, title="Late")
    bo.time_zone = "Asia/Beirut"
    bo.save()
    page = page_of(reader)
    assert page.by_id("day-2026-03-02") is not None
    assert page.by_id("day-2026-03-01") is None


def test_no_page_shows_what_is_not_stamped_yet(reader, inbox):
    Notification.objects.create(inbox=inbox, key="k", title="Not yet", category="general", level="info")
    form = page_of(reader).inputs("#resume") | {"since": "x", "bell": "1"}
    answers = [reader.get(INBOX), reader.get(CHANGES, form), reader.post(reverse("notifications:mark_seen"), form)]
    assert not any("Not yet" in answer.content.decode() for answer in answers)
    assert reader.get("/inbox/k/").status_code == 404


# One item.


def test_opening_an_item_marks_it_read_and_leads_to_its_link(bo, reader, inbox):
    notify(bo, title="Menu", url="/menu/?day=1", key="menu")
    assert reader.get("/inbox/menu/").url == "/menu/?day=1"
    assert not inbox.notifications.unread().exists()


def test_an_item_without_a_link_is_shown_whole(bo, reader, inbox):
    body = f"{'long ' * 700}\n\nand its end"
    notify(bo, title="Essay", body=body, key="essay")
    assert "and its end" not in page_of(reader).text("#feed")
    page = page_of(reader, "/inbox/essay/")
    assert "and its end" in page.text("#item-essay")
    assert not inbox.notifications.unread().exists()


def test_an_item_with_a_link_can_be_shown_whole_too(bo, reader):
    notify(bo, title="Menu", body="Soup", url="https://example.com/", key="menu")
    page = page_of(reader, "/inbox/menu/?show=1")
    assert "Soup" in page.text("#item-menu")
    assert "https://example.com/" in [link.get("href") for link in page.by_id("item-menu").iter("a")]


def test_opening_an_item_again_changes_nothing(bo, reader, inbox):
    notify(bo, title="Once", key="once")
    reader.get("/inbox/once/")
    inbox.refresh_from_db()
    revision, read_at = inbox.revision, inbox.notifications.get().read_at
    reader.get("/inbox/once/")
    inbox.refresh_from_db()
    assert (inbox.revision, inbox.notifications.get().read_at) == (revision, read_at)


def test_an_archived_item_can_be_opened_and_is_read_then(bo, reader, inbox):
    notify(bo, title="Shelved", key="shelved")
    inbox.archive("shelved")
    assert "Shelved" in page_of(reader, "/inbox/shelved/").text("#item-shelved")
    inbox.unarchive("shelved")
    inbox.refresh_from_db()
    assert inbox.unread_count == 0


def test_an_item_that_was_taken_back_says_so_and_nothing_more(bo, reader):
    notify(bo, title="Secret", body="Hush", url="/secret/", key="oops")
    retract(bo, "oops")
    html = reader.get("/inbox/oops/").content.decode()
    assert "This notification was withdrawn" in html
    assert not re.search("Secret|Hush|/secret/", html)


def test_a_broadcast_that_only_stood_on_a_page_says_that_it_is_over(bo, chi, inbox, reader):
    """Whoever saw it in a list, and did nothing with it, may have kept its address."""
    broadcast = Broadcast.draft(Content(title="Secret plans"))
    broadcast.publish()
    inbox.forget_announcements()
    inbox.collect()
    broadcast.withdraw()
    page = reader.get(f"/inbox/{broadcast.row_key}/")
    assert page.status_code == 200
    assert "is over" in page.content.decode()
    assert "Secret" not in page.content.decode()
    strange = [broadcast.row_key.replace("-", "-0"), "broadcast-", "broadcast-" + "9" * 5_000, "broadcast-\u0661"]
    for address in [*strange, f"broadcast-{broadcast.pk + 1}"]:
        assert reader.get(f"/inbox/{address}/").status_code == 404
    reader.force_login(chi)
    assert reader.get(f"/inbox/{broadcast.row_key}/").status_code == 404


def test_the_item_of_another_reader_is_a_404_and_stays_unread(bo, chi, inbox, client):
    notify(bo, title="Bo's", key="bos")
    client.force_login(chi)
    assert client.get("/inbox/bos/").status_code == 404
    assert inbox.notifications.unread().exists()


def test_marking_as_unread_on_the_items_own_page_leads_where_it_stays_unread(bo, reader, inbox):
    notify(bo, title="Later", key="later")
    reader.get("/inbox/later/")
    reader.post("/inbox/later/unread/", {"next": "/inbox/later/?show=1"}, follow=True)
    assert inbox.notifications.unread().exists()


# What a page without a socket asks for.


def test_changes_bring_an_old_page_up_to_date(bo, reader, varied):
    page = page_of(reader)
    notify(bo, title="Newest", key="newest")
    varied.archive("people")
    varied.mark_unread("read")
    retract(bo, "new")
    page.apply(reader.get(CHANGES, page.inputs("#resume")).content.decode())
    assert keys(page) == ["newest", "read"]
    assert page.shown() == page_of(reader).shown()


def test_changes_bring_no_row_when_nothing_has_changed(reader, varied):
    form = page_of(reader).inputs("#resume")
    assert "<li " not in reader.get(CHANGES, form).content.decode()


@pytest.mark.parametrize("strange", [{"since": "x"}, {"since": "99"}, {"epoch": "of another history"}])
def test_changes_are_the_whole_list_for_a_position_that_means_nothing(reader, varied, strange):
    page = page_of(reader)
    form = page.inputs("#resume") | strange
    page.apply('<hx-partial hx-target="#feed" hx-swap="innerHTML"></hx-partial>')
    page.apply(reader.get(CHANGES, form).content.decode())
    assert page.shown() == page_of(reader).shown()


def test_changes_never_speak_of_another_reader(bo, chi, reader):
    notify(chi, title="For Chi", key="chis")
    for form in ({}, {"view": "item:chis"}, {"view": "feed:all", "inbox": str(chi.inbox.pk), "bell": "1"}):
        assert "For Chi" not in reader.get(CHANGES, form).content.decode()


# Preferences, and what holds everywhere.


def test_preferences_show_what_is_on_and_what_cannot_be_switched_off(reader, inbox):
    inbox.mute_category("people")
    page = page_of(reader, PREFERENCES)
    switches = {row.get("id"): [one.get("aria-checked") for one in row.iter("button")] for row in page.root.iter("li")}
    assert switches["category-people"] == ["false"]
    assert switches["category-general"] == ["true"]
    assert switches["category-security"] == []


def test_a_switch_does_what_it_says(bo, reader, inbox):
    page = page_of(reader, PREFERENCES)
    form = next(page.by_id("category-people").iter("form"))
    assert reader.post(form.get("action")).status_code == 302
    assert notify(bo, title="Muted", category="people") is None


@pytest.mark.parametrize("path", [INBOX, CHANGES, PREFERENCES, "/inbox/some-key/"])
def test_who_is_not_signed_in_is_led_to_the_door_and_back(client, path):
    response = client.get(path)
    assert response.url == f"{reverse('accounts:login')}?next={path}"


@pytest.mark.parametrize("path", [INBOX, CHANGES, PREFERENCES, "/inbox/some-key/"])
def test_pages_refuse_post_and_are_never_kept_by_a_cache(bo, reader, path):
    notify(bo, title="Here", key="some-key")
    assert reader.post(path).status_code == 405
    assert "no-store" in reader.get(path)["Cache-Control"]
