"""Until when one can snooze: the usual times, and one's own, in the reader's time zone.

Times of day are local: tomorrow at nine is at nine, also where the clocks are changed in the night. "In an hour" is an
hour of the world. A local time that the clocks skip is moved on by what they skip, and of one that comes twice the
first is meant (PEP 495).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from .models import InvalidSnooze, clock

EVENING, MORNING = time(18), time(9)
NOT_LATER_THAN = time(17)  # the hour after which "this evening" is too close


@dataclass(frozen=True)
class Choice:
    name: str
    label: str
    until: datetime

    @property
    def value(self) -> str:
        """What its button sends: on a page that was left open over night, "tomorrow" is still the day that it said."""
        return f"{self.name}@{self.until.isoformat(timespec='seconds')}"


def choices() -> Iterator[Choice]:
    moment = clock.now()
    here = timezone.localtime(moment)
    yield Choice("hour", _("In an hour"), moment + timedelta(hours=1))
    if here.time() < NOT_LATER_THAN:
        yield Choice("evening", _("This evening"), local(here.date(), EVENING))
    yield Choice("tomorrow", _("Tomorrow"), local(here.date() + timedelta(days=1), MORNING))
    yield Choice("week", _("Next week"), local(here.date() + timedelta(days=7 - here.weekday()), MORNING))


def local(day: date, at: time) -> datetime:
    """That time on the reader's clock."""
    return datetime.combine(day, at, timezone.get_current_timezone()).astimezone(UTC)


def until_of(name: str, own: str = "") -> datetime:
    """The moment that a choice stands for: "tomorrow", or "tomorrow@2026-11-22T08:00:00+00:00" as a page has offered
    it; "own" is the time in ``own``, as browsers write it: "2026-11-22T09:00".

    Raises InvalidSnooze, which says what was expected.
    """
    if name == "own":
        return own_time(own)
    name, _at, offered = name.partition("@")
    if offered:
        return own_time(offered)
    found = {choice.name: choice.until for choice in choices()}
    if name not in found:
        raise InvalidSnooze(_("Choose until when: one of the times offered, or a date and time of your own."))
    return found[name]


def own_time(text: str) -> datetime:
    try:
        said = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidSnooze(_("Give a date and a time, such as 2026-11-22T09:00.")) from None
    try:
        return said.astimezone(UTC) if said.tzinfo else local(said.date(), said.time())
    except OverflowError:
        raise InvalidSnooze(_("Choose a time in the future, at most a year from now.")) from None


def mute_until(name: str) -> Any:
    """When a mute for "day" or "week" ends; None for "always". Raises ValueError."""
    spans = {"day": timedelta(days=1), "week": timedelta(weeks=1)}
    if name == "always":
        return None
    if name not in spans:
        raise ValueError("A mute is for a day, a week or always.")
    return clock.now() + spans[name]
