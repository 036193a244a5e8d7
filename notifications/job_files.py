"""The files of jobs: what they are started with, and what they make. Kept in the storage called "private", which no
address serves; a view hands them to whoever may see the job."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext_noop

from .job_results import JobFailed
from .models import Job, clock
from .models.job_words import plain

GONE = gettext_noop("The file is no longer kept. Please upload it once more.")
NAME_LIMIT = 100  # characters


@dataclass(frozen=True)
class FileKept:
    name: str  # in the storage
    label: str
    size: int


def private() -> Storage:
    return storages["private"]


def keep_upload(upload: "File[Any]") -> str:
    """Its name in the storage. Raises OSError."""
    return keep(f"uploads/{uuid4().hex}", upload)


def open_upload(job: Job) -> "File[Any]":
    """For reading. Raises JobFailed when it is no longer kept."""
    try:
        return private().open(job.upload_file or "uploads/none")
    except FileNotFoundError:
        raise JobFailed(GONE) from None


def take_over_upload(job: Job, other: Job) -> None:
    """From a job that is done once more."""
    if other.upload_file:
        Job.objects.filter(pk=job.pk).update(upload_file=other.upload_file)
        Job.objects.filter(pk=other.pk).update(upload_file="")


def keep_result(job: Job, file: Path | str, label: str) -> FileKept:
    """Move a local file into the storage, where it is called by nothing that people wrote. Raises OSError."""
    path = Path(file)
    try:
        with path.open("rb") as content:
            name = keep(f"results/{job.pk.hex}-{job.attempt}", File(content))
    finally:
        path.unlink(missing_ok=True)
    return FileKept(name, plain(label or path.name)[:NAME_LIMIT], private().size(name))


def keep(name: str, content: "File[Any]") -> str:
    """All of it or, where the disk is full, nothing."""
    try:
        return private().save(name, content)
    except BaseException:
        remove(name)
        raise


def expiry() -> Any:
    """When files that are kept now are removed; None is never."""
    return clock.now() + timedelta(days=settings.JOB_FILES_DAYS) if settings.JOB_FILES_DAYS else None


def remove_files(job: Job) -> None:
    """Of a job that has ended long enough ago; its row says so, and pages that offer them learn that they are gone.

    Under its lock: one that is done once more meanwhile takes its upload along.
    """
    with job.change():
        for name in (job.result_file, job.upload_file):
            remove(name)
        job.result_file = job.upload_file = ""


def remove(name: str) -> None:
    if name:
        private().delete(name)
