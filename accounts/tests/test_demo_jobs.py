"""The demo's jobs: each ends as its scene says."""

import os

import pytest
from django.core.management import CommandError, call_command

from accounts.demo import jobs as demo
from accounts.tasks import play_demo_job
from notifications import job_task, jobs
from notifications.models import Job

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def sent(monkeypatch, settings):
    """What would go to the workers; nothing takes its time."""
    settings.DEMO = True
    messages = []
    monkeypatch.setattr(job_task.Sender, "put", lambda sender, *job: messages.append(job))
    monkeypatch.setattr(demo, "PAUSE", 0)
    monkeypatch.setattr(demo.time, "sleep", lambda seconds: None)
    return messages


def play(user, scene, attempts=1):
    job = jobs.start_job(play_demo_job, owner=user, title=demo.SCENES[scene][0], args=[scene])
    for number in range(attempts):
        play_demo_job(str(job.pk), number + 1)
    job.refresh_from_db()
    return job


def test_there_is_one_for_each_way_and_a_queue_and_all_are_sent(bo, sent):
    call_command("demo_jobs", verbosity=0)
    assert Job.objects.filter(inbox__user=bo).count() == len(sent) == len(demo.SCENES) - 1 + demo.MANY
    assert Job.objects.filter(title_params={"number": 20}).get().title_text == "Small job 20"


def test_they_can_be_for_somebody_else(bo, chi):
    call_command("demo_jobs", "chi", verbosity=0)
    assert {job.inbox.user for job in Job.objects.select_related("inbox__user")} == {chi}


def test_they_want_a_demo_and_somebody_to_be_for(bo, settings):
    with pytest.raises(CommandError, match="no user 'nobody'"):
        call_command("demo_jobs", "nobody")
    settings.DEMO = False
    with pytest.raises(CommandError, match="only with DEBUG=1"):
        call_command("demo_jobs")
    assert play(bo, "lost").error_text == "The demo's jobs run only with DEBUG=1."


@pytest.mark.parametrize(
    ("scene", "state", "said"),
    [
        ("file", "succeeded", ""),
        ("link", "succeeded", ""),
        ("failed", "failed", "Line 42 has no date. Write one, and try again."),
        ("error", "failed", "Something went wrong on our side. Trying again may help."),
        ("retry", "retrying", "The mail server does not answer."),
        ("unknown", "succeeded", ""),
        ("overrun", "succeeded", ""),
        ("small", "succeeded", ""),
    ],
)
def test_each_ends_as_it_should(bo, scene, state, said):
    job = play(bo, scene)
    assert (job.state, job.error_text) == (state, said)
    assert (bool(job.result_file), job.result_url) == (scene == "file", "/inbox/" if scene == "link" else "")


def test_the_second_attempt_goes_well(bo):
    assert play(bo, "retry", attempts=2).state == "succeeded"


def test_one_is_over_its_total_and_one_has_none(bo):
    assert (play(bo, "overrun").current, play(bo, "overrun").total) == (130, 100)
    assert (play(bo, "unknown").current, play(bo, "unknown").total) == (150, None)


def test_one_cancels_itself(bo, monkeypatch):
    def cancel(row):
        jobs.cancel_job(row)
        running[0].reporter.verdict = "cancelled"

    running = []
    scene = demo.SCENES["cancelled"]
    monkeypatch.setattr(demo, "cancel_job", cancel)
    monkeypatch.setitem(demo.SCENES, "cancelled", (scene[0], lambda job: (running.append(job), scene[1](job))[1]))
    assert play(bo, "cancelled").state == "cancelled"


def test_one_kills_its_worker(bo, monkeypatch):
    killed = []
    monkeypatch.setattr(os, "kill", lambda *what: killed.append(what))
    play(bo, "lost")
    assert killed == [(os.getpid(), 9)]


def test_some_of_them_can_be_asked_for(bo, sent):
    call_command("demo_jobs", "--only", "link", "failed", verbosity=0)
    assert [job.args for job in Job.objects.order_by("queued_at")] == [["link"], ["failed"]]
    assert len(sent) == 2
