import logging
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connections

from notifications.models import Board
from notifications.models.notification import pending_inboxes
from notifications.models.stamping import settle

log = logging.getLogger(__name__)

BATCH = 1_000  # inboxes in one go


class Command(BaseCommand):
    help = "The one loop for everything that the clock causes. It needs the database only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due and end")
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between two rounds (1)")

    def handle(self, *, once: bool, interval: float, **options: Any) -> None:
        stopped = threading.Event()
        if not once:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stopped.set())
        while not stopped.is_set():
            try:
                tick()
            except DatabaseError as error:
                log.error("The database does not answer: %s", error)
                connections.close_all()
                if once:
                    raise
            if once:
                return
            stopped.wait(interval)


def tick() -> None:
    """Finish what writers that died have left behind."""
    Board.load().note_tick()
    left = pending_inboxes(BATCH)
    for inbox_id in left:
        try:
            settle([inbox_id])
        except DatabaseError:  # the others must not wait for it
            log.exception(
                "What was left behind in inbox %d could not be stamped; the next round tries again.", inbox_id
            )
    if left:
        log.info("Stamped what was left behind in %d inboxes.", len(left))
