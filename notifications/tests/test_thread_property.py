"""For any sequence of what is said, changed and taken back in a room, of people who come and go, and of accidents on
the way: the page after the pushes equals a fresh page, and who has to go sees nothing of what was said after that.

PROPERTY_EXAMPLES=2000 looks longer, PROPERTY_SEED=N tells the same stories again.
"""

import os
import random
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from notifications import threads
from notifications.live import here_watch, push, thread_frames
from notifications.models import Allowance, Board, Follow, Inbox, Message, Notification, Thread, ThreadPresence, clock
from notifications.models.message import MessageContent
from notifications.models.retention import remove_retracted
from notifications.tests.harness import SteppedHub, Tab, stage_for, with_something_before

ROUNDS = 8  # of asking and answering, after which a page that is still behind will never catch up
SEED = int(os.environ.get("PROPERTY_SEED") or random.randrange(10**9))
DAY = 24 * 3600 * 10**6  # µs
TEXTS = ["Hello", "**Soup** at noon", "@bo, see [this](https://example.com/)", "مرحبا", "a\n\nb", "@ada @chi"]


class RoomTab(Tab):
    """A page of the room."""

    def press_older(self):
        nav = self.document.find("#older-messages")
        link = next(nav.iter("a"), None) if nav is not None else None
        if link is not None and self.older is None:
            response = self.client.get(link.get("href", ""), headers={"HX-Request": "true"})
            if response.status_code == 200:  # else its reader has had to go meanwhile
                self.older = link, response.content.decode()

    def fresh(self):
        with patch("notifications.thread_lists.PAGE_LENGTH", 10**6), patch("notifications.telling.note_readings"):
            document = self.load()
        first = int(self.form["thread_from"].partition("@")[0])
        for row in list(document.find("#messages")):
            if (row.get("id") or "").startswith("message-") and int(row.get("id").removeprefix("message-")) < first:
                document.find("#messages").remove(row)
        return document


