"""Binds Celery tasks to jobs. The message is a hint, and may be lost or come twice; the job's row is the truth."""

import atexit
import logging
import os
import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from celery import Task, current_app
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import task_revoked, task_unknown
from django.db import connections

from .jobs import JobFailed, RetryLater, RunningJob, carry_out, refuse_job, revoke_job
from .models.job_words import TOO_LONG, WENT_WRONG

log = logging.getLogger(__name__)

WAITING_LIMIT = 10_000  # messages; what is dropped beyond it, the tick sends again
BROKER_TIMEOUT = 3  # seconds for one answer of the broker
PARTING = 2.0  # seconds that a process which ends waits for what is still to be sent


class JobTask(Task):
    """The base of tasks that are jobs: ``@shared_task(base=JobTask, title=gettext_noop("Export"))``.

    Its function gets a :class:`RunningJob` first, then what ``start_job()`` was given, and returns a ``Result`` or
    None. ``max_attempts`` of them are made: again after an exception of ``retry_for``, after ``retry_after`` seconds
    that double each time, and where ``restarts`` says that it is safe to do it twice, also when a worker was lost.
    """

    abstract = True
    Request = "notifications.job_request:JobRequest"
    typing = False  # the message carries the job's id; what the function takes, is in its row
    ignore_result = True
    title = ""
    max_attempts = 1
    retry_for: tuple[type[Exception], ...] = ()
    retry_after = 20.0
    restarts = False

    def __call__(self, job_id: str, attempt: int) -> None:
        _, soft = self.limits()
        with Interruptions() as interruptions:
            carry_out(job_id, attempt, partial(self._work, interruptions), time_limit=soft)

    def limits(self) -> tuple[float | None, float | None]:
        """Hard and soft, in seconds."""
        hard = self.time_limit or self.app.conf.task_time_limit
        return hard, self.soft_time_limit or self.app.conf.task_soft_time_limit or hard

    def _work(self, interruptions: "Interruptions", job: RunningJob) -> Any:
        try:
            with interruptions.admitted():
                return self.run(job, *job.args, **job.kwargs)
        except SoftTimeLimitExceeded:
            raise JobFailed(TOO_LONG, minutes=max(1, round((self.limits()[1] or 60) / 60))) from None
        except self.retry_for as error:
            log.warning("Attempt %d of job %s failed: %r", job.attempt, job.id, error)
            raise RetryLater(WENT_WRONG, after=self.retry_after * 2 ** (job.attempt - 1)) from error


class Interruptions:
    """Celery ends a task by a signal whose handler raises: for the soft time limit, and when the process is to end.

    Wherever the main thread is at that moment, it raises there. In the middle of writing a job's end, nobody would
    write it, and a reporter that was not stopped would go on saying that the job runs. So the signals wait: they strike
    the job's own code, and that once.
    """

    NUMBERS = (signal.SIGUSR1, signal.SIGTERM, signal.SIGQUIT)

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._waiting: list[int] = []
        self._are_admitted = False

    def __enter__(self) -> "Interruptions":
        if threading.current_thread() is threading.main_thread():
            found = {number: signal.getsignal(number) for number in self.NUMBERS}
            self._handlers = {number: handler for number, handler in found.items() if callable(handler)}
            for number in self._handlers:
                signal.signal(number, self._strike)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        for number in self._waiting:
            if number != signal.SIGUSR1:  # the time limit of what is over
                self._handlers[number](number, None)

    @contextmanager
    def admitted(self) -> Iterator[None]:
        self._are_admitted = True
        if self._waiting:
            self._strike(self._waiting.pop(0), None)
        try:
            yield
        finally:
            self._are_admitted = False

    def _strike(self, number: int, frame: Any) -> None:
        if not self._are_admitted:
            self._waiting.append(number)
            return
        self._are_admitted = False
        try:
            self._handlers[number](number, frame)
        finally:
            signal.signal(number, self._strike)  # Celery's own takes itself away


def task_id(job_id: str, attempt: int) -> str:
    """Of one message. The worker knows what it does by such an id: were a second message of the same, it would forget
    the first as it drops the second."""
    return f"{job_id}.{attempt}.{uuid4().hex[:8]}"


def told_by(task_id: Any) -> tuple[str, int] | None:
    """The job and the attempt; None where the task is no job."""
    match str(task_id).split("."):
        case [job_id, attempt, _] if attempt.isdigit():
            return job_id, int(attempt)
    return None


@task_revoked.connect
def end_revoked_job(sender: Any, request: Any, **kwargs: Any) -> None:
    """In the worker's main process: somebody has taken the task back, before or while it ran."""
    told = told_by(request.id)
    if told and isinstance(sender, JobTask):
        with own_connection():
            revoke_job(*told)


@task_unknown.connect
def end_unknown_job(sender: Any, id: str, name: str, **kwargs: Any) -> None:  # noqa: A002
    """In the worker's main process: there is no such task. The message is gone."""
    if told := told_by(id):
        with own_connection():
            refuse_job(*told)


@contextmanager
def own_connection() -> Iterator[None]:
    """To the database; the children that are forked from here must not share it. An error ends here: the worker has
    other jobs, and the tick looks after this one."""
    try:
        yield
    except Exception:
        log.exception("What has become of a job could not be written.")
    finally:
        connections.close_all()


def stop_worker_of(job_id: str, attempt: int) -> None:
    """Kill the process that is at it, if there is one."""
    with to_broker() as broker:
        arguments = {"job_id": job_id, "attempt": attempt}
        current_app.control.broadcast("stop_job", arguments=arguments, connection=broker)


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


def to_broker() -> Any:
    """A new connection: those of Celery's pool may have died with the broker, and wait for a frozen one for ever."""
    limits = {"socket_timeout": BROKER_TIMEOUT, "socket_connect_timeout": BROKER_TIMEOUT}
    transport = {**current_app.conf.broker_transport_options, **limits}
    return current_app.connection_for_write(transport_options=transport)


def send_now(job_id: str, attempt: int, name: str) -> None:
    with to_broker() as broker:
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


@atexit.register
def _send_what_waits() -> None:
    if _sender is not None and _sender.pid == os.getpid():
        _sender.flush(PARTING)
