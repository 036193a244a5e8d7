"""Echoes: a real notification goes the whole way to its reader's page and back, and each part of the way is told.

Writing and stamping are timed here; what follows, by the hub that has the page (``live/echo_watch.py``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from .delivery import put_one, retract
from .models import Draft, Inbox, Notification, clock
from .models.echo import VERB, Times, keys_at, note_times, placed_at, seconds_left

BODY = gettext_noop("You have asked for this test. Nothing has happened, and it goes away by itself.")

#: How the hub of the page came to know of it.
BUS, SWEEP, ALONG = "bus", "sweep", "along"

LABELS = {
    "written": _("Written to the database"),
    "stamped": _("Put in its place in your inbox"),
    BUS: _("Over the message bus to the server of this page"),
    SWEEP: _("Not by the message bus: the server of this page found it when it looked"),
    ALONG: _("Brought along by something else that was new"),
    "rendered": _("Read and made into HTML"),
    "returned": _("To this page and back"),
}


class TooSoon(Exception):
    """The last one is under way, or has just come round. Nothing was sent."""

    def __init__(self, wait: int):
        super().__init__(f"Wait {wait} seconds.")
        self.wait = wait  # seconds


@dataclass(frozen=True)
class Part:
    name: str
    took: int | None  # µs; None: nobody knows

    @property
    def label(self) -> str | Promise:
        return LABELS[self.name]

    @property
    def milliseconds(self) -> float | None:
        """As one reads them: 0.4, 3.1, 38."""
        if self.took is None:
            return None
        return round(self.took / 1_000, 1) if self.took < 10_000 else round(self.took / 1_000)


@dataclass(frozen=True)
class Trip:
    """How an echo went, as far as it went. The hub's moments are by its own clock, which may be another machine's."""

    times: Times | None
    way: str = ""
    heard_at: int | None = None
    handed_at: int | None = None
    acknowledged_at: int | None = None

    @property
    def parts(self) -> list[Part]:
        return list(self._parts())

    def _parts(self) -> Iterator[Part]:
        times, stamped = self.times, self._stamped()
        yield Part("written", times.committed - times.began if times else None)
        yield Part("stamped", between(times.committed if times else None, stamped))
        if not self.way:
            return
        yield Part(self.way, between(stamped, self.heard_at))
        yield Part("rendered", between(self.heard_at or stamped, self.handed_at))
        if self.acknowledged_at is not None:
            yield Part("returned", between(self.handed_at, self.acknowledged_at))

    def _stamped(self) -> int | None:
        """The nudge leaves by a thread of its own, and may be heard before its sender comes to look at the clock."""
        times = self.times
        if times is None or times.placed is None:
            return None
        is_late = self.heard_at is not None and self.heard_at < times.stamped
        return times.placed if is_late else max(times.placed, times.stamped)

    @property
    def total(self) -> Part:
        return Part("returned", sum(part.took or 0 for part in self.parts))

    @property
    def came_back(self) -> bool:
        return self.acknowledged_at is not None

    @property
    def was_stamped(self) -> bool:
        return self.times is not None and self.times.placed is not None


def between(start: int | None, end: int | None) -> int | None:
    """Clocks of two machines may differ; nothing takes less than no time."""
    return None if start is None or end is None else max(0, end - start)


@dataclass(frozen=True)
class Sent:
    key: str
    times: Times


def send_echo(user: Any) -> Sent:
    """Raises TooSoon where another one is under way. Call it outside of transactions: it times its own commit."""
    inbox = Inbox.objects.of(user)
    moment = clock.now()
    key, before = keys_at(moment)
    known = dict(inbox.notifications.filter(key__in=[key, before]).values_list("key", "retracted_at"))
    if key in known or None in known.values():
        raise TooSoon(seconds_left(moment))
    take_back_left_ones(user, inbox)
    pk, times = write(inbox.pk, key)
    if pk is None:
        raise TooSoon(seconds_left(moment))
    note_times(pk, times)
    return Sent(key, times)


def take_back_left_ones(user: Any, inbox: Inbox) -> None:
    """Those whose server died while they were under way."""
    take_back((user, key) for key in inbox.notifications.unread().filter(verb=VERB).values_list("key", flat=True))


def write(inbox_id: int, key: str) -> tuple[int | None, Times]:
    """None where somebody else has just written one."""
    moments = [clock.microseconds()]
    with transaction.atomic():
        transaction.on_commit(lambda: moments.append(clock.microseconds()))  # before stamping, which comes next
        row = put_one(inbox_id, key, Draft(verb=VERB, body=BODY))
    stamped = clock.microseconds()
    there = Notification.objects.filter(pk=row.pk).only("delivered_at").first()
    return row.pk, Times(moments[0], moments[-1], placed_at(there) if there else None, stamped)


def take_back(echoes: Iterable[tuple[Any, str]]) -> None:
    """Of these users, by their keys: they leave every page."""
    for user, key in echoes:
        retract(user, key)
