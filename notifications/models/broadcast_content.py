"""What staff want to say, and to whom, checked before anything is written. Form, command and Python share it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from notifications import categories

from . import clock
from .audience import Audience, Rule
from .draft import BODY_LIMIT, TITLE_LIMIT, URL_LIMIT, InvalidNotification, check_text, check_url

PLACEMENTS = ("inbox", "banner", "both")
NAMES_AT_ONCE = 1_000  # named people; more are looked up in the background
UNKNOWN_NAMED = 5
NAMES_IN_HISTORY = 10
YEARS = range(2, 9999)  # that every time zone can say; a day before or after them some cannot


class InvalidBroadcast(ValidationError):
    """What cannot be sent, by field: ``message_dict`` says what was expected."""


@dataclass(frozen=True)
class Content:
    """The content of a broadcast. ``names`` are user names, ``groups`` groups; each counts with its audience only."""

    title: str = ""
    body: str = ""  # Markdown
    url: str = ""
    level: str = "info"
    placement: str = "inbox"
    is_dismissible: bool = True
    asks_acknowledgement: bool = False
    audience: str = Audience.EVERYONE
    groups: Sequence[Any] = ()
    names: Sequence[str] = ()
    starts_at: datetime | None = None  # None: when it is published
    ends_at: datetime | None = None  # None: until somebody ends it

    def check(self, running_since: datetime | None = None) -> None:
        """Raise InvalidBroadcast, with every mistake at its field. It asks the database for each name."""
        refuse(self.problems(running_since))

    def check_times(self, running_since: datetime | None = None) -> None:
        """The same for what may have become wrong meanwhile."""
        refuse(self.problems_of_times(running_since))

    def problems(self, running_since: datetime | None) -> Iterator[tuple[str, str]]:
        if not self.title.strip():
            yield "title", _("Give it a title.")
        for name, limit in (("title", TITLE_LIMIT), ("body", BODY_LIMIT), ("url", URL_LIMIT)):
            try:
                check_text(name, getattr(self, name), limit)
            except InvalidNotification as error:
                yield name, str(error)
        try:
            check_url(self.url)
        except InvalidNotification as error:
            yield "url", str(error)
        for name, known in (("level", categories.LEVELS), ("placement", PLACEMENTS), ("audience", Audience.values)):
            if getattr(self, name) not in known:
                yield name, _("Choose one of: {known}.").format(known=", ".join(known))
        yield from self.problems_of_times(running_since)
        yield from self.problems_of_audience()

    def problems_of_times(self, running_since: datetime | None) -> Iterator[tuple[str, str]]:
        for name in ("starts_at", "ends_at"):
            moment = getattr(self, name)
            if moment and moment.year not in YEARS:
                yield name, _("This is too far away.")
                return
        begins = running_since or self.starts_at
        if self.ends_at and begins and self.ends_at <= begins:
            yield "ends_at", _("The end must be later than the start.")
        elif self.ends_at and self.ends_at <= clock.now():
            yield "ends_at", _("This end is in the past: nobody would see it.")

    def problems_of_audience(self) -> Iterator[tuple[str, str]]:
        if self.audience == Audience.GROUPS and not self.groups:
            yield "groups", _("Choose at least one group.")
        if self.audience == Audience.PEOPLE:
            if not self.names:
                yield "names", _("Name at least one person.")
            elif unknown := unknown_names(self.names):
                named = ", ".join(unknown[:UNKNOWN_NAMED])
                yield (
                    "names",
                    ngettext(
                        "There is no active account of this name: {named}.",
                        "{count} of these names have no active account: {named}.",
                        len(unknown),
                    ).format(count=len(unknown), named=named + ("…" if len(unknown) > UNKNOWN_NAMED else "")),
                )

    def columns(self) -> dict[str, Any]:
        """What stands in columns of the broadcast itself."""
        return {
            field.name: getattr(self, field.name) for field in fields(self) if field.name not in {"groups", "names"}
        }

    def reach(self) -> tuple[int, int]:
        """How many people it would address now, and how many of them have a page open."""
        if self.audience == Audience.PEOPLE:
            rules = [Rule(self.audience, people=users_named(some).values("pk")) for some in slices(self.names)]
        else:
            rules = [Rule(self.audience, groups=[group.pk for group in self.groups])]
        return sum(rule.users().count() for rule in rules), sum(rule.online_count() for rule in rules)


def refuse(problems: Iterable[tuple[str, str]]) -> None:
    """Raise InvalidBroadcast for them, with the first one of each field."""
    errors: dict[str, str] = {}
    for name, problem in problems:
        errors.setdefault(name, problem)
    if errors:
        raise InvalidBroadcast(errors)


def users_named(names: Iterable[str]) -> QuerySet[Any]:
    """The active ones."""
    users = get_user_model()
    return users._default_manager.filter(is_active=True, **{f"{users.USERNAME_FIELD}__in": list(names)})


def slices(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Each name once."""
    names = sorted(set(names))
    for start in range(0, len(names), NAMES_AT_ONCE):
        yield names[start : start + NAMES_AT_ONCE]


def unknown_names(names: Sequence[str]) -> list[str]:
    """Those that no active account has, in their order."""
    known: set[str] = set()
    for some in slices(names):
        known.update(users_named(some).values_list(get_user_model().USERNAME_FIELD, flat=True))
    return [name for name in names if name not in known]


def ids_of(names: Sequence[str]) -> set[Any]:
    return {pk for some in slices(names) for pk in users_named(some).values_list("pk", flat=True)}


# For the history.


def changes_between(before: Content, after: Content) -> dict[str, list[Any]]:
    """What has changed from what to what. It does not repeat all of very many names."""
    old, new = described(before), described(after)
    changes = {name: [old[name], new[name]] for name in new if old[name] != new[name]}
    if "people" in changes:
        changes["people"] = [first_of(names) for names in changes["people"]]
    return changes


def described(content: Content) -> dict[str, Any]:
    """Each part of it as a text, a number or a list of texts, to be compared and shown."""
    parts = {
        **content.columns(),
        "groups": [str(one) for one in content.groups],
        "people": list(content.names),
    }
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in parts.items()}


def first_of(names: list[str]) -> list[str]:
    more = len(names) - NAMES_IN_HISTORY
    return [*names[:NAMES_IN_HISTORY], f"+{more}"] if more > 0 else names