class Story:
    """A room that Ada keeps, Bo's pages of it, and what can happen to them. Each step takes two numbers."""

    STEPS = {
        "speak": 12,
        "edit": 5,
        "retract": 5,
        "rewrite": 1,
        "send_bo_away": 1,
        "let_bo_in": 2,
        "come_and_go": 2,
        "look": 3,
        "look_away": 1,
        "remove_old": 2,
        "back_up": 1,
        "restore": 1,
        "flow": 8,
        "carry_nudge": 4,
        "double_nudge": 1,
        "lose_nudges": 1,
        "step": 6,
        "speak_amid_step": 3,
        "hear": 5,
        "take_frames": 5,
        "acknowledge": 3,
        "cut": 2,
        "connect": 3,
        "reload": 1,
        "press_older": 6,
        "take_older": 6,
        "poll": 1,
        "settle": 1,
    }

    def __init__(self, stage, count):
        for model in (Notification, Message, Follow, ThreadPresence, Thread, Allowance):
            model.objects.all().delete()
        self.stage, self.run, self.nudges = stage, stage.loop.run_until_complete, stage.nudges
        self.bo, self.tabs = Inbox.objects.of(stage.bo), []
        self.run(self.make_hub())
        self.room = Thread.make_room("ops", "Ops", Inbox.objects.of(stage.people[0]), is_open=False)
        self.room.admit([Inbox.objects.of(user).pk for user in stage.people])
        for n in range(6):
            self.speak(n, n)
        self.back_up()
        self.tabs = [RoomTab("/rooms/ops/", stage.client, self.run) for _ in range(count)]
        for tab in self.tabs:
            tab.connect()

    async def make_hub(self):
        self.nudges.clear()
        self.hub = self.stage.hub = SteppedHub()

    def tab(self, n):
        return self.tabs[n % len(self.tabs)]

    def message(self, n):
        """One of the newest."""
        return self.room.messages.shown().order_by("-number")[n : n + 1].first()

    @property
    def is_bo_inside(self):
        return Thread.objects.get(pk=self.room.pk).is_open_to(self.bo)

    # What happens in the room.

    def speak(self, n, m):
        self.stage.clock.now += (n % 4 == 3) * DAY // 2 + 1
        author = self.stage.people[m % 3]
        if author != self.stage.bo or self.is_bo_inside:
            threads.say(author, Thread.objects.get(pk=self.room.pk), f"{TEXTS[n % len(TEXTS)]} {n}{m}")

    def edit(self, n, m):
        if message := self.message(n % 8):
            self.room.edit(message, MessageContent(f"edited {m}"), Inbox.objects.of(self.stage.people[0]))

    def retract(self, n, m):
        if message := self.message(n % 8):
            threads.take_back(message)

    def rewrite(self, n, m):
        self.room.rewrite(title=f"Ops {n}", about="Nights" * (m % 2), is_open=m % 4 == 0)

    def send_bo_away(self, n, m):
        self.room.let_go(self.bo)

    def let_bo_in(self, n, m):
        self.room.admit([self.bo.pk])

    def come_and_go(self, n, m):
        """Somebody, in another process."""
        seats = [(self.room.pk, Inbox.objects.of(self.stage.people[m % 2 * 2]).pk)]
        (ThreadPresence.renew if n % 2 else ThreadPresence.leave)("other", seats)

    def look(self, n, m):
        self.say_whether_looked_at(n, "1")

    def look_away(self, n, m):
        self.say_whether_looked_at(n, "")

    def say_whether_looked_at(self, n, value):
        self.tab(n).set("thread-here", value)
        self.tab(n).say()

    def remove_old(self, n, m):
        self.stage.clock.now += DAY
        remove_retracted(clock.now())

    def back_up(self, *_):
        self.backup = Thread.objects.get(), list(Message.objects.all()), list(Follow.objects.all())

    def restore(self, n, m):
        """As in the restore guide: an older database, and a new epoch. What was asked for before has no answer."""
        for tab in self.tabs:
            tab.older = None
        room, messages, follows = self.backup
        Message.objects.all().delete()
        Follow.objects.all().delete()
        Message.objects.bulk_create(messages)
        Follow.objects.bulk_create(follows)
        room.save()
        Board.load().begin_epoch()

    # What happens to nudges, and to the hub.

    def flow(self, n, m):
        """Everything arrives, as on a good day."""
        for tab in self.tabs:
            tab.speak()
        while self.nudges:
            self.hear_nudge(self.nudges.pop(0))
        self.run(self.hub.step())
        for tab in self.tabs:
            tab.take()

    def hear_nudge(self, nudge):
        if isinstance(nudge, tuple):
            self.hub.threads.nudged(*nudge)
        else:
            self.hub.nudged(nudge)

    def carry_nudge(self, n, m):
        """Any of them: an older one may come later."""
        if self.nudges:
            self.hear_nudge(self.nudges.pop(n % len(self.nudges)))

    def double_nudge(self, n, m):
        if self.nudges:
            self.nudges.append(self.nudges[n % len(self.nudges)])

    def lose_nudges(self, n, m):
        self.nudges.clear()

    def step(self, n, m):
        self.run(self.hub.step())

    def speak_amid_step(self, n, m):
        """After the hub has read the thread, before it reads the messages."""
        self.stage.amid = lambda: (self.speak, self.retract, self.edit)[n % 3](n, m)
        self.carry_nudge(n, m)
        self.run(self.hub.step())
        self.stage.amid = None

    # What happens to pages.

    def hear(self, n, m):
        self.tab(n).speak()

    def take_frames(self, n, m):
        self.tab(n).take(m % 3 + 1)

    def acknowledge(self, n, m):
        self.tab(n).say()

    def cut(self, n, m):
        self.tab(n).cut()

    def connect(self, n, m):
        self.tab(n).connect()

    def reload(self, n, m):
        if self.is_bo_inside:
            self.tab(n).cut()
            self.tabs[n % len(self.tabs)] = RoomTab(self.tab(n).path, self.stage.client, self.run)
            self.tab(n).connect()

    def press_older(self, n, m):
        self.tab(n).press_older()

    def take_older(self, n, m):
        if self.is_bo_inside:
            self.tab(n).take_older()

    def poll(self, n, m):
        if self.tab(n).wire is None:
            self.tab(n).poll()

    # What must hold.

    def settle(self, *_):
        """With every nudge lost, the sweep alone must bring everything to every page that is connected."""
        self.nudges.clear()
        for tab in self.tabs:
            if self.is_bo_inside:
                tab.take_older()
            tab.older = None
        for _ in range(ROUNDS):
            for tab in self.tabs:
                tab.say()
                tab.speak()
            self.run(self.hub.sweeper.write_down())
            self.run(self.hub.sweeper.sweep())
            self.run(self.hub.step())
            if not sum([tab.take() for tab in self.tabs]):
                break
        self.compare()

    def compare(self):
        for tab in self.tabs:
            if tab.wire is None:
                continue
            if self.is_bo_inside:
                assert numbers(tab.document) == numbers(fresh := tab.fresh())
                assert tab.document.thread() == fresh.thread()
            else:
                assert tab.document.text("#messages") == tab.document.text("#here") == ""

    def end(self):
        for tab in self.tabs:
            tab.connect()
        self.settle()


def numbers(document):
    """Of the messages, from top to bottom: the short form of a difference."""
    return [row.get("id") for row in document.find("#messages") if (row.get("id") or "").startswith("message-")]


NAMES = [name for name, parts in Story.STEPS.items() for _ in range(parts)]
number = st.integers(0, 11)
story = st.lists(st.tuples(st.sampled_from(NAMES), number, number), min_size=30, max_size=90)


@pytest.fixture
def stage(transactional_db, ada, bo, chi, monkeypatch):
    with stage_for(bo, monkeypatch, people=[ada, bo, chi]) as stage:
        monkeypatch.setattr(push, "nudge_thread", lambda *thread: stage.nudges.append(thread))
        monkeypatch.setattr(here_watch, "SAID_LASTS", 10**6)
        monkeypatch.setattr(thread_frames, "CHANGES_LIMIT", 6)
        changed = with_something_before(thread_frames.changed_messages, stage)
        monkeypatch.setattr(thread_frames, "changed_messages", changed)
        monkeypatch.setattr("notifications.thread_lists.PAGE_LENGTH", 4)
        monkeypatch.setattr("notifications.models.Allowance.spend", lambda *_: None)
        yield stage


@seed(SEED)
@given(count=st.integers(1, 2), story=story)
@settings(
    max_examples=int(os.environ.get("PROPERTY_EXAMPLES", "50")),
    deadline=None,
    database=None,
    phases=list(Phase) if os.environ.get("PROPERTY_SHRINK") else [Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_happens_every_page_of_a_room_equals_a_fresh_one(stage, count, story):
    print(f"PROPERTY_SEED={SEED}")
    room = Story(stage, count)
    for step, n, m in story:
        getattr(room, step)(n, m)
    room.end()
