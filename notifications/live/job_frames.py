"""Frames of jobs: what a page lacks of its tray, of its list of jobs, or of the one job that it shows.

The latest version wins: a frame says how things are, and never what has happened in between. A page says what it shows
by a stamp; the hub remembers it job by job, so that only those are sent that have moved.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user_model
from django.template.loader import render_to_string
from django.utils import timezone, translation

from notifications.job_lists import (
    Shown,
    first_of_lists,
    lines_after,
    mark_of,
    shown_of,
    stamp_of,
    trays_of,
)
from notifications.models import Job
from notifications.models.job import may_watch_all

from .job_positions import JobPosition, is_same

LINES_LIMIT = 128 * 1024  # bytes of new lines in one frame; where there are more, it is the last of them
KEPT_SECONDS = 1.0
TRUST_SECONDS = 2.0  # for which a permission is taken to be still there

Made = dict[tuple[object, ...], str]


@dataclass(frozen=True)
class JobFrame:
    html: str  # empty: there was nothing to tell
    position: JobPosition  # of a page after it
    owner: int = 0  # the inbox of the one whose job it is, where the page is somebody else's
    access: int = 0  # of the page's inbox, when it was read


@dataclass
class Asked:
    """What was read for all of these positions."""

    trays: dict[int, list[Job]]
    lists: dict[tuple[int, str], list[Job]]
    jobs: dict[str, Job]
    watchers: set[Any]  # those users who may watch everybody's jobs


def job_frames_for(wanted: Collection[JobPosition]) -> dict[JobPosition, JobFrame]:
    """For each position the frame that brings such a page up to date. Two queries for all trays, two for all single
    jobs, and two for each filter of lists."""
    names = {position.list_name for position in wanted if position.list_name}
    ids = {position.job_id for position in wanted if position.job_id}
    found: Any = Job.objects.filter(pk__in=ids).select_related("inbox__user", "retry_of", "retried_by")
    found = found.prefetch_related("attempts") if ids else []
    jobs = {str(job.pk): job for job in found}
    foreign = {one.user_id for one in wanted if one.job_id in jobs and jobs[one.job_id].inbox_id != one.inbox_id}
    asked = Asked(
        trays=trays_of({position.inbox_id for position in wanted}),
        lists=first_of_lists({(one.inbox_id, one.list_name) for one in wanted if one.list_name}) if names else {},
        jobs=jobs,
        watchers=watchers_among(foreign),
    )
    made = kept()
    return {position: frame_at(position, asked, made) for position in wanted}


_kept: tuple[float, Made] = (0.0, {})


def kept() -> Made:
    """The pieces that were made lately: pages that show the same job get it in different flushes. Not for long, since
    relative times stand in them."""
    global _kept
    if time.monotonic() - _kept[0] > KEPT_SECONDS:
        _kept = (time.monotonic(), {})
    return _kept[1]


def frame_at(position: JobPosition, asked: Asked, made: Made) -> JobFrame:
    with translation.override(position.language), timezone.override(zone_of(position)):
        html, position = tray_pieces(position, asked.trays[position.inbox_id], made)
        owner = 0
        if position.list_name:
            more, position = list_pieces(position, asked.lists[position.inbox_id, position.list_name], made)
            html += more
        elif position.job_id:
            job = asked.jobs.get(position.job_id)
            is_own = job is not None and job.inbox_id == position.inbox_id
            if job is not None and not is_own and position.user_id in asked.watchers:
                owner = job.inbox_id
            more, position = page_pieces(position, job if is_own or owner else None, made)
            html += more
    return JobFrame(with_receipt(html), position, owner)


def zone_of(position: JobPosition) -> ZoneInfo:
    return ZoneInfo(position.zone)


def with_receipt(html: str) -> str:
    return html + render_to_string("notifications/_receipt.html") if html else ""


def tray_pieces(position: JobPosition, jobs: list[Job], made: Made) -> tuple[str, JobPosition]:
    now = shown_of(jobs)
    if is_same(position.tray, now):
        return "", replace(position, tray=now)
    html = rows_html(position, "tray", position.tray, jobs, made)
    active = sum(job.is_active for job in jobs)
    html += once(made, position, "_tray_count.html", {"active": active, "oob": True}, active)
    html += at_html(position, "tray-at", "tray", now, made)
    return html, replace(position, tray=now)


def list_pieces(position: JobPosition, jobs: list[Job], made: Made) -> tuple[str, JobPosition]:
    now = shown_of(jobs)
    if is_same(position.shown, now):
        return "", replace(position, shown=now)
    html = rows_html(position, "job", position.shown, jobs, made)
    html += at_html(position, "jobs-at", "jobs_at", now, made)
    return html, replace(position, shown=now)


def page_pieces(position: JobPosition, job: Job | None, made: Made) -> tuple[str, JobPosition]:
    """Those who may not see it (any more) learn nothing but that."""
    if job is None:
        html = render_to_string("notifications/jobs/_gone.html") if position.shown != "gone" else ""
        return html, replace(position, shown="gone", mark="")
    if position.shown == str(job.version):
        return "", replace(position, mark=mark_of(job))

    def context() -> dict[str, Any]:
        return {"job": job, "attempts": job.attempts.all(), **new_lines(job, position)}

    html = once(made, position, "_page.html", context, job.pk, job.version, position.line)
    line = max(position.line, job.line_count)
    return html, replace(position, shown=str(job.version), line=line, mark=mark_of(job))


def new_lines(job: Job, position: JobPosition) -> dict[str, Any]:
    """What the page lacks of its log, and whether there is more between than it gets."""
    lines = lines_after(job, position.line) if job.line_count > position.line else []
    while sum(len(line.text.encode()) for line in lines) > LINES_LIMIT:
        lines = lines[len(lines) // 2 :]
    return {"lines": lines, "has_gap": bool(lines) and lines[0].number > position.line + 1}


def rows_html(position: JobPosition, place: str, before: Shown | str, jobs: list[Job], made: Made) -> str:
    """The rows that have moved, where the page has the same jobs in the same order; else all of them."""
    if isinstance(before, tuple) and [one for one, *_ in before] == [str(job.pk) for job in jobs]:
        moved = [job for job, (_, version, _mark) in zip(jobs, before, strict=True) if job.version != version]
        return "".join(row_html(position, place, job, made, oob=True) for job in moved)
    rows = "".join(row_html(position, place, job, made) for job in jobs)
    target = "#tray-list" if place == "tray" else "#jobs"
    return f'<hx-partial hx-target="{target}" hx-swap="innerMorph swapEmpty:true">{rows}</hx-partial>'


def row_html(position: JobPosition, place: str, job: Job, made: Made, *, oob: bool = False) -> str:
    context = {"job": job, "place": place, "oob": oob}
    return once(made, position, "_job.html", context, job.pk, job.version, place, oob)


def at_html(position: JobPosition, id_: str, name: str, now: Shown, made: Made) -> str:
    stamp = stamp_of(now)
    return once(made, position, "_at.html", {"id": id_, "name": name, "value": stamp}, id_, stamp)


def once(made: Made, position: JobPosition, template: str, context: Any, *of: object) -> str:
    """Rendered once for all pages in the same language and time zone. ``context`` may be what makes it."""
    key = (template, position.language, position.zone, *of)
    if key not in made:
        given = context() if callable(context) else context
        made[key] = render_to_string(f"notifications/jobs/{template}", given)
    return made[key]


# Who may watch what is not theirs.

_trusted: dict[Any, tuple[bool, float]] = {}


def watchers_among(user_ids: Collection[Any], trust: float = TRUST_SECONDS) -> set[Any]:
    """Those who may see everybody's jobs. With frames it is asked anew every two seconds only. Several threads do so at
    once."""
    moment = time.monotonic()
    asked = [pk for pk in user_ids if moment - _trusted.get(pk, (False, float("-inf")))[1] >= trust]
    for user in get_user_model()._default_manager.filter(pk__in=asked) if asked else ():
        _trusted[user.pk] = may_watch_all(user), moment
    for pk in [pk for pk, (_, at) in _trusted.copy().items() if moment - at >= TRUST_SECONDS]:
        _trusted.pop(pk, None)
    return {pk for pk in user_ids if _trusted.get(pk, (False, 0.0))[0]}
