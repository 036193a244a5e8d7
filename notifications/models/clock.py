"""The time, in one place: what waits for it is tested with a clock of its own."""

import time
from datetime import UTC, datetime

from django.utils import timezone


def now() -> datetime:
    return timezone.now()


def microseconds() -> int:
    """Since 1970: the unit of arrivals."""
    return time.time_ns() // 1_000


def at(arrival: int) -> datetime:
    """The moment that many microseconds after 1970."""
    return datetime.fromtimestamp(arrival / 1_000_000, UTC)
