"""Groups: events with the same ``group_key`` are one row, the newest of them, which stands for the others.

The others are *superseded*: they keep their contents and leave every list. While the row has not been read it stands
for all that came; an event after that begins anew, with only the new people counted. Who holds the lock of an inbox
may call these.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Max

from .bulk import update_each
from .notification import PEOPLE_NAMED, Notification, NotificationQuerySet
from .tally import places, state_of

if TYPE_CHECKING:
    from .change import Change


#: What its reader has done with a row, and wants to find done when another event stands for the group.
STATES_OF_A_ROW = ("read_at", "archived_at", "snoozed_at", "snoozed_until", "saved_at")


#: Of a group in the lists. Asked for without its revision, which would lead SQLite to the wrong index.
TOP = {"retracted_at": None, "superseded_at": None}


class Arrival(NamedTuple):
    """What of a row that is being stamped matters."""

    pk: int
    inbox_id: int
    category: str
    group_key: str
    actor_name: str


@dataclass
class Gathered:
    """What became of the arrivals: which rows have left the lists for them."""

    superseded: set[int] = field(default_factory=set)  # ids
    saved: set[int] = field(default_factory=set)
    left: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # per inbox, by number


def gather(arrivals: Sequence[Arrival], seen_revisions: dict[int, int]) -> Gathered:
    """Let each of these arrivals, in their order, take the place of the row that its group has had."""
    gathered = Gathered()
    tops = find_tops(arrivals)
    grown: dict[int, Notification] = {}
    coming: dict[tuple[int, str], set[str]] = defaultdict(set)
    for arrival in arrivals:
        coming[arrival.inbox_id, arrival.group_key].add(arrival.actor_name)
    known = who_have_acted(tops, coming)
    for arrival in arrivals:
        place = (arrival.inbox_id, arrival.group_key)
        event = Notification(pk=arrival.pk, inbox_id=arrival.inbox_id, actor_name=arrival.actor_name)
        event.people = [arrival.actor_name] if arrival.actor_name else []
        event.people_count = len(event.people)
        top = tops.get(place)
        if top is not None:
            event.take_place_of(top, known[place])
            gathered.superseded.add(top.pk)
            if top.revision is not None:
                gathered.left[top.inbox_id].update(places(state_of(top, seen_revisions[top.inbox_id])))
            if event.saved_at:
                gathered.saved.add(event.pk)
            grown[event.pk] = event
        known[place].add(arrival.actor_name)
        tops[place] = event
    update_each(grown.values(), ["saved_at", "group_id", "group_size", "people", "people_count"])
    return gathered


def find_tops(arrivals: Sequence[Arrival]) -> dict[tuple[int, str], Notification]:
    """The rows that these groups have in the lists, by inbox and group key."""
    keys = {arrival.group_key for arrival in arrivals}
    rows = Notification.objects.in_groups(keys).filter(inbox__in={one.inbox_id for one in arrivals}, **TOP)
    return {(row.inbox_id, row.group_key): row for row in rows if row.revision is not None}


def who_have_acted(
    tops: dict[tuple[int, str], Notification], coming: dict[tuple[int, str], set[str]]
) -> dict[tuple[int, str], set[str]]:
    """Those of the coming actors who are among the people of their group already, by one query for all groups."""
    unread = {place: top for place, top in tops.items() if top.is_to_be_read}
    known = defaultdict(set, {place: set(top.people) for place, top in unread.items()})
    crowded = {top.group_id: place for place, top in unread.items() if top.people_count > len(top.people)}
    if crowded:
        names = set().union(*(coming[place] for place in crowded.values()))
        events = Notification.objects.filter(group_id__in=crowded, actor_name__in=names, retracted_at=None)
        for group_id, name in events.values_list("group_id", "actor_name").distinct():
            known[crowded[group_id]].add(name)
    return known


def mend(change: "Change", group_keys: set[str]) -> None:
    """After events were taken back: the newest of what is left stands for its group again, with its people
    recounted."""
    for key in sorted(group_keys):
        events = change.inbox.notifications.in_groups([key]).filter(arrived_revision__isnull=False)
        top = events.filter(**TOP).first() or restore_top(change, events)
        if top is None:
            continue
        members = events.filter(retracted_at=None, group_id=top.group_id) if top.group_id else events.filter(pk=top.pk)
        acted = members.exclude(actor_name="").values("actor_name").annotate(last=Max("arrival")).order_by("-last")
        names = [row["actor_name"] for row in acted]
        counted = {"group_size": members.count(), "people": names[:PEOPLE_NAMED], "people_count": len(names)}
        change.update(events.filter(pk=top.pk), **counted)


def restore_top(change: "Change", events: NotificationQuerySet) -> Notification | None:
    """The event before the one that was taken back, in the state of that one where they were one row."""
    top = events.filter(retracted_at=None).order_by("-arrival").first()
    # Where the row of the group was not taken back but removed with the years, none of its events returns.
    gone = events.filter(superseded_at=None).order_by("-retracted_at", "-arrival").first()
    if top is None or gone is None or gone.revision != change.revision:
        return None
    were_one = top.group_id is not None and top.group_id == gone.group_id
    names = STATES_OF_A_ROW if were_one else ("saved_at",)  # which goes on from row to row of a group
    states = {name: getattr(gone, name) for name in names}
    change.update(events.filter(pk=top.pk), superseded_at=None, **states)
    return top
