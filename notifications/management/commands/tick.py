import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, InterfaceError, connections

from notifications import events, telling
from notifications.broadcasting import send_some_reminders
from notifications.job_keeper import JobKeeper
from notifications.models import Board, Broadcast, BroadcastEvent, Inbox, Thread, clock
from notifications.models.notification import due_inboxes, pending_inboxes
from notifications.models.retention import Limits, remove_slice
from notifications.models.stamping import settle

log = logging.getLogger(__name__)

BATCH = 1_000  # inboxes in one go
RETENTION_EVERY = timedelta(days=1)
TIDYING_EVERY = 60.0  # seconds
LOOK_EVERY = 0.25  # seconds between two looks at what broadcasts want, while there is much else to do
REMINDERS_AFTER = timedelta(seconds=60)  # in which a task would have sent them


class Command(BaseCommand):
    help = "The one loop for everything that the clock causes. It needs the database only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two rounds (1)")

    def handle(self, *, once: bool, interval: float, **options: Any) -> None:
        stopped = threading.Event()
        announcer, retention, keeper, tidying = Announcer(), Retention(), JobKeeper(), Tidying()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                tick(announcer)
                keeper.step()
                retention.step()
                tidying.step()
                pause = announcer.pause(interval)
            except (DatabaseError, InterfaceError) as error:
                log.error("The database does not answer: %s", error)
                connections.close_all()
                keeper.forget()
                pause = interval
                if once:
                    raise
            if once:
                return
            stopped.wait(pause)


def tick(announcer: "Announcer | None" = None) -> None:
    """Publish and end what is due, finish what writers that died have left behind, bring back what was snoozed."""
    Board.load().note_tick()
    announcer = announcer or Announcer()
    announcer.step()
    left = pending_inboxes(BATCH)
    for inbox_id in left:
        with unharmed(f"What was left behind in inbox {inbox_id} could not be stamped"):
            settle([inbox_id])
        announcer.look()
    if left:
        log.info("Stamped what was left behind in %d inboxes.", len(left))
    for thread in Thread.objects.to_be_told().order_by("tell_at")[:BATCH]:
        with unharmed(f"The followers of thread {thread.pk} could not be told"):
            telling.tell(thread)
        announcer.look()
    for inbox in Inbox.objects.filter(pk__in=due_inboxes(BATCH)).order_by("pk"):
        with unharmed(f"What was snoozed in inbox {inbox.pk} could not be brought back"):
            while inbox.bring_back_due():
                continue
        announcer.look()


@contextmanager
def unharmed(what: str) -> Iterator[None]:
    """The others must not wait for one that fails."""
    try:
        yield
    except (DatabaseError, ObjectDoesNotExist):  # an inbox may go with its user meanwhile
        log.exception("%s; the next round tries again.", what)


class Announcer:
    """Publishes and ends broadcasts, on time also where much else is to be done, and does their background work where
    no worker has done it."""

    def __init__(self) -> None:
        self.looked = 0.0
        self.reminded: dict[int, Any] = {}  # the last person of each reminder that is under way

    def step(self) -> None:
        self.carry_out_due()
        for broadcast in Broadcast.objects.gathering().order_by("pk"):
            with unharmed(f"The people of broadcast {broadcast.pk} could not be looked up"):
                broadcast.gather()
                broadcast.carry_out_due()
        for event in BroadcastEvent.unfinished_reminders(REMINDERS_AFTER):
            with unharmed(f"The reminder {event.pk} could not be sent"):
                self.reminded[event.pk] = send_some_reminders(event, self.reminded.get(event.pk))

    def look(self) -> None:
        if time.monotonic() - self.looked >= LOOK_EVERY:
            self.carry_out_due()

    def carry_out_due(self) -> None:
        for broadcast in Broadcast.objects.due().order_by("pk"):
            with unharmed(f"Broadcast {broadcast.pk} could not be published or ended"):
                broadcast.carry_out_due()
        self.looked = time.monotonic()

    def pause(self, interval: float) -> float:
        """Seconds until the next round: less than the interval where something starts or ends before that."""
        due = Broadcast.objects.next_due()
        return min(interval, max(0.0, (due - clock.now()).total_seconds())) if due else interval


class Retention:
    """Removes what is old enough, a slice in each round, once through all of it a day."""

    def __init__(self) -> None:
        self.after: int | None = None  # the last id that was looked at; None between two days
        self.removed = 0

    def step(self) -> None:
        limits = Limits.of_site()
        if self.after is None:
            began = Board.load().retained_at
            if began and clock.now() - began < RETENTION_EVERY:
                return
            Board.load().note_retention()
            self.after = 0
        count, self.after = remove_slice(limits, self.after)
        self.removed += count
        if self.after is None and self.removed:
            log.info("Retention has removed %d notifications.", self.removed)
            self.removed = 0


class Tidying:
    """Tells whoever listens that a minute has passed."""

    def __init__(self) -> None:
        self.at = float("-inf")

    def step(self) -> None:
        if time.monotonic() - self.at >= TIDYING_EVERY:
            self.at = time.monotonic()
            events.send(events.tidying_due, type(self))
