"""Broadcasts the short way: what a page is told without a look at its inbox is what a look would have told it."""

from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async

from notifications.delivery import notify
from notifications.live import database, sweeper
from notifications.live.board_frames import Onlooker, news_for
from notifications.live.frames import frames_for
from notifications.live.positions import Position
from notifications.live.standing import Standing
from notifications.models import Broadcast, Content, Inbox, Noticeboard, clock
from notifications.testing import LivePage
from notifications.tests.calm import has_nothing_to_come

pytestmark = pytest.mark.django_db(transaction=True)


def publish(title="Maintenance", *, placement="both", **content):
    made = Broadcast.draft(Content(title=title, placement=placement, **content))
    made.publish()
    return made


apublish = sync_to_async(publish)


def nothing(inbox, key): ...


def read(inbox, key):
    inbox.mark_read(key)


def dismiss(inbox, key):
    inbox.dismiss(key)


def save_and_archive(inbox, key):
    inbox.mark_saved(key)
    inbox.archive(key)


def snooze(inbox, key):
    inbox.snooze(key, until=clock.now() + timedelta(hours=1))


def publish_more(first):
    publish("And this")
    publish("A line on top", placement="banner", level="error")


def edit(first):
    first.rewrite(Content(title="Maintenance on Monday", placement="inbox"))


def show_again(first):
    first.rewrite(Content(title="Maintenance now", placement="both"), show_again=True)


def end(first):
    first.end()


def withdraw_and_publish(first):
    first.withdraw()
    publish("Instead of it")


def undo_and_publish(first):
    first.undo_publication()
    first.publish()


ACTS = [nothing, read, dismiss, save_and_archive, snooze]
CHANGES = [publish_more, edit, show_again, end, withdraw_and_publish, undo_and_publish]


def page_at(inbox, **more):
    board = Noticeboard.current()
    where = {"since": inbox.revision, "board": board.revision, "view": "feed:all", "may_toast": True}
    return Position(**where | {"language": "en", "zone": "UTC", "title": "Inbox"} | more)


def looked_at(user):
    """The inbox as it is, and what is remembered of it when a frame is made."""
    inbox = Inbox.objects.get(user=user)
    return inbox, Standing.of(inbox)


def short_way(position, standing):
    onlooker = Onlooker.at(position, standing.view)
    news = news_for({onlooker}, board_now())[onlooker]
    return news and news.html.decode() + news.numbers(standing, position.bottom)


def board_now():
    board = Noticeboard.current()
    return board.epoch, board.revision


def long_way(inbox, position):
    (frame,) = frames_for({inbox.pk: {position}})[inbox.pk].values()
    return frame.html


@pytest.mark.parametrize("view", ["feed:all", "feed:unread", "none"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("act", ACTS, ids=lambda one: one.__name__)
def test_the_short_way_says_what_the_long_way_says(bo, act, change, view):
    notify(bo, title="Before")
    first = publish()
    act(Inbox.objects.get(user=bo), first.row_key)
    inbox, standing = looked_at(bo)
    position = page_at(inbox, view=view)
    change(first)
    short = short_way(position, standing)
    assert short in (None, long_way(inbox, position))
    is_kept = act is save_and_archive and change is undo_and_publish
    assert (short is None) == is_kept, "what was kept of an earlier publication is looked up"


@pytest.mark.parametrize("audience", ["staff", "people"])
def test_what_is_not_for_everyone_takes_the_long_way(bo, audience):
    inbox, standing = looked_at(bo)
    position = page_at(inbox)
    publish(audience=audience, names=["bo"] if audience == "people" else ())
    assert short_way(position, standing) is None


@pytest.mark.parametrize(
    "shown", [{"view": "feed:saved"}, {"view": "found"}, {"is_bell_open": True}, {"loaded_at": 0}, {"board": None}]
)
def test_a_page_that_shows_what_only_its_inbox_knows_takes_the_long_way(bo, shown):
    notify(bo, title="Since it was loaded")
    inbox, standing = looked_at(bo)
    assert Onlooker.at(page_at(inbox), standing.view)
    assert Onlooker.at(page_at(inbox, **shown), standing.view) is None


def test_what_is_running_for_some_is_remembered(bo):
    publish("For Bo", audience="people", names=["bo"])
    inbox, standing = looked_at(bo)
    position = page_at(inbox)
    publish("For everyone")
    assert short_way(position, standing) == long_way(Inbox.objects.get(user=bo), position)


# Through the hub.


@pytest.fixture
def questions(monkeypatch):
    """Counts what the hub asks of inboxes: how many of them it reads for their frames."""
    asked = []
    real = database.frames

    async def frames(wanted, known):
        asked.extend(wanted)
        return await real(wanted, known)

    monkeypatch.setattr(database, "frames", frames)
    return asked


@pytest.mark.usefixtures("live")
async def test_no_inbox_is_read_for_a_broadcast(bo, chi, questions, monkeypatch):
    monkeypatch.setattr(sweeper, "SWEEP_SECONDS", 3600.0)
    async with LivePage(bo) as page, LivePage(chi) as other:
        await has_nothing_to_come(bo, page)
        await has_nothing_to_come(chi, other)
        questions.clear()
        await apublish("News")
        for one in (page, other):
            await one.until(lambda one=one: "News" in one.text("#feed"))
        assert questions == []
