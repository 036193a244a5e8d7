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
from django.db.models import Q
from django.utils.translation import gettext_noop

from .job_results import JobFailed
from .models import Job, clock
from .models.job_words import plain

GONE = gettext_noop("The file is no longer kept. Please upload it once more.")
NAME_LIMIT = 100  # characters
KEPT_PER_READER = 10  # jobs that have ended, and whose files are kept
FOLDERS = ("uploads", "results")
ORPHANED_AFTER = timedelta(days=1)  # in which whoever began a job has committed it
LOOKED_UP_AT_ONCE = 500


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


def let_older_ones_go(inbox_id: int) -> None:
    """A reader cannot fill the disk: of jobs with files the latest are kept, and the keeper removes the others soon."""
    with_files = Job.objects.ended().listed().filter(inbox=inbox_id).exclude(result_file="", upload_file="")
    older = list(with_files.order_by("-ended_at").values_list("pk", flat=True)[KEPT_PER_READER:])
    Job.objects.filter(pk__in=older).update(expires_at=clock.now())


def remove_orphans() -> int:
    """Files that belong to no job: whoever began one did not commit it, or the row is gone. Returns how many."""
    return sum(remove_orphans_in(folder) for folder in FOLDERS)


def remove_orphans_in(folder: str) -> int:
    try:
        names = [f"{folder}/{name}" for name in private().listdir(folder)[1]]
    except FileNotFoundError:  # nothing was ever kept there
        return 0
    count = 0
    for start in range(0, len(names), LOOKED_UP_AT_ONCE):
        some = names[start : start + LOOKED_UP_AT_ONCE]
        rows = Job.objects.filter(Q(upload_file__in=some) | Q(result_file__in=some))
        known = {name for row in rows.values_list("upload_file", "result_file") for name in row}
        for name in set(some) - known:
            if is_old(name):
                remove(name)
                count += 1
    return count


def is_old(name: str) -> bool:
    try:
        return clock.now() - private().get_modified_time(name) > ORPHANED_AFTER
    except FileNotFoundError:  # gone meanwhile
        return False
