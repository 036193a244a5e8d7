"""What the worker's main process does about a job that one of its children is at."""

from typing import Any

from celery.worker import state as worker
from celery.worker.control import control_command
from celery.worker.request import Request

from .job_task import end_revoked_job


class JobRequest(Request):
    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Somebody takes the task back. Written down first: the child that is asked to end says that it was cut off,
        and what may start anew would."""
        end_revoked_job(self.task, self)
        super().terminate(pool, signal)


@control_command(signature="job_id attempt")
def stop_job(state: Any, job_id: str, attempt: int) -> None:
    """Kill the child that is at it, whichever of its messages has brought it there."""
    for request in list(worker.active_requests):
        if request.id.startswith(f"{job_id}.{attempt}."):
            request.terminate(state.consumer.pool, signal="SIGKILL")
