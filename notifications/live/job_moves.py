"""Frames for jobs that only move: they stand where they stood, in the state that they were in, and nothing but numbers
and words has changed. That happens three times a second for as long as one runs, so it costs one query and three small
pieces; whatever is more than that is looked at by ``job_frames``."""

from dataclasses import replace

from django.utils import timezone, translation

from notifications.job_lists import Shown, mark_of
from notifications.models import Job

from .job_frames import JobFrame, Made, at_html, kept, new_lines, once, with_receipt, zone_of
from .job_positions import JobPosition


def moves_for(wanted: dict[JobPosition, set[str]]) -> dict[JobPosition, JobFrame]:
    """For each position, with the ids of its jobs that have changed, the frame. Missing are those of which more has
    changed than that they moved."""
    ids = {job_id for changed in wanted.values() for job_id in changed}
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=ids)}
    made = kept()
    frames = {}
    for position, changed in wanted.items():
        moved = {job_id: jobs[job_id] for job_id in changed if job_id in jobs}
        if len(moved) == len(changed) and all(job.is_active for job in moved.values()):
            frame = move(position, moved, made)
            if frame is not None:
                frames[position] = frame
    return frames


def move(position: JobPosition, moved: dict[str, Job], made: Made) -> JobFrame | None:
    job = moved.get(position.job_id)
    if job is not None and (job.inbox_id != position.inbox_id or mark_of(job) != position.mark):
        return None
    if isinstance(position.tray, str) or (position.list_name and isinstance(position.shown, str)):
        return None
    places = [("tray", position.tray), *([("job", position.shown)] if isinstance(position.shown, tuple) else [])]
    if any(mark_of(moved[job_id]) != mark for _, rows in places for job_id, _, mark in rows if job_id in moved):
        return None
    if not moved.keys() <= {position.job_id, *(job_id for _, rows in places for job_id, *_ in rows)}:
        return None  # it has left the page since it was marked, and may belong there again
    with translation.override(position.language), timezone.override(zone_of(position)):
        html, tray = moved_rows(position, "tray", position.tray, moved, made)
        if html:
            html += at_html(position, "tray-at", "tray", tray, made)
        after = replace(position, tray=tray)
        if isinstance(position.shown, tuple):
            more, shown = moved_rows(position, "job", position.shown, moved, made)
            if more:
                html += more + at_html(position, "jobs-at", "jobs_at", shown, made)
            after = replace(after, shown=shown)
        elif job is not None and position.shown != str(job.version):
            html += moved_page(position, job, made)
            after = replace(after, shown=str(job.version), line=max(position.line, job.line_count))
    return JobFrame(with_receipt(html), after)


def moved_rows(
    position: JobPosition, place: str, before: Shown, moved: dict[str, Job], made: Made
) -> tuple[str, Shown]:
    """The pieces of those that have moved; and how all of them stand then."""
    html, after = "", []
    for job_id, version, mark in before:
        job = moved.get(job_id)
        if job is not None and job.version != version:
            html += moved_html(position, place, job, made)
            version = job.version
        after.append((job_id, version, mark))
    return html, tuple(after)


def moved_page(position: JobPosition, job: Job, made: Made) -> str:
    def context() -> dict[str, object]:
        return {"job": job, **new_lines(job, position)}

    said = once(made, position, "_said.html", context, job.pk, job.version, position.line)
    return moved_html(position, "page", job, made) + said


def moved_html(position: JobPosition, place: str, job: Job, made: Made) -> str:
    context = {"job": job, "place": place, "oob": True}
    return once(made, position, "_moved.html", context, job.pk, job.version, place)
