"""The jobs that pages show: the tray of every page, the lists, and one job with all that is known of it."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import blake2s
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, F, IntegerField, Q, Value, When, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext_lazy as _

from .models import Inbox, Job, JobLine
from .models.job import JobQuerySet
from .models.job_states import CANCELLED, FAILED, LOST, WORKING

TRAY_LENGTH = 5
LIST_LENGTH = 25
LINES_SHOWN = 200

FILTERS: dict[str, tuple[str | Promise, Q]] = {
    "all": (_("All"), Q()),
    "active": (_("Running"), Q(ended_at=None)),
    "succeeded": (_("Done"), Q(state="succeeded")),
    "failed": (_("Failed"), Q(state__in=(FAILED, LOST, CANCELLED))),
}

#: What a page shows of jobs, in its order: (id, version, mark).
Shown = tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class JobPage:
    rows: list[Job]
    older_url: str


def shown_of(jobs: Collection[Job]) -> Shown:
    return tuple((str(job.pk), job.version, mark_of(job)) for job in jobs)


def mark_of(job: Job) -> str:
    """While it stays the same, a job has only moved. Empty for one that has ended."""
    return f"{job.state}.{job.attempt}.{job.phase}" if job.is_active else ""


def stamp_of(shown: Shown) -> str:
    """What a page says of it in its form: the same for the same jobs in the same versions and order."""
    return blake2s(repr(shown).encode(), digest_size=8).hexdigest() if shown else ""


class Tray:
    """That of one reader, read when it is first shown: fragments of pages have none."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    @cached_property
    def jobs(self) -> list[Job]:
        return tray_of(self._inbox)

    @property
    def active(self) -> int:
        return sum(job.is_active for job in self.jobs)

    @property
    def stamp(self) -> str:
        return stamp_of(shown_of(self.jobs))


def tray_of(inbox: Inbox) -> list[Job]:
    return trays_of([inbox.pk])[inbox.pk]


def trays_of(inbox_ids: Collection[int]) -> dict[int, list[Job]]:
    """Of each inbox those that run, then those that wait, then those that have ended, the newest first; five at most.
    Two queries: joined in the first one, the retries of all jobs that there are would be looked through."""
    jobs = Job.objects.listed().filter(inbox__pk__any_of=inbox_ids).annotate(place=in_tray())
    jobs = jobs.filter(place__lte=TRAY_LENGTH)
    trays: dict[int, list[Job]] = {inbox_id: [] for inbox_id in inbox_ids}
    for job in jobs.prefetch_related("retried_by").order_by("inbox", "place"):
        trays[job.inbox_id].append(job)
    return trays


def in_tray() -> Window:
    """A job's place among those of its inbox."""
    runs, is_over = When(state__in=WORKING, then=Value(0)), When(ended_at__isnull=False, then=Value(2))
    turn = Case(runs, is_over, default=Value(1), output_field=IntegerField())
    order = [turn.asc(), F("queued_at").desc(), F("pk").asc()]
    return Window(RowNumber(), partition_by=F("inbox"), order_by=order)


def page_of_jobs(inbox: Inbox, name: str, before: str = "") -> JobPage:
    """The newest jobs of a filter, or those before one of them."""
    jobs = in_filter(inbox, name)
    if before:
        jobs = jobs.filter(before_job(inbox.jobs.get(pk=before)))
    rows = list(jobs[: LIST_LENGTH + 1])
    if len(rows) <= LIST_LENGTH:
        return JobPage(rows, "")
    rows.pop()
    return JobPage(rows, address(name, before=rows[-1].pk))


def address(name: str, **more: object) -> str:
    query = {**({"view": name} if name != "all" else {}), **more}
    return f"{reverse('notifications:jobs')}?{urlencode(query)}"


def first_of_lists(wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], list[Job]]:
    """The first page of each (inbox, filter). Two queries per filter, as for trays."""
    lists: dict[tuple[int, str], list[Job]] = {one: [] for one in wanted}
    for name in sorted({name for _inbox_id, name in wanted}):
        mine = [inbox_id for inbox_id, other in wanted if other == name]
        place = Window(RowNumber(), partition_by=F("inbox"), order_by=[F("queued_at").desc(), F("pk").asc()])
        jobs = Job.objects.listed().filter(FILTERS[name][1], inbox__in=mine).annotate(place=place)
        for job in jobs.filter(place__lte=LIST_LENGTH).prefetch_related("retried_by").order_by("inbox", "place"):
            lists[job.inbox_id, name].append(job)
    return lists


def active_of_inboxes(inbox_ids: Collection[int]) -> dict[int, tuple[tuple[str, int], ...]]:
    """(id, version) of active jobs of each inbox in the order of the tray, as many as a list shows. One query where
    there are none, which is the rule, and two where there are."""
    active = Job.objects.active().listed()
    busy = set(active.filter(inbox__pk__any_of=inbox_ids).values_list("inbox_id", flat=True))
    if not busy:
        return {}
    jobs = active.filter(inbox__pk__any_of=busy).annotate(place=in_tray()).filter(place__lte=LIST_LENGTH)
    found: dict[int, list[tuple[str, int]]] = {}
    for inbox_id, pk, version in jobs.order_by("inbox", "place").values_list("inbox_id", "pk", "version"):
        found.setdefault(inbox_id, []).append((str(pk), version))
    return {inbox_id: tuple(mine) for inbox_id, mine in found.items()}


def in_filter(inbox: Inbox, name: str) -> JobQuerySet:
    jobs: Any = inbox.jobs.filter(FILTERS[name][1], branch_of=None)
    return jobs.prefetch_related("retried_by").order_by("-queued_at", "pk")


def before_job(job: Job) -> Q:
    return Q(queued_at__lt=job.queued_at) | Q(queued_at=job.queued_at, pk__gt=job.pk)


def lines_after(job: Job, number: int) -> list[JobLine]:
    """What its log says after that line, the last 200 at most."""
    return list(job.lines.filter(number__gt=number).order_by("-number")[:LINES_SHOWN])[::-1]
