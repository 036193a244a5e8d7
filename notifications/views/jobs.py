"""The reader's jobs: the list, one of them, and what can be done with it. Staff who may watch jobs see everybody's."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _

from notifications import jobs as api
from notifications.job_files import private
from notifications.job_lists import FILTERS, lines_after, page_of_jobs, shown_of, stamp_of
from notifications.jobs import InvalidJob
from notifications.models import Job
from notifications.models.job import may_watch

from .answers import act, page, refuse

ICONS = {"all": "gear", "active": "clock", "succeeded": "success", "failed": "error"}


@page
def jobs(request: Any) -> HttpResponse:
    view = request.GET.get("view", "all")
    before = request.GET.get("before", "")
    if view not in FILTERS:
        raise Http404("There is no such list.")
    try:
        shown = page_of_jobs(request.inbox, view, before)
    except (ValidationError, Job.DoesNotExist):
        raise Http404("There is no such page of the list.") from None
    context = {
        "rows": shown.rows,
        "older_url": shown.older_url,
        "view": view,
        "filters": [(name, label, ICONS[name]) for name, (label, _rule) in FILTERS.items()],
        "is_live": not before,
        "page_title": _("Jobs"),
        "page_jobs": f"list:{view}" if not before else "",
        "jobs_at": stamp_of(shown_of(shown.rows)),
    }
    return render(request, "notifications/jobs/list.html", context)


@page
def job(request: Any, pk: UUID) -> HttpResponse:
    one = seen_by(request, pk)
    lines = lines_after(one, 0)
    context = {
        "job": one,
        "attempts": list(one.attempts.all()),
        "lines": lines,
        "page_title": one.title_text,
        "page_jobs": f"job:{one.pk}",
        "jobs_at": str(one.version),
        "line_at": lines[-1].number if lines else 0,
    }
    return render(request, "notifications/jobs/job.html", context)


@act
def cancel(request: Any, pk: UUID) -> None:
    api.cancel_job(seen_by(request, pk))


@act
def force(request: Any, pk: UUID) -> HttpResponse | None:
    one = seen_by(request, pk)
    if not api.end_job_by_force(one) and one.is_active:
        return refuse(request, _("It has a minute to stop by itself. Try again then."))
    return None


@act
def retry(request: Any, pk: UUID) -> HttpResponse:
    try:
        again = api.retry_job(seen_by(request, pk))
    except InvalidJob:
        return refuse(request, _("There is nothing to try again: this job is under way, or was done."))
    return lead_to(request, again)


@page
def result(request: Any, pk: UUID) -> Any:
    """The file that it made, as a download. One that is kept no more says so."""
    one = seen_by(request, pk)
    if one.result_size is None:
        raise Http404("This job has made no file.")
    try:
        file = private().open(one.result_file) if one.result_file else None
    except FileNotFoundError:
        file = None
    if file is None:
        messages.error(request, _("This file has expired, and is kept no more."))
        return HttpResponseRedirect(one.get_absolute_url())
    response = FileResponse(file, as_attachment=True, filename=" ".join(one.result_label.split()))
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def seen_by(request: Any, pk: UUID) -> Job:
    """404 for a job that is not this reader's to see."""
    one = get_object_or_404(Job.objects.select_related("inbox__user", "retry_of", "retried_by"), pk=pk)
    if not may_watch(request.user, one):
        raise Http404("There is no such job.")
    return one


def lead_to(request: Any, one: Job) -> HttpResponse:
    """To the page of a job that was begun."""
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Redirect": one.get_absolute_url()})
    return HttpResponseRedirect(one.get_absolute_url())
