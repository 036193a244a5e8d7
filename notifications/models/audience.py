"""Audiences: a rule that can be asked both ways. Whom does it address, and does it address this reader?"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from .presence import Presence

if TYPE_CHECKING:
    from .broadcast import Broadcast
    from .inbox import Inbox


class Audience(models.TextChoices):
    EVERYONE = "everyone", _("Everyone")
    STAFF = "staff", _("Staff")
    GROUPS = "groups", _("Groups")
    PEOPLE = "people", _("Named people")


#: Why somebody is addressed, in the words of "Why did I get this?"; rendered when they are shown.
REASONS: dict[str, str] = {
    Audience.EVERYONE: gettext_noop("Because it is for everyone"),
    Audience.STAFF: gettext_noop("Because you are staff"),
    Audience.GROUPS: gettext_noop("Because you are in a group that it is for"),
    Audience.PEOPLE: gettext_noop("Because it was sent to you by name"),
}


@dataclass(frozen=True)
class Rule:
    """Whom an audience addresses; ``groups`` and ``people`` are ids, objects or querysets of them."""

    audience: str
    groups: Any = ()
    people: Any = ()

    def condition(self, of: str = "") -> Q:
        """The same for a query that reaches users by this path."""
        active = Q(**{f"{of}is_active": True})
        if self.audience == Audience.STAFF:
            return active & Q(**{f"{of}is_staff": True})
        if self.audience == Audience.GROUPS:
            return active & Q(**{f"{of}groups__in": self.groups})
        if self.audience == Audience.PEOPLE:
            return active & Q(**{f"{of}pk__in": self.people})
        return active

    def users(self) -> QuerySet[Any]:
        """Each once, in a queryset that can be counted, cut and excluded from."""
        users = get_user_model()._default_manager.filter(self.condition())
        if self.audience == Audience.GROUPS:  # who is in two of them comes twice
            return get_user_model()._default_manager.filter(pk__in=users.values("pk"))
        return users

    def online_count(self) -> int:
        """How many of them have a page open. It begins at those who have one, however many it addresses."""
        if self.audience == Audience.EVERYONE:
            return Presence.online().count()  # who is not active any more has no socket
        online = Presence.online().filter(self.condition("inbox__user__"))
        return online.values("pk").distinct().count()


def addressed(broadcasts: Sequence["Broadcast"], inboxes: Sequence["Inbox"]) -> dict[int, set[int]]:
    """For each of these inboxes the ids of the broadcasts that address its reader. A query for each kind of rule that
    there is, and none for broadcasts to everyone."""
    ids = [inbox.pk for inbox in inboxes]
    of_kind: dict[str, list[int]] = defaultdict(list)
    for broadcast in broadcasts:
        of_kind[broadcast.audience].append(broadcast.pk)
    found = {pk: set(of_kind[Audience.EVERYONE]) for pk in ids}
    if of_kind[Audience.STAFF]:
        for pk in type(inboxes[0]).objects.filter(pk__in=ids, user__is_staff=True).values_list("pk", flat=True):
            found[pk].update(of_kind[Audience.STAFF])
    for kind, path in ((Audience.GROUPS, "groups__user__inbox"), (Audience.PEOPLE, "people__inbox")):
        if of_kind[kind]:
            model = type(broadcasts[0])
            rows = model.objects.filter(pk__in=of_kind[kind], **{f"{path}__in": ids}).values_list("pk", path).distinct()
            for broadcast_pk, inbox_pk in rows:
                if inbox_pk in found:
                    found[inbox_pk].add(broadcast_pk)
    return found
