"""Celery tasks: one call to the domain."""

from celery import shared_task
from django.utils.translation import gettext_noop

from accounts import avatars
from accounts.demo import jobs as demo
from notifications.job_task import JobTask
from notifications.jobs import Result, RunningJob


@shared_task(base=JobTask, title=gettext_noop("Your picture"), restarts=True, max_attempts=3)
def make_avatar(job: RunningJob) -> Result:
    return avatars.make(job)


@shared_task(base=JobTask, title=gettext_noop("Removal of your picture"), restarts=True, max_attempts=3)
def show_without_avatar(job: RunningJob) -> None:
    avatars.show(job)


@shared_task(base=JobTask, title="Demo", max_attempts=3)
def play_demo_job(job: RunningJob, scene: str) -> Result | None:
    return demo.play(job, scene)
