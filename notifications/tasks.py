"""Celery tasks: load by id, one call to the domain."""

from typing import Any

from celery import shared_task
from django.contrib.auth import get_user_model
from django.utils.translation import gettext_noop

from . import broadcasting, export, recipients
from .delivery import notify_many
from .job_results import Result
from .job_task import JobTask
from .models import Broadcast, BroadcastEvent
from .running_job import RunningJob


@shared_task
def notify_users(user_ids: list[Any], key: str, **content: Any) -> int:
    """``notify_many()`` in the background. The key makes it safe to run twice. Returns how many have it."""
    return notify_many(get_user_model()._default_manager.filter(pk__in=user_ids), key=key, **content).count


@shared_task
def gather_names(broadcast_id: int) -> None:
    """Look up the people of a broadcast to very many, and publish it when it is time. The tick would take longer."""
    for broadcast in Broadcast.objects.filter(pk=broadcast_id):
        while broadcast.gather():
            continue
        broadcast.carry_out_due()


@shared_task
def send_reminders(event_id: int) -> None:
    """Ask those who have not acknowledged a broadcast, each once, however often it runs."""
    for event in BroadcastEvent.unfinished_reminders().filter(pk=event_id):
        broadcasting.send_reminders(event)


@shared_task(base=JobTask, title=gettext_noop("Export of your inbox"), restarts=True, max_attempts=3)
def export_inbox(job: RunningJob, kind: str, language: str) -> Result:
    return export.export(job, kind, language)


@shared_task(base=JobTask, title=gettext_noop("People of “{title}” from a file"), restarts=True, max_attempts=3)
def import_recipients(job: RunningJob, broadcast_id: int, language: str) -> Result:
    return recipients.import_recipients(job, broadcast_id, language)
