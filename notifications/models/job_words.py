"""A job in words, in the reader's language: all of it follows from its row, so that a page that was pushed and one
that is loaded say the same."""

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from notifications.verbs import fill

from .draft import NUL
from .job_states import RETRYING, RUNNING

ETA_AFTER = timedelta(seconds=5)  # of work, before anybody can tell how long the rest takes
ETA_FROM = 0.05  # of the whole
ETA_LEAST = 5  # seconds; what is shorter is over before it is read

WENT_WRONG = gettext_noop("Something went wrong on our side. Trying again may help.")
CUT_OFF = gettext_noop("It was cut off: its worker stopped answering.")
TOO_LONG = gettext_noop("It took longer than {minutes} minutes, and was stopped.")
ENDED_BY_FORCE = gettext_noop("It did not stop by itself, and was ended by force.")
REVOKED = gettext_noop("It was stopped by whoever runs this site.")


class JobWords:
    if TYPE_CHECKING:
        state: str
        title: str
        title_params: dict[str, Any]
        message: str
        message_params: dict[str, Any]
        error: str
        error_params: dict[str, Any]
        phase: int
        phase_count: int
        phase_title: str
        result_label: str
        result_size: int | None
        current: int
        total: int | None
        fraction: float | None
        attempt: int
        max_attempts: int
        started_at: datetime | None
        changed_at: datetime

    @property
    def title_text(self) -> str:
        return translated(self.title, self.title_params)

    @property
    def state_text(self) -> str:
        return str(self.get_state_display())  # type: ignore[attr-defined]

    @property
    def error_text(self) -> str:
        return translated(self.error, self.error_params)

    @property
    def message_text(self) -> str:
        return translated(self.message, self.message_params)

    @property
    def phase_text(self) -> str:
        """ "2 of 3: Writing"."""
        title = translated(self.phase_title, {})
        if not self.phase_count or not self.phase:
            return title
        return _("{number} of {count}: {title}").format(number=self.phase, count=self.phase_count, title=title)

    @property
    def count_text(self) -> str:
        """ "1,204 of 2,000", "1,204 of about 1,000", "1,204", or nothing."""
        current, total = intcomma(self.current), intcomma(self.total or 0)
        if self.total is None:
            return str(current) if self.current else ""
        if self.current > self.total:
            return _("{current} of about {total}").format(current=current, total=total)
        return _("{current} of {total}").format(current=current, total=total)

    @property
    def result_text(self) -> str:
        """What the link of its result is called, in the reader's language; a file has its own name."""
        return "" if self.result_size is not None else translated(self.result_label, {})

    @property
    def percent(self) -> int | None:
        """0 to 100, and 100 only when all of it is done; None is not known."""
        return None if self.fraction is None else int(self.fraction * 100)

    @property
    def attempt_text(self) -> str:
        """Of one that is not the first, or will not be: "attempt 2 of 3"."""
        number = self.attempt + 1 if self.state == RETRYING else self.attempt
        if number < 2:
            return ""
        if number > self.max_attempts:
            return _("attempt {number}").format(number=number)
        return _("attempt {number} of {count}").format(number=number, count=self.max_attempts)

    @property
    def eta_text(self) -> str:
        """ "about 2 minutes left", where that can be told."""
        if self.state != RUNNING or not self.started_at or not self.fraction or self.fraction < ETA_FROM:
            return ""
        spent = self.changed_at - self.started_at
        left = spent.total_seconds() * (1 - self.fraction) / self.fraction
        if spent < ETA_AFTER or left < ETA_LEAST:
            return ""
        return about(left)


def about(seconds: float) -> str:
    if seconds < 55:
        n = round(seconds / 5) * 5
        return ngettext("about {n} second left", "about {n} seconds left", n).format(n=n)
    if seconds < 55 * 60:
        n = max(1, round(seconds / 60))
        return ngettext("about {n} minute left", "about {n} minutes left", n).format(n=n)
    n = max(1, round(seconds / 3600))
    return ngettext("about {n} hour left", "about {n} hours left", n).format(n=n)


def translated(text: str, params: dict[str, Any]) -> str:
    """A text of the code, in the reader's language where it is known."""
    return fill(_(text), params) if text else ""


def plain(text: str) -> str:
    """What every database takes: no NUL, no half of a character."""
    return str(text).encode(errors="replace").decode().replace("\x00", "")


def plain_params(params: dict[str, Any]) -> dict[str, Any]:
    """As JSON; what is none, as it reads."""
    packed = plain(json.dumps(params, default=str, ensure_ascii=False))
    return dict(json.loads(NUL.sub(r"\1", packed), parse_constant=str))
