import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self

from django.db import models, transaction

from notifications.live import push

from . import clock


def random_epoch() -> str:
    return secrets.token_urlsafe(12)


class Board(models.Model):
    """The one row that is about the whole site.

    ``epoch`` names this history of the database. After a restore from a backup the revisions of inboxes begin again at
    older numbers, so positions that pages hold must not be believed: a new epoch says so.

    ``revision`` grows by one with every publishing, editing, ending and withdrawing of a broadcast.
    """

    epoch = models.CharField(max_length=32, default=random_epoch)
    revision = models.BigIntegerField(default=0)
    floor = models.BigIntegerField(default=0)  # positions below it are too old to be caught up from
    last_arrival = models.BigIntegerField(default=0)  # of a broadcast
    ticked_at = models.DateTimeField(null=True)
    retained_at = models.DateTimeField(null=True)  # when retention has last begun

    is_real = False

    def __str__(self) -> str:
        return f"epoch {self.epoch}"

    @classmethod
    def load(cls) -> "Board":
        return cls.objects.filter(pk=1).first() or cls.objects.get_or_create(pk=1)[0]

    @classmethod
    @contextmanager
    def change(cls) -> Iterator[Self]:
        """The one door through which any broadcast changes, so that two editors, two ticks or two clicks take turns.

        What concerns readers says so by :meth:`next_revision`, and the hubs are nudged after the commit. It is a
        transaction of its own, as that of an inbox.
        """
        with transaction.atomic(durable=True):
            locked = cls.objects.select_for_update()
            board = locked.filter(pk=1).first()
            if board is None:
                cls.load()
                board = locked.get(pk=1)
            yield board
            if board.is_real:
                board.save(update_fields=["revision", "floor", "last_arrival"])
                transaction.on_commit(partial(push.nudge_board, board.revision), robust=True)

    def next_revision(self) -> int:
        """That of this change; the same for all that belongs to it."""
        if not self.is_real:
            self.is_real = True
            self.revision += 1
        return self.revision

    def next_arrival(self) -> int:
        """The place of a broadcast in all lists, in µs since 1970."""
        self.last_arrival = max(self.last_arrival + 1, clock.microseconds())
        return self.last_arrival

    @classmethod
    def renew_pages(cls) -> None:
        """A broadcast has vanished without a trace: all pages get their full lists."""
        with cls.change() as board:
            board.floor = board.next_revision()

    def begin_epoch(self) -> None:
        """Make every open page ask for the full truth."""
        self.epoch = random_epoch()
        self.save(update_fields=["epoch"])

    def note_retention(self) -> None:
        self.retained_at = clock.now()
        self.save(update_fields=["retained_at"])

    def note_tick(self) -> None:
        self.ticked_at = clock.now()
        self.save(update_fields=["ticked_at"])
