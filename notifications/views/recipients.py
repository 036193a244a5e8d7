"""The people of a draft from a CSV file."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from notifications import tasks
from notifications.forms import BroadcastForm
from notifications.jobs import start_job
from notifications.models import Audience, Broadcast
from notifications.models.broadcast import DRAFT

from .answers import staff_required
from .broadcast_form import show
from .broadcast_words import too_late

BYTES_LIMIT = 5 * 1024 * 1024


@transaction.non_atomic_requests
@require_POST
@never_cache
@staff_required
def import_recipients(request: Any, pk: int) -> HttpResponse:
    """A second click while one is under way leads to that one."""
    broadcast = get_object_or_404(Broadcast.objects.real(), pk=pk)
    if broadcast.state != DRAFT:
        messages.error(request, too_late(broadcast))
        return redirect(broadcast)
    file = request.FILES.get("file")
    if problem := problem_of(file):
        form = BroadcastForm(broadcast=broadcast)
        form.initial["audience"] = Audience.PEOPLE  # the mistake stands at their field
        return show(request, form, 422, file_problem=problem)
    job = start_job(
        tasks.import_recipients,
        owner=request.user,
        params={"title": broadcast.title},
        args=[broadcast.pk, get_language()],
        key=f"recipients-{broadcast.pk}",
        upload=file,
    )
    return redirect(job)


def problem_of(file: Any) -> str:
    if file is None:
        return _("Choose a CSV file first.")
    if not file.size:
        return _("This file is empty. Its first line names the columns, and each other line a person.")
    if file.size > BYTES_LIMIT:
        size, limit = f"{file.size / 1024**2:.1f}", BYTES_LIMIT // 1024**2
        return _("This file has {size} MB. Choose one with at most {limit} MB.").format(size=size, limit=limit)
    return ""
