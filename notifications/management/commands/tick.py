import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from notifications.models import Board, Inbox, clock
from notifications.models.notification import due_inboxes, pending_inboxes
from notifications.models.retention import Limits, remove_slice
from notifications.models.stamping import settle

log = logging.getLogger(__name__)

BATCH = 1_000  # inboxes in one go
RETENTION_EVERY = timedelta(days=1)


class Command(BaseCommand):
    help = "The one loop for everything that the clock causes. It needs the database only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two rounds (1)")

    def handle(self, *, once: bool, interval: float, **options: Any) -> None:
        stopped = threading.Event()
        retention = Retention()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                tick()
                retention.step()
            except DatabaseError as error:
                log.error("The database does not answer: %s", error)
                connections.close_all()
                if once:
                    raise
            if once:
                return
            stopped.wait(interval)


def tick() -> None:
    """Finish what writers that died have left behind, and bring back what was snoozed until now."""
    Board.load().note_tick()
    left = pending_inboxes(BATCH)
    for inbox_id in left:
        with unharmed(f"What was left behind in inbox {inbox_id} could not be stamped"):
            settle([inbox_id])
    if left:
        log.info("Stamped what was left behind in %d inboxes.", len(left))
    for inbox in Inbox.objects.filter(pk__in=due_inboxes(BATCH)).order_by("pk"):
        with unharmed(f"What was snoozed in inbox {inbox.pk} could not be brought back"):
            while inbox.bring_back_due():
                continue


@contextmanager
def unharmed(what: str) -> Iterator[None]:
    """The others must not wait for one that fails."""
    try:
        yield
    except (DatabaseError, ObjectDoesNotExist):  # an inbox may go with its user meanwhile
        log.exception("%s; the next round tries again.", what)


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
