"""Binds Celery tasks to jobs. The message is a hint, and may be lost or come twice; the job's row is the truth."""

import logging
import os
import queue
import threading
from typing import Any

from celery import Task, current_app
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_revoked
from django.db import connections

from .jobs import JobFailed, RetryLater, RunningJob, carry_out, revoke_job
from .models.job_words import TOO_LONG, WENT_WRONG

log = logging.getLogger(__name__)

WAITING_LIMIT = 10_000  # messages; what is dropped beyond it, the tick sends again
BROKER_TIMEOUT = 3  # seconds for one answer of the broker


class JobTask(Task):
    """The base of tasks that are jobs: ``@shared_task(base=JobTask, title=gettext_noop("Export"))``.

    Its function gets a :class:`RunningJob` first, then what ``start_job()`` was given, and returns a ``Result`` or
    None. ``max_attempts`` of them are made: again after an exception of ``retry_for``, after ``retry_after`` seconds
    that double each time, and where ``restarts`` says that it is safe to do it twice, also when a worker was lost.
    """

    abstract = True
    typing = False  # the message carries the job's id; what the function takes, is in its row
    ignore_result = True
    title = ""
    max_attempts = 1
    retry_for: tuple[type[Exception], ...] = ()
    retry_after = 20.0
    restarts = False

    def __call__(self, job_id: str, attempt: int) -> None:
        _, soft = self.limits()
        carry_out(job_id, attempt, self._work, time_limit=soft)

    def limits(self) -> tuple[float | None, float | None]:
        """Hard and soft, in seconds."""
        hard = self.time_limit or self.app.conf.task_time_limit
        return hard, self.soft_time_limit or self.app.conf.task_soft_time_limit or hard

    def _work(self, job: RunningJob) -> Any:
        try:
            return self.run(job, *job.args, **job.kwargs)
        except SoftTimeLimitExceeded:
            raise JobFailed(TOO_LONG, minutes=max(1, round((self.limits()[1] or 60) / 60))) from None
        except self.retry_for as error:
            log.warning("Attempt %d of job %s failed: %r", job.attempt, job.id, error)
            raise RetryLater(WENT_WRONG, after=self.retry_after * 2 ** (job.attempt - 1)) from error


def task_id(job_id: str, attempt: int) -> str:
    return f"{job_id}.{attempt}"


@task_revoked.connect
def end_revoked_job(sender: Any, request: Any, **kwargs: Any) -> None:
    """In the worker's main process: somebody has taken the task back, before or while it ran."""
    job_id, _, attempt = str(request.id).rpartition(".")
    if isinstance(sender, JobTask) and attempt.isdigit():
        try:
            revoke_job(job_id, int(attempt))
        finally:
            connections.close_all()  # the children that are forked from here must not share it


def stop_worker_of(job_id: str, attempt: int) -> None:
    """Kill the process that is at it, if there is one."""
    current_app.control.revoke(task_id(job_id, attempt), terminate=True, signal="SIGKILL")


# Sending.


class Sender:
    """What waits to be sent to the broker, and the thread that does it: one that is frozen or dead holds up nobody."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._waiting: queue.Queue[tuple[str, int, str]] = queue.Queue(WAITING_LIMIT)
        threading.Thread(target=self._run, name="belfry-jobs", daemon=True).start()

    def put(self, *job: Any) -> None:
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            log.warning("Too many jobs wait for the broker; the tick sends %s.", job[0])

    def flush(self, timeout: float) -> bool:
        """Wait until all that waited was sent or given up on."""
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(lambda: not self._waiting.unfinished_tasks, timeout)

    def _run(self) -> None:
        while True:
            job = self._waiting.get()
            try:
                send_now(*job)
            except Exception as error:  # whatever the broker throws, the tick sends it again
                log.warning("Job %s could not be sent: %s", job[0], error or type(error).__name__)
            finally:
                self._waiting.task_done()


def send_now(job_id: str, attempt: int, name: str) -> None:
    limits = {"socket_timeout": BROKER_TIMEOUT, "socket_connect_timeout": BROKER_TIMEOUT}
    transport = {**current_app.conf.broker_transport_options, **limits}
    with current_app.connection_for_write(transport_options=transport) as broker:
        task = current_app.tasks.get(name)
        options: Any = {"args": [job_id, attempt], "task_id": task_id(job_id, attempt)}
        options |= {"connection": broker, "retry": False}
        if task is not None:
            task.apply_async(**options)
        else:  # of another service
            current_app.send_task(name, **options)


_sender: Sender | None = None


def sender() -> Sender:
    global _sender
    if _sender is None or _sender.pid != os.getpid():
        _sender = Sender()
    return _sender
