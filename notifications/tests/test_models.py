"""The nouns: an inbox keeps its numbers, its revision and its order, whatever is done to it."""

from itertools import product

import pytest
from django.db import transaction

from notifications.delivery import notify, retract
from notifications.models import Board, Browser, Inbox, Notification
from notifications.tests.recount import kept, recount

pytestmark = pytest.mark.django_db(transaction=True)

VERBS = {
    "deliver": lambda inbox: notify(inbox.user, title="New", category="people"),
    "mark_read": lambda inbox: inbox.mark_read("one"),
    "mark_unread": lambda inbox: inbox.mark_unread("one"),
    "archive": lambda inbox: inbox.archive("one"),
    "unarchive": lambda inbox: inbox.unarchive("one"),
    "mark_all_read": lambda inbox: inbox.mark_all_read(upto=inbox.revision),
    "archive_all": lambda inbox: inbox.archive_all(upto=inbox.revision),
    "mark_seen": lambda inbox: inbox.mark_seen(upto=inbox.revision),
    "retract": lambda inbox: retract(inbox.user, "one"),
}


@pytest.fixture
def lunch(inbox):
    """An unread notification in Bo's inbox."""
    notify(inbox.user, title="Lunch", key="one")
    inbox.refresh_from_db()
    return "one"


def numbers(inbox: Inbox) -> tuple[int, int, int]:
    """Revision, unseen, unread."""
    inbox.refresh_from_db()
    return inbox.revision, inbox.unseen_count, inbox.unread_count


# Numbers.


def test_the_numbers_equal_a_recount_after_every_verb_and_every_other(bo, inbox):
    for step, pair in enumerate(product(VERBS, VERBS)):
        if not inbox.notifications.listed().filter(key="one").exists():
            inbox.notifications.filter(key="one").update(key=f"retracted-{step}")
            notify(bo, title="One", key="one")
        for verb in pair:
            VERBS[verb](inbox)
            assert kept(inbox) == recount(inbox), f"after {pair}, step {step}"


@pytest.mark.parametrize("is_read", [True, False])
def test_unarchiving_brings_an_item_back_as_it_was(inbox, lunch, is_read):
    if is_read:
        inbox.mark_read(lunch)
    before = inbox.notifications.get().read_at, kept(inbox)
    inbox.archive(lunch)
    assert kept(inbox) == {"unread": 0, "unseen": 0, "lists": {"archived": 1}}
    inbox.unarchive(lunch)
    assert (inbox.notifications.get().read_at, kept(inbox)) == before


def test_having_seen_leaves_rows_unread_and_what_arrived_later_unseen(bo, inbox, lunch):
    position = inbox.revision
    notify(bo, title="Later")
    inbox.mark_seen(upto=position)
    assert numbers(inbox) == (3, 1, 2)


def test_having_seen_never_goes_back(bo, inbox, lunch):
    notify(bo, title="Later")
    inbox.mark_seen(upto=2)
    inbox.mark_seen(upto=1)
    assert numbers(inbox) == (3, 0, 2)


def test_what_was_seen_stays_seen_when_it_is_unread_again_or_comes_back(inbox, lunch):
    inbox.mark_seen(upto=inbox.revision)
    inbox.mark_read(lunch)
    inbox.mark_unread(lunch)
    inbox.archive(lunch)
    inbox.unarchive(lunch)
    assert numbers(inbox)[1:] == (0, 1)


def test_reading_again_keeps_the_time_of_the_first_reading(inbox, lunch):
    inbox.mark_read(lunch)
    read_at = inbox.notifications.get().read_at
    inbox.mark_read(lunch)
    inbox.mark_all_read(upto=inbox.revision)
    assert inbox.notifications.get().read_at == read_at


@pytest.mark.parametrize(("count", "shown"), [(0, "0"), (99, "99"), (100, "99+"), (12_345, "99+")])
def test_the_badge_never_grows_wide(count, shown):
    assert Inbox(unseen_count=count).unseen_display == shown


# The one writer.


@pytest.mark.parametrize("verb", ["mark_unread", "unarchive", "mark_seen"])
def test_what_changes_nothing_raises_no_revision(inbox, lunch, verb):
    inbox.mark_seen(upto=inbox.revision)
    before = numbers(inbox)
    VERBS[verb](inbox)
    assert numbers(inbox) == before


