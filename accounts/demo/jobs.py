"""Jobs for the demo: one for each way in which a job goes, and ends."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext_noop as _

from notifications.jobs import JobFailed, Result, RetryLater, RunningJob, cancel_job

PAUSE = 0.05  # seconds for one thing to be done
MANY = 20  # small ones that queue


def play(job: RunningJob, scene: str) -> Result | None:
    if not settings.DEMO:
        raise JobFailed(_("The demo's jobs run only with DEBUG=1."))
    return SCENES[scene][1](job)


def work(job: RunningJob, count: int, message: str = "") -> Iterator[int]:
    for n in job.track(range(count), message=message):
        time.sleep(PAUSE)
        yield n


def make_file(job: RunningJob) -> Result:
    job.plan(_("Reading"), _("Counting"), _("Writing"))
    numbers: list[int] = []
    for title in job.progress.planned:
        job.phase(title)
        for n in work(job, 60):
            numbers.append(n)
            if not n % 10:
                job.log(f"{n} done")
    handle, name = tempfile.mkstemp(prefix="belfry-demo-", suffix=".csv")
    os.close(handle)
    Path(name).write_text("number\r\n" + "".join(f"{n}\r\n" for n in numbers))
    return Result(file=name, label="report.csv")


def find_link(job: RunningJob) -> Result:
    for _n in work(job, 80, _("Looking for news")):
        pass
    return Result(url="/inbox/")


def fail_readably(job: RunningJob) -> None:
    for n in work(job, 100, _("Reading the file")):
        if n == 41:
            raise JobFailed(_("Line {line} has no date. Write one, and try again."), line=42)


def raise_error(job: RunningJob) -> None:
    for n in work(job, 100, _("Dividing by ever less")):
        job.log(str(1 / (30 - n)))


def succeed_later(job: RunningJob) -> None:
    for n in work(job, 60, _("Asking the mail server")):
        if n == 20 and job.attempt == 1:
            raise RetryLater(_("The mail server does not answer."), after=15)


def be_cancelled(job: RunningJob) -> None:
    for n in work(job, 200, _("Going on and on")):
        if n == 60:
            cancel_job(job.row)


def be_killed(job: RunningJob) -> None:
    for n in work(job, 100, _("Walking into the dark")):
        if n == 40:
            time.sleep(1)  # the last that it has said is written
            os.kill(os.getpid(), signal.SIGKILL)


def not_know(job: RunningJob) -> None:
    job.message(_("Following links"))
    for _n in range(150):
        time.sleep(PAUSE)
        job.advance()
        job.checkpoint()


def overrun(job: RunningJob) -> None:
    with job.part(100):
        job.message(_("Counting what was estimated"))
        for _n in range(130):
            time.sleep(PAUSE)
            job.advance()
            job.checkpoint()


def be_small(job: RunningJob) -> None:
    for _n in work(job, 10):
        pass


#: Each scene: its title, and what happens in it.
SCENES: dict[str, tuple[str, Callable[[RunningJob], Result | None]]] = {
    "file": (_("Monthly report"), make_file),
    "link": (_("Search for news"), find_link),
    "failed": (_("Import of the calendar"), fail_readably),
    "error": (_("Division"), raise_error),
    "retry": (_("Mail to everybody"), succeed_later),
    "cancelled": (_("Endless tidying"), be_cancelled),
    "unknown": (_("Walk through the web"), not_know),
    "overrun": (_("Count of the archive"), overrun),
    "lost": (_("Walk into the dark"), be_killed),
    "small": (_("Small job {number}"), be_small),
}
