"""Who has a thread open just now, as far as their pages say so. Each process keeps its own rows, many in one statement,
and none for a message: a process that dies takes its readers along after ``LASTS``."""

from collections import defaultdict
from collections.abc import Collection
from datetime import timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q

from . import clock
from .block import Block

LASTS = timedelta(seconds=20)  # after the last renewal

Seat = tuple[int, int]  # a thread and an inbox


class ThreadPresence(models.Model):
    # Written for everybody who opens a thread: the database need not look up for each row whether both are there.
    thread = models.ForeignKey("notifications.Thread", models.CASCADE, related_name="+", db_constraint=False)
    inbox = models.ForeignKey(
        "notifications.Inbox", models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    hub = models.CharField(max_length=32)  # the process
    until = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hub", "thread", "inbox"], name="thread_presence_once")]

    def __str__(self) -> str:
        return f"inbox {self.inbox_id} is in thread {self.thread_id} until {self.until}"

    @classmethod
    def renew(cls, hub: str, seats: Collection[Seat]) -> None:
        """These are taken in that process, until the next renewal or ``LASTS``."""
        until = clock.now() + LASTS
        rows = [
            ThreadPresence(thread_id=thread, inbox_id=inbox, hub=hub, until=until) for thread, inbox in sorted(seats)
        ]
        ThreadPresence.objects.bulk_create(
            rows,
            batch_size=200,
            update_conflicts=True,
            update_fields=["until"],
            unique_fields=["hub", "thread", "inbox"],
        )

    @classmethod
    def leave(cls, hub: str, seats: Collection[Seat]) -> None:
        by_thread = defaultdict(list)
        for thread, inbox in seats:
            by_thread[thread].append(inbox)
        for thread, inboxes in by_thread.items():
            cls.objects.filter(hub=hub, thread=thread, inbox__in=inboxes).delete()

    @classmethod
    def remove_expired(cls) -> None:
        cls.objects.filter(until__lt=clock.now()).delete()

    @classmethod
    def now_in(cls, thread_ids: Collection[int]) -> models.QuerySet["ThreadPresence"]:
        return cls.objects.filter(thread__in=thread_ids, until__gt=clock.now())

    @classmethod
    def shown_in(cls, thread_ids: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Of each of these threads the inboxes whose readers may be seen there, in the order of their ids. Of two, one
        of whom has blocked the other, nobody."""
        seats = cls.now_in(thread_ids).filter(Q(inbox__is_invisible=False))
        for one, other in (("low", "high"), ("high", "low")):
            blocks = Block.objects.filter(inbox=OuterRef(f"thread__{one}"), user=OuterRef(f"thread__{other}__user"))
            seats = seats.exclude(Exists(blocks))
        seen = seats.values_list("thread_id", "inbox_id")
        found: dict[int, set[int]] = {thread_id: set() for thread_id in thread_ids}
        for thread_id, inbox_id in seen:
            found[thread_id].add(inbox_id)
        return {thread_id: tuple(sorted(inbox_ids)) for thread_id, inbox_ids in found.items()}