def test_every_row_that_changed_carries_the_revision_of_its_last_change(bo, inbox, lunch):
    notify(bo, title="Another", key="another")
    inbox.archive(lunch)
    assert dict(inbox.notifications.values_list("key", "revision")) == {"one": 3, "another": 2}
    assert set(inbox.notifications.values_list("arrived_revision", flat=True)) == {1, 2}


def test_a_change_that_fails_leaves_everything_as_it_was(inbox, lunch):
    before = numbers(inbox)
    with pytest.raises(RuntimeError, match="half"), inbox.change() as change:
        change.update(inbox.notifications.all(), read_at="2026-01-01T00:00:00Z")
        raise RuntimeError("half way")
    assert numbers(inbox) == before
    assert inbox.notifications.unread().exists()


def test_a_change_refuses_to_wait_for_somebody_elses_commit(inbox, lunch):
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        inbox.mark_read(lunch)


def test_a_change_believes_the_database_and_not_the_object_in_hand(bo, inbox, lunch):
    stale = Inbox.objects.get(pk=inbox.pk)
    notify(bo, title="Meanwhile")
    stale.mark_read(lunch)
    assert numbers(inbox) == (3, 1, 1)


def test_an_inbox_that_is_missing_is_made(bo, chi, ada):
    Inbox.objects.all().delete()
    first = Inbox.objects.of(chi)
    assert Inbox.objects.of(chi) == first
    ids = Inbox.objects.of_users([bo.pk, chi.pk, ada.pk, bo.pk])
    assert ids == sorted(Inbox.objects.values_list("pk", flat=True))
    assert len(ids) == 3


# Rows.


VIEWS = ["all", "unread", "archived", "category:general", "category:people"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_row_in_hand_knows_the_lists_that_show_it(bo, inbox, view):
    names = ("read_at", "archived_at", "retracted_at")
    for category, *states in product(("general", "people"), *[(None, "2026-01-01T00:00:00Z")] * 3):
        row = notify(bo, title="x", category=category)
        Notification.objects.filter(pk=row.pk).update(**dict(zip(names, states, strict=True)))
    Notification.objects.create(inbox=inbox, key="pending", title="x", category="general", level="info")
    listed = set(inbox.notifications.in_view(view))
    assert listed == {row for row in inbox.notifications.all() if row.stands_in(view)}
    assert listed


def test_an_excerpt_is_one_paragraph_of_at_most_280_characters():
    excerpt = Notification(body="\n\n  Two\n\nparagraphs  and " + "x" * 4_000).excerpt
    assert excerpt.startswith("Two paragraphs and xxx")
    assert (len(excerpt), excerpt[-1]) == (280, "…")


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Bo Lindqvist", "BL"), ("bo", "B"), ("", ""), ("  ", ""), ("Ada B. Cee", "AB"), ("دانا", "د")],
)
def test_an_actor_has_initials_and_always_the_same_colour(name, initials):
    one, other = Notification(actor_name=name), Notification(actor_name=name)
    assert one.actor_initials == initials
    assert one.actor_hue == other.actor_hue in range(12)


# The site and its browsers.


def test_the_site_has_one_board_whose_epoch_stays_until_a_new_one_begins():
    epoch = Board.load().epoch
    assert Board.load().epoch == epoch
    Board.load().begin_epoch()
    assert Board.load().epoch not in ("", epoch)
    assert Board.objects.count() == 1


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1"


def test_a_browser_is_known_again_after_its_update(bo):
    assert Browser.remember(bo, FIREFOX.format(150))[1] is False
    assert Browser.remember(bo, FIREFOX.format(151))[1] is False
    stranger, is_strange = Browser.remember(bo, SAFARI)
    assert (str(stranger), is_strange) == ("Safari, iPhone", True)


@pytest.mark.parametrize("agent", ["", "x" * 10_000, "\x00\n", "curl/8.0"])
def test_a_browser_may_say_anything_of_itself(bo, agent):
    browser, _ = Browser.remember(bo, agent)
    assert str(browser) == "a browser"
