"""The files of jobs: kept whole or not at all, by names that nobody chose, and removed whatever becomes of others."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.db import transaction

from notifications import events, job_files, signals
from notifications.job_ends import LEVELS
from notifications.job_files import private
from notifications.job_keeper import JobKeeper
from notifications.jobs import JobFailed, Result, cancel_job, carry_out, retry_job, start_job
from notifications.models import Job, clock
from notifications.tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)

TASK = SimpleNamespace(name="tests.count", title="Counting", max_attempts=1, restarts=False)


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    """The private storage, empty."""
    events.job_due.disconnect(signals.send_due_jobs)
    before = settings.STORAGES
    location = {"location": tmp_path / "private"}
    settings.STORAGES = {**before, "private": {**before["private"], "OPTIONS": location}}
    yield tmp_path / "private"
    events.job_due.connect(signals.send_due_jobs)


def files(storage: Path) -> list[Path]:
    return [path for path in storage.rglob("*") if path.is_file()]


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def made(bo, path: Path, label: str, job: Job | None = None) -> Job:
    """A job that has made this file."""
    path.write_text("a,b")
    job = job or start_job(TASK, owner=bo)
    carry_out(job.pk, 1, lambda running: Result(file=path, label=label))
    return now(job)


def ended(bo, storage: Path) -> Job:
    """A job that worked on a file, which is kept no longer."""
    job = start_job(TASK, owner=bo, upload=ContentFile(b"a,b"))
    cancel_job(job)
    Job.objects.filter(pk=job.pk).update(expires_at=clock.now() - timedelta(days=1))
    return now(job)


@pytest.mark.parametrize("label", ["報" * 100, "!!!", "..", "a\x00b", "\ud800", "../../etc/passwd"], ids=ascii)
def test_a_file_may_be_called_anything(bo, tmp_path, storage, label):
    job = made(bo, tmp_path / "made.csv", label)
    assert job.state == "succeeded"
    assert private().open(job.result_file).read() == b"a,b"
    assert not (tmp_path / "made.csv").exists()


def test_a_file_that_does_not_fit_leaves_nothing_behind(bo, tmp_path, storage, monkeypatch):
    def chunks(self, size=None):
        yield b"a"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("django.core.files.base.File.chunks", chunks)
    assert made(bo, tmp_path / "made.csv", "report.csv").state == "failed"
    with pytest.raises(OSError, match="No space"):
        start_job(TASK, owner=bo, upload=ContentFile(b"a,b"))
    assert (files(storage), (tmp_path / "made.csv").exists()) == ([], False)


def test_a_result_that_cannot_be_written_leaves_no_file(bo, tmp_path, storage, monkeypatch):
    levels = {state: level for state, level in LEVELS.items() if state != "succeeded"}
    job = start_job(TASK, owner=bo)
    monkeypatch.setattr("notifications.job_ends.LEVELS", levels)
    assert made(bo, tmp_path / "made.csv", "report.csv", job).state == "failed"
    assert files(storage) == []


def test_ten_clicks_with_a_file_keep_one(bo, storage):
    upload = partial(start_job, TASK, owner=bo, key="once")
    jobs = together(*[lambda: upload(upload=ContentFile(b"a,b")) for _ in range(10)])
    assert len({job.pk for job in jobs}) == 1
    assert [path.name for path in files(storage)] == [Path(now(jobs[0]).upload_file).name]


def test_one_file_that_cannot_be_removed_keeps_no_other(bo, storage, monkeypatch):
    jobs = [ended(bo, storage) for _ in range(3)]
    remove = job_files.remove

    def refuse(name):
        if name == jobs[0].upload_file:
            raise PermissionError(name)
        remove(name)

    monkeypatch.setattr(job_files, "remove", refuse)
    monkeypatch.setattr("notifications.job_keeper.EXPIRED_AT_ONCE", 1)
    for _ in jobs:
        JobKeeper().remove_expired()
    assert [bool(now(job).upload_file) for job in jobs] == [True, False, False]


def test_a_file_that_is_taken_over_meanwhile_stays(bo, storage, monkeypatch):
    job = ended(bo, storage)
    monkeypatch.setattr("notifications.models.job.JobQuerySet.expired", lambda jobs: [job])
    again = retry_job(job)
    JobKeeper().remove_expired()
    assert [path.name for path in files(storage)] == [Path(now(again).upload_file).name]


def test_what_it_worked_on_goes_with_its_success_and_stays_when_it_failed(bo, storage):
    def fail(running):
        raise JobFailed("No")

    for work, kept in ((lambda running: None, 0), (fail, 1)):
        job = start_job(TASK, owner=bo, upload=ContentFile(b"a,b"))
        carry_out(job.pk, 1, work)
        assert (bool(now(job).upload_file), len(files(storage))) == (bool(kept), kept)


# What nobody needs any more.


def test_of_a_readers_jobs_with_files_the_latest_are_kept(bo, chi, storage, tmp_path, monkeypatch):
    monkeypatch.setattr(job_files, "KEPT_PER_READER", 2)
    chis = made(chi, tmp_path / "c.csv", "c.csv")
    jobs = [made(bo, tmp_path / f"{n}.csv", f"{n}.csv") for n in range(4)]
    JobKeeper().step()
    assert [bool(now(job).result_file) for job in jobs] == [False, False, True, True]
    assert now(chis).result_file
    assert len(files(storage)) == 3


def test_a_file_that_belongs_to_no_job_is_swept_a_day_later(bo, storage, tmp_path, monkeypatch):
    job = made(bo, tmp_path / "a.csv", "a.csv")
    with pytest.raises(RuntimeError), transaction.atomic():
        start_job(TASK, owner=bo, upload=ContentFile(b"lost", "lost.csv"))
        raise RuntimeError("what began it fails")
    JobKeeper().step()
    assert len(files(storage)) == 2
    for file in files(storage):
        os.utime(file, (0, 0))
    JobKeeper().step()
    assert [str(file.relative_to(storage)) for file in files(storage)] == [now(job).result_file]


def test_a_storage_without_any_files_is_nothing_to_sweep(bo, storage):
    assert job_files.remove_orphans() == 0
